/* Between the dispatcher of tile passes and its kernels, one file a type and
 * dimension. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_TILE_H
#define GATTN_OPERATORS_CUDA_TILE_TILE_H

#include <cuda_runtime_api.h>

#include "operators/cuda/attention.h"

/* What all key tiles of a pass have alike: step, line_step and shift of
 * gattn_tile, and the table of vertices or null. */
typedef struct gattn_key_form {
  int64_t step, line_step;
  int32_t shift;
  const int64_t *table;
} gattn_key_form;

/* What the host has found out about a pass. */
typedef struct gattn_tile_launch_facts {
  int64_t items;      /* query tiles x heads x batch x pieces */
  int64_t group;      /* query heads of a key head */
  int32_t plain_score; /* the score is the dot product, scale > 0 */
  int32_t q_chunks, k_chunks, v_chunks, o_chunks; /* 8 elements in a row lie
                                                   * together, aligned to 16
                                                   * bytes */
  gattn_key_form form;
  int32_t bounds; /* gattn_bounds_kind of pass->formula */
  int32_t only_interval; /* which is one atom, an INTERVAL */
  int32_t only_range; /* queries are vertices in order: none is looked up */
  /* Every row has one interval, whose ends never descend from row to row, and
   * there is no list: its ends say which key tiles a query tile visits. The
   * formula is one INTERVAL, or in CLASSES that within the class. */
  int32_t band;
  int32_t band_atom; /* of that INTERVAL */
} gattn_tile_launch_facts;

/* Each takes lanes 64 and, up to dimension 128, lanes 128. */
typedef int gattn_tile_kernels(const gattn_device_attention *attention,
                               const gattn_tile_pass *pass,
                               const gattn_tile_launch_facts *facts,
                               cudaStream_t stream);

gattn_tile_kernels gattn_tile_float16_64, gattn_tile_float16_128,
    gattn_tile_float16_256;
gattn_tile_kernels gattn_tile_bfloat16_64, gattn_tile_bfloat16_128,
    gattn_tile_bfloat16_256;

#endif
