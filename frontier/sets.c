/* Frontiers from frontiers: filter, union, uniquify.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/frontier.h"

static gattn_status check_operands(gattn_context *context,
                                   const gattn_frontier *frontier,
                                   gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!frontier) return gattn_fail_null(context, "frontier");
  if (!out) return gattn_fail_null(context, "out");
  return gattn_frontier_check_device(context, "frontier", frontier);
}

static gattn_status filter(gattn_context *context,
                           const gattn_frontier *frontier,
                           gattn_vertex_predicate predicate, void *user,
                           gattn_frontier **out) {
  gattn_frontier *kept;
  gattn_status status = gattn_frontier_new(context, frontier->n, &kept);
  if (status) return status;
  for (int64_t p = 0; p < frontier->size && !status; p++) {
    int64_t vertex = gattn_frontier_vertex(frontier, p);
    if (predicate(user, vertex))
      status = gattn_frontier_append(kept, vertex, vertex + 1);
  }
  if (!status) status = gattn_frontier_settle(kept);
  return gattn_frontier_finish(status, kept, out);
}

gattn_status gattn_frontier_filter(gattn_context *context,
                                   const gattn_frontier *frontier,
                                   gattn_vertex_predicate predicate, void *user,
                                   gattn_frontier **out) {
  gattn_status status = check_operands(context, frontier, out);
  if (status) return status;
  if (!predicate) return gattn_fail_null(context, "predicate");
  if (!gattn_frontier_on_device(frontier))
    return filter(context, frontier, predicate, user, out);
  gattn_frontier *host, *kept;
  status = gattn_frontier_to_host(context, frontier, &host);
  if (status) return status;
  status = filter(context, host, predicate, user, &kept);
  gattn_frontier_release(host);
  if (status) return status;
  status = gattn_frontier_to_device(context, kept, out);
  gattn_frontier_release(kept);
  return status;
}

static gattn_status append_sorted(gattn_frontier *set,
                                  const gattn_frontier *list) {
  int64_t *sorted;
  gattn_status status = gattn_frontier_sorted(set->context, list, &sorted);
  if (status) return status;
  for (int64_t p = 0; p < list->size && !status; p++)
    if (p == 0 || sorted[p] != sorted[p - 1])
      status = gattn_frontier_append(set, sorted[p], sorted[p] + 1);
  gattn_free(set->context, sorted, list->size, sizeof *sorted);
  return status;
}

gattn_status gattn_frontier_uniquify(gattn_context *context,
                                     const gattn_frontier *frontier,
                                     gattn_frontier **out) {
  gattn_status status = check_operands(context, frontier, out);
  if (status) return status;
  if (gattn_frontier_on_device(frontier))
    return gattn_frontier_uniquify_device(context, frontier, out);
  gattn_frontier *set;
  status = gattn_frontier_new(context, frontier->n, &set);
  if (status) return status;
  if (!frontier->ascending)
    return gattn_frontier_finish(append_sorted(set, frontier), set, out);
  int64_t begin, end;
  for (int64_t p = 0; p < frontier->size && !status;) {
    p = gattn_frontier_run(frontier, p, &begin, &end);
    status = gattn_frontier_append(set, begin, end);
  }
  return gattn_frontier_finish(status, set, out);
}

/* A walk over the runs of an ascending frontier. */
typedef struct run_walk {
  const gattn_frontier *frontier;
  int64_t p, begin, end; /* begin = end = INT64_MAX behind the last */
} run_walk;

static void walk_on(run_walk *walk) {
  if (walk->p < walk->frontier->size)
    walk->p =
        gattn_frontier_run(walk->frontier, walk->p, &walk->begin, &walk->end);
  else
    walk->begin = walk->end = INT64_MAX;
}

static gattn_status append_both(gattn_frontier *set, const gattn_frontier *a,
                                const gattn_frontier *b) {
  run_walk left = {.frontier = a}, right = {.frontier = b};
  walk_on(&left);
  walk_on(&right);
  int64_t covered = 0;
  for (;;) {
    run_walk *first = left.begin <= right.begin ? &left : &right;
    if (first->begin == INT64_MAX) return GATTN_SUCCESS;
    int64_t begin = first->begin > covered ? first->begin : covered;
    gattn_status status = gattn_frontier_append(set, begin, first->end);
    if (status) return status;
    if (first->end > covered) covered = first->end;
    walk_on(first);
  }
}

gattn_status gattn_frontier_union(gattn_context *context,
                                  const gattn_frontier *left,
                                  const gattn_frontier *right,
                                  gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!left) return gattn_fail_null(context, "left");
  if (!right) return gattn_fail_null(context, "right");
  if (!out) return gattn_fail_null(context, "out");
  if (left->n != right->n)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "right: draws from %lld vertices, left from %lld",
                      (long long)right->n, (long long)left->n);
  if (gattn_frontier_on_device(left) || gattn_frontier_on_device(right)) {
    gattn_status checked =
        gattn_frontier_check_device(context, "left", left);
    if (!checked)
      checked = gattn_frontier_check_device(context, "right", right);
    return checked ? checked
                   : gattn_frontier_union_device(context, left, right, out);
  }
  gattn_frontier *a, *b, *set;
  gattn_status status = gattn_frontier_uniquify(context, left, &a);
  if (status) return status;
  status = gattn_frontier_uniquify(context, right, &b);
  if (status) goto release_a;
  status = gattn_frontier_new(context, left->n, &set);
  if (status) goto release_b;
  status = gattn_frontier_finish(append_both(set, a, b), set, out);
release_b:
  gattn_frontier_release(b);
release_a:
  gattn_frontier_release(a);
  return status;
}
