/* One row at a time on a warp's vector units: any type, strides and dimension.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The warp is cut into groups of `lanes` lanes. In a step every group takes one
 * key; step u of group g is key u·groups + g. Loads of all steps are issued
 * before the first is used. Lane t of a group ends up with the score of step
 * t mod steps, so that one exponential serves all keys. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_VECTOR_CUH
#define GATTN_OPERATORS_CUDA_EDGES_VECTOR_CUH

#include <type_traits>

#include "operators/cuda/edges/element.cuh"
#include "operators/cuda/edges/softmax.cuh"
#include "operators/cuda/edges/task.cuh"

/* How a warp is laid over keys. */
template <typename T, int vector_, int lanes_, int parts_, int steps_>
struct gattn_edge_layout {
  typedef T type;
  /* Vectors are taken only where columns and strides fit 32 bits. */
  typedef std::conditional_t<vector_ == 1, int64_t, int32_t> column;
  static constexpr int vector = vector_, lanes = lanes_, parts = parts_;
  static constexpr int steps = steps_, groups = 32 / lanes_;
  static constexpr int own = vector_ * parts_; /* elements of a row a lane */
};

/* The rows of an operand, for one lane. */
template <typename Layout> struct gattn_edge_operand {
  const char *lane; /* the lane's first element of row 0 */
  typename Layout::column row; /* bytes from row to row */
  int64_t part; /* bytes from part to part */
  int32_t last; /* parts of this lane that exist; for the rest, part 0 of lane
                 * 0 is read and not used */

  __device__ __forceinline__ gattn_edge_operand(const gattn_operand &operand,
                                                int64_t batch, int64_t head,
                                                int64_t dim, int t) {
    constexpr int64_t size = sizeof(typename Layout::type);
    const int64_t step = operand.dim * size * Layout::vector;
    last = 0;
#pragma unroll
    for (int p = 0; p < Layout::parts; p++)
      last += (t + p * Layout::lanes) * Layout::vector < dim;
    lane = (const char *)operand.data +
           (batch * operand.batch + head * operand.head) * size +
           (last ? t * step : 0);
    row = (typename Layout::column)(operand.row * size);
    part = step * Layout::lanes;
  }

  __device__ __forceinline__ const char *at(typename Layout::column key,
                                            int p) const {
    const char *first = lane + (int64_t)key * row;
    return Layout::parts == 1 || p >= last ? first : first + p * part;
  }
};

template <typename Layout, typename Score> struct gattn_edge_vectors {
  typedef typename Layout::type type;
  typedef typename Layout::column column_type;
  typedef gattn_vector<type, Layout::vector> vector_type;
  static constexpr int lanes = Layout::lanes, groups = Layout::groups;
  static constexpr int vector = Layout::vector, parts = Layout::parts;
  static constexpr int keys = Layout::steps * groups;
  static constexpr int few = Layout::steps > 2 ? Layout::steps / 4 : 1;
  static constexpr bool plain = Score::plain, aligned = vector > 1;

  gattn_edge_operand<Layout> k, v;
  Score score;
  float scale;
  int64_t vertex;
  gattn_edge_softmax softmax;
  float q[Layout::own];
  float o[Layout::own]; /* of the keys of this group */
  int32_t first;        /* after close */

  __device__ __forceinline__ gattn_edge_vectors(const gattn_device_attention &a,
                                                int64_t batch, int64_t head)
      : k(a.k, batch, head / (a.heads / a.kv_heads), a.dim,
          threadIdx.x % lanes),
        v(a.v, batch, head / (a.heads / a.kv_heads), a.dim_v,
          threadIdx.x % lanes),
        score(a.score, head), scale(a.scale), vertex(0) {}

  /* The key, of a batch, whose column a lane must have. */
  static __device__ __forceinline__ int own() {
    const int lane = threadIdx.x % 32;
    return lane % lanes % Layout::steps * groups + lane / lanes;
  }
  static __device__ __forceinline__ int lane_of(int key) {
    return key % groups * lanes + key / groups;
  }

  /* Begins row r. */
  __device__ __forceinline__ void begin(const gattn_device_attention &a,
                                        const gattn_edge_task &task,
                                        int64_t r) {
    constexpr int64_t size = sizeof(type);
    const int t = threadIdx.x % lanes;
    const int64_t step = (aligned ? 1 : a.q.dim) * size;
    const char *row = task.q + r * a.q.row * size;
    softmax.clear();
#pragma unroll
    for (int p = 0; p < parts; p++) {
      const int e = (t + p * lanes) * vector;
      vector_type x;
      x.load(row + (e < a.dim ? e * step : 0));
      gattn_unpack(x, q + p * vector);
    }
#pragma unroll
    for (int e = 0; e < Layout::own; e++) o[e] = 0;
    if constexpr (!plain) vertex = a.vertices ? a.vertices[r] : a.begin + r;
  }

  /* Keys [0, n) of the row, 1 <= n <= keys; `values`, where there are any,
   * points at that of key 0. All lanes call it. */
  __device__ __forceinline__ void add(int n, column_type column,
                                      const float *values, int64_t stride) {
    /* Keys that do not exist are the last one again, which costs no memory. */
    const int at = own() < n ? threadIdx.x % 32 : lane_of(n - 1);
    column = __shfl_sync(gattn_all_lanes, column, at);
    if (n > few * groups)
      add_steps<Layout::steps>(n, column, values, stride);
    else
      add_steps<few>(n, column, values, stride);
  }

  template <int steps>
  __device__ __forceinline__ float dot_own(const vector_type (&kept)[steps]
                                                                    [parts]) {
    float dots[steps];
#pragma unroll
    for (int u = 0; u < steps; u++) {
      dots[u] = 0;
#pragma unroll
      for (int p = 0; p < parts; p++) {
        float x[vector], dot = 0;
        gattn_unpack(kept[u][p], x);
#pragma unroll
        for (int e = 0; e < vector; e++)
          dot = fmaf(q[p * vector + e], x[e], dot);
        dots[u] += p < k.last ? dot : 0;
      }
    }
    return gattn_group_sums<steps, lanes>(dots, threadIdx.x % lanes);
  }

  template <int steps>
  __device__ __forceinline__ void
  add_values(const vector_type (&kept)[steps][parts], float weight,
             float shrink, bool all) {
#pragma unroll
    for (int e = 0; e < Layout::own; e++) o[e] *= shrink;
#pragma unroll
    for (int u = 0; u < steps; u++) {
      const float w = __shfl_sync(gattn_all_lanes, weight, u, lanes);
#pragma unroll
      for (int p = 0; p < parts; p++) {
        float x[vector];
        vector_type kept_v = kept[u][p];
        if (!all) kept_v.clear_unless(!(w < 0));
        gattn_unpack(kept_v, x);
#pragma unroll
        for (int e = 0; e < vector; e++)
          o[p * vector + e] = fmaf(w, x[e], o[p * vector + e]);
      }
    }
  }

  template <int steps>
  __device__ __forceinline__ void add_steps(int n, column_type column,
                                            const float *values,
                                            int64_t stride) {
    const int lane = threadIdx.x % 32, t = lane % lanes;
    vector_type kept_k[steps][parts], kept_v[steps][parts];
#pragma unroll
    for (int u = 0; u < steps; u++) {
      const column_type key = __shfl_sync(gattn_all_lanes, column, u, lanes);
#pragma unroll
      for (int p = 0; p < parts; p++) {
        kept_k[u][p].load(k.at(key, p));
        kept_v[u][p].load(v.at(key, p));
      }
    }
    const int mine = t % steps * groups + lane / lanes;
    float s = scale * dot_own<steps>(kept_k);
    if constexpr (!plain) {
      const column_type j =
          __shfl_sync(gattn_all_lanes, column, t % steps, lanes);
      s = score(s, vertex, j,
                values && mine < n ? values[mine * stride] : 0.0f);
    }
    if (mine >= n) s = -INFINITY;
    float shrink;
    const float weight = softmax.take(s, t < steps, &shrink);
    if (__any_sync(gattn_all_lanes, weight < 0))
      add_values<steps>(kept_v, weight, shrink, false);
    else
      add_values<steps>(kept_v, weight, shrink, true);
  }

  /* ------------------------------------------------------------ the end */

  /* Of a row: `pieces` times `kept` neighbouring elements are in a lane. */
  static constexpr int pieces = parts;
  static constexpr int kept = vector / groups > 1 ? vector / groups : 1;

  /* Ends the row: m and l of it, and its sums, can be asked for. All lanes
   * call it. Sums are exchanged between groups so that each has a share. */
  __device__ __forceinline__ void close() {
    static_assert(parts == 1 || groups == 1);
    const int lane = threadIdx.x % 32;
    softmax.l = gattn_warp_sum(softmax.l);
    first = 0;
#pragma unroll
    for (int bit = lanes, n = vector; bit < 32; bit *= 2) {
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
  }

  /* The element that piece p begins with; -1 where there is none, or another
   * lane has it too. */
  __device__ __forceinline__ int32_t element(int p, int64_t dim_v) const {
    const int lane = threadIdx.x % 32;
    const int32_t e = (lane % lanes + p * lanes) * vector + first;
    if (groups > 1 && lane >= lanes * vector) return -1;
    return e < dim_v ? e : -1;
  }

  __device__ __forceinline__ float sum(int p, int x) const {
    return o[p * vector + x];
  }
};

#endif
