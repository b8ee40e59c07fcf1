/* Union, intersection, difference from inside.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_ALGEBRA_H
#define GATTN_MASKS_ALGEBRA_H

#include "masks/graph.h"

/* Operands nest at most this deep; the stack that a walk needs is bounded by
 * it. Chains of unions and of intersections are kept balanced, so that only
 * alternations of operators nest. */
#define GATTN_ALGEBRA_DEPTH 16384

/* left op right; the class says which op. */
typedef struct gattn_algebra {
  gattn_graph graph;
  gattn_graph *left, *right; /* retained */
  int32_t depth;  /* 1 above the deeper operand; a leaf has 0 */
  int32_t height; /* the same through operands of this class alone */
  bool right_first; /* the right operand is the shallower one to ask */
} gattn_algebra;

extern const gattn_graph_class gattn_union_class;
extern const gattn_graph_class gattn_intersection_class;
extern const gattn_graph_class gattn_difference_class;

static inline const gattn_algebra *gattn_algebra_of(const gattn_graph *graph) {
  return (const gattn_algebra *)graph;
}

static inline bool gattn_is_algebra(const gattn_graph *graph) {
  return graph->class_ == &gattn_union_class ||
         graph->class_ == &gattn_intersection_class ||
         graph->class_ == &gattn_difference_class;
}

/* The row functions of the three classes: masks/algebra_rows.c. */
int64_t gattn_union_next(const gattn_graph *graph, int64_t i, int64_t j);
int64_t gattn_union_stretch(const gattn_graph *graph, int64_t i, int64_t j);
int64_t gattn_union_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                         int64_t lo, int64_t hi, gattn_run *runs,
                         int64_t capacity, int64_t *upto);
int64_t gattn_intersection_next(const gattn_graph *graph, int64_t i,
                                int64_t j);
int64_t gattn_intersection_stretch(const gattn_graph *graph, int64_t i,
                                   int64_t j);
int64_t gattn_intersection_runs(const gattn_graph *graph, int64_t i,
                                int64_t stride, int64_t lo, int64_t hi,
                                gattn_run *runs, int64_t capacity,
                                int64_t *upto);
int64_t gattn_difference_next(const gattn_graph *graph, int64_t i, int64_t j);
int64_t gattn_difference_stretch(const gattn_graph *graph, int64_t i,
                                 int64_t j);
int64_t gattn_difference_runs(const gattn_graph *graph, int64_t i,
                              int64_t stride, int64_t lo, int64_t hi,
                              gattn_run *runs, int64_t capacity,
                              int64_t *upto);

/* What may be known of them: masks/algebra_shape.c. */
void gattn_union_shape(const gattn_graph *graph, gattn_shape *shape);
void gattn_intersection_shape(const gattn_graph *graph, gattn_shape *shape);
void gattn_difference_shape(const gattn_graph *graph, gattn_shape *shape);

/* The expression with no more parentheses than it needs:
 * masks/algebra_describe.c. */
void gattn_algebra_describe(const gattn_graph *graph, gattn_text *text);

#endif
