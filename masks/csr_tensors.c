/* Explicit edges from tensors, where the context computes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"
#include "masks/device_csr.h"

static gattn_status check_ids(gattn_context *context, const char *name,
                              const gattn_tensor *tensor) {
  if (!tensor) return gattn_fail_null(context, name);
  gattn_status status = gattn_tensor_check(context, tensor);
  if (status) return status;
  if (tensor->type != GATTN_INT64)
    return gattn_fail(context, GATTN_ERROR_TYPE, "%s: is %s, not int64", name,
                      gattn_type_name(tensor->type));
  if (tensor->rank != 1)
    return gattn_fail(context, GATTN_ERROR_SHAPE, "%s: rank %d is not 1", name,
                      (int)tensor->rank);
  if (tensor->device != gattn_context_device(context))
    return gattn_fail(context, GATTN_ERROR_DEVICE,
                      "%s: is on device %d, the context on %d", name,
                      (int)tensor->device, (int)gattn_context_device(context));
  return GATTN_SUCCESS;
}

static gattn_status check_offsets_shape(gattn_context *context, int64_t n_q,
                                        const gattn_tensor *offsets) {
  if (offsets->shape[0] == n_q + 1) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "offsets: has %lld entries, not the %lld of %lld query "
                    "vertices",
                    (long long)offsets->shape[0], (long long)n_q + 1,
                    (long long)n_q);
}

static gattn_status check_coo_shape(gattn_context *context,
                                    const gattn_tensor *rows,
                                    const gattn_tensor *columns) {
  if (rows->shape[0] == columns->shape[0]) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "columns: has %lld entries, but rows has %lld",
                    (long long)columns->shape[0], (long long)rows->shape[0]);
}

/* ------------------------------------------------------------ on the CPU */

/* The elements one after another: in place, or copied to *copy, which the
 * caller frees with gattn_free(…, shape[0], 8). */
static gattn_status dense_ids(gattn_context *context, const char *name,
                              const gattn_tensor *tensor,
                              const int64_t **ids, int64_t **copy) {
  int64_t n = tensor->shape[0], stride = tensor->strides[0];
  *copy = NULL;
  *ids = tensor->data;
  if (stride == 1 || n <= 1) return GATTN_SUCCESS;
  gattn_status status =
      gattn_allocate(context, name, n, sizeof **copy, (void **)copy);
  if (status) return status;
  for (int64_t e = 0; e < n; e++) (*copy)[e] = (*ids)[e * stride];
  *ids = *copy;
  return GATTN_SUCCESS;
}

/* Offsets that are out of order are named by gattn_graph_from_csr, before it
 * reads a column. */
static gattn_status check_enough(gattn_context *context, int64_t n_q,
                                 const int64_t *offsets, int64_t n_columns) {
  if (offsets[n_q] <= n_columns || offsets[0]) return GATTN_SUCCESS;
  for (int64_t i = 0; i < n_q; i++)
    if (offsets[i + 1] < offsets[i]) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "columns: has %lld entries, but offsets end at %lld",
                    (long long)n_columns, (long long)offsets[n_q]);
}

static gattn_status csr_on_cpu(gattn_context *context, int64_t n_q,
                               int64_t n_kv, const gattn_tensor *offsets,
                               const gattn_tensor *columns,
                               gattn_graph **graph) {
  const int64_t *o, *c;
  int64_t *o_copy, *c_copy;
  gattn_status status = dense_ids(context, "offsets", offsets, &o, &o_copy);
  if (status) return status;
  status = dense_ids(context, "columns", columns, &c, &c_copy);
  if (status) goto free_offsets;
  status = check_enough(context, n_q, o, columns->shape[0]);
  if (!status) status = gattn_graph_from_csr(context, n_q, n_kv, o, c, graph);
  gattn_free(context, c_copy, columns->shape[0], sizeof *c_copy);
free_offsets:
  gattn_free(context, o_copy, offsets->shape[0], sizeof *o_copy);
  return status;
}

static gattn_status coo_on_cpu(gattn_context *context, int64_t n_q,
                               int64_t n_kv, const gattn_tensor *rows,
                               const gattn_tensor *columns,
                               gattn_graph **graph) {
  const int64_t *r, *c;
  int64_t *r_copy, *c_copy, n = rows->shape[0];
  gattn_status status = dense_ids(context, "rows", rows, &r, &r_copy);
  if (status) return status;
  status = dense_ids(context, "columns", columns, &c, &c_copy);
  if (status) goto free_rows;
  status = gattn_graph_from_coo(context, n_q, n_kv, n, r, c, graph);
  gattn_free(context, c_copy, n, sizeof *c_copy);
free_rows:
  gattn_free(context, r_copy, n, sizeof *r_copy);
  return status;
}

/* ------------------------------------------------------------ entry points */

gattn_status gattn_graph_from_csr_tensors(gattn_context *context, int64_t n_q,
                                          int64_t n_kv,
                                          const gattn_tensor *offsets,
                                          const gattn_tensor *columns,
                                          gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  gattn_status status = check_ids(context, "offsets", offsets);
  if (!status) status = check_ids(context, "columns", columns);
  if (!status) status = gattn_graph_check_size(context, n_q, n_kv);
  if (!status) status = check_offsets_shape(context, n_q, offsets);
  if (status) return status;
  return gattn_on_device(context)
             ? gattn_device_csr_from_csr(context, n_q, n_kv, offsets, columns,
                                         graph)
             : csr_on_cpu(context, n_q, n_kv, offsets, columns, graph);
}

gattn_status gattn_graph_from_coo_tensors(gattn_context *context, int64_t n_q,
                                          int64_t n_kv,
                                          const gattn_tensor *rows,
                                          const gattn_tensor *columns,
                                          gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  gattn_status status = check_ids(context, "rows", rows);
  if (!status) status = check_ids(context, "columns", columns);
  if (!status) status = gattn_graph_check_size(context, n_q, n_kv);
  if (!status) status = check_coo_shape(context, rows, columns);
  if (status) return status;
  return gattn_on_device(context)
             ? gattn_device_csr_from_coo(context, n_q, n_kv, rows, columns,
                                         graph)
             : coo_on_cpu(context, n_q, n_kv, rows, columns, graph);
}
