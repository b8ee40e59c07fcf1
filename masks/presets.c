/* Presets: named expressions. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/parameters.h"

typedef gattn_status (*set_operation)(gattn_context *context, gattn_graph *left,
                                      gattn_graph *right, gattn_graph **graph);

/* *whole becomes the operation's result; `part` is given up in any case. */
static gattn_status apply(gattn_context *context, set_operation operation,
                          gattn_graph **whole, gattn_graph *part) {
  gattn_graph *result;
  gattn_status status = operation(context, *whole, part, &result);
  gattn_graph_release(part);
  if (status) return status;
  gattn_graph_release(*whole);
  *whole = result;
  return GATTN_SUCCESS;
}

/* Hands a finished mask over, or gives it up after a failure. */
static gattn_status finish(gattn_status status, gattn_graph *whole,
                           gattn_graph **graph) {
  if (status)
    gattn_graph_release(whole);
  else
    *graph = whole;
  return status;
}

/* The first count·unit of `vertices`, which must be at least one position and
 * lie inside. */
static gattn_status first_positions(gattn_context *context,
                                    const char *argument, int64_t count,
                                    int64_t unit, int64_t vertices,
                                    gattn_range *set) {
  gattn_status status = gattn_check_least(context, argument, count, 1);
  if (status) return status;
  int64_t end = gattn_saturating_multiply(count, unit);
  if (end > vertices)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "%s: %lld reaches outside the %lld vertices", argument,
                      (long long)count, (long long)vertices);
  *set = (gattn_range){0, end};
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_longformer(gattn_context *context, int64_t n_q,
                                   int64_t n_kv, int64_t w, int64_t g,
                                   gattn_graph **graph) {
  gattn_range set;
  gattn_graph *mask = NULL, *hubs;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "w", w, 0);
  if (!status)
    status = first_positions(context, "g", g, 1, gattn_max(n_q, n_kv), &set);
  if (!status) status = gattn_mask_local(context, n_q, n_kv, w, w, &mask);
  if (!status) status = gattn_mask_global(context, n_q, n_kv, &set, 1, &hubs);
  if (!status) status = apply(context, gattn_graph_union, &mask, hubs);
  return finish(status, mask, graph);
}

gattn_status gattn_mask_bigbird(gattn_context *context, int64_t n_q,
                                int64_t n_kv, int64_t b, int64_t w, int64_t g,
                                int64_t r, int64_t seed, gattn_graph **graph) {
  gattn_range set;
  gattn_graph *mask = NULL, *part;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (!status)
    status = first_positions(context, "g", g, b, gattn_max(n_q, n_kv), &set);
  if (!status) status = gattn_check_least(context, "r", r, 1);
  if (!status) status = gattn_mask_blocklocal(context, n_q, n_kv, b, w, &mask);
  if (!status) status = gattn_mask_global(context, n_q, n_kv, &set, 1, &part);
  if (!status) status = apply(context, gattn_graph_union, &mask, part);
  if (!status)
    status = gattn_mask_randomblocks(context, n_q, n_kv, b, r, seed, &part);
  if (!status) status = apply(context, gattn_graph_union, &mask, part);
  return finish(status, mask, graph);
}

gattn_status gattn_mask_longnet(gattn_context *context, int64_t n_q,
                                int64_t n_kv, const int64_t *w,
                                const int64_t *r, int64_t n,
                                gattn_graph **graph) {
  gattn_graph *mask = NULL, *part;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_array(context, "w", w, n);
  if (!status) status = gattn_check_array(context, "r", r, n);
  if (!status) status = gattn_check_least(context, "n", n, 1);
  for (int64_t p = 0; p < n && !status; p++) {
    status = gattn_check_least(context, "w", w[p], 1);
    if (!status)
      status = gattn_mask_dilated2d(context, n_q, n_kv, w[p], r[p], &part);
    if (status) break;
    if (p == 0)
      mask = part;
    else
      status = apply(context, gattn_graph_union, &mask, part);
  }
  return finish(status, mask, graph);
}

gattn_status gattn_mask_streaming(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, int64_t s, int64_t w,
                                  gattn_graph **graph) {
  gattn_range set;
  gattn_graph *mask = NULL, *part;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = first_positions(context, "s", s, 1, n_kv, &set);
  if (!status) status = gattn_check_least(context, "w", w, 0);
  if (!status) status = gattn_mask_cols(context, n_q, n_kv, &set, 1, &mask);
  if (!status) status = gattn_mask_causal(context, n_q, n_kv, &part);
  if (!status) status = apply(context, gattn_graph_intersection, &mask, part);
  if (!status) status = gattn_mask_local(context, n_q, n_kv, w, 0, &part);
  if (!status) status = apply(context, gattn_graph_union, &mask, part);
  return finish(status, mask, graph);
}

gattn_status gattn_mask_sparsetransformer(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, int64_t s,
                                          gattn_graph **graph) {
  gattn_graph *mask = NULL, *part;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "s", s, 1);
  if (!status) status = gattn_mask_local(context, n_q, n_kv, s - 1, 0, &mask);
  if (!status) status = gattn_mask_strided(context, n_q, n_kv, s, &part);
  if (!status) status = apply(context, gattn_graph_union, &mask, part);
  if (!status) status = gattn_mask_causal(context, n_q, n_kv, &part);
  if (!status) status = apply(context, gattn_graph_intersection, &mask, part);
  return finish(status, mask, graph);
}
