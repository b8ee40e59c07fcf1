/* Whether two views share memory. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "operators/checks.h"

/* Bytes from data to the first byte of the lowest and past the last byte of
 * the highest element, over the axes whose stride is no multiple of `modulus`
 * elements; modulus 0 leaves none out. */
static void reach(const gattn_view *view, int64_t modulus, int64_t *below,
                  int64_t *above) {
  int64_t size = (int64_t)gattn_type_size(view->type);
  *below = 0;
  *above = size;
  for (int axis = 0; axis < GATTN_MAX_RANK; axis++) {
    int64_t step = view->strides[axis] * size;
    if (modulus && step % modulus == 0) continue;
    int64_t span = (view->shape[axis] - 1) * step;
    *(span < 0 ? below : above) += span;
  }
}

void gattn_view_reach(const gattn_view *view, int64_t *below,
                      int64_t *above) {
  reach(view, 0, below, above);
}

static bool ranges_meet(const gattn_view *a, const gattn_view *b) {
  int64_t a_below, a_above, b_below, b_above;
  reach(a, 0, &a_below, &a_above);
  reach(b, 0, &b_below, &b_above);
  intptr_t apart = (intptr_t)a->data - (intptr_t)b->data;
  return apart + a_below < b_above && b_below < apart + a_above;
}

/* Views of one packed array, as [rows, q/k/v, heads, dim], lie in one range of
 * addresses and share nothing: on the circle of addresses modulo a common
 * period each keeps to an arc of its own. */
static bool arcs_disjoint(const gattn_view *a, const gattn_view *b,
                          int64_t period) {
  int64_t a_below, a_above, b_below, b_above;
  reach(a, period, &a_below, &a_above);
  reach(b, period, &b_below, &b_above);
  int64_t a_length = a_above - a_below, b_length = b_above - b_below;
  intptr_t apart =
      ((intptr_t)b->data + b_below) - ((intptr_t)a->data + a_below);
  int64_t a_to_b = apart % period;
  if (a_to_b < 0) a_to_b += period;
  return a_length <= a_to_b && b_length <= period - a_to_b;
}

static bool empty(const gattn_view *view) {
  for (int axis = 0; axis < GATTN_MAX_RANK; axis++)
    if (!view->shape[axis]) return true;
  return false;
}

static bool views_meet(const gattn_view *a, const gattn_view *b) {
  if (empty(a) || empty(b) || !ranges_meet(a, b)) return false;
  for (int axis = 0; axis < GATTN_MAX_RANK; axis++) {
    int64_t period =
        llabs(a->strides[axis]) * (int64_t)gattn_type_size(a->type);
    if (period && arcs_disjoint(a, b, period)) return false;
  }
  return true;
}

/* One element at one address throughout. */
static bool views_same(const gattn_view *a, const gattn_view *b) {
  if (a->data != b->data || a->type != b->type) return false;
  for (int axis = 0; axis < GATTN_MAX_RANK; axis++)
    if (a->shape[axis] != b->shape[axis] ||
        (a->shape[axis] > 1 && a->strides[axis] != b->strides[axis]))
      return false;
  return true;
}

gattn_status gattn_check_overlap(gattn_context *context, const char *output,
                                 const gattn_view *written, const char *name,
                                 const gattn_view *other, bool same) {
  if (!other->data || (same && views_same(written, other)) ||
      !views_meet(written, other))
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                    "%s: %p shares memory with %s at %p", output,
                    (void *)written->data, name, (void *)other->data);
}
