/* One warp, some keys of one row: scores, softmax, sum of values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The warp is cut into groups of `lanes` lanes. In a step every group takes one
 * key; step u of group g is key u·groups + g. Loads of all steps are issued
 * before the first is used. Lane t of a group ends up with the score of step
 * t mod steps, so that one exponential serves all keys. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_KEYS_CUH
#define GATTN_OPERATORS_CUDA_EDGES_KEYS_CUH

#include <type_traits>

#include "operators/cuda/edges/arguments.cuh"
#include "operators/cuda/edges/element.cuh"

constexpr unsigned gattn_all_lanes = 0xffffffffu;

/* How a warp is laid over keys. */
template <typename T, int vector_, int lanes_, int parts_, int steps_,
          int blocks_>
struct gattn_edge_layout {
  typedef T type;
  /* Vectors are taken only where columns and strides fit 32 bits. */
  typedef std::conditional_t<vector_ == 1, int64_t, int32_t> column;
  static constexpr int vector = vector_, lanes = lanes_, parts = parts_;
  static constexpr int steps = steps_, groups = 32 / lanes_;
  static constexpr int keys = steps * groups; /* at a time */
  static constexpr int own = vector_ * parts_; /* elements of a row a lane */
  static constexpr int blocks = blocks_; /* a multiprocessor holds at least */
};

/* An operand's rows, for one lane. */
template <typename Layout> struct gattn_edge_operand {
  const char *lane; /* the lane's first element of row 0 */
  typename Layout::column row; /* bytes from row to row */
  int64_t part;     /* bytes from part to part */
  int32_t last;     /* parts of this lane that exist; the rest is not read */

  __device__ __forceinline__ gattn_edge_operand(const gattn_operand &operand,
                                                int64_t batch, int64_t head,
                                                int64_t dim, int t) {
    constexpr int64_t size = sizeof(typename Layout::type);
    const int64_t step = operand.dim * size * Layout::vector;
    lane = (const char *)operand.data +
           (batch * operand.batch + head * operand.head) * size + t * step;
    row = (typename Layout::column)(operand.row * size);
    part = step * Layout::lanes;
    last = 0;
#pragma unroll
    for (int p = 0; p < Layout::parts; p++)
      last += (t + p * Layout::lanes) * Layout::vector < dim;
  }

  __device__ __forceinline__ const char *
  at(typename Layout::column key) const {
    return lane + (int64_t)key * row;
  }
};

/* The lane's part of a row, or of a sum of rows. */
template <typename Layout> struct gattn_edge_state {
  float o[Layout::own]; /* of the keys of this group */
  float m;              /* of all groups */
  float l;              /* of the keys whose scores this lane had */
};

/* The largest x of the warp, in every lane. All lanes call it. A NaN may win or
 * lose: it reaches the sums in any case. */
__device__ __forceinline__ float gattn_warp_max(float x) {
  int i = __float_as_int(x);
  i ^= (i >> 31) & 0x7fffffff;
  i = __reduce_max_sync(gattn_all_lanes, i);
  return __int_as_float(i ^ ((i >> 31) & 0x7fffffff));
}

/* The sum of x over the warp, in every lane. All lanes call it. */
__device__ __forceinline__ float gattn_warp_sum(float x) {
#pragma unroll
  for (int bit = 16; bit; bit >>= 1) x += __shfl_xor_sync(gattn_all_lanes, x, bit);
  return x;
}

/* x[u] summed over a group's lanes, for u = t mod steps. All lanes call it. */
template <int steps, int lanes>
__device__ __forceinline__ float gattn_group_sums(float (&x)[steps], int t) {
#pragma unroll
  for (int bit = lanes / 2; bit >= steps; bit >>= 1)
#pragma unroll
    for (int u = 0; u < steps; u++)
      x[u] += __shfl_xor_sync(gattn_all_lanes, x[u], bit);
#pragma unroll
  for (int half = steps / 2; half; half >>= 1)
#pragma unroll
    for (int u = 0; u < half; u++) {
      const float give = t & half ? x[u] : x[u + half];
      const float keep = t & half ? x[u + half] : x[u];
      x[u] = keep + __shfl_xor_sync(gattn_all_lanes, give, half);
    }
  return x[0];
}

/* What is the same for all keys of a row. */
template <typename Layout, typename Score> struct gattn_edge_row {
  float q[Layout::own];
  int64_t vertex;
  float scale;
  Score score;
};

/* Adds keys [0, n), 1 <= n <= steps·groups, to the row's state. Lane (g, t) has
 * in `column` the key (t mod Layout::steps)·groups + g; `values`, where there
 * are any, points at that of key 0. All lanes call it. */
template <typename Layout, int steps, typename Score>
__device__ __forceinline__ void
gattn_edge_keys(const gattn_edge_operand<Layout> &k,
                const gattn_edge_operand<Layout> &v,
                const gattn_edge_row<Layout, Score> &row, int n,
                typename Layout::column column, const float *values,
                int64_t values_stride, gattn_edge_state<Layout> &state) {
  constexpr int lanes = Layout::lanes, groups = Layout::groups;
  constexpr int vector = Layout::vector, parts = Layout::parts;
  const int lane = threadIdx.x % 32, t = lane % lanes, g = lane / lanes;
  gattn_vector<typename Layout::type, vector> kept_k[steps][parts];
  gattn_vector<typename Layout::type, vector> kept_v[steps][parts];
#pragma unroll
  for (int u = 0; u < steps; u++) {
    const typename Layout::column key =
        __shfl_sync(gattn_all_lanes, column, u, lanes);
    const char *at_k = k.at(key), *at_v = v.at(key);
    const bool active = u * groups + g < n;
#pragma unroll
    for (int p = 0; p < parts; p++) {
      kept_k[u][p].load(at_k + p * k.part, active && p < k.last);
      kept_v[u][p].load(at_v + p * v.part, active && p < v.last);
    }
  }

  float dots[steps];
#pragma unroll
  for (int u = 0; u < steps; u++) {
    dots[u] = 0;
#pragma unroll
    for (int p = 0; p < parts; p++) {
      float x[vector], dot = 0;
      gattn_unpack(kept_k[u][p], x);
#pragma unroll
      for (int e = 0; e < vector; e++)
        dot = fmaf(row.q[p * vector + e], x[e], dot);
      if (p < k.last) dots[u] += dot;
    }
  }
  const int own = t % steps * groups + g;
  float s = row.scale * gattn_group_sums<steps, lanes>(dots, t);
  if constexpr (!Score::plain) {
    const typename Layout::column j =
        __shfl_sync(gattn_all_lanes, column, t % steps, lanes);
    const float value =
        values && own < n ? values[own * values_stride] : 0.0f;
    s = row.score(s, row.vertex, j, value);
  }
  if (own >= n) s = -INFINITY;

  /* An edge of score −inf is none: its weight is marked −1, and its v, which
   * may be infinite, is passed over. */
  const float m = gattn_warp_max(fmaxf(state.m, s));
  const float base = m == -INFINITY ? 0.0f : m;
  float weight = s == -INFINITY ? -1.0f : gattn_exp(s - base);
  const float shrink = gattn_exp(state.m - base);
  state.m = m;
  state.l *= shrink;
  if (t < steps && !(weight < 0)) state.l += weight;
#pragma unroll
  for (int e = 0; e < Layout::own; e++) state.o[e] *= shrink;
#pragma unroll
  for (int u = 0; u < steps; u++) {
    const float w = __shfl_sync(gattn_all_lanes, weight, u, lanes);
    if (!(w < 0)) {
#pragma unroll
      for (int p = 0; p < parts; p++) {
        float x[vector];
        gattn_unpack(kept_v[u][p], x);
#pragma unroll
        for (int e = 0; e < vector; e++)
          state.o[p * vector + e] = fmaf(w, x[e], state.o[p * vector + e]);
      }
    }
  }
}

/* Sums state.o over the groups. Of each part a lane ends up with `count`
 * neighbouring elements, in o[part·vector + 0 … count − 1], the first being
 * `first` of its own. Lanes at and past lanes·vector then repeat others. All
 * lanes call it. */
template <typename Layout>
__device__ __forceinline__ int gattn_edge_gather(float (&o)[Layout::own]) {
  static_assert(Layout::parts == 1 || Layout::groups == 1);
  const int lane = threadIdx.x % 32;
  int first = 0;
#pragma unroll
  for (int bit = Layout::lanes, n = Layout::vector; bit < 32; bit *= 2) {
    const bool upper = lane & bit;
    if (n > 1) {
      n /= 2;
#pragma unroll
      for (int e = 0; e < n; e++) {
        const float give = upper ? o[e] : o[e + n];
        const float keep = upper ? o[e + n] : o[e];
        o[e] = keep + __shfl_xor_sync(gattn_all_lanes, give, bit);
      }
      first += upper ? n : 0;
    } else {
      o[0] += __shfl_xor_sync(gattn_all_lanes, o[0], bit);
    }
  }
  return first;
}

#endif
