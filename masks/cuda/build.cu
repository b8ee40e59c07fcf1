/* Explicit edges on the device: checked, sorted, each once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "masks/cuda/build.h"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

static_assert(CUB_VERSION >= 200800, "CUB counts in int before");

enum { THREADS = 256 };
constexpr int64_t most_blocks = 1 << 16;

static unsigned blocks_of(int64_t items) {
  const int64_t blocks = (items + THREADS - 1) / THREADS;
  return (unsigned)(blocks < 1 ? 1 : blocks < most_blocks ? blocks
                                                          : most_blocks);
}

static __device__ int64_t first_item() {
  return (int64_t)blockIdx.x * THREADS + threadIdx.x;
}
static __device__ int64_t item_step() { return (int64_t)gridDim.x * THREADS; }

static __device__ int64_t id(const gattn_build_ids &ids, int64_t e) {
  return ids.data[e * ids.stride];
}

/* ------------------------------------------------------------ looking */

/* −1 is the largest of unsigned numbers, so that any position is below it. */
static __device__ void note(int64_t *position, int64_t e) {
  atomicMin((unsigned long long *)position, (unsigned long long)e);
}

static __global__ void look_at_offsets(gattn_build_ids offsets, int64_t n_q,
                                       gattn_build_findings *findings) {
  for (int64_t i = first_item(); i <= n_q; i += item_step()) {
    const int64_t offset = id(offsets, i);
    if (i ? offset < id(offsets, i - 1) : offset != 0)
      note(&findings->bad_offset, i);
    if (i == n_q) findings->edges = offset;
  }
}

/* Whether a row of good offsets begins at edge e. */
static __device__ bool begins_row(const gattn_build_ids &offsets, int64_t e) {
  int64_t lo = 0, hi = offsets.n; /* the first offset >= e */
  while (lo < hi) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (id(offsets, middle) < e)
      lo = middle + 1;
    else
      hi = middle;
  }
  return lo < offsets.n && id(offsets, lo) == e;
}

/* Columns past the last offset are no edges. */
static __global__ void look_at_csr(gattn_build_ids offsets,
                                   gattn_build_ids columns, int64_t n_kv,
                                   gattn_build_findings *findings) {
  const int64_t last = id(offsets, offsets.n - 1);
  const int64_t n = last < columns.n ? last : columns.n;
  for (int64_t e = first_item(); e < n; e += item_step()) {
    const int64_t column = id(columns, e);
    if (column < 0 || column >= n_kv) note(&findings->bad_column, e);
    if (e && id(columns, e - 1) >= column && !begins_row(offsets, e))
      note(&findings->unsorted, e);
  }
}

static __global__ void look_at_coo(gattn_build_ids rows,
                                   gattn_build_ids columns, int64_t n_q,
                                   int64_t n_kv,
                                   gattn_build_findings *findings) {
  for (int64_t e = first_item(); e < rows.n; e += item_step()) {
    const int64_t row = id(rows, e), column = id(columns, e);
    if (row < 0 || row >= n_q) note(&findings->bad_row, e);
    if (column < 0 || column >= n_kv) note(&findings->bad_column, e);
    if (!e) continue;
    const int64_t before = id(rows, e - 1);
    if (before > row || (before == row && id(columns, e - 1) >= column))
      note(&findings->unsorted, e);
  }
}

int gattn_build_look(gattn_build_ids offsets, gattn_build_ids rows,
                     gattn_build_ids columns, int64_t n_q, int64_t n_kv,
                     gattn_build_findings *findings, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  cudaError_t error = cudaMemsetAsync(findings, 0xff, sizeof *findings, stream);
  if (error) return error;
  if (offsets.data) {
    look_at_offsets<<<blocks_of(n_q + 1), THREADS, 0, stream>>>(offsets, n_q,
                                                               findings);
    look_at_csr<<<blocks_of(columns.n), THREADS, 0, stream>>>(
        offsets, columns, n_kv, findings);
  } else {
    look_at_coo<<<blocks_of(rows.n), THREADS, 0, stream>>>(rows, columns, n_q,
                                                           n_kv, findings);
  }
  return cudaGetLastError();
}

/* ------------------------------------------------------------ copying */

template <typename T>
static __global__ void copy_ids(gattn_build_ids from, T *to) {
  for (int64_t e = first_item(); e < from.n; e += item_step())
    to[e] = (T)id(from, e);
}

int gattn_build_copy(gattn_build_ids from, int32_t narrow, void *to,
                     void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (!from.n) return cudaSuccess;
  if (narrow)
    copy_ids<<<blocks_of(from.n), THREADS, 0, stream>>>(from, (int32_t *)to);
  else
    copy_ids<<<blocks_of(from.n), THREADS, 0, stream>>>(from, (int64_t *)to);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ sorting */

/* The row of edge e: the last one that begins at or before it. */
static __device__ int64_t row_of(const gattn_build_ids &offsets, int64_t e) {
  int64_t lo = 0, hi = offsets.n - 1;
  while (hi - lo > 1) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (id(offsets, middle) <= e)
      lo = middle;
    else
      hi = middle;
  }
  return lo;
}

static __global__ void make_keys(gattn_build_ids offsets, gattn_build_ids rows,
                                 gattn_build_ids columns,
                                 gattn_build_edges edges) {
  for (int64_t e = first_item(); e < edges.n; e += item_step()) {
    const uint64_t row =
        (uint64_t)(offsets.data ? row_of(offsets, e) : id(rows, e));
    const uint64_t column = (uint64_t)id(columns, e);
    edges.keys[e] = edges.rows ? column : row << edges.shift | column;
    if (edges.rows) edges.rows[e] = row;
  }
}

int gattn_build_keys(gattn_build_ids offsets, gattn_build_ids rows,
                     gattn_build_ids columns, int64_t n_q,
                     gattn_build_edges edges, void *stream) {
  (void)n_q;
  make_keys<<<blocks_of(edges.n), THREADS, 0, (cudaStream_t)stream>>>(
      offsets, rows, columns, edges);
  return cudaGetLastError();
}

/* By column, then stably by row: rows and columns change their parts between
 * the two. */
static cudaError_t sort_pairs(gattn_build_edges *edges,
                              gattn_build_edges *spare, void *scratch,
                              size_t *bytes, cudaStream_t stream) {
  cub::DoubleBuffer<uint64_t> columns(edges->keys, spare->keys);
  cub::DoubleBuffer<uint64_t> rows(edges->rows, spare->rows);
  /* The scratch grows with the bits, and serves both. */
  const int bits = !scratch && edges->row_bits > edges->shift
                       ? edges->row_bits
                       : edges->shift;
  cudaError_t error = cub::DeviceRadixSort::SortPairs(
      scratch, *bytes, columns, rows, edges->n, 0, bits, stream);
  if (error || !scratch) return error;
  error = cub::DeviceRadixSort::SortPairs(scratch, *bytes, rows, columns,
                                          edges->n, 0, edges->row_bits, stream);
  edges->keys = columns.Current();
  spare->keys = columns.Alternate();
  edges->rows = rows.Current();
  spare->rows = rows.Alternate();
  return error;
}

int gattn_build_sort(gattn_build_edges *edges, gattn_build_edges *spare,
                     void *scratch, size_t *bytes, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (edges->rows) return sort_pairs(edges, spare, scratch, bytes, stream);
  cub::DoubleBuffer<uint64_t> keys(edges->keys, spare->keys);
  const cudaError_t error = cub::DeviceRadixSort::SortKeys(
      scratch, *bytes, keys, edges->n, 0, edges->shift + edges->row_bits,
      stream);
  if (error || !scratch) return error;
  edges->keys = keys.Current();
  spare->keys = keys.Alternate();
  return error;
}

/* ------------------------------------------------------------ rows */

static __device__ bool repeats(const gattn_build_edges &edges, int64_t e) {
  return e && edges.keys[e] == edges.keys[e - 1] &&
         (!edges.rows || edges.rows[e] == edges.rows[e - 1]);
}

static __global__ void mark_first(gattn_build_edges edges, int64_t *places) {
  for (int64_t e = first_item(); e < edges.n; e += item_step())
    places[e] = !repeats(edges, e);
}

int gattn_build_places(gattn_build_edges edges, int64_t *places, void *scratch,
                       size_t *bytes, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (scratch)
    mark_first<<<blocks_of(edges.n), THREADS, 0, stream>>>(edges, places);
  const cudaError_t error = scratch ? cudaGetLastError() : cudaSuccess;
  if (error) return error;
  return cub::DeviceScan::InclusiveSum(scratch, *bytes, places, places,
                                       edges.n, stream);
}

static __device__ uint64_t edge_row(const gattn_build_edges &edges,
                                    int64_t e) {
  return edges.rows ? edges.rows[e] : edges.keys[e] >> edges.shift;
}

template <typename T>
static __global__ void put_columns(gattn_build_edges edges,
                                   const int64_t *places, T *columns) {
  const uint64_t mask = ((uint64_t)1 << edges.shift) - 1;
  for (int64_t e = first_item(); e < edges.n; e += item_step())
    if (!repeats(edges, e)) columns[places[e] - 1] = (T)(edges.keys[e] & mask);
}

static __global__ void put_offsets(gattn_build_edges edges,
                                   const int64_t *places, int64_t n_q,
                                   int64_t *offsets) {
  for (int64_t i = first_item(); i <= n_q; i += item_step()) {
    int64_t lo = 0, hi = edges.n; /* the first edge of row i or later */
    while (lo < hi) {
      const int64_t middle = lo + (hi - lo) / 2;
      if (edge_row(edges, middle) < (uint64_t)i)
        lo = middle + 1;
      else
        hi = middle;
    }
    offsets[i] = lo ? places[lo - 1] : 0;
  }
}

int gattn_build_rows(gattn_build_edges edges, const int64_t *places,
                     int64_t n_q, int32_t narrow, int64_t *offsets,
                     void *columns, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const unsigned blocks = blocks_of(edges.n);
  put_offsets<<<blocks_of(n_q + 1), THREADS, 0, stream>>>(edges, places, n_q,
                                                         offsets);
  if (narrow)
    put_columns<<<blocks, THREADS, 0, stream>>>(edges, places,
                                                (int32_t *)columns);
  else
    put_columns<<<blocks, THREADS, 0, stream>>>(edges, places,
                                                (int64_t *)columns);
  return cudaGetLastError();
}
