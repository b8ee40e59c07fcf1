/* Graphs on a device, in a build without CUDA: no context is on one, so nobody
 * asks. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/device_csr.h"

static gattn_status refuse(gattn_context *context) {
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "device: this build has no CUDA support");
}

gattn_status gattn_device_csr_from_csr(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_tensor *offsets,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph) {
  (void)n_q, (void)n_kv, (void)offsets, (void)columns, (void)graph;
  return refuse(context);
}

gattn_status gattn_device_csr_from_coo(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const gattn_tensor *rows,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph) {
  (void)n_q, (void)n_kv, (void)rows, (void)columns, (void)graph;
  return refuse(context);
}
