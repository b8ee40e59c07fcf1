/* What becomes of a window's rows: those that are not finite again, states, and
 * outputs. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_RESULT_CUH
#define GATTN_OPERATORS_CUDA_WINDOWS_RESULT_CUH

#include "operators/cuda/windows/window.cuh"

/* ------------------------------------------------------------ rows again */

/* A row whose sums are not finite: whatever stands in keys that it does not
 * have must not reach it, so its edges are taken alone, one by one. out[D] and
 * then m and l are in shared memory. All lanes of the warp call it. */
template <class Score, typename T, int D>
static __device__ __noinline__ void gattn_window_again(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    int r, float *out) {
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32;
  const int64_t position = gattn_window_position(a, arguments.pass.windows,
                                                 task.item.window, r);
  if (position < 0) return;
  const T *q = (const T *)a.q.data + task.batch * a.q.batch +
               task.head * a.q.head + position * a.q.row;
  const int64_t i = a.vertices ? a.vertices[position] : a.begin + position;
  const Score score_of(a.score, task.head);
  float o[D / 32] = {}, m = -INFINITY, l = 0;
  for (int32_t e = 0; e < task.item.count; e++) {
    if (!(task.bits[e] >> r & 1)) continue;
    const int64_t j = task.columns[e];
    float dot = 0;
    for (int64_t d = lane; d < a.dim; d += 32)
      dot += gattn_float(q[d * a.q.dim]) *
             gattn_float(task.k[j * a.k.row + d * a.k.dim]);
    for (int step = 16; step; step /= 2)
      dot += __shfl_xor_sync(gattn_window_lanes, dot, step);
    const float s =
        gattn_window_log2_e * score_of(a.scale * dot, i, j, 0.f);
    if (s == -INFINITY) continue;
    const float top = fmaxf(m, s), shrink = gattn_exp2(m - top);
    const float weight = gattn_exp2(s - top);
    m = top;
    l = l * shrink + weight;
#pragma unroll
    for (int n = 0; n < D / 32; n++) {
      const int d = 32 * n + lane;
      o[n] *= shrink;
      if (d < a.dim_v)
        o[n] += weight * gattn_float(task.v[j * a.v.row + d * a.v.dim]);
    }
  }
#pragma unroll
  for (int n = 0; n < D / 32; n++) out[32 * n + lane] = o[n];
  if (lane == 0) {
    out[D] = m;
    out[D + 1] = l;
  }
  __syncwarp();
}

/* Takes such rows again; `ring` is the warp's own, and nothing is in it or on
 * its way there. All lanes of the warp call it. */
template <class Score, typename T, int D>
static __device__ __forceinline__ void gattn_window_mend(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    float *ring, gattn_window_state<D> &state) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float zero = state.l[half] * 0.f;
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      zero += state.o[n][2 * half] * 0.f + state.o[n][2 * half + 1] * 0.f;
    unsigned lanes = __ballot_sync(gattn_window_lanes, !(zero == 0.f));
    while (lanes) {
      const int row = (__ffs(lanes) - 1) / 4;
      lanes &= ~(15u << 4 * row);
      gattn_window_again<Score, T, D>(arguments, task, row + 8 * half, ring);
      if (lane / 4 == row) {
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
          state.o[n][2 * half] = ring[8 * n + lane % 4 * 2];
          state.o[n][2 * half + 1] = ring[8 * n + lane % 4 * 2 + 1];
        }
        state.m[half] = ring[D];
        state.l[half] = ring[D + 1];
      }
      __syncwarp();
    }
  }
}

/* ------------------------------------------------------------ results */

/* Takes up the state that an earlier pass left of a row, in x; returns the lse of
 * both. Four lanes have the row. */
template <int D>
static __device__ __noinline__ float gattn_window_resume(
    const gattn_window_arguments &arguments, int64_t at, float lse,
    float (&x)[D / 4]) {
  const gattn_device_state &before = arguments.pass.state;
  const int64_t dim = arguments.attention.dim_v;
  const float was = before.lse[at];
  if (was == -INFINITY) return lse;
  const float top = fmaxf(was, lse);
  const float all = top + logf(expf(was - top) + expf(lse - top));
  const float now = lse == -INFINITY ? 0.f : expf(lse - all);
  const float then = expf(was - all);
#pragma unroll
  for (int n = 0; n < D / 4; n++) {
    const int d = 8 * (n / 2) + threadIdx.x % 4 * 2 + n % 2;
    if (d < dim) x[n] = now * x[n] + then * before.o[at * dim + d];
  }
  return all;
}

/* Writes a row of which each of four lanes has dimensions 8n + 2t and the
 * next. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_put(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    int64_t position, int r, float lse, float (&x)[D / 4]) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_window_pass &pass = arguments.pass;
  const int t = threadIdx.x % 4;
  const bool slot = task.item.slot >= 0;
  if (slot || pass.store_state || pass.resume) {
    int64_t at = task.pair * a.n_f + position;
    if (pass.resume && !slot) {
      lse = gattn_window_resume<D>(arguments, at, lse, x);
      __syncwarp(15u << (threadIdx.x & 28)); /* the state's lse was read */
    }
    if (slot)
      at = (task.pair * pass.windows.n_slots + task.item.slot) *
               GATTN_WINDOW_ROWS + r;
    const gattn_device_state to = slot ? arguments.slots : pass.state;
    if (slot || pass.store_state) {
#pragma unroll
      for (int n = 0; n < D / 4; n++) {
        const int d = 8 * (n / 2) + 2 * t + n % 2;
        if (d < a.dim_v) to.o[at * a.dim_v + d] = x[n];
      }
      if (t == 0) to.lse[at] = lse;
      return;
    }
  }
  T *o = (T *)a.o.data + task.batch * a.o.batch + task.head * a.o.head +
         position * a.o.row;
#pragma unroll
  for (int n = 0; n < D / 8; n++) {
    const int d = 8 * n + 2 * t;
    if (aligned) {
      if (d < a.dim_v)
        *(uint32_t *)(o + d) = gattn_pack(x[2 * n], x[2 * n + 1], T());
    } else {
      if (d < a.dim_v) o[d * a.o.dim] = gattn_element<T>(x[2 * n]);
      if (d + 1 < a.dim_v)
        o[(d + 1) * a.o.dim] = gattn_element<T>(x[2 * n + 1]);
    }
  }
  if (t == 0 && a.lse.data)
    ((float *)a.lse.data)[task.batch * a.lse.batch + task.head * a.lse.head +
                          position * a.lse.row] = lse;
}

/* l lies between 1, the weight of the largest score, and the columns. */
template <typename T, int D, bool aligned>
static __device__ __forceinline__ void gattn_window_finish(
    const gattn_window_arguments &arguments, const gattn_window_task<T> &task,
    const gattn_window_state<D> &state) {
  const float ln_2 = 0.6931471805599453f;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int r = threadIdx.x % 32 / 4 + 8 * half;
    const int64_t position = gattn_window_position(
        arguments.attention, arguments.pass.windows, task.item.window, r);
    const float l = state.l[half];
    const float lse =
        l == 0 ? -INFINITY : (state.m[half] + __log2f(l)) * ln_2;
    const float norm = l == 0 ? 0.f : __fdividef(1.f, l);
    float x[D / 4];
#pragma unroll
    for (int n = 0; n < D / 4; n++)
      x[n] = state.o[n / 2][2 * half + n % 2] * norm;
    if (position >= 0)
      gattn_window_put<T, D, aligned>(arguments, task, position, r, lse, x);
  }
}

#endif
