/* Edge lists on tensor cores: windows of rows and the keys they share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A window is 16 rows; its columns are the keys that any of them has,
 * ascending, each once, with a bit for every row that has it. So a key's row of K and of V
 * is read once for the window, not once an edge, and the products are those of
 * a dense tile of 16 rows. What that costs grows with columns, not with edges:
 * it pays where rows share keys. */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_H
#define GATTN_OPERATORS_CUDA_WINDOWS_H

#include <stddef.h>

#include "operators/cuda/attention.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  GATTN_WINDOW_ROWS = 16,
  GATTN_WINDOWS_DIM = 128, /* the largest dim and dim_v; 16-bit types only */
  /* Columns of an item, which a warp runs alone: as many as 16 rows of 32
   * distinct keys have, so that those are not merged, and few enough for one
   * item to be no more than some microseconds of the last warp. */
  GATTN_WINDOW_COLUMNS = 512
};

/* Columns [begin, begin + count) of a window. A window of several items leaves
 * their states in slots, one after another; else slot is −1. */
typedef struct gattn_window_item {
  int64_t begin;
  int32_t count, window, slot, items;
} gattn_window_item;

/* All pointers on the device. */
typedef struct gattn_windows {
  int64_t n_f, n_windows, n_columns, n_items, n_slots;
  const int32_t *order; /* [n_f]: rows of windows, one after another; null: as
                         * they stand */
  const int32_t *columns;         /* [n_columns] */
  const uint16_t *bits;           /* [n_columns]; bit r: row r has the column */
  const gattn_window_item *items; /* [n_items] */
} gattn_windows;

/* ------------------------------------------------------------ running */

typedef struct gattn_window_pass {
  gattn_windows windows;
  void *workspace; /* gattn_windows_workspace bytes, aligned to 256 */
  int32_t resume, store_state;
  gattn_device_state state;
} gattn_window_pass;

/* Bytes; UINT64_MAX where they overflow. */
uint64_t gattn_windows_workspace(const gattn_device_attention *attention,
                                 const gattn_windows *windows);
int gattn_windows_launch(const gattn_device_attention *attention,
                         const gattn_window_pass *pass, void *stream);

/* ------------------------------------------------------------ building */

/* What windows are made of; columns fit int32. */
typedef struct gattn_window_source {
  const int64_t *offsets; /* [n_f + 1] */
  const void *columns;
  int32_t narrow;
  int64_t n_f;
  const int32_t *order; /* as in gattn_windows */
} gattn_window_source;

/* sums[3] get the edges, the columns and the slots of `samples` windows spread
 * over all. */
int gattn_windows_sample(const gattn_window_source *source, int64_t samples,
                         int64_t *sums, void *stream);

/* Puts rows that share keys next to each other, in order[n_f]: sorts them by
 * their degree's power of two, and then by two minima of hashes of their keys,
 * which two rows have in common as often as they share keys (A. Broder, "On the
 * resemblance and containment of documents", 1997). keys[2·n_f] and places[n_f]
 * are scratch, and so are the bytes that gattn_windows_order_scratch tells. */
int gattn_windows_order_scratch(int64_t n_f, size_t *bytes);
int gattn_windows_order(const gattn_window_source *source, uint64_t *keys,
                        int32_t *places, int32_t *order, void *scratch,
                        size_t bytes, void *stream);

/* columns[w + 1], items[w + 1] and slots[w + 1] of window w; [n_windows + 1]
 * each, to be summed up. */
int gattn_windows_count(const gattn_window_source *source, int64_t *columns,
                        int64_t *items, int64_t *slots, void *stream);
/* Fills the arrays of *windows, from sums of what was counted. */
int gattn_windows_fill(const gattn_window_source *source,
                       const int64_t *columns, const int64_t *items,
                       const int64_t *slots, const gattn_windows *windows,
                       void *stream);

#ifdef __cplusplus
}
#endif

#endif
