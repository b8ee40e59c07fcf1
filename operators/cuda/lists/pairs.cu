/* Which query tiles and key tiles have edges: named by every leaf, sorted, each
 * kept once. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/lists/lists.h"

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

#include "operators/cuda/lists/parallel.cuh"

static_assert(CUB_VERSION >= 200800, "CUB counts in int before");

static __global__ void invert(const int64_t *table, int64_t n,
                              int64_t *inverse) {
  for (int64_t p = first_item(); p < n; p += item_step()) inverse[table[p]] = p;
}

int gattn_list_invert(const int64_t *table, int64_t n, int64_t *inverse,
                      void *stream) {
  invert<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(table, n, inverse);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ counting */

static __global__ void count_stored(const gattn_listing *listing, int leaf,
                                    int64_t units, int64_t *items) {
  const gattn_stored_rows *rows = &listing->source.leaves[leaf].rows;
  for (int64_t u = first_item(); u < units; u += item_step())
    items[u] = gattn_stored_items(listing, rows, u);
}

static __global__ void count_formula(const gattn_listing *listing, int leaf,
                                     int64_t units, int64_t *items) {
  for (int64_t u = first_item(); u < units; u += item_step()) {
    gattn_span spans[GATTN_SPANS_MOST];
    const int n = gattn_formula_unit(listing, leaf, u, spans);
    int64_t count = 0;
    for (int s = 0; s < n; s++)
      count += gattn_tiles_named(listing, spans[s].end) -
               gattn_tiles_named(listing, spans[s].begin);
    items[u] = count;
  }
}

int gattn_list_count(const gattn_listing *listing, int leaf, int stored,
                     int64_t units, int64_t *items, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (stored)
    count_stored<<<blocks_of(units), THREADS, 0, stream>>>(listing, leaf, units,
                                                           items);
  else
    count_formula<<<blocks_of(units), THREADS, 0, stream>>>(listing, leaf,
                                                            units, items);
  return cudaGetLastError();
}

int gattn_list_scan(int64_t *sums, int64_t n, void *scratch, size_t *bytes,
                    void *stream) {
  return cub::DeviceScan::InclusiveSum(scratch, *bytes, sums, sums, n,
                                       (cudaStream_t)stream);
}

/* ------------------------------------------------------------ naming */

/* The unit of place w: the first that ends behind it. */
static __device__ int64_t unit_of(const int64_t *ends, int64_t units,
                                  int64_t w) {
  int64_t lo = 0, hi = units - 1;
  while (lo < hi) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (ends[middle] <= w)
      lo = middle + 1;
    else
      hi = middle;
  }
  return lo;
}

static __global__ void __launch_bounds__(THREADS)
    name_stored(const gattn_listing *listing, int leaf, int64_t units,
                const int64_t *begin, const int64_t *ends, uint64_t *pairs,
                gattn_list_counts *counts) {
  const int64_t last = ends[units - 1];
  int64_t edges = 0;
  for (int64_t w = *begin + first_item(); w < last; w += item_step()) {
    const int64_t u = unit_of(ends, units, w);
    pairs[w] = gattn_stored_pair(listing, leaf, u,
                                 w - (u ? ends[u - 1] : *begin), &edges);
  }
  add_count(edges, &counts->edges);
}

/* A warp a unit. */
static __global__ void name_formula(const gattn_listing *listing, int leaf,
                                    int64_t units, const int64_t *begin,
                                    const int64_t *ends, uint64_t *pairs) {
  const int lane = threadIdx.x % 32;
  for (int64_t u = first_item() / 32; u < units; u += item_step() / 32) {
    gattn_span spans[GATTN_SPANS_MOST];
    const int n = gattn_formula_unit(listing, leaf, u, spans);
    const int64_t t = listing->scattered ? u / listing->pass.lanes : u;
    int64_t w = u ? ends[u - 1] : *begin;
    for (int s = 0; s < n; s++) {
      const int64_t first = gattn_tiles_named(listing, spans[s].begin);
      const int64_t count = gattn_tiles_named(listing, spans[s].end) - first;
      for (int64_t k = lane; k < count; k += 32)
        pairs[w + k] = gattn_pair_of(listing, t, (first + k) * listing->thin);
      w += count;
    }
  }
}

int gattn_list_pairs(const gattn_listing *listing, int leaf, int stored,
                     int64_t units, const int64_t *begin, const int64_t *ends,
                     int64_t n_items, uint64_t *pairs,
                     gattn_list_counts *counts, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (!units || !n_items) return cudaSuccess;
  if (stored)
    name_stored<<<blocks_of(n_items), THREADS, 0, stream>>>(
        listing, leaf, units, begin, ends, pairs, counts);
  else
    name_formula<<<blocks_of(32 * units), THREADS, 0, stream>>>(
        listing, leaf, units, begin, ends, pairs);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ sorting */

static cudaError_t sort_with_places(uint64_t **values, uint64_t **spare,
                                    int64_t **places, int64_t **spare_places,
                                    int64_t n, int bits, void *scratch,
                                    size_t *bytes, cudaStream_t stream) {
  cub::DoubleBuffer<uint64_t> keys(*values, *spare);
  cub::DoubleBuffer<int64_t> along(*places, *spare_places);
  const cudaError_t error = cub::DeviceRadixSort::SortPairs(
      scratch, *bytes, keys, along, n, 0, bits, stream);
  if (error || !scratch) return error;
  *values = keys.Current();
  *spare = keys.Alternate();
  *places = along.Current();
  *spare_places = along.Alternate();
  return cudaSuccess;
}

int gattn_list_sort(uint64_t **values, uint64_t **spare, int64_t **places,
                    int64_t **spare_places, int64_t n, int bits, void *scratch,
                    size_t *bytes, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (places)
    return sort_with_places(values, spare, places, spare_places, n, bits,
                            scratch, bytes, stream);
  cub::DoubleBuffer<uint64_t> keys(*values, *spare);
  const cudaError_t error = cub::DeviceRadixSort::SortKeys(
      scratch, *bytes, keys, n, 0, bits, stream);
  if (error || !scratch) return error;
  *values = keys.Current();
  *spare = keys.Alternate();
  return cudaSuccess;
}

/* ------------------------------------------------------------ once */

/* Whether e is the first of equal pairs, `least` of them or more. */
static __device__ bool begins(const uint64_t *pairs, int64_t n, uint64_t none,
                              int64_t least, int64_t e) {
  return pairs[e] != none && (e == 0 || pairs[e] != pairs[e - 1]) &&
         least <= n - e && pairs[e + least - 1] == pairs[e];
}

static __global__ void mark_first(const uint64_t *pairs, int64_t n,
                                  uint64_t none, int64_t least,
                                  int64_t *first) {
  for (int64_t e = first_item(); e < n; e += item_step())
    first[e] = begins(pairs, n, none, least, e);
}

int gattn_list_mark(const uint64_t *pairs, int64_t n, uint64_t none,
                    int64_t least, int64_t *first, void *stream) {
  mark_first<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(
      pairs, n, none, least, first);
  return cudaGetLastError();
}

/* The end of the pairs that equal the one at e. */
static __device__ int64_t end_of(const uint64_t *pairs, int64_t n, int64_t e) {
  int64_t lo = e, hi = n;
  while (hi - lo > 1) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (pairs[middle] == pairs[e])
      lo = middle;
    else
      hi = middle;
  }
  return hi;
}

static __global__ void __launch_bounds__(THREADS)
    count_dense(const uint64_t *pairs, int64_t n, uint64_t none, int64_t dense,
                gattn_list_counts *counts) {
  int64_t edges = 0, found = 0;
  for (int64_t e = first_item(); e < n; e += item_step()) {
    if (!begins(pairs, n, none, dense, e)) continue;
    edges += end_of(pairs, n, e) - e;
    found++;
  }
  add_count(edges, &counts->dense_edges);
  add_count(found, &counts->dense_pairs);
}

int gattn_list_dense(const uint64_t *pairs, int64_t n, uint64_t none,
                     int64_t dense, gattn_list_counts *counts, void *stream) {
  count_dense<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(
      pairs, n, none, dense, counts);
  return cudaGetLastError();
}

static __global__ void keep_marked(const uint64_t *pairs,
                                   const int64_t *numbers, int64_t n,
                                   uint64_t *kept) {
  for (int64_t e = first_item(); e < n; e += item_step())
    if (numbers[e] != (e ? numbers[e - 1] : 0)) kept[numbers[e] - 1] = pairs[e];
}

int gattn_list_keep(const uint64_t *pairs, const int64_t *numbers, int64_t n,
                    uint64_t *kept, void *stream) {
  keep_marked<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(
      pairs, numbers, n, kept);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ lanes */

static __device__ int64_t present_lanes(const gattn_listing *listing,
                                        int64_t t) {
  int64_t present = 0;
  for (int lane = 0; lane < listing->pass.lanes; lane++)
    present += gattn_listed_lane(listing, t, lane).position >= 0;
  return present;
}

static __global__ void __launch_bounds__(THREADS)
    count_rows(const gattn_listing *listing, int64_t n_tiles,
               gattn_list_counts *counts) {
  int64_t rows = 0;
  for (int64_t t = first_item(); t < n_tiles; t += item_step())
    rows += present_lanes(listing, t);
  add_count(rows, &counts->rows);
}

int gattn_list_rows(const gattn_listing *listing, int64_t n_tiles,
                    gattn_list_counts *counts, void *stream) {
  count_rows<<<blocks_of(n_tiles), THREADS, 0, (cudaStream_t)stream>>>(
      listing, n_tiles, counts);
  return cudaGetLastError();
}

static __global__ void __launch_bounds__(THREADS)
    count_present(const gattn_listing *listing, const uint64_t *pairs,
                  int64_t n, gattn_list_counts *counts) {
  int64_t present = 0;
  for (int64_t e = first_item(); e < n; e += item_step())
    present += present_lanes(listing, gattn_pair_tile(listing, pairs[e]));
  add_count(present, &counts->present);
  if (first_item() == 0) counts->pairs += (uint64_t)n;
}

int gattn_list_present(const gattn_listing *listing, const uint64_t *pairs,
                       int64_t n, gattn_list_counts *counts, void *stream) {
  count_present<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(
      listing, pairs, n, counts);
  return cudaGetLastError();
}
