/* Rows cut into pieces, put together. SPDX-License-Identifier: Apache-2.0
 *
 * A block looks at 32 chunks. A row whose last piece is in one of them is merged
 * there, in the order of its pieces: by one warp, or by all when it has many. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_MERGE_CUH
#define GATTN_OPERATORS_CUDA_EDGES_MERGE_CUH

#include "operators/cuda/edges/softmax.cuh"
#include "operators/cuda/edges/element.cuh"

enum {
  GATTN_MERGE_WARPS = 8,
  GATTN_MERGE_FEW = 16 /* pieces that one warp takes */
};

/* The pieces of one row. */
struct gattn_edge_cut {
  int64_t row, start; /* the row, and the place where it begins */
  int64_t pieces;
};

/* Of o, lane l has elements l + 32·x. */
template <int own> struct gattn_merge_state {
  float o[own], m, l;
};

/* Pieces [from, to) of a row. All lanes of a warp call it. */
template <int own>
__device__ __forceinline__ gattn_merge_state<own>
gattn_merge_pieces(const gattn_edge_arguments &arguments, int64_t pair,
                   const gattn_edge_cut &cut, int64_t from, int64_t to) {
  const gattn_edge_pieces &pieces = arguments.pieces;
  const int lane = threadIdx.x % 32;
  const int64_t slots = 2 * pair * arguments.chunks;
  gattn_merge_state<own> state = {{}, -INFINITY, 0};
  for (int64_t p = from + lane; p < to; p += 32)
    state.m = fmaxf(
        state.m,
        pieces.sums[slots + gattn_edge_slot(cut.start, arguments.size, p)].x);
  state.m = gattn_warp_max(state.m);
  const float base = state.m == -INFINITY ? 0.0f : state.m;
#pragma unroll 4
  for (int64_t p = from; p < to; p++) {
    const int64_t slot =
        slots + gattn_edge_slot(cut.start, arguments.size, p);
    const float2 sums = pieces.sums[slot];
    if (sums.y == 0) continue;
    const float weight = gattn_exp(sums.x - base);
    state.l += weight * sums.y;
#pragma unroll
    for (int x = 0; x < own; x++) {
      const int64_t e = lane + 32 * x;
      if (e < arguments.attention.dim_v)
        state.o[x] += weight * pieces.o[slot * pieces.o_row + e];
    }
  }
  return state;
}

__device__ __forceinline__ void
gattn_merge_put(const gattn_device_attention &a, int64_t at, float x) {
  if (a.type == GATTN_FLOAT32)
    ((float *)a.o.data)[at] = x;
  else if (a.type == GATTN_FLOAT16)
    ((__half *)a.o.data)[at] = __float2half_rn(x);
  else
    ((__nv_bfloat16 *)a.o.data)[at] = __float2bfloat16_rn(x);
}

/* Element e of a row's sum, and with e = 0 its lse, to where the pass leaves
 * them. */
__device__ __forceinline__ void
gattn_merge_finish(const gattn_edge_arguments &arguments, int64_t batch,
                   int64_t head, int64_t row, float m, float l, int64_t e,
                   float o) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_edge_pass &pass = arguments.pass;
  const int64_t at = (batch * a.heads + head) * a.n_f + row;
  const gattn_edge_sum sum = gattn_edge_sum_of(pass, at, m, l);
  float out = o * sum.now;
  if (sum.before != 0) out += sum.before * pass.state.o[at * a.dim_v + e];
  if (pass.store_state)
    pass.state.o[at * a.dim_v + e] = out;
  else
    gattn_merge_put(a,
                    batch * a.o.batch + head * a.o.head + row * a.o.row +
                        e * a.o.dim,
                    out);
}

/* After all elements of a row were finished: its lse, from one thread. */
__device__ __forceinline__ void
gattn_merge_lse(const gattn_edge_arguments &arguments, int64_t batch,
                int64_t head, int64_t row, float m, float l) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t at = (batch * a.heads + head) * a.n_f + row;
  const float lse = gattn_edge_sum_of(arguments.pass, at, m, l).lse;
  if (arguments.pass.store_state)
    arguments.pass.state.lse[at] = lse;
  else if (a.lse.data)
    ((float *)a.lse.data)[batch * a.lse.batch + head * a.lse.head +
                          row * a.lse.row] = lse;
}

/* A row of few pieces. All lanes of a warp call it. */
template <int own>
__device__ __forceinline__ void
gattn_merge_few(const gattn_edge_arguments &arguments, int64_t batch,
                int64_t head, const gattn_edge_cut &cut) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_merge_state<own> state = gattn_merge_pieces<own>(
      arguments, batch * a.heads + head, cut, 0, cut.pieces);
#pragma unroll
  for (int x = 0; x < own; x++) {
    const int64_t e = threadIdx.x % 32 + 32 * x;
    if (e < a.dim_v)
      gattn_merge_finish(arguments, batch, head, cut.row, state.m, state.l, e,
                         state.o[x]);
  }
  __syncwarp(); /* the state's lse is read above and overwritten below */
  if (threadIdx.x % 32 == 0)
    gattn_merge_lse(arguments, batch, head, cut.row, state.m, state.l);
}

template <int own> struct gattn_merge_shared {
  float o[GATTN_MERGE_WARPS][32 * own], m[GATTN_MERGE_WARPS],
      l[GATTN_MERGE_WARPS];
};

/* A row of many pieces. All threads of the block call it. */
template <int own>
__device__ __forceinline__ void
gattn_merge_many(const gattn_edge_arguments &arguments, int64_t batch,
                 int64_t head, const gattn_edge_cut &cut,
                 gattn_merge_shared<own> &shared) {
  const gattn_device_attention &a = arguments.attention;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t from = cut.pieces * warp / GATTN_MERGE_WARPS;
  const int64_t to = cut.pieces * (warp + 1) / GATTN_MERGE_WARPS;
  const gattn_merge_state<own> state = gattn_merge_pieces<own>(
      arguments, batch * a.heads + head, cut, from, to);
#pragma unroll
  for (int x = 0; x < own; x++) shared.o[warp][lane + 32 * x] = state.o[x];
  shared.m[warp] = state.m;
  shared.l[warp] = state.l;
  __syncthreads();
  float m = -INFINITY, l = 0;
#pragma unroll
  for (int w = 0; w < GATTN_MERGE_WARPS; w++) m = fmaxf(m, shared.m[w]);
  const float base = m == -INFINITY ? 0.0f : m;
#pragma unroll
  for (int w = 0; w < GATTN_MERGE_WARPS; w++)
    l += gattn_exp(shared.m[w] - base) * shared.l[w];
  for (int64_t e = threadIdx.x; e < a.dim_v; e += blockDim.x) {
    float o = 0;
#pragma unroll
    for (int w = 0; w < GATTN_MERGE_WARPS; w++)
      o += gattn_exp(shared.m[w] - base) * shared.o[w][e];
    gattn_merge_finish(arguments, batch, head, cut.row, m, l, e, o);
  }
  __syncthreads();
  if (threadIdx.x == 0)
    gattn_merge_lse(arguments, batch, head, cut.row, m, l);
}

template <int own>
__global__ void __launch_bounds__(32 * GATTN_MERGE_WARPS)
    gattn_edge_merge(const __grid_constant__ gattn_edge_arguments arguments) {
  __shared__ gattn_merge_shared<own> shared;
  const gattn_device_attention &a = arguments.attention;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t blocks = (arguments.chunks + 31) / 32;
  for (int64_t task = blockIdx.x; task < blocks * a.heads * a.batch;
       task += gridDim.x) {
    const int64_t pair = task / blocks, chunk = task % blocks * 32 + lane;
    const int64_t head = pair % a.heads, batch = pair / a.heads;
    const int64_t row =
        chunk < arguments.chunks
            ? arguments.pieces.ends[pair * arguments.chunks + chunk]
            : -1;
    unsigned cuts = __ballot_sync(gattn_all_lanes, row >= 0);
    if (!cuts) continue;
    const gattn_edge_rows rows = gattn_edge_rows_of(arguments, head);
    for (int turn = 0; cuts; cuts &= cuts - 1, turn++) {
      const int at = __ffs(cuts) - 1;
      gattn_edge_cut cut;
      cut.row = __shfl_sync(gattn_all_lanes, row, at);
      cut.start = gattn_edge_place(rows.offsets, cut.row);
      cut.pieces = task % blocks * 32 + at - cut.start / arguments.size + 1;
      if (cut.pieces > GATTN_MERGE_FEW)
        gattn_merge_many<own>(arguments, batch, head, cut, shared);
      else if (turn % GATTN_MERGE_WARPS == warp)
        gattn_merge_few<own>(arguments, batch, head, cut);
    }
  }
}

#endif
