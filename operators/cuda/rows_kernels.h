/* Rows of a graph that is stored on the device, taken in a frontier's order by
 * the device. SPDX-License-Identifier: Apache-2.0
 *
 * Launchers return a CUDA error code. */
#ifndef GATTN_OPERATORS_CUDA_ROWS_KERNELS_H
#define GATTN_OPERATORS_CUDA_ROWS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where rows come from and go to; all pointers on the device. */
typedef struct gattn_rows_gather {
  const int64_t *from_offsets; /* [n_q + 1] */
  const void *from_columns;
  int32_t narrow;
  int64_t n_q, n_f;
  const int64_t *vertices; /* [n_f] */
  const int64_t *size;     /* rows at and past *size are empty; or null */
  int64_t *offsets;        /* [n_f + 1] */
  void *columns;           /* [capacity] */
  int64_t capacity;        /* edges past it are left out */
} gattn_rows_gather;

/* Bytes of scratch that the offsets of n rows need. */
int gattn_rows_scratch(int64_t n, size_t *bytes);
/* offsets[n + 1] from degrees in offsets[1 … n]; offsets[0] becomes 0. */
int gattn_rows_scan(int64_t *offsets, int64_t n, void *scratch, size_t bytes,
                    void *stream);
/* offsets of the gathered rows; scratch for n_f rows. */
int gattn_rows_gather_offsets(const gattn_rows_gather *gather, void *scratch,
                              size_t bytes, void *stream);
/* columns; after the offsets. */
int gattn_rows_gather_columns(const gattn_rows_gather *gather, void *stream);

#ifdef __cplusplus
}
#endif

#endif
