/* Masks whose arguments stand in files. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/npy.h>

#include "lib/context.h"
#include "lib/text.h"
#include "masks/csr.h"
#include "masks/mtx.h"
#include "masks/table.h"

/* An int64 array of a .npy file. */
typedef struct int64_file {
  gattn_npy *npy;
  const int64_t *values;
  int64_t n;
} int64_file;

static gattn_status open_int64(gattn_context *context, const char *path,
                               int64_file *file) {
  gattn_tensor tensor;
  gattn_npy *npy;
  gattn_status status = gattn_npy_open(context, path, &tensor, &npy);
  if (status) return status;
  if (tensor.type != GATTN_INT64)
    status = gattn_fail(context, GATTN_ERROR_TYPE,
                        "%.300s: expected int64, found %s", path,
                        gattn_type_name(tensor.type));
  else if (tensor.rank != 1)
    status = gattn_fail(context, GATTN_ERROR_SHAPE,
                        "%.300s: expected one axis, found %d", path,
                        (int)tensor.rank);
  if (status) {
    gattn_npy_close(npy);
    return status;
  }
  *file = (int64_file){npy, tensor.data, tensor.shape[0]};
  return GATTN_SUCCESS;
}

/* A mask of one array. */
typedef gattn_status (*array_mask)(gattn_context *, int64_t n_q, int64_t n_kv,
                                   const int64_t *, int64_t, gattn_graph **);

static gattn_status make_of_file(gattn_context *context, int64_t n_q,
                                 int64_t n_kv, const char *path,
                                 array_mask make, gattn_graph **graph) {
  int64_file file;
  gattn_status status = open_int64(context, path, &file);
  if (status) return status;
  status = make(context, n_q, n_kv, file.values, file.n, graph);
  gattn_npy_close(file.npy);
  return status;
}

gattn_status gattn_mask_documents_file(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_mask_values *values,
                                       gattn_graph **graph) {
  return make_of_file(context, n_q, n_kv, values->paths[0],
                      gattn_mask_documents, graph);
}

gattn_status gattn_mask_tree_file(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const gattn_mask_values *values,
                                  gattn_graph **graph) {
  return make_of_file(context, n_q, n_kv, values->paths[0], gattn_mask_tree,
                      graph);
}

gattn_status gattn_mask_buckets_file(gattn_context *context, int64_t n_q,
                                     int64_t n_kv,
                                     const gattn_mask_values *values,
                                     gattn_graph **graph) {
  return make_of_file(context, n_q, n_kv, values->paths[0], gattn_mask_buckets,
                      graph);
}

gattn_status gattn_mask_intervals_files(gattn_context *context, int64_t n_q,
                                        int64_t n_kv,
                                        const gattn_mask_values *values,
                                        gattn_graph **graph) {
  int64_file lo, hi;
  gattn_status status = open_int64(context, values->paths[0], &lo);
  if (status) return status;
  status = open_int64(context, values->paths[1], &hi);
  if (status) goto close_lo;
  if (lo.n != hi.n)
    status = gattn_fail(context, GATTN_ERROR_SHAPE,
                        "hi: has %lld values, but lo has %lld", (long long)hi.n,
                        (long long)lo.n);
  else
    status = gattn_mask_intervals(context, n_q, n_kv, lo.values, hi.values,
                                  lo.n, graph);
  gattn_npy_close(hi.npy);
close_lo:
  gattn_npy_close(lo.npy);
  return status;
}

/* The matrix of a file, which describes itself as what stands around the
 * quoted path: edges("g.mtx"), or as the first argument of blockmask. */
static gattn_status read_edges(gattn_context *context, const char *path,
                               const char *before, const char *behind,
                               int64_t n_q, int64_t n_kv, gattn_graph **out) {
  char label[GATTN_MESSAGE_SIZE];
  gattn_graph *graph;
  gattn_status status = gattn_mtx_read(context, path, n_q, n_kv, &graph);
  if (status) return status;
  gattn_text text = gattn_text_start(label, sizeof label);
  gattn_text_append(&text, "%s\"%s\"%s", before, path, behind);
  if (!text.truncated) status = gattn_csr_label(context, graph, label);
  if (status)
    gattn_graph_release(graph);
  else
    *out = graph;
  return status;
}

gattn_status gattn_mask_edges_file(gattn_context *context, int64_t n_q,
                                   int64_t n_kv,
                                   const gattn_mask_values *values,
                                   gattn_graph **graph) {
  return read_edges(context, values->paths[0], "edges(", ")", n_q, n_kv, graph);
}

static int64_t ceil_divide(int64_t n, int64_t b) { return n / b + (n % b > 0); }

gattn_status gattn_mask_blockmask_file(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_mask_values *values,
                                       gattn_graph **graph) {
  int64_t b = values->integers[0];
  gattn_graph *blocks;
  if (b < 1)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT, "b: %lld is below 1",
                      (long long)b);
  gattn_status status =
      read_edges(context, values->paths[0], "", "", ceil_divide(n_q, b),
                 ceil_divide(n_kv, b), &blocks);
  if (status) return status;
  status = gattn_mask_blockmask(context, n_q, n_kv, blocks, b, graph);
  gattn_graph_release(blocks);
  return status;
}
