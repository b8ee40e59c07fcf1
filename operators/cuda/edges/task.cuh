/* The chunk that a warp works on. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_EDGES_TASK_CUH
#define GATTN_OPERATORS_CUDA_EDGES_TASK_CUH

#include "operators/cuda/edges/arguments.cuh"
#include "operators/cuda/edges/warp.cuh"

/* The first row in [lo, hi] that begins at or past place `first`, if row hi does
 * and no row before lo. All lanes call it, and all get the answer. */
__device__ __forceinline__ int64_t
gattn_edge_search(const gattn_edge_rows &rows, int64_t first, int64_t lo,
                  int64_t hi) {
  const int lane = threadIdx.x % 32;
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

/* The first row that begins at or past place `first`; n when none. Looks where
 * it would be if rows were alike, before it searches them all. */
__device__ __forceinline__ int64_t
gattn_edge_first_row(const gattn_edge_rows &rows, int64_t first,
                     int64_t places) {
  const int64_t about = (int64_t)((double)first / (double)places * rows.n);
  const int64_t at = about - 16 + threadIdx.x % 32;
  const int64_t r = at < 0 ? 0 : at > rows.n ? rows.n : at;
  const unsigned found = __ballot_sync(
      gattn_all_lanes, gattn_edge_place(rows.offsets, r) >= first);
  const int64_t least = __shfl_sync(gattn_all_lanes, r, 0);
  const int64_t most = __shfl_sync(gattn_all_lanes, r, 31);
  if (found & 1) return gattn_edge_search(rows, first, 0, least);
  if (!found) return gattn_edge_search(rows, first, most, rows.n);
  return __shfl_sync(gattn_all_lanes, r, __ffs(found) - 1);
}

/* What a warp looks up once a row, in shared memory: in registers it would take
 * the place of keys on their way. */
struct gattn_edge_task {
  const int64_t *offsets;
  const char *q; /* the first row of the pair */
  char *o;
  float *lse;          /* or null */
  const float *values; /* of edge 0, or null */
  int64_t n;           /* rows */
  int64_t state;       /* of row 0, in the pass's state */
  int64_t slot;        /* of the chunk's head, in the workspace */
  int64_t zero;        /* offsets[0] */
  int64_t first;       /* the chunk's first place */
  int64_t row;         /* the first row, which others are counted from */
  int64_t edge;        /* the first edge, likewise */
};

/* Filled by lane 0; all lanes call it. */
template <typename T>
__device__ __forceinline__ void
gattn_edge_task_set(const gattn_edge_arguments &arguments,
                    const gattn_edge_rows &rows, int64_t batch, int64_t head,
                    int64_t chunk, int64_t zero, int64_t row, int64_t edge,
                    gattn_edge_task &task) {
  constexpr int64_t size = sizeof(T);
  const gattn_device_attention &a = arguments.attention;
  const int64_t pair = batch * a.heads + head;
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    task.offsets = rows.offsets;
    task.q = (const char *)a.q.data +
             (batch * a.q.batch + head * a.q.head) * size;
    task.o = (char *)a.o.data + (batch * a.o.batch + head * a.o.head) * size;
    task.lse = a.lse.data ? (float *)a.lse.data + batch * a.lse.batch +
                                head * a.lse.head
                          : nullptr;
    task.values = a.edge_values.data
                      ? (const float *)a.edge_values.data +
                            batch * a.edge_values.batch +
                            head * a.edge_values.head
                      : nullptr;
    task.n = rows.n;
    task.state = pair * a.n_f;
    task.slot = 2 * (pair * arguments.chunks + chunk);
    task.zero = zero;
    task.first = chunk * arguments.size;
    task.row = row;
    task.edge = edge;
  }
  __syncwarp();
}

/* The columns of a chunk; edges are counted from its first. */
struct gattn_edge_columns {
  const void *data;
  int32_t last; /* edge of the whole list, or far away */
  bool narrow;

  template <typename Column>
  __device__ __forceinline__ Column at(int32_t e) const {
    if (e > last) e = last;
    return narrow ? (Column)__ldg((const int32_t *)data + e)
                  : (Column)__ldg((const int64_t *)data + e);
  }
};

#endif
