/* A warp a chunk of rows and edges. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_CHUNK_CUH
#define GATTN_OPERATORS_CUDA_EDGES_CHUNK_CUH

#include "operators/cuda/edges/keys.cuh"
#include "operators/cuda/score.cuh"

/* The first row that begins at or past place `first`; n when none. All lanes
 * call it, and all get the answer. */
__device__ __forceinline__ int64_t
gattn_edge_first_row(const gattn_edge_rows &rows, int64_t first) {
  const int lane = threadIdx.x % 32;
  int64_t lo = 0, hi = rows.n;
  while (lo < hi) {
    const int64_t step = (hi - lo + 31) / 32, r = lo + lane * step;
    const bool at_or_past =
        r >= hi || gattn_edge_place(rows.offsets, r) >= first;
    const unsigned found = __ballot_sync(gattn_all_lanes, at_or_past);
    const int before = found ? __ffs(found) - 1 : 32;
    const int64_t end = lo + before * step;
    if (before == 0) break;
    if (end < hi) hi = end;
    lo = end - step + 1;
  }
  return lo;
}

/* The offsets of 32 rows, one a lane. */
struct gattn_edge_window {
  int64_t first, offset;

  __device__ __forceinline__ void load(const gattn_edge_rows &rows,
                                       int64_t row) {
    const int64_t r = row + threadIdx.x % 32;
    first = row;
    offset = __ldg(rows.offsets + (r < rows.n ? r : rows.n));
  }

  /* Begin and end of a row at or past the window's first. All lanes call it. */
  __device__ __forceinline__ void row(const gattn_edge_rows &rows, int64_t r,
                                      int64_t *begin, int64_t *end) {
    if (r - first >= 31) load(rows, r);
    *begin = __shfl_sync(gattn_all_lanes, offset, (int)(r - first));
    *end = __shfl_sync(gattn_all_lanes, offset, (int)(r - first) + 1);
  }
};

/* A row's state, complete, to o and lse or to the pass's state. All lanes call
 * it; sum is l of the whole row. */
template <typename Layout>
__device__ __forceinline__ void
gattn_edge_finish(const gattn_edge_arguments &arguments, int64_t batch,
                  int64_t head, int64_t row, float m, float l, int first,
                  const float (&o)[Layout::own]) {
  constexpr int vector = Layout::vector, lanes = Layout::lanes;
  constexpr int count = vector / Layout::groups > 1 ? vector / Layout::groups : 1;
  constexpr bool aligned = vector > 1;
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32, t = lane % lanes;
  const int64_t at = (batch * a.heads + head) * a.n_f + row;
  const gattn_edge_sum sum =
      gattn_edge_sum_of(arguments.pass, at, m, l);
  const bool writes = lane < lanes * vector || Layout::groups == 1;
#pragma unroll
  for (int p = 0; p < Layout::parts; p++) {
    const int64_t e = (int64_t)(t + p * lanes) * vector + first;
    if (!writes || e >= a.dim_v) continue;
    float out[count];
#pragma unroll
    for (int x = 0; x < count; x++) {
      out[x] = o[p * vector + x] * sum.now;
      if (sum.before != 0)
        out[x] += sum.before * arguments.pass.state.o[at * a.dim_v + e + x];
    }
    if (arguments.pass.store_state)
      gattn_store<float, count, aligned>(
          arguments.pass.state.o + at * a.dim_v + e, 1, out);
    else
      gattn_store<typename Layout::type, count, aligned>(
          (typename Layout::type *)a.o.data + batch * a.o.batch +
              head * a.o.head + row * a.o.row + e * a.o.dim,
          a.o.dim, out);
  }
  if (lane) return;
  if (arguments.pass.store_state)
    arguments.pass.state.lse[at] = sum.lse;
  else if (a.lse.data)
    ((float *)a.lse.data)[batch * a.lse.batch + head * a.lse.head +
                          row * a.lse.row] = sum.lse;
}

/* A piece's state to its slot in the workspace. All lanes call it. */
template <typename Layout>
__device__ __forceinline__ void
gattn_edge_leave(const gattn_edge_arguments &arguments, int64_t slot, float m,
                 float sum, int first, const float (&o)[Layout::own],
                 int64_t dim_v) {
  constexpr int vector = Layout::vector, lanes = Layout::lanes;
  constexpr int count = vector / Layout::groups > 1 ? vector / Layout::groups : 1;
  const int lane = threadIdx.x % 32, t = lane % lanes;
  const bool writes = lane < lanes * vector || Layout::groups == 1;
#pragma unroll
  for (int p = 0; p < Layout::parts; p++) {
    const int64_t e = (int64_t)(t + p * lanes) * vector + first;
    if (writes && e < dim_v)
      gattn_store<float, count, (vector > 1)>(
          arguments.pieces.o + slot * arguments.pieces.o_row + e, 1,
          o + p * vector);
  }
  if (!lane) arguments.pieces.sums[slot] = make_float2(m, sum);
}

/* Column `e` of the lists, or of the last edge. */
template <typename Layout>
__device__ __forceinline__ typename Layout::column
gattn_edge_column(const gattn_edge_rows &rows, int64_t e, int64_t last) {
  const int64_t at = e < last ? e : last;
  return rows.narrow
             ? (typename Layout::column)__ldg((const int32_t *)rows.columns + at)
             : (typename Layout::column)__ldg((const int64_t *)rows.columns +
                                              at);
}

template <typename Layout, typename Score>
__device__ __forceinline__ void
gattn_edge_chunk_run(const gattn_edge_arguments &arguments, int64_t batch,
                     int64_t head, int64_t chunk) {
  constexpr int lanes = Layout::lanes, groups = Layout::groups;
  const gattn_device_attention &a = arguments.attention;
  const int lane = threadIdx.x % 32, t = lane % lanes, g = lane / lanes;
  const int own = t % Layout::steps * groups + g;
  const int64_t size = arguments.size, first = chunk * size;
  const int64_t pair = batch * a.heads + head;
  const gattn_edge_rows rows = gattn_edge_rows_of(arguments, head);
  if (lane == 0) arguments.pieces.ends[pair * arguments.chunks + chunk] = -1;
  if (rows.n < 1) return;
  const int64_t zero = rows.offsets[0], end = rows.offsets[rows.n];
  if (first >= rows.n + end - zero) return;

  int64_t r = gattn_edge_first_row(rows, first), from, to;
  if (r > 0) {
    from = rows.offsets[r - 1];
    to = rows.offsets[r];
    if (gattn_edge_has_head(r - 1 + from - zero, to - from, first, size)) r--;
  }
  if (r >= rows.n) return;
  gattn_edge_window window;
  window.load(rows, r);
  window.row(rows, r, &from, &to);
  const int64_t kv_head = head / (a.heads / a.kv_heads);
  const gattn_edge_operand<Layout> q(a.q, batch, head, a.dim, t);
  const gattn_edge_operand<Layout> k(a.k, batch, kv_head, a.dim, t);
  const gattn_edge_operand<Layout> v(a.v, batch, kv_head, a.dim_v, t);
  const float *values =
      a.edge_values.data && !Score::plain
          ? (const float *)a.edge_values.data + batch * a.edge_values.batch +
                head * a.edge_values.head
          : nullptr;
  gattn_edge_row<Layout, Score> row = {{}, 0, a.scale, Score(a.score, head)};
  typename Layout::column column = 0;
  int64_t fetched = -1; /* the edge whose keys `column` begins with */

  for (;;) {
    const int64_t start = r + from - zero;
    if (start >= first + size) return;
    const gattn_edge_piece piece =
        gattn_edge_piece_of(start, to - from, first, size);
    gattn_edge_state<Layout> state = {{}, -INFINITY, 0};
    int64_t e = from + piece.from;
    const int64_t stop = from + piece.to;
    if (e < stop) {
      if (fetched != e)
        column = gattn_edge_column<Layout>(rows, e + own, end - 1);
#pragma unroll
      for (int p = 0; p < Layout::parts; p++) {
        gattn_vector<typename Layout::type, Layout::vector> x;
        x.load(q.lane + r * a.q.row * (int64_t)sizeof(typename Layout::type) +
                   p * q.part,
               p < q.last);
        gattn_unpack(x, row.q + p * Layout::vector);
      }
      if constexpr (!Score::plain)
        row.vertex = a.vertices ? a.vertices[r] : a.begin + r;
    }
    while (e < stop) {
      constexpr int few = Layout::steps > 2 ? Layout::steps / 4 : 1;
      const int n = stop - e < Layout::keys ? (int)(stop - e) : Layout::keys;
      const typename Layout::column now = column;
      fetched = e + n;
      column = gattn_edge_column<Layout>(rows, fetched + own, end - 1);
      const float *value =
          values ? values + (e - zero) * a.edge_values.row : nullptr;
      if (n > few * groups)
        gattn_edge_keys<Layout, Layout::steps, Score>(
            k, v, row, n, now, value, a.edge_values.row, state);
      else
        gattn_edge_keys<Layout, few, Score>(k, v, row, n, now, value,
                                            a.edge_values.row, state);
      e = fetched;
    }
    const float sum = gattn_warp_sum(state.l);
    const int part = gattn_edge_gather<Layout>(state.o);
    if (piece.kind == GATTN_PIECE_WHOLE) {
      gattn_edge_finish<Layout>(arguments, batch, head, r, state.m, sum, part,
                                state.o);
    } else {
      const int64_t slot = 2 * (pair * arguments.chunks + chunk) + piece.kind;
      gattn_edge_leave<Layout>(arguments, slot, state.m, sum, part, state.o,
                               a.dim_v);
      if (piece.kind == GATTN_PIECE_HEAD && piece.to == to - from && lane == 0)
        arguments.pieces.ends[pair * arguments.chunks + chunk] = r;
    }
    if (++r >= rows.n) return;
    window.row(rows, r, &from, &to);
  }
}

/* Two warps a block: a block goes only when its slowest warp is done. */
enum { GATTN_EDGE_THREADS = 64 };

template <typename Layout, typename Score>
__global__ void __launch_bounds__(GATTN_EDGE_THREADS, Layout::blocks)
    gattn_edge_chunks(const __grid_constant__ gattn_edge_arguments arguments) {
  constexpr int warps = GATTN_EDGE_THREADS / 32;
  const int64_t chunks = arguments.chunks;
  const int64_t tasks =
      chunks * arguments.attention.heads * arguments.attention.batch;
  for (int64_t task = (int64_t)blockIdx.x * warps + threadIdx.x / 32;
       task < tasks; task += (int64_t)gridDim.x * warps) {
    const int64_t pair = task / chunks;
    gattn_edge_chunk_run<Layout, Score>(
        arguments, pair / arguments.attention.heads,
        pair % arguments.attention.heads, task % chunks);
  }
}

#endif
