/* States of pieces merged, and rows without edges.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "operators/cuda/attention.h"
#include "operators/cuda/follow.cuh"
#include "operators/cuda/merge.h"

#include <gattn/tensor.h>

namespace {

enum { THREADS = 256, WARPS = THREADS / 32, WIDE_ROWS = 4096 };

__device__ void put(float *o, float x) { *o = x; }
__device__ void put(__half *o, float x) { *o = __float2half_rn(x); }
__device__ void put(__nv_bfloat16 *o, float x) { *o = __float2bfloat16_rn(x); }

/* A row of a head and batch, as position of q, o and lse, and its index among
 * the rows of piece states. */
struct row_place {
  int64_t batch, head, position, piece_row, state_row;
};

__device__ row_place row_at(const gattn_device_attention &a,
                            const int64_t *rows, int64_t n_rows, int64_t n) {
  row_place at;
  const int64_t index = n % n_rows, outer = n / n_rows;
  at.head = outer % a.heads;
  at.batch = outer / a.heads;
  at.position = rows ? rows[index] : index;
  at.piece_row = n;
  at.state_row = outer * a.n_f + at.position;
  return at;
}

/* lse of the merged states of a row: of `pieces` and perhaps of `state`. All
 * lanes of a warp, and valid in all. */
__device__ float merged_lse(const gattn_merge_pass &pass, const row_place &at,
                            int64_t stride) {
  const int lane = threadIdx.x % 32;
  const float own = pass.resume ? pass.state.lse[at.state_row] : -INFINITY;
  float most = own;
  bool unknown = isnan(own);
  for (int64_t p = lane; p < pass.pieces; p += 32) {
    const float lse = pass.piece_state.lse[p * stride + at.piece_row];
    unknown = unknown || isnan(lse);
    most = fmaxf(most, lse);
  }
  for (int step = 16; step; step /= 2)
    most = fmaxf(most, __shfl_xor_sync(~0u, most, step));
  if (__any_sync(~0u, unknown)) return NAN;
  if (most == -INFINITY || most == INFINITY) return most;
  float sum = lane == 0 ? expf(own - most) : 0;
  for (int64_t p = lane; p < pass.pieces; p += 32)
    sum += expf(pass.piece_state.lse[p * stride + at.piece_row] - most);
  for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  return most + logf(sum);
}

/* The weight of a state; a state without edges has none, whatever the other
 * lse is. */
__device__ float share(float lse, float merged) {
  return lse == -INFINITY ? 0.f : expf(lse - merged);
}

/* Element d of the states of pieces first, first + step, …, each by its weight.
 * All lanes of a warp, with the same row; a d past the last gives 0. Weights
 * are known before the states are read, so that many reads are on their way. */
__device__ float merged_pieces(const gattn_device_attention &a,
                               const gattn_merge_pass &pass,
                               const row_place &at, int64_t stride, float lse,
                               int64_t first, int64_t step, int64_t d) {
  enum { AT_ONCE = 8 };
  const int lane = threadIdx.x % 32;
  const bool there = d < a.dim_v;
  const float *states = pass.piece_state.o + at.piece_row * a.dim_v + d;
  float x = 0;
  for (int64_t begin = first; begin < pass.pieces; begin += 32 * step) {
    const int64_t left = (pass.pieces - begin + step - 1) / step;
    const int64_t mine = begin + step * lane;
    const float weights =
        mine < pass.pieces
            ? share(pass.piece_state.lse[mine * stride + at.piece_row], lse)
            : 0;
    for (int s = 0; s < 32 && s < left; s += AT_ONCE) {
#pragma unroll
      for (int n = 0; n < AT_ONCE; n++) {
        /* A piece that weighs nothing may hold what is not finite only if the
         * row's edges do. */
        const float weight = __shfl_sync(~0u, weights, s + n);
        const int64_t piece = begin + step * (s + n);
        float state = 0;
        if (weight != 0 && there) state = states[piece * stride * a.dim_v];
        x += weight * state;
      }
    }
  }
  return x;
}

template <typename T>
__device__ void put_row(const gattn_device_attention &a,
                        const gattn_merge_pass &pass, const row_place &at,
                        int64_t d, float x) {
  T *o = (T *)a.o.data + at.batch * a.o.batch + at.head * a.o.head +
         at.position * a.o.row;
  if (pass.store_state)
    pass.state.o[at.state_row * a.dim_v + d] = x;
  else
    put(o + d * a.o.dim, x);
}

__device__ void put_lse(const gattn_device_attention &a,
                        const gattn_merge_pass &pass, const row_place &at,
                        float lse) {
  if (pass.store_state)
    pass.state.lse[at.state_row] = lse;
  else if (a.lse.data)
    ((float *)a.lse.data)[at.batch * a.lse.batch + at.head * a.lse.head +
                          at.position * a.lse.row] = lse;
}

/* What the row's own state weighs. */
__device__ float resumed_share(const gattn_merge_pass &pass,
                               const row_place &at, float lse) {
  return pass.resume ? share(pass.state.lse[at.state_row], lse) : 0;
}

__device__ float resumed_element(const gattn_device_attention &a,
                                 const gattn_merge_pass &pass,
                                 const row_place &at, float weight,
                                 int64_t d) {
  return weight != 0 ? weight * pass.state.o[at.state_row * a.dim_v + d] : 0;
}

/* A row by a warp. */
template <typename T>
__device__ void merge_row(const gattn_device_attention &a,
                          const gattn_merge_pass &pass, const row_place &at,
                          int64_t stride) {
  const int lane = threadIdx.x % 32;
  const float lse = merged_lse(pass, at, stride);
  const float own = resumed_share(pass, at, lse);
  for (int64_t d = lane; d < a.dim_v + lane; d += 32) {
    const float x = merged_pieces(a, pass, at, stride, lse, 0, 1, d);
    if (d < a.dim_v)
      put_row<T>(a, pass, at, d, x + resumed_element(a, pass, at, own, d));
  }
  __syncwarp();
  if (lane == 0) put_lse(a, pass, at, lse);
}

template <typename T>
__global__ void merge_kernel(const __grid_constant__ gattn_device_attention a,
                             const __grid_constant__ gattn_merge_pass pass) {
  gattn_await_earlier();
  const int64_t n_rows = pass.rows ? pass.n_rows : a.n_f;
  const int64_t stride = a.batch * a.heads * n_rows;
  for (int64_t n = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32; n < stride;
       n += (int64_t)gridDim.x * WARPS) {
    const row_place at = row_at(a, pass.rows, n_rows, n);
    if (a.size && at.position >= *a.size) continue;
    merge_row<T>(a, pass, at, stride);
  }
}

/* A row by a block: warp w has every WARPS-th piece from w on. dim_v is at most
 * THREADS. */
template <typename T>
__global__ void merge_wide_kernel(
    const __grid_constant__ gattn_device_attention a,
    const __grid_constant__ gattn_merge_pass pass) {
  __shared__ float parts[WARPS][THREADS];
  gattn_await_earlier();
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, d = threadIdx.x;
  const int64_t n_rows = pass.rows ? pass.n_rows : a.n_f;
  const int64_t stride = a.batch * a.heads * n_rows;
  for (int64_t n = blockIdx.x; n < stride; n += gridDim.x) {
    const row_place at = row_at(a, pass.rows, n_rows, n);
    if (a.size && at.position >= *a.size) continue;
    const float lse = merged_lse(pass, at, stride);
    const float own = resumed_share(pass, at, lse);
    for (int64_t e = lane; e < a.dim_v + lane; e += 32) {
      const float x = merged_pieces(a, pass, at, stride, lse, warp, WARPS, e);
      if (e < a.dim_v) parts[warp][e] = x;
    }
    __syncthreads();
    if (d < a.dim_v) {
      float x = resumed_element(a, pass, at, own, d);
      for (int w = 0; w < WARPS; w++) x += parts[w][d];
      put_row<T>(a, pass, at, d, x);
    }
    if (d == 0) put_lse(a, pass, at, lse);
    __syncthreads();
  }
}

template <typename T>
__global__ void empty_kernel(const __grid_constant__ gattn_device_attention a,
                             int32_t store_state,
                             const gattn_device_state state) {
  const int64_t rows = a.batch * a.heads * a.n_f;
  for (int64_t n = (int64_t)blockIdx.x * WARPS + threadIdx.x / 32; n < rows;
       n += (int64_t)gridDim.x * WARPS) {
    const row_place at = row_at(a, nullptr, a.n_f, n);
    if (a.size && at.position >= *a.size) continue;
    T *o = (T *)a.o.data + at.batch * a.o.batch + at.head * a.o.head +
           at.position * a.o.row;
    for (int64_t d = threadIdx.x % 32; d < a.dim_v; d += 32) {
      if (store_state)
        state.o[n * a.dim_v + d] = 0;
      else
        put(o + d * a.o.dim, 0);
    }
    if (threadIdx.x % 32) continue;
    if (store_state)
      state.lse[n] = -INFINITY;
    else if (a.lse.data)
      ((float *)a.lse.data)[at.batch * a.lse.batch + at.head * a.lse.head +
                            at.position * a.lse.row] = -INFINITY;
  }
}

unsigned blocks_for(int64_t rows) {
  const int64_t blocks = (rows + WARPS - 1) / WARPS, most = 1 << 20;
  return (unsigned)(blocks < most ? blocks : most);
}

template <typename T>
int launch_merge(const gattn_device_attention *a, const gattn_merge_pass *pass,
                 bool follow, cudaStream_t stream) {
  const int64_t rows = a->batch * a->heads * (pass->rows ? pass->n_rows : a->n_f);
  if (rows == 0) return 0;
  /* Few rows of many pieces would each wait for one read after another. */
  if (rows <= WIDE_ROWS && pass->pieces >= WARPS && a->dim_v <= THREADS)
    return (int)gattn_launch_follower(follow, merge_wide_kernel<T>,
                                      (unsigned)rows, THREADS, stream, *a,
                                      *pass);
  return (int)gattn_launch_follower(follow, merge_kernel<T>, blocks_for(rows),
                                    THREADS, stream, *a, *pass);
}

int merge(const gattn_device_attention *attention,
          const gattn_merge_pass *pass, bool follow, cudaStream_t stream) {
  switch (attention->type) {
    case GATTN_FLOAT32:
      return launch_merge<float>(attention, pass, follow, stream);
    case GATTN_FLOAT16:
      return launch_merge<__half>(attention, pass, follow, stream);
    case GATTN_BFLOAT16:
      return launch_merge<__nv_bfloat16>(attention, pass, follow, stream);
    default:
      return (int)cudaErrorInvalidValue;
  }
}

template <typename T>
int launch_empty(const gattn_device_attention *a, int32_t store_state,
                 const gattn_device_state *state, cudaStream_t stream) {
  const int64_t rows = a->batch * a->heads * a->n_f;
  if (rows == 0) return 0;
  const gattn_device_state none = {nullptr, nullptr};
  empty_kernel<T><<<blocks_for(rows), THREADS, 0, stream>>>(
      *a, store_state, state ? *state : none);
  return (int)cudaGetLastError();
}

}  // namespace

int gattn_merge_launch(const gattn_device_attention *attention,
                       const gattn_merge_pass *pass, void *stream) {
  return merge(attention, pass, false, (cudaStream_t)stream);
}

int gattn_merge_behind_launch(const gattn_device_attention *attention,
                              const gattn_merge_pass *pass, void *stream) {
  const bool follow =
      gattn_built_to_follow(GATTN_CUDA_ARCH) && attention->capability == 90;
  return merge(attention, pass, follow, (cudaStream_t)stream);
}

int gattn_empty_launch(const gattn_device_attention *attention,
                       int32_t store_state, const gattn_device_state *state,
                       void *stream) {
  const cudaStream_t s = (cudaStream_t)stream;
  switch (attention->type) {
    case GATTN_FLOAT32:
      return launch_empty<float>(attention, store_state, state, s);
    case GATTN_FLOAT16:
      return launch_empty<__half>(attention, store_state, state, s);
    case GATTN_BFLOAT16:
      return launch_empty<__nv_bfloat16>(attention, store_state, state, s);
    default:
      return (int)cudaErrorInvalidValue;
  }
}
