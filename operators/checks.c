/* Checks of operands against each other. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/checks.h"

gattn_status gattn_check_real(gattn_context *context, const char *name,
                              const gattn_view *view) {
  if (view->type != GATTN_INT64) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_TYPE,
                    "%s: is int64, expected float32, float16 or bfloat16",
                    name);
}

gattn_status gattn_check_type(gattn_context *context, const char *name,
                              const gattn_view *view, gattn_type type) {
  if (view->type == type) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_TYPE, "%s: is %s, expected %s", name,
                    gattn_type_name(view->type), gattn_type_name(type));
}

gattn_status gattn_check_shape(gattn_context *context, const char *name,
                               const gattn_view *view, int64_t batch,
                               int64_t heads, int64_t rows, int64_t dim) {
  const int64_t expected[GATTN_MAX_RANK] = {batch, heads, rows, dim};
  for (int axis = 0; axis < GATTN_MAX_RANK; axis++)
    if (view->shape[axis] != expected[axis])
      return gattn_fail(
          context, GATTN_ERROR_SHAPE,
          "%s: is [%lld, %lld, %lld, %lld], expected [%lld, %lld, %lld, %lld]",
          name, (long long)view->shape[0], (long long)view->shape[1],
          (long long)view->shape[2], (long long)view->shape[3],
          (long long)batch, (long long)heads, (long long)rows, (long long)dim);
  return GATTN_SUCCESS;
}

static gattn_status check_heads(gattn_context *context, const char *name,
                                const gattn_edges *edges, int64_t heads) {
  if (edges->graphs == 1 || heads == edges->graphs) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "%s: has %lld heads, but graph is a stack of %lld", name,
                    (long long)heads, (long long)edges->graphs);
}

gattn_status gattn_check_queries(gattn_context *context,
                                 const gattn_edges *edges,
                                 const gattn_view *q) {
  gattn_status status = gattn_check_real(context, "q", q);
  if (status) return status;
  if (q->shape[2] != edges->n_f)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "q: has %lld rows, but the frontier has %lld vertices",
                      (long long)q->shape[2], (long long)edges->n_f);
  return check_heads(context, "q", edges, q->shape[1]);
}

gattn_status gattn_check_keys(gattn_context *context, const char *name,
                              const gattn_edges *edges, const gattn_view *view,
                              gattn_type type, int64_t batch, int64_t heads) {
  int64_t kv_heads = view->shape[1];
  gattn_status status = gattn_check_type(context, name, view, type);
  if (status) return status;
  if (view->shape[0] != batch)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has batch %lld, expected %lld", name,
                      (long long)view->shape[0], (long long)batch);
  if (kv_heads ? heads % kv_heads != 0 : heads != 0)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has %lld heads, which do not divide q's %lld", name,
                      (long long)kv_heads, (long long)heads);
  if (view->shape[2] != edges->n_kv)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has %lld rows, but graph has %lld key vertices",
                      name, (long long)view->shape[2], (long long)edges->n_kv);
  return GATTN_SUCCESS;
}

gattn_status gattn_check_edge_values_of(gattn_context *context,
                                        const char *name,
                                        const gattn_edges *edges,
                                        const gattn_view *view, int64_t batch,
                                        int64_t heads) {
  gattn_status status = gattn_check_type(context, name, view, GATTN_FLOAT32);
  if (!status) status = check_heads(context, name, edges, view->shape[1]);
  if (status) return status;
  if (view->shape[0] == batch && view->shape[1] == heads &&
      view->shape[2] == edges->edges)
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "%s: is [%lld, %lld, %lld], expected [%lld, %lld, %lld "
                    "edges]",
                    name, (long long)view->shape[0], (long long)view->shape[1],
                    (long long)view->shape[2], (long long)batch,
                    (long long)heads, (long long)edges->edges);
}

gattn_status gattn_check_edge_values(gattn_context *context, const char *name,
                                     const gattn_edges *edges,
                                     const gattn_view *view) {
  return gattn_check_edge_values_of(context, name, edges, view, view->shape[0],
                                    view->shape[1]);
}

static gattn_status check_values_wanted(gattn_context *context,
                                        const gattn_score *score, bool given) {
  gattn_score_values reads = gattn_score_reads(score);
  if (given && reads == GATTN_VALUES_UNUSED)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "edge_values: given, but the score (%s) reads none",
                      gattn_score_name(score));
  if (!given && reads == GATTN_VALUES_REQUIRED)
    return gattn_fail(context, GATTN_ERROR_NULL,
                      "edge_values: is null, but the score (%s) reads them",
                      gattn_score_name(score));
  return GATTN_SUCCESS;
}

gattn_status gattn_check_advance(gattn_context *context,
                                 const gattn_edges *edges, const gattn_view *q,
                                 const gattn_view *k, const gattn_score *score,
                                 bool edge_values) {
  gattn_status status = gattn_check_queries(context, edges, q);
  if (!status)
    status = gattn_check_keys(context, "k", edges, k, q->type, q->shape[0],
                              q->shape[1]);
  if (status) return status;
  if (k->shape[3] != q->shape[3])
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "k: has dim %lld, but q has %lld", (long long)k->shape[3],
                      (long long)q->shape[3]);
  status = gattn_score_check(context, score, q->shape[1]);
  return status ? status : check_values_wanted(context, score, edge_values);
}

gattn_status gattn_check_scale(gattn_context *context, const double *given,
                               int64_t dim, float *scale) {
  float value = given ? (float)*given : 1;
  if (!isfinite(value))
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "scale: %g is not finite in float32", *given);
  /* Without dimensions every dot product is 0, and any scale will do. */
  if (!given && dim > 0) value = (float)(1 / sqrt((double)dim));
  *scale = value;
  return GATTN_SUCCESS;
}
