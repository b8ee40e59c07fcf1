/* The words of listed tiles, and each pattern once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/lists/lists.h"

#include <cuda_runtime.h>

#include "operators/cuda/lists/parallel.cuh"

enum { WIDE = 128 }; /* lanes at the most: threads of a block */

/* A block a pair, a thread a lane. */
static unsigned blocks_of_pairs(int64_t n) {
  const int64_t most = 1 << 16;
  return (unsigned)(n < 1 ? 1 : n < most ? n : most);
}

/* The word of the thread's lane; *absent where there is no such query. */
static __device__ uint64_t lane_word(const gattn_listing *listing,
                                     uint64_t pair, const gattn_tile *keys,
                                     bool *absent) {
  const gattn_query_lane query = gattn_listed_lane(
      listing, gattn_pair_tile(listing, pair), (int)threadIdx.x);
  *absent = query.position < 0;
  if (*absent) return 0;
  return gattn_source_word(&listing->source, &listing->pass.numbering, &query,
                           keys);
}

/* ------------------------------------------------------------ looking */

/* The sum over the block, in all threads, which all call it. `sums` is a place
 * a warp in shared memory, free again after the next barrier. */
static __device__ uint64_t block_sum(uint64_t value, uint64_t *sums) {
  value = (uint64_t)warp_sum((int64_t)value);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  uint64_t sum = 0;
  for (int w = 0; w < (int)blockDim.x / 32; w++) sum += sums[w];
  return sum;
}

static __global__ void __launch_bounds__(WIDE)
    look(const gattn_listing *listing, const uint64_t *pairs, int64_t n,
         int64_t *kinds, uint64_t *hashes, gattn_list_counts *counts) {
  __shared__ uint64_t sums[WIDE / 32], bits[WIDE / 32];
  int64_t edges = 0, found = 0, partial = 0, present = 0;
  for (int64_t e = blockIdx.x; e < n; e += gridDim.x) {
    const uint64_t pair = pairs[e];
    const gattn_tile keys =
        gattn_listed_keys(listing, gattn_pair_key_tile(listing, pair));
    bool absent;
    const uint64_t word = lane_word(listing, pair, &keys, &absent);
    const int full =
        __syncthreads_and(absent || word == gattn_key_lanes(&keys));
    const uint64_t hash =
        block_sum(gattn_word_hash(word, (int)threadIdx.x), sums);
    const int count = __popcll(word);
    const bool any =
        (int64_t)block_sum((uint64_t)count, bits) >= listing->least;
    edges += any ? count : 0;
    present += any && !absent;
    if (threadIdx.x) continue;
    found += any;
    partial += any && !full;
    if (!kinds) continue;
    kinds[e] = !any   ? GATTN_PAIR_EMPTY
               : full ? GATTN_PAIR_FULL
                      : GATTN_PAIR_PATTERN;
    hashes[e] = any && !full ? (hash & listing->hash_mask) | 1 : 0;
  }
  add_count(edges, &counts->edges);
  add_count(found, &counts->pairs);
  add_count(partial, &counts->partial);
  add_count(present, &counts->present);
}

int gattn_list_look(const gattn_listing *listing, int lanes,
                    const uint64_t *pairs, int64_t n, int64_t *kinds,
                    uint64_t *hashes, gattn_list_counts *counts, void *stream) {
  look<<<blocks_of_pairs(n), lanes, 0, (cudaStream_t)stream>>>(
      listing, pairs, n, kinds, hashes, counts);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ entries */

static __global__ void number(const int64_t *kinds, int64_t n,
                              int64_t *numbers) {
  for (int64_t e = first_item(); e < n; e += item_step())
    numbers[e] = kinds[e] != GATTN_PAIR_EMPTY;
}

int gattn_list_number(const int64_t *kinds, int64_t n, int64_t *numbers,
                      void *stream) {
  number<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(kinds, n, numbers);
  return cudaGetLastError();
}

static __global__ void enter(const gattn_listing *listing,
                             const uint64_t *pairs, const int64_t *kinds,
                             const uint64_t *hashes, const int64_t *numbers,
                             int64_t n, gattn_list_entries to) {
  for (int64_t e = first_item(); e < n; e += item_step()) {
    if (kinds[e] == GATTN_PAIR_EMPTY) continue;
    const int64_t place = numbers[e] - 1;
    to.pairs[place] = pairs[e];
    to.hashes[place] = hashes[e];
    to.places[place] = place;
    to.entries[place] = gattn_pair_key_tile(listing, pairs[e]);
    to.words[place] = GATTN_FULL_TILE;
  }
}

int gattn_list_enter(const gattn_listing *listing, const uint64_t *pairs,
                     const int64_t *kinds, const uint64_t *hashes,
                     const int64_t *numbers, int64_t n,
                     const gattn_list_entries *to, void *stream) {
  enter<<<blocks_of(n), THREADS, 0, (cudaStream_t)stream>>>(
      listing, pairs, kinds, hashes, numbers, n, *to);
  return cudaGetLastError();
}

/* How many of values[n], which ascend, are below x. */
static __device__ int64_t count_below(const uint64_t *values, int64_t n,
                                      uint64_t x) {
  int64_t lo = 0, hi = n;
  while (lo < hi) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (values[middle] < x)
      lo = middle + 1;
    else
      hi = middle;
  }
  return lo;
}

static __global__ void put_offsets(const gattn_listing *listing,
                                   int64_t n_tiles, gattn_list_entries to,
                                   gattn_list_counts *counts) {
  for (int64_t t = first_item(); t <= n_tiles; t += item_step()) {
    const int64_t offset =
        count_below(to.pairs, to.n, gattn_pair_of(listing, t, 0));
    to.offsets[t] = offset;
    if (t == n_tiles) continue;
    const int64_t end =
        count_below(to.pairs, to.n, gattn_pair_of(listing, t + 1, 0));
    atomicMax((unsigned long long *)&counts->most,
              (unsigned long long)(end - offset));
  }
}

int gattn_list_offsets(const gattn_listing *listing, int64_t n_tiles,
                       const gattn_list_entries *entries,
                       gattn_list_counts *counts, void *stream) {
  put_offsets<<<blocks_of(n_tiles + 1), THREADS, 0, (cudaStream_t)stream>>>(
      listing, n_tiles, *entries, counts);
  return cudaGetLastError();
}

template <typename T>
static __global__ void put_columns(const gattn_listing *listing,
                                   const uint64_t *pairs, int64_t n,
                                   T *columns) {
  for (int64_t e = first_item(); e < n; e += item_step())
    columns[e] = (T)gattn_pair_key_tile(listing, pairs[e]);
}

int gattn_list_columns(const gattn_listing *listing, const uint64_t *pairs,
                       int64_t n, int narrow, void *columns, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  if (narrow)
    put_columns<<<blocks_of(n), THREADS, 0, stream>>>(listing, pairs, n,
                                                      (int32_t *)columns);
  else
    put_columns<<<blocks_of(n), THREADS, 0, stream>>>(listing, pairs, n,
                                                      (int64_t *)columns);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ patterns */

/* The place, among those sorted, of the first with the same hash. */
static __device__ int64_t leader(const gattn_list_entries &sorted, int own,
                                 int64_t s) {
  return own ? s : count_below(sorted.hashes, sorted.n, sorted.hashes[s]);
}

static __global__ void put_leads(gattn_list_entries sorted, int own,
                                 int64_t *leads) {
  for (int64_t s = first_item(); s < sorted.n; s += item_step()) {
    const uint64_t hash = sorted.hashes[s];
    leads[sorted.places[s]] =
        hash != 0 && (own || s == 0 || sorted.hashes[s - 1] != hash);
  }
}

int gattn_list_lead(const gattn_list_entries *sorted, int own, int64_t *leads,
                    void *stream) {
  put_leads<<<blocks_of(sorted->n), THREADS, 0, (cudaStream_t)stream>>>(
      *sorted, own, leads);
  return cudaGetLastError();
}

static __global__ void put_words(gattn_list_entries sorted, int own,
                                 const int64_t *numbers) {
  for (int64_t s = first_item(); s < sorted.n; s += item_step())
    if (sorted.hashes[s])
      sorted.words[sorted.places[s]] =
          (int32_t)(numbers[sorted.places[leader(sorted, own, s)]] - 1);
}

int gattn_list_words(const gattn_list_entries *sorted, int own,
                     const int64_t *numbers, void *stream) {
  put_words<<<blocks_of(sorted->n), THREADS, 0, (cudaStream_t)stream>>>(
      *sorted, own, numbers);
  return cudaGetLastError();
}

static __global__ void __launch_bounds__(WIDE)
    put_bits(const gattn_listing *listing, gattn_list_entries from,
             const int64_t *numbers, uint64_t *bits) {
  for (int64_t e = blockIdx.x; e < from.n; e += gridDim.x) {
    if (numbers[e] == (e ? numbers[e - 1] : 0)) continue;
    const gattn_tile keys = gattn_listed_keys(listing, from.entries[e]);
    bool absent;
    bits[(numbers[e] - 1) * blockDim.x + threadIdx.x] =
        lane_word(listing, from.pairs[e], &keys, &absent);
  }
}

int gattn_list_bits(const gattn_listing *listing, int lanes,
                    const gattn_list_entries *entries, const int64_t *numbers,
                    uint64_t *bits, void *stream) {
  put_bits<<<blocks_of_pairs(entries->n), lanes, 0, (cudaStream_t)stream>>>(
      listing, *entries, numbers, bits);
  return cudaGetLastError();
}

static __global__ void __launch_bounds__(WIDE)
    compare(const gattn_listing *listing, gattn_list_entries from,
            const uint64_t *bits, gattn_list_counts *counts) {
  bool other = false;
  for (int64_t e = blockIdx.x; e < from.n; e += gridDim.x) {
    if (from.words[e] == GATTN_FULL_TILE) continue;
    const gattn_tile keys = gattn_listed_keys(listing, from.entries[e]);
    bool absent;
    other |= bits[(int64_t)from.words[e] * blockDim.x + threadIdx.x] !=
             lane_word(listing, from.pairs[e], &keys, &absent);
  }
  add_count(other, &counts->collided);
}

int gattn_list_compare(const gattn_listing *listing, int lanes,
                       const gattn_list_entries *entries, const uint64_t *bits,
                       gattn_list_counts *counts, void *stream) {
  compare<<<blocks_of_pairs(entries->n), lanes, 0, (cudaStream_t)stream>>>(
      listing, *entries, bits, counts);
  return cudaGetLastError();
}
