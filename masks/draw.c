/* Random subsets. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/draw.h"

#include <string.h>

#include "lib/random.h"
#include "masks/parameters.h"

/* ------------------------------------------------------------- subsets */

/* Draws 0 … k-1 in ascending order: scattered by their leading bits into twice
 * as many bins as numbers, so that few are out of place, then inserted. */
static void sorted_draws(uint64_t key, int64_t k, uint64_t *sorted) {
  enum { BINS = 2 * GATTN_DRAW_LIMIT };
  uint64_t draws[GATTN_DRAW_LIMIT];
  uint16_t after[BINS + 1];
  int bits = 1;
  while ((int64_t)1 << bits < 2 * k) bits++;
  memset(after, 0, (((size_t)1 << bits) + 1) * sizeof *after);
  for (int64_t t = 0; t < k; t++) {
    draws[t] = gattn_random_draw(key, (uint64_t)t);
    after[(draws[t] >> (64 - bits)) + 1]++;
  }
  for (int64_t b = 1; b < (int64_t)1 << bits; b++) after[b] += after[b - 1];
  for (int64_t t = 0; t < k; t++)
    sorted[after[draws[t] >> (64 - bits)]++] = draws[t];
  for (int64_t t = 1; t < k; t++) {
    uint64_t moving = sorted[t];
    int64_t at = t;
    for (; at > 0 && sorted[at - 1] > moving; at--) sorted[at] = sorted[at - 1];
    sorted[at] = moving;
  }
}

/* Inserts number into the ascending numbers[n]; false if it is there. */
static bool insert(int64_t *numbers, int64_t n, int64_t number) {
  int64_t at = n;
  while (at > 0 && numbers[at - 1] > number) at--;
  if (at > 0 && numbers[at - 1] == number) return false;
  memmove(numbers + at + 1, numbers + at, (size_t)(n - at) * sizeof *numbers);
  numbers[at] = number;
  return true;
}

/* The first k distinct numbers of the key's sequence; k <= n/2 keeps repeats
 * few. */
static void draw_distinct(uint64_t key, int64_t n, int64_t k,
                          int64_t *numbers) {
  uint64_t sorted[GATTN_DRAW_LIMIT];
  int64_t kept = 0, last = -1;
  sorted_draws(key, k, sorted);
  for (int64_t t = 0; t < k; t++) {
    int64_t number = gattn_random_below(sorted[t], n);
    numbers[kept] = number;
    kept += number != last;
    last = number;
  }
  for (uint64_t t = (uint64_t)k; kept < k; t++)
    kept +=
        insert(numbers, kept, gattn_random_below(gattn_random_draw(key, t), n));
}

void gattn_draw(uint64_t key, int64_t n, int64_t k, int64_t *numbers) {
  if (k <= n / 2) {
    draw_distinct(key, n, k, numbers);
    return;
  }
  int64_t left_out[GATTN_DRAW_LIMIT + 1];
  draw_distinct(key, n, n - k, left_out);
  left_out[n - k] = n;
  for (int64_t number = 0, out = 0, at = 0; at < k; number++)
    if (number == left_out[out])
      out++;
    else
      numbers[at++] = number;
}

/* -------------------------------------------------------------- splits */

/* How many of `coins` fair coins, <= 1024, show heads. */
static int64_t heads(uint64_t key, int64_t coins) {
  int64_t n = 0;
  uint64_t t = 0;
  for (; coins >= 64; coins -= 64)
    n += __builtin_popcountll(gattn_random_draw(key, t++));
  if (coins)
    n += __builtin_popcountll(gattn_random_draw(key, t) >> (64 - coins));
  return n;
}

/* k(n-k)/n fair coins around k/2 have the mean and variance of k draws
 * without replacement from two halves, and cannot ask a half for more than it
 * has. Above 1024 coins, a quarter as many are thrown for twice the deviation,
 * as often as needed, and the gaps are filled evenly. */
int64_t gattn_draw_split(uint64_t key, int64_t n, int64_t k) {
  int64_t coins =
      (int64_t)((gattn_wide)k * (gattn_wide)(n - k) / (gattn_wide)n);
  int coarse = 0;
  while (coins >> 2 * coarse > 1024) coarse++;
  coins >>= 2 * coarse;
  int64_t deviation = (2 * heads(key, coins) - coins) * ((int64_t)1 << coarse);
  uint64_t bits = gattn_random_draw(key, 1000);
  int64_t gap = (int64_t)(bits >> 32 & (((uint64_t)2 << coarse) - 1)) + 1 -
                ((int64_t)1 << coarse);
  /* The left half of an odd n is the smaller by one. */
  int64_t odd =
      n % 2 && gattn_random_below(gattn_random_draw(key, 1001), n) < k;
  int64_t twice = k + deviation + gap - odd;
  int64_t left = twice >> 1;
  int64_t least = gattn_max(0, k - (n - n / 2));
  return gattn_min(gattn_max(left, least), gattn_min(k, n / 2));
}
