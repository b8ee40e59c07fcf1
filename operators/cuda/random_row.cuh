/* A row of random keys, drawn by a warp. SPDX-License-Identifier: Apache-2.0
 *
 * The numbers are those of masks/draw.h: the first k distinct ones of a
 * sequence, ascending. All lanes of a warp call these functions together with
 * equal arguments; `numbers` is GATTN_DRAW_LIMIT places of shared memory of the
 * warp's own, valid in all lanes on return. */
#ifndef GATTN_OPERATORS_CUDA_RANDOM_ROW_CUH
#define GATTN_OPERATORS_CUDA_RANDOM_ROW_CUH

#include "masks/draw_parts.h"

static constexpr unsigned gattn_all_lanes = 0xffffffffu;

/* Ascending; n is a power of two. Bitonic. */
__device__ __forceinline__ void gattn_warp_sort(int64_t *numbers, int n,
                                                int lane) {
  for (int run = 2; run <= n; run <<= 1)
    for (int apart = run >> 1; apart > 0; apart >>= 1) {
      for (int p = lane; p < n / 2; p += 32) {
        const int a = 2 * p - (p & (apart - 1)), b = a + apart;
        const int64_t x = numbers[a], y = numbers[b];
        if ((x > y) == ((a & run) == 0)) {
          numbers[a] = y;
          numbers[b] = x;
        }
      }
      __syncwarp();
    }
}

/* Puts INT64_MAX for numbers of the ascending numbers[n] that equal the one
 * before, and returns how many. From the end: the one before is still there. */
__device__ __forceinline__ int gattn_warp_mark(int64_t *numbers, int n,
                                               int lane) {
  int marked = 0;
  for (int at = (n - 1) / 32 * 32; at >= 0; at -= 32) {
    const int a = at + lane;
    const bool twice = a > 0 && a < n && numbers[a] == numbers[a - 1];
    marked += __popc(__ballot_sync(gattn_all_lanes, twice));
    __syncwarp();
    if (twice) numbers[a] = INT64_MAX;
    __syncwarp();
  }
  return marked;
}

/* The first k distinct numbers of [0, n), ascending; 2k <= n. */
__device__ __forceinline__ void gattn_warp_draw_distinct(uint64_t key,
                                                         int64_t n, int k,
                                                         int64_t *numbers,
                                                         int lane) {
  int places = 1;
  while (places < k) places <<= 1;
  for (int a = lane; a < places; a += 32)
    numbers[a] =
        a < k ? gattn_random_below(gattn_random_draw(key, (uint64_t)a), n)
              : INT64_MAX;
  __syncwarp();
  gattn_warp_sort(numbers, places, lane);
  int missing = gattn_warp_mark(numbers, k, lane);
  if (missing == 0) return;
  gattn_warp_sort(numbers, places, lane);
  for (uint64_t t = (uint64_t)k; missing > 0; t++) {
    const int64_t number = gattn_random_below(gattn_random_draw(key, t), n);
    bool known = false;
    for (int a = lane; a < k - missing; a += 32)
      known = known || numbers[a] == number;
    if (__any_sync(gattn_all_lanes, known)) continue;
    if (lane == 0) numbers[k - missing] = number;
    missing--;
    __syncwarp();
  }
  gattn_warp_sort(numbers, places, lane);
}

/* Number a, counted from 0, of those that are not among the ascending
 * left_out[n]. */
__device__ __forceinline__ int64_t gattn_number_left(const int64_t *left_out,
                                                     int n, int64_t a) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (left_out[middle] - middle <= a)
      low = middle + 1;
    else
      high = middle;
  }
  return a + low;
}

/* Neighbours of a part into columns[part.k]. */
template <typename Column>
__device__ __forceinline__ void gattn_warp_part(const gattn_draw_part &part,
                                                int64_t *numbers,
                                                Column *columns, int lane) {
  const int64_t width = part.end - part.begin;
  const bool full = part.k == width, most = part.k > width / 2;
  const int drawn = full ? 0 : (int)(most ? width - part.k : part.k);
  if (drawn > 0)
    gattn_warp_draw_distinct(part.key, width, drawn, numbers, lane);
  for (int64_t a = lane; a < part.k; a += 32) {
    const int64_t number = full   ? a
                           : most ? gattn_number_left(numbers, drawn, a)
                                  : numbers[a];
    columns[a] = (Column)(part.begin + number);
  }
  __syncwarp(); /* before numbers are drawn anew */
}

/* Row i of random(k, seed) over n_kv keys into columns[k], ascending; key is
 * gattn_random_mix(seed), k <= n_kv. */
template <typename Column>
__device__ __forceinline__ void gattn_warp_random_row(uint64_t key, int64_t i,
                                                      int64_t n_kv, int64_t k,
                                                      int64_t *numbers,
                                                      Column *columns,
                                                      int lane) {
  for (int64_t j = 0; j < n_kv;) {
    const gattn_draw_part part = gattn_draw_part_of(key, i, n_kv, k, j);
    gattn_warp_part(part, numbers, columns, lane);
    columns += part.k;
    j = part.end;
  }
}

#endif
