/* Windows made from rows, on the device. SPDX-License-Identifier: Apache-2.0 */
#include <cub/device/device_radix_sort.cuh>

#include "operators/cuda/windows/windows.h"

namespace {

enum { THREADS = 128, WARPS = THREADS / 32, ROWS = GATTN_WINDOW_ROWS };
constexpr int64_t most_blocks = 1 << 20;
constexpr int32_t no_column = INT32_MAX;
constexpr unsigned all_lanes = 0xffffffffu;

unsigned blocks_for(int64_t warps) {
  const int64_t blocks = (warps + WARPS - 1) / WARPS;
  return (unsigned)(blocks < 1 ? 1 : blocks < most_blocks ? blocks
                                                          : most_blocks);
}

int64_t windows_of(int64_t n_f) { return (n_f + ROWS - 1) / ROWS; }

__device__ int64_t first_warp() {
  return (int64_t)blockIdx.x * WARPS + threadIdx.x / 32;
}

__device__ int64_t all_warps() { return (int64_t)gridDim.x * WARPS; }

/* A row's edges: [at, end) are left. */
struct row_cursor {
  int64_t at, end;
};

__device__ row_cursor row_of(const gattn_window_source &source, int64_t w,
                             int r) {
  const int64_t place = w * ROWS + r;
  if (r >= ROWS || place >= source.n_f) return {0, 0};
  const int64_t row = source.order ? source.order[place] : place;
  return {source.offsets[row], source.offsets[row + 1]};
}

template <typename Column>
__device__ int32_t column_at(const gattn_window_source &source, int64_t at,
                             int64_t end) {
  return at < end ? (int32_t)((const Column *)source.columns)[at] : no_column;
}

/* Where a walk's columns go: counted, and stored when there is a place. */
struct window_sink {
  int32_t *columns;
  uint16_t *bits;
  int64_t count;

  __device__ __forceinline__ void put(int64_t at, int32_t column,
                                      unsigned rows) {
    if (!columns) return;
    columns[at] = column;
    bits[at] = (uint16_t)rows;
  }
};

/* The columns of window w, ascending. Each row is sorted, so this merges 16
 * lists: a lane holds a row's next column. A column that one row alone has
 * comes with all that follow it in that row before any other row's next, so
 * that long rows go 32 edges a step. All lanes of a warp call it; count is
 * valid in all. Returns the window's edges. */
template <typename Column>
__device__ int64_t walk_window(const gattn_window_source &source, int64_t w,
                               window_sink *sink) {
  const int lane = threadIdx.x % 32;
  row_cursor row = row_of(source, w, lane);
  int64_t edges = row.end - row.at;
  int32_t next = column_at<Column>(source, row.at, row.end);
  sink->count = 0;
  for (;;) {
    const int32_t least = __reduce_min_sync(all_lanes, next);
    if (least == no_column) break;
    const bool has = next == least;
    const unsigned rows = __ballot_sync(all_lanes, has);
    if (rows & (rows - 1)) {
      if (lane == 0) sink->put(sink->count, least, rows);
      sink->count++;
      row.at += has;
    } else {
      const int owner = __ffs(rows) - 1;
      const int32_t other =
          __reduce_min_sync(all_lanes, has ? no_column : next);
      const int64_t from = __shfl_sync(all_lanes, row.at, owner);
      const int64_t end = __shfl_sync(all_lanes, row.end, owner);
      const int32_t mine = column_at<Column>(source, from + lane, end);
      const unsigned run = __ballot_sync(all_lanes, mine < other);
      if (mine < other) sink->put(sink->count + lane, mine, rows);
      sink->count += __popc(run);
      if (has) row.at += __popc(run);
    }
    if (has) next = column_at<Column>(source, row.at, row.end);
  }
  for (int step = 16; step; step /= 2)
    edges += __shfl_xor_sync(all_lanes, edges, step);
  return edges;
}

__device__ int64_t slots_of(int64_t columns) {
  const int64_t n = (columns + GATTN_WINDOW_COLUMNS - 1) / GATTN_WINDOW_COLUMNS;
  return n > 1 ? n : 0;
}

/* ------------------------------------------------------------ sampling */

/* Sums of whole numbers: whatever order they are added in. */
template <typename Column>
__global__ void sample_kernel(const gattn_window_source source,
                              int64_t n_windows, int64_t samples,
                              unsigned long long *sums) {
  for (int64_t s = first_warp(); s < samples; s += all_warps()) {
    const int64_t each = n_windows / samples;
    const int64_t w = each * s + (each > 1 ? s * 7 % each : 0);
    window_sink sink = {nullptr, nullptr, 0};
    const int64_t edges = walk_window<Column>(source, w, &sink);
    if (threadIdx.x % 32) continue;
    atomicAdd(sums, (unsigned long long)edges);
    atomicAdd(sums + 1, (unsigned long long)sink.count);
    atomicAdd(sums + 2, (unsigned long long)slots_of(sink.count));
  }
}

/* ------------------------------------------------------------ ordering */

__device__ uint32_t hash_of(uint32_t x, uint32_t seed) {
  x = (x ^ seed) * 0x9E3779B1u;
  x = (x ^ (x >> 15)) * 0x85EBCA77u;
  return x ^ (x >> 13);
}

/* Rows of about as many edges first, by the places of their number; among those
 * two rows that share keys often have the same minimum of a hash of them, and
 * rows with the same one often the same of a second. */
__device__ uint64_t key_of(int64_t degree, uint32_t first, uint32_t second) {
  const uint64_t places = 64 - __clzll(degree);
  return places << 58 | (uint64_t)first << 26 | second >> 6;
}

template <typename Column>
__global__ void sign_kernel(const gattn_window_source source, uint64_t *keys,
                            int32_t *places) {
  const int lane = threadIdx.x % 32;
  for (int64_t row = first_warp(); row < source.n_f; row += all_warps()) {
    uint32_t first = UINT32_MAX, second = UINT32_MAX;
    const int64_t begin = source.offsets[row], end = source.offsets[row + 1];
    for (int64_t e = begin + lane; e < end; e += 32) {
      const uint32_t column = (uint32_t)((const Column *)source.columns)[e];
      first = min(first, hash_of(column, 0x243F6A88u));
      second = min(second, hash_of(column, 0x85A308D3u));
    }
    first = __reduce_min_sync(all_lanes, first);
    second = __reduce_min_sync(all_lanes, second);
    if (lane) continue;
    keys[row] = key_of(end - begin, first, second);
    places[row] = (int32_t)row;
  }
}

/* ------------------------------------------------------------ building */

template <typename Column>
__global__ void count_kernel(const gattn_window_source source,
                             int64_t n_windows, int64_t *columns,
                             int64_t *items, int64_t *slots) {
  for (int64_t w = first_warp(); w < n_windows; w += all_warps()) {
    window_sink sink = {nullptr, nullptr, 0};
    walk_window<Column>(source, w, &sink);
    if (threadIdx.x % 32) continue;
    const int64_t n = slots_of(sink.count);
    columns[w + 1] = sink.count;
    items[w + 1] = n ? n : 1;
    slots[w + 1] = n;
  }
}

/* The items of window w, by all lanes of a warp. */
__device__ void put_items(int64_t w, const int64_t *columns,
                          const int64_t *items, const int64_t *slots,
                          gattn_window_item *out) {
  const int64_t n = items[w + 1] - items[w];
  const int64_t count = columns[w + 1] - columns[w];
  for (int64_t p = threadIdx.x % 32; p < n; p += 32) {
    const int64_t begin = p * GATTN_WINDOW_COLUMNS, left = count - begin;
    gattn_window_item item;
    item.begin = columns[w] + begin;
    item.count =
        (int32_t)(left < GATTN_WINDOW_COLUMNS ? left : GATTN_WINDOW_COLUMNS);
    item.window = (int32_t)w;
    item.slot = n > 1 ? (int32_t)(slots[w] + p) : -1;
    item.items = (int32_t)n;
    out[items[w] + p] = item;
  }
}

template <typename Column>
__global__ void fill_kernel(const gattn_window_source source,
                            const int64_t *columns, const int64_t *items,
                            const int64_t *slots,
                            const gattn_windows windows) {
  for (int64_t w = first_warp(); w < windows.n_windows; w += all_warps()) {
    window_sink sink = {(int32_t *)windows.columns + columns[w],
                        (uint16_t *)windows.bits + columns[w], 0};
    walk_window<Column>(source, w, &sink);
    put_items(w, columns, items, slots, (gattn_window_item *)windows.items);
  }
}

}  // namespace

int gattn_windows_sample(const gattn_window_source *source, int64_t samples,
                         int64_t *sums, void *stream_) {
  const cudaStream_t stream = (cudaStream_t)stream_;
  const int64_t n = windows_of(source->n_f);
  const unsigned blocks = blocks_for(samples);
  unsigned long long *to = (unsigned long long *)sums;
  const cudaError_t error = cudaMemsetAsync(sums, 0, 3 * sizeof *sums, stream);
  if (error || !samples) return (int)error;
  if (source->narrow)
    sample_kernel<int32_t><<<blocks, THREADS, 0, stream>>>(*source, n, samples,
                                                           to);
  else
    sample_kernel<int64_t><<<blocks, THREADS, 0, stream>>>(*source, n, samples,
                                                           to);
  return (int)cudaGetLastError();
}

int gattn_windows_order_scratch(int64_t n_f, size_t *bytes) {
  *bytes = 0;
  return (int)cub::DeviceRadixSort::SortPairs(
      nullptr, *bytes, (const uint64_t *)nullptr, (uint64_t *)nullptr,
      (const int32_t *)nullptr, (int32_t *)nullptr, n_f);
}

int gattn_windows_order(const gattn_window_source *source, uint64_t *keys,
                        int32_t *places, int32_t *order, void *scratch,
                        size_t bytes, void *stream_) {
  const cudaStream_t stream = (cudaStream_t)stream_;
  const unsigned blocks = blocks_for(source->n_f);
  if (source->narrow)
    sign_kernel<int32_t><<<blocks, THREADS, 0, stream>>>(*source, keys, places);
  else
    sign_kernel<int64_t><<<blocks, THREADS, 0, stream>>>(*source, keys, places);
  const cudaError_t error = cudaGetLastError();
  if (error) return (int)error;
  return (int)cub::DeviceRadixSort::SortPairs(
      scratch, bytes, (const uint64_t *)keys, keys + source->n_f,
      (const int32_t *)places, order, source->n_f, 0, 64, stream);
}

int gattn_windows_count(const gattn_window_source *source, int64_t *columns,
                        int64_t *items, int64_t *slots, void *stream_) {
  const cudaStream_t stream = (cudaStream_t)stream_;
  const int64_t n = windows_of(source->n_f);
  if (source->narrow)
    count_kernel<int32_t><<<blocks_for(n), THREADS, 0, stream>>>(
        *source, n, columns, items, slots);
  else
    count_kernel<int64_t><<<blocks_for(n), THREADS, 0, stream>>>(
        *source, n, columns, items, slots);
  return (int)cudaGetLastError();
}

int gattn_windows_fill(const gattn_window_source *source,
                       const int64_t *columns, const int64_t *items,
                       const int64_t *slots, const gattn_windows *windows,
                       void *stream_) {
  const cudaStream_t stream = (cudaStream_t)stream_;
  const unsigned blocks = blocks_for(windows->n_windows);
  if (source->narrow)
    fill_kernel<int32_t><<<blocks, THREADS, 0, stream>>>(
        *source, columns, items, slots, *windows);
  else
    fill_kernel<int64_t><<<blocks, THREADS, 0, stream>>>(
        *source, columns, items, slots, *windows);
  return (int)cudaGetLastError();
}
