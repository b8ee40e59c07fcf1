/* Merging partial states from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_MERGE_H
#define GATTN_OPERATORS_MERGE_H

#include <math.h>

/* What the two sides of a merge weigh, and the merged lse. */
typedef struct gattn_merge_weights {
  float a, b, lse;
} gattn_merge_weights;

/* An empty side (-inf) weighs 0 and its o is not to be looked at. */
static inline gattn_merge_weights gattn_merge_lse(float lse_a, float lse_b) {
  if (lse_a == -INFINITY && lse_b == -INFINITY)
    return (gattn_merge_weights){0, 0, -INFINITY};
  double larger = lse_a > lse_b ? lse_a : lse_b;
  double a = lse_a == -INFINITY ? 0 : exp(lse_a - larger);
  double b = lse_b == -INFINITY ? 0 : exp(lse_b - larger);
  return (gattn_merge_weights){(float)(a / (a + b)), (float)(b / (a + b)),
                               (float)(larger + log(a + b))};
}

#endif
