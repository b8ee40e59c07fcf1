/* Random subsets. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/draw.h"

#include <stdbool.h>
#include <string.h>

#include "lib/random.h"

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
