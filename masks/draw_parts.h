/* Which keys of a row of random keys are drawn together, on the host and on the
 * device. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_DRAW_PARTS_H
#define GATTN_MASKS_DRAW_PARTS_H

#include "lib/random.h"

enum { GATTN_DRAW_LIMIT = 512 };

/* How many of `coins` fair coins, <= 1024, show heads. */
GATTN_RANDOM int64_t gattn_draw_heads(uint64_t key, int64_t coins) {
  int64_t n = 0;
  uint64_t t = 0;
  for (; coins > 0; coins -= 64) {
    uint64_t tosses = gattn_random_draw(key, t++);
    if (coins < 64) tosses >>= 64 - coins;
#ifdef __CUDA_ARCH__
    n += __popcll(tosses);
#else
    n += __builtin_popcountll(tosses);
#endif
  }
  return n;
}

/* How many of k random numbers of [0, n) lie in [0, n/2): mean and variance
 * are those of the hypergeometric distribution, and so many there always can
 * be. A pure function of (key, n, k).
 *
 * k(n-k)/n fair coins around k/2 have the mean and variance of k draws
 * without replacement from two halves, and cannot ask a half for more than it
 * has. Above 1024 coins, a quarter as many are thrown for twice the deviation,
 * as often as needed, and the gaps are filled evenly. */
GATTN_RANDOM int64_t gattn_draw_split(uint64_t key, int64_t n, int64_t k) {
  int64_t coins = (int64_t)((unsigned __int128)k * (unsigned __int128)(n - k) /
                            (unsigned __int128)n);
  int coarse = 0;
  while (coins >> 2 * coarse > 1024) coarse++;
  coins >>= 2 * coarse;
  int64_t deviation =
      (2 * gattn_draw_heads(key, coins) - coins) * ((int64_t)1 << coarse);
  uint64_t bits = gattn_random_draw(key, 1000);
  int64_t gap = (int64_t)(bits >> 32 & (((uint64_t)2 << coarse) - 1)) + 1 -
                ((int64_t)1 << coarse);
  /* The left half of an odd n is the smaller by one. */
  int64_t odd =
      n % 2 && gattn_random_below(gattn_random_draw(key, 1001), n) < k;
  int64_t left = (k + deviation + gap - odd) >> 1;
  int64_t least = k - (n - n / 2);
  int64_t most = k < n / 2 ? k : n / 2;
  if (left < least) left = least;
  if (left < 0) left = 0;
  return left < most ? left : most;
}

/* Keys [begin, end) of a row, k of them neighbours. */
typedef struct gattn_draw_part {
  uint64_t key;
  int64_t begin, end, k;
} gattn_draw_part;

/* The half that holds key j. */
GATTN_RANDOM gattn_draw_part gattn_draw_halve(gattn_draw_part whole,
                                              int64_t j) {
  int64_t width = whole.end - whole.begin;
  int64_t middle = whole.begin + width / 2;
  int64_t left = gattn_draw_split(whole.key, width, whole.k);
  if (j < middle) {
    whole.key = gattn_random_key(whole.key, 0);
    whole.end = middle;
    whole.k = left;
  } else {
    whole.key = gattn_random_key(whole.key, 1);
    whole.begin = middle;
    whole.k -= left;
  }
  return whole;
}

/* The part of row i that holds key j: drawn at once, or all neighbours.
 * `key` is gattn_random_mix of the seed; k <= n_kv keys in all. */
GATTN_RANDOM gattn_draw_part gattn_draw_part_of(uint64_t key, int64_t i,
                                                int64_t n_kv, int64_t k,
                                                int64_t j) {
  gattn_draw_part at;
  at.key = gattn_random_key(key, (uint64_t)i);
  at.begin = 0;
  at.end = n_kv;
  at.k = k;
  while (at.k > GATTN_DRAW_LIMIT && at.k < at.end - at.begin)
    at = gattn_draw_halve(at, j);
  return at;
}

#endif
