/* What the kernels over edge lists are given. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_ARGUMENTS_CUH
#define GATTN_OPERATORS_CUDA_EDGES_ARGUMENTS_CUH

#include "operators/cuda/attention.h"
#include "operators/cuda/edges/path.h"

/* Pieces of cut rows: o is not normalised: Σ exp(s − m)·v. Slots are counted
 * from those of (batch, head) on: 2·chunks a pair. */
struct gattn_edge_pieces {
  float *o;      /* [batch, heads, 2·chunks, o_row] */
  float2 *sums;  /* [batch, heads, 2·chunks]: m and l */
  int64_t *ends; /* [batch, heads, chunks]: the row cut whose last piece is the
                  * chunk's head, or −1 */
  int64_t o_row; /* dim_v, rounded up to 16 bytes */
};

struct gattn_edge_arguments {
  gattn_device_attention attention;
  gattn_edge_pass pass;
  gattn_edge_pieces pieces;
  int64_t size;   /* of a chunk, in places of the path */
  int64_t chunks; /* of one head of one batch */
};

/* The rows of one head of one batch. */
struct gattn_edge_rows {
  const int64_t *offsets;
  const void *columns;
  bool narrow;
  int64_t n; /* rows that exist */
};

__device__ __forceinline__ gattn_edge_rows
gattn_edge_rows_of(const gattn_edge_arguments &arguments, int64_t head) {
  const gattn_device_attention &attention = arguments.attention;
  const gattn_device_rows rows = arguments.pass.head_rows
                                     ? arguments.pass.head_rows[head]
                                     : arguments.pass.rows;
  int64_t n = attention.n_f;
  if (attention.size && *attention.size < n) n = *attention.size;
  return {rows.offsets, rows.columns, rows.narrow != 0, n};
}

/* exp of a difference of scores. */
__device__ __forceinline__ float gattn_exp(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * 1.4426950408889634f));
  return y;
}

/* What a row's sums are worth: o = now·Σ exp(s − m)·v + before·(o so far). */
struct gattn_edge_sum {
  float now, before, lse;
};

/* For a row whose edges have m and l, at position `at` of the pass's state. */
__device__ __forceinline__ gattn_edge_sum
gattn_edge_sum_of(const gattn_edge_pass &pass, int64_t at, float m, float l) {
  const float old = pass.resume ? pass.state.lse[at] : -INFINITY;
  const float top = fmaxf(m, old), base = top == -INFINITY ? 0.0f : top;
  const float now = gattn_exp(m - base), before = gattn_exp(old - base);
  const float total = l * now + before;
  if (total == 0) return {0, 0, -INFINITY};
  /* Without a state there is none to read, also where the total is NaN. */
  return {now / total, pass.resume ? before / total : 0.0f,
          base + logf(total)};
}

#endif
