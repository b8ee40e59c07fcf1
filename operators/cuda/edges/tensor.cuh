/* One row at a time on a warp's tensor cores: float16 and bfloat16 whose rows
 * are read 16 bytes at a time, of up to 64·parts elements.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are the rows of matrices, 16 at once, and the one query stands in all
 * eight columns: dot products then need no sums across lanes and no conversion,
 * and every lane has those of its rows. Lane 4g + t has
 *
 *   of K    keys g and g + 8 of every 16; elements 32·c + 8·t … + 7 of chunk c
 *   scores  of key 8·t + g of the batch, its own
 *   of V    keys span·t … span·t + span − 1, a quarter of the batch; elements
 *           64·p + 8·g … + 7 of part p
 *   o       these elements.
 *
 * Which elements a product takes together does not matter as long as q and k
 * agree, and so with keys for weights and v. A weight is the sum of two numbers
 * of the operands' type, in even and odd columns, so that nothing of float32 is
 * lost that shows in o. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_TENSOR_CUH
#define GATTN_OPERATORS_CUDA_EDGES_TENSOR_CUH

#include "operators/cuda/edges/element.cuh"
#include "operators/cuda/edges/softmax.cuh"
#include "operators/cuda/edges/task.cuh"

/* d += a·b: 16 x 16 times 16 x 8, float32 sums. All lanes call it. */
__device__ __forceinline__ void gattn_multiply(float (&d)[4], uint32_t a0,
                                               uint32_t a1, uint32_t a2,
                                               uint32_t a3, uint32_t b0,
                                               uint32_t b1, __half) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void gattn_multiply(float (&d)[4], uint32_t a0,
                                               uint32_t a1, uint32_t a2,
                                               uint32_t a3, uint32_t b0,
                                               uint32_t b1, __nv_bfloat16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/* A weight as two numbers, the first in the low half. No weight, which is not
 * even 0, is +0 and −0: no weight that is a number becomes that. */
constexpr uint32_t gattn_no_weight = 0x80000000u;

template <typename T>
__device__ __forceinline__ uint32_t gattn_split(float weight) {
  if (weight < 0) return gattn_no_weight;
  union {
    T half[2];
    uint32_t both;
  } split;
  split.half[0] = gattn_from_float<T>(weight);
  split.half[1] = gattn_from_float<T>(weight - gattn_to_float(split.half[0]));
  return split.both;
}

/* K's elements past dim are read here. */
static __device__ const uint4 gattn_no_elements = {0, 0, 0, 0};

/* whole: dim is 64·parts. */
template <typename T, int parts, int tiles, bool whole, typename Score>
struct gattn_edge_tensors {
  typedef T type;
  typedef int32_t column_type;
  static constexpr int keys = 16 * tiles; /* tiles: 1 or 2 */
  static constexpr bool plain = Score::plain, aligned = true;
  static constexpr int chunks = 2 * parts; /* 16 bytes a lane, of q and k */

  const char *k[whole ? 1 : chunks]; /* the lane's elements, of key 0 */
  const char *v;
  int32_t k_row[whole ? 1 : chunks], v_row; /* bytes */
  int32_t v_parts; /* that exist; instead of others, the first is read */
  Score score;
  float scale;
  int64_t vertex;
  gattn_edge_softmax softmax;
  uint4 q[chunks];
  float o[4 * parts][4];

  __device__ __forceinline__
  gattn_edge_tensors(const gattn_device_attention &a, int64_t batch,
                     int64_t head)
      : score(a.score, head), scale(a.scale), vertex(0) {
    const int lane = threadIdx.x % 32, t = lane % 4, g = lane / 4;
    const int64_t kv_head = head / (a.heads / a.kv_heads);
    const char *keys_ = (const char *)a.k.data +
                        2 * (batch * a.k.batch + kv_head * a.k.head);
    v = (const char *)a.v.data + 2 * (batch * a.v.batch + kv_head * a.v.head);
    v_row = (int32_t)(2 * a.v.row);
    v_parts = 0;
#pragma unroll
    for (int p = 0; p < parts; p++) v_parts += 64 * p + 8 * g < a.dim_v;
    if (v_parts) v += 16 * g;
#pragma unroll
    for (int c = 0; c < (whole ? 1 : chunks); c++) {
      const bool exists = whole || 32 * c + 8 * t < a.dim;
      k[c] = exists ? keys_ + 64 * c + 16 * t : (const char *)&gattn_no_elements;
      k_row[c] = exists ? (int32_t)(2 * a.k.row) : 0;
    }
  }

  static __device__ __forceinline__ int own() {
    const int lane = threadIdx.x % 32;
    return lane % 4 * 8 + lane / 4;
  }
  static __device__ __forceinline__ int lane_of(int key) {
    return key % 8 * 4 + key / 8;
  }

  __device__ __forceinline__ void begin(const gattn_device_attention &a,
                                        const gattn_edge_task &task,
                                        int64_t r) {
    const int t = threadIdx.x % 4;
    const char *row = task.q + 2 * r * a.q.row;
    softmax.clear();
#pragma unroll
    for (int c = 0; c < chunks; c++)
      q[c] = whole || 32 * c + 8 * t < a.dim
                 ? __ldg((const uint4 *)(row + 64 * c + 16 * t))
                 : make_uint4(0, 0, 0, 0);
#pragma unroll
    for (int i = 0; i < 4 * parts; i++)
#pragma unroll
      for (int x = 0; x < 4; x++) o[i][x] = 0;
    if constexpr (!plain) vertex = a.vertices ? a.vertices[r] : a.begin + r;
  }

  __device__ __forceinline__ uint4 key_chunk(int32_t key, int c) const {
    if constexpr (whole)
      return __ldg((const uint4 *)(k[0] + (int64_t)key * k_row[0] + 64 * c));
    else
      return __ldg((const uint4 *)(k[c] + (int64_t)key * k_row[c]));
  }

  __device__ __forceinline__ uint4 value_part(int32_t key, int p) const {
    const char *row = v + (int64_t)key * v_row;
    return __ldg((const uint4 *)(p < v_parts || !p ? row + 128 * p : row));
  }

  /* Keys [0, n) of the row, 1 <= n <= keys. All lanes call it. */
  __device__ __forceinline__ void add(int n, column_type column,
                                      const float *values, int64_t stride) {
    /* Keys that do not exist are the last one again, which costs no memory. */
    const int at = own() < n ? threadIdx.x % 32 : lane_of(n - 1);
    column = __shfl_sync(gattn_all_lanes, column, at);
    if (tiles == 1 || n <= 16)
      add_tiles<1>(n, column, values, stride);
    else
      add_tiles<tiles>(n, column, values, stride);
  }

  /* The dot product of the lane's own key; tile T's keys are 16·T + g and + 8,
   * where a quad's lanes 2T and 2T + 1 have the columns. */
  template <int n_tiles>
  __device__ __forceinline__ float
  dot_own(const uint4 (&kept)[n_tiles][2][chunks]) const {
    const int t = threadIdx.x % 4;
    float own_dot = 0;
#pragma unroll
    for (int tile = 0; tile < n_tiles; tile++) {
      float d[4] = {0, 0, 0, 0};
#pragma unroll
      for (int c = 0; c < chunks; c++) {
        const uint4 x = kept[tile][0][c], y = kept[tile][1][c];
        gattn_multiply(d, x.x, y.x, x.y, y.y, q[c].x, q[c].y, T(0.0f));
        gattn_multiply(d, x.z, y.z, x.w, y.w, q[c].z, q[c].w, T(0.0f));
      }
      if (t == 2 * tile) own_dot = d[0];
      if (t == 2 * tile + 1) own_dot = d[2];
    }
    return own_dot;
  }

  /* Adds weights times values: four keys of a lane in a product. */
  template <int n_tiles>
  __device__ __forceinline__ void
  add_values(uint4 (&kept)[4 * n_tiles][parts], float weight, bool all) {
    const int lane = threadIdx.x % 32, t = lane % 4;
    const uint32_t word = gattn_split<T>(weight);
    const uint32_t select = lane / 4 & 1 ? 0x7632 : 0x5410;
#pragma unroll
    for (int four = 0; four < n_tiles; four++) {
      uint32_t w[4];
#pragma unroll
      for (int x = 0; x < 4; x++) {
        const int key = 4 * n_tiles * t + 4 * four + x;
        w[x] = __shfl_sync(gattn_all_lanes, word, lane_of(key));
        if (all || w[x] != gattn_no_weight) continue;
#pragma unroll
        for (int p = 0; p < parts; p++)
          kept[4 * four + x][p] = make_uint4(0, 0, 0, 0);
      }
      const uint32_t b0 = __byte_perm(w[0], w[1], select);
      const uint32_t b1 = __byte_perm(w[2], w[3], select);
#pragma unroll
      for (int p = 0; p < parts; p++) {
        const uint4(*v4)[parts] = kept + 4 * four;
        add_pair(o[4 * p], v4[0][p].x, v4[1][p].x, v4[2][p].x, v4[3][p].x, b0,
                 b1);
        add_pair(o[4 * p + 1], v4[0][p].y, v4[1][p].y, v4[2][p].y, v4[3][p].y,
                 b0, b1);
        add_pair(o[4 * p + 2], v4[0][p].z, v4[1][p].z, v4[2][p].z, v4[3][p].z,
                 b0, b1);
        add_pair(o[4 * p + 3], v4[0][p].w, v4[1][p].w, v4[2][p].w, v4[3][p].w,
                 b0, b1);
      }
    }
  }

  /* Two neighbouring elements of four keys: the first in row g, the second in
   * row g + 8. */
  __device__ __forceinline__ void add_pair(float (&d)[4], uint32_t x0,
                                           uint32_t x1, uint32_t x2,
                                           uint32_t x3, uint32_t b0,
                                           uint32_t b1) {
    gattn_multiply(d, __byte_perm(x0, x1, 0x5410), __byte_perm(x0, x1, 0x7632),
                   __byte_perm(x2, x3, 0x5410), __byte_perm(x2, x3, 0x7632), b0,
                   b1, T(0.0f));
  }

  template <int n_tiles>
  __device__ __forceinline__ void add_tiles(int n, column_type column,
                                            const float *values,
                                            int64_t stride) {
    const int t = threadIdx.x % 4;
    uint4 kept_k[n_tiles][2][chunks], kept_v[4 * n_tiles][parts];
#pragma unroll
    for (int i = 0; i < 2 * n_tiles; i++) {
      const int32_t key = __shfl_sync(gattn_all_lanes, column, i, 4);
#pragma unroll
      for (int c = 0; c < chunks; c++)
        kept_k[i / 2][i % 2][c] = key_chunk(key, c);
    }
#pragma unroll
    for (int i = 0; i < 4 * n_tiles; i++) {
      const int32_t key = __shfl_sync(gattn_all_lanes, column,
                                      lane_of(4 * n_tiles * t + i));
#pragma unroll
      for (int p = 0; p < parts; p++) kept_v[i][p] = value_part(key, p);
    }
    float s = scale * dot_own<n_tiles>(kept_k);
    if constexpr (!plain)
      s = score(s, vertex, column,
                values && own() < n ? values[own() * stride] : 0.0f);
    if (own() >= n) s = -INFINITY;
    float shrink;
    const float weight = softmax.take(s, true, &shrink);
#pragma unroll
    for (int i = 0; i < 4 * parts; i++)
#pragma unroll
      for (int x = 0; x < 4; x++) o[i][x] *= shrink;
    add_values<n_tiles>(kept_v, weight,
                        !__any_sync(gattn_all_lanes,
                                    own() < 16 * n_tiles && weight < 0));
  }

  /* ------------------------------------------------------------ the end */

  static constexpr int pieces = parts, kept = 8;

  __device__ __forceinline__ void close() {
    softmax.l = gattn_warp_sum(softmax.l);
  }

  __device__ __forceinline__ int32_t element(int p, int64_t dim_v) const {
    const int lane = threadIdx.x % 32;
    const int32_t e = 64 * p + 8 * (lane / 4);
    return lane % 4 == 0 && e < dim_v ? e : -1;
  }

  /* Where v is infinite the small half of a weight may be 0, and make a NaN of
   * what is infinite. */
  __device__ __forceinline__ float sum(int p, int x) const {
    const float *d = o[4 * p + x / 2] + 2 * (x % 2);
    return isinf(d[0]) ? d[0] : d[0] + d[1];
  }
};

#endif
