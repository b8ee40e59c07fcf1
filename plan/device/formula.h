/* A graph's closed form for kernels. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_FORMULA_H
#define GATTN_PLAN_DEVICE_FORMULA_H

#include "masks/graph.h"
#include "operators/cuda/formula.h"

/* An array that an atom of a formula points at: formula->atoms[atom].second
 * when `second` is set, else .first. */
typedef struct gattn_formula_array {
  const int64_t *host; /* [count]; lives as long as the graph */
  int64_t count;
  int32_t atom, second;
} gattn_formula_array;

typedef struct gattn_formula_arrays {
  int32_t n;
  gattn_formula_array array[2 * GATTN_FORMULA_ATOMS];
} gattn_formula_arrays;

/* The formula of a graph, flat and without what is redundant; its pointers are
 * the arrays on the host. False when the graph has no closed form, or one that
 * is too large for a kernel; then nothing is written. Takes microseconds, and
 * looks at no row. */
bool gattn_key_formula_of(const gattn_graph *graph, gattn_formula *formula,
                          gattn_formula_arrays *arrays);

/* The same of buckets, over the positions of *order[n_q], which is the table of
 * its numbering: alone, or cut by sets that compare i and j, as causal does. */
bool gattn_bucket_formula_of(const gattn_graph *graph, gattn_formula *formula,
                             gattn_formula_arrays *arrays,
                             const int64_t **order);

/* Lets the formula read a copy of an array. */
void gattn_formula_point(gattn_formula *formula,
                         const gattn_formula_array *array,
                         const int64_t *memory);

#endif
