/* Cutting a graph into terms. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/terms.h"

#include "masks/algebra.h"

typedef struct term_list {
  gattn_context *context;
  gattn_graph **terms;
  int64_t count, capacity;
} term_list;

static bool is_union(const gattn_graph *graph) {
  return graph->class_ == &gattn_union_class;
}

static void release_terms(term_list *list) {
  while (list->count) gattn_graph_release(list->terms[--list->count]);
}

/* The two terms that `term` is the union of, or false when it is cut no
 * further. */
static bool cut(term_list *list, gattn_graph *term, gattn_graph **first,
                gattn_graph **second, gattn_status *status) {
  gattn_status (*combine)(gattn_context *, gattn_graph *, gattn_graph *,
                          gattn_graph **) = gattn_graph_intersection;
  if (!gattn_is_algebra(term)) return false;
  gattn_graph *left = gattn_algebra_of(term)->left;
  gattn_graph *right = gattn_algebra_of(term)->right;
  if (is_union(term)) {
    *first = gattn_graph_retain(left);
    *second = gattn_graph_retain(right);
    return true;
  }
  if (term->class_ == &gattn_difference_class) {
    combine = gattn_graph_difference;
    if (!is_union(left)) return false;
  } else if (!is_union(left)) {
    gattn_graph *swap = left;
    left = right;
    right = swap;
    if (!is_union(left)) return false;
  }
  const gattn_algebra *both = gattn_algebra_of(left);
  *status = combine(list->context, both->left, right, first);
  if (*status) return true;
  *status = combine(list->context, both->right, right, second);
  if (*status) gattn_graph_release(*first);
  return true;
}

/* Replaces term t by its two halves, in place. */
static void replace(term_list *list, int64_t t, gattn_graph *first,
                    gattn_graph *second) {
  gattn_graph_release(list->terms[t]);
  for (int64_t k = list->count; k > t + 1; k--)
    list->terms[k] = list->terms[k - 1];
  list->terms[t] = first;
  list->terms[t + 1] = second;
  list->count++;
}

gattn_status gattn_terms(gattn_context *context, gattn_graph *graph,
                         int64_t capacity, gattn_graph **terms,
                         int64_t *count) {
  term_list list = {.context = context, .terms = terms, .count = 1,
                    .capacity = capacity};
  terms[0] = gattn_graph_retain(graph);
  for (int64_t t = 0; t < list.count;) {
    gattn_graph *first, *second;
    gattn_status status = GATTN_SUCCESS;
    if (!cut(&list, terms[t], &first, &second, &status)) {
      t++;
      continue;
    }
    if (status) {
      release_terms(&list);
      return status;
    }
    if (list.count == capacity) {
      gattn_graph_release(first);
      gattn_graph_release(second);
      release_terms(&list);
      terms[0] = gattn_graph_retain(graph);
      list.count = 1;
      break;
    }
    replace(&list, t, first, second);
  }
  *count = list.count;
  return GATTN_SUCCESS;
}
