/* Random subsets, ascending, as pure functions of a key.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_DRAW_H
#define GATTN_MASKS_DRAW_H

#include <stdint.h>

enum { GATTN_DRAW_LIMIT = 512 };

/* k distinct numbers of [0, n), each subset as likely as any other, ascending
 * into numbers[k]; 0 <= k <= n, k <= GATTN_DRAW_LIMIT. A pure function of
 * (key, n, k). */
void gattn_draw(uint64_t key, int64_t n, int64_t k, int64_t *numbers);

/* How many of k random numbers of [0, n) lie in [0, n/2): mean and variance
 * are those of the hypergeometric distribution, and so many there always can
 * be. A pure function of (key, n, k). */
int64_t gattn_draw_split(uint64_t key, int64_t n, int64_t k);

#endif
