/* What may be known of unions, intersections and differences without looking.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/algebra.h"

static int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Both strides hold, so their least common multiple does; where that is too
 * large to count with, the larger of them says the most. */
static int64_t common_stride(int64_t a, int64_t b) {
  int64_t multiple;
  if (gattn_multiply(a / gcd(a, b), b, &multiple) &&
      multiple <= GATTN_MAX_VERTICES)
    return multiple;
  return a > b ? a : b;
}

/* A few intervals a row, in closed form. */
static bool is_plain(gattn_form form) {
  return form == GATTN_FORM_BAND || form == GATTN_FORM_ROWS ||
         form == GATTN_FORM_COLUMNS;
}

/* A few intervals a row once the vertices are renumbered. Neither cutting a
 * plain form out of it nor cutting it down to one changes that. */
static bool is_renumbered(gattn_form form) {
  return form == GATTN_FORM_STRIDED || form == GATTN_FORM_GRID ||
         form == GATTN_FORM_BUCKETS;
}

static bool same_renumbering(const gattn_shape *a, const gattn_shape *b) {
  if (a->form != b->form) return false;
  if (a->form == GATTN_FORM_STRIDED) return a->stride == b->stride;
  return a->form == GATTN_FORM_GRID && a->grid_h == b->grid_h &&
         a->grid_w == b->grid_w;
}

/* The form of a where something of b is cut out of it or all but b is. Rows
 * that held all keys need not any more, so the result is never ROWS. */
static void cut_form(const gattn_shape *a, const gattn_shape *b,
                     gattn_shape *shape) {
  if (a->form == GATTN_FORM_LIST) {
    shape->form = GATTN_FORM_LIST;
  } else if (is_plain(a->form) && is_plain(b->form)) {
    shape->form = GATTN_FORM_BAND;
  } else if (is_renumbered(a->form) &&
             (is_plain(b->form) || same_renumbering(a, b))) {
    shape->form = a->form;
    shape->grid_h = a->grid_h;
    shape->grid_w = a->grid_w;
    shape->order = a->order;
  }
}

void gattn_union_shape(const gattn_graph *graph, gattn_shape *shape) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  shape->stride = gcd(gattn_shape_of(node->left).stride,
                      gattn_shape_of(node->right).stride);
}

void gattn_intersection_shape(const gattn_graph *graph, gattn_shape *shape) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  gattn_shape left = gattn_shape_of(node->left);
  gattn_shape right = gattn_shape_of(node->right);
  shape->stride = common_stride(left.stride, right.stride);
  if (left.form == GATTN_FORM_COLUMNS && right.form == GATTN_FORM_COLUMNS) {
    shape->form = GATTN_FORM_COLUMNS;
    return;
  }
  cut_form(&left, &right, shape);
  if (shape->form == GATTN_FORM_GENERAL) cut_form(&right, &left, shape);
}

void gattn_difference_shape(const gattn_graph *graph, gattn_shape *shape) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  gattn_shape left = gattn_shape_of(node->left);
  gattn_shape right = gattn_shape_of(node->right);
  shape->stride = left.stride;
  cut_form(&left, &right, shape);
}
