/* Random subsets, ascending, as pure functions of a key.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_DRAW_H
#define GATTN_MASKS_DRAW_H

#include "masks/draw_parts.h"

/* k distinct numbers of [0, n), each subset as likely as any other, ascending
 * into numbers[k]; 0 <= k <= n, k <= GATTN_DRAW_LIMIT. A pure function of
 * (key, n, k): where 2k <= n the first k distinct ones of the numbers
 * gattn_random_below(gattn_random_draw(key, t), n) for t = 0, 1, …; else the
 * rest of [0, n) when n - k are drawn so. */
void gattn_draw(uint64_t key, int64_t n, int64_t k, int64_t *numbers);

#endif
