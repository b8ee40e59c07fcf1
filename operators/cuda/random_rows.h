/* Rows of random keys, made where they are read.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_RANDOM_ROWS_H
#define GATTN_OPERATORS_CUDA_RANDOM_ROWS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The rows of gattn_mask_random(k, seed) over n_kv keys. Row p is that of
 * vertex vertices[p] (on the device), or begin + p when vertices is null. All
 * rows have min(k, n_kv) keys, so that offsets are multiples of it. */
typedef struct gattn_random_rows {
  int64_t seed, k, n_kv; /* as gattn_random_parameters gives them */
  int64_t n_rows, begin;
  const int64_t *vertices;
  const int64_t *size; /* when not null, on the device: rows at and past *size
                        * are empty */
  int64_t *offsets;    /* [n_rows + 1]; null: not wanted */
  void *columns;       /* [n_rows · min(k, n_kv)], ascending in each row */
  int32_t narrow;      /* columns are int32, else int64 */
} gattn_random_rows;

/* Asynchronous on the stream; a CUDA error code. */
int gattn_random_rows_launch(const gattn_random_rows *rows, void *stream);

#ifdef __cplusplus
}
#endif

#endif
