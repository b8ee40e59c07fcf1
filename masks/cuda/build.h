/* Explicit edges on the device: checked, sorted, each once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Launchers return a CUDA error code. Pointers are to device memory. */
#ifndef GATTN_MASKS_CUDA_BUILD_H
#define GATTN_MASKS_CUDA_BUILD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Vertex ids as they were given: id e is data[e·stride]. */
typedef struct gattn_build_ids {
  const int64_t *data;
  int64_t n, stride;
} gattn_build_ids;

/* What is known once ids were looked at. Positions are the first that offend,
 * or −1. */
typedef struct gattn_build_findings {
  int64_t bad_offset; /* not 0 at 0, or below the one before */
  int64_t bad_row;
  int64_t bad_column;
  int64_t unsorted; /* an edge not after the one before it in its row (CSR), or
                     * in row order (COO) */
  int64_t edges;    /* the last offset */
} gattn_build_findings;

/* Looks at offsets (CSR; rows.data null) or rows (COO; offsets.data null), and
 * columns. */
int gattn_build_look(gattn_build_ids offsets, gattn_build_ids rows,
                     gattn_build_ids columns, int64_t n_q, int64_t n_kv,
                     gattn_build_findings *findings, void *stream);

/* Ids side by side, as int32 where narrow. */
int gattn_build_copy(gattn_build_ids from, int32_t narrow, void *to,
                     void *stream);

/* Edges to sort: keys[e] is row·2^shift + column, where that fits 64 bits, and
 * rows null; else keys[e] is the column, and rows[e] the row. */
typedef struct gattn_build_edges {
  uint64_t *keys, *rows;
  int64_t n;
  int32_t shift, row_bits; /* bits of a column, of a row */
} gattn_build_edges;

/* From what was given and found to be good. */
int gattn_build_keys(gattn_build_ids offsets, gattn_build_ids rows,
                     gattn_build_ids columns, int64_t n_q,
                     gattn_build_edges edges, void *stream);

/* Sorts by row and column between two sets of arrays of the same lengths; the
 * result is in *edges, which may have changed places with *spare. With scratch
 * null, says how many bytes it needs and does nothing else. */
int gattn_build_sort(gattn_build_edges *edges, gattn_build_edges *spare,
                     void *scratch, size_t *bytes, void *stream);

/* places[e] = how many distinct edges there are among the first e + 1 of sorted
 * ones. With scratch null, says how many bytes it needs. */
int gattn_build_places(gattn_build_edges edges, int64_t *places, void *scratch,
                       size_t *bytes, void *stream);

/* offsets[n_q + 1] and columns of sorted edges, each once. */
int gattn_build_rows(gattn_build_edges edges, const int64_t *places,
                     int64_t n_q, int32_t narrow, int64_t *offsets,
                     void *columns, void *stream);

#ifdef __cplusplus
}
#endif

#endif
