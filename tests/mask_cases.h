/* Small masks, each with its rule written down from the contract's table.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_MASK_CASES_H
#define GATTN_TESTS_MASK_CASES_H

#include <gattn.h>
#include <stdbool.h>

enum { MASK_CASE_VALUES = 24 };

/* One mask at one size. */
typedef struct mask_case {
  const struct mask_kind *kind;
  int64_t n_q, n_kv;
  int64_t p[5];                    /* parameters, in the table's order */
  int64_t list[MASK_CASE_VALUES];  /* starts, parents, ids, lo */
  int64_t other[MASK_CASE_VALUES]; /* hi */
  int64_t n;                       /* in list */
  gattn_range set[3];
  int64_t n_set;
} mask_case;

typedef struct mask_kind {
  const char *name;
  /* Whether i -> j; null for random masks. */
  bool (*edge)(const mask_case *mask, int64_t i, int64_t j);
  gattn_status (*make)(gattn_context *context, const mask_case *mask,
                       gattn_graph **graph);
  /* Fills p, list, other, set for variant v at the given size; false when
   * there is no such variant, or none at this size (*skip). */
  bool (*vary)(mask_case *mask, int v, bool *skip);
} mask_kind;

/* Kind `index`, or null past the last. */
const mask_kind *mask_kind_at(int index);

/* Calls visit for every variant of a kind at every size. */
void mask_cases_visit(const mask_kind *kind,
                      void (*visit)(const mask_case *mask));

#endif
