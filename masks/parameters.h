/* Checks of the masks' parameters, and arithmetic that saturates.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_PARAMETERS_H
#define GATTN_MASKS_PARAMETERS_H

#include "masks/graph.h"

/* The largest |i - j|: a window this wide is without end, and positions plus
 * it plus one do not overflow. */
#define GATTN_WITHOUT_END (GATTN_MAX_VERTICES - 1)

static inline int64_t gattn_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t gattn_max(int64_t a, int64_t b) { return a > b ? a : b; }

/* a·b and a + b for a, b >= 0, at most INT64_MAX. */
static inline int64_t gattn_saturating_multiply(int64_t a, int64_t b) {
  int64_t product;
  return gattn_multiply(a, b, &product) ? product : INT64_MAX;
}
static inline int64_t gattn_saturating_add(int64_t a, int64_t b) {
  int64_t sum;
  return gattn_add(a, b, &sum) ? sum : INT64_MAX;
}

/* ceil(n / b) for n >= 0, b >= 1. */
static inline int64_t gattn_blocks_of(int64_t n, int64_t b) {
  return n / b + (n % b != 0);
}

/* Null context or graph; n_q and n_kv in range. */
gattn_status gattn_mask_check(gattn_context *context, int64_t n_q, int64_t n_kv,
                              gattn_graph **graph);

/* GATTN_ERROR_ARGUMENT unless value >= least. */
gattn_status gattn_check_least(gattn_context *context, const char *argument,
                               int64_t value, int64_t least);

/* An array of n elements: GATTN_ERROR_SIZE for n < 0, GATTN_ERROR_NULL for a
 * null array that should have elements. */
gattn_status gattn_check_array(gattn_context *context, const char *argument,
                               const void *array, int64_t n);

/* GATTN_ERROR_SHAPE unless n = vertices, and what = n_q or n_kv says so. */
gattn_status gattn_check_length(gattn_context *context, const char *argument,
                                int64_t n, const char *what, int64_t vertices);

#endif
