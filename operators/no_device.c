/* The launchers of the operators in a build without CUDA: no context is on a
 * device, so nobody calls them. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/operators.h"
#include "operators/cuda/rows.h"

enum { NO_DEVICE = 100 }; /* cudaErrorNoDevice */

uint64_t gattn_advance_workspace(const gattn_device_edges *edges) {
  (void)edges;
  return 0;
}

int gattn_advance_launch(const gattn_device_advance *job, void *workspace,
                         void *stream) {
  (void)job, (void)workspace, (void)stream;
  return NO_DEVICE;
}

uint64_t gattn_segmented_reduce_workspace(const gattn_device_edges *edges) {
  (void)edges;
  return 0;
}

int gattn_segmented_reduce_launch(const gattn_device_reduce *job,
                                  void *workspace, void *stream) {
  (void)job, (void)workspace, (void)stream;
  return NO_DEVICE;
}

uint64_t gattn_segmented_softmax_workspace(const gattn_device_edges *edges) {
  (void)edges;
  return 0;
}

int gattn_segmented_softmax_launch(const gattn_device_softmax *job,
                                   void *workspace, void *stream) {
  (void)job, (void)workspace, (void)stream;
  return NO_DEVICE;
}

uint64_t gattn_gather_workspace(const gattn_device_edges *edges, int64_t dim) {
  (void)edges, (void)dim;
  return 0;
}

int gattn_gather_launch(const gattn_device_gather *job, void *workspace,
                        void *stream) {
  (void)job, (void)workspace, (void)stream;
  return NO_DEVICE;
}

uint64_t gattn_select_workspace(const gattn_device_edges *edges, int64_t n_q) {
  (void)edges, (void)n_q;
  return 0;
}

int gattn_select_launch(const gattn_device_select *job, void *workspace,
                        void *stream) {
  (void)job, (void)workspace, (void)stream;
  return NO_DEVICE;
}

int gattn_merge_states_launch(const gattn_device_merge *job, void *stream) {
  (void)job, (void)stream;
  return NO_DEVICE;
}

gattn_status gattn_device_rows_make(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    gattn_device_rows *rows) {
  (void)graph, (void)frontier, (void)rows;
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "device: this build has no CUDA support");
}

void gattn_device_rows_free(gattn_context *context, gattn_device_rows *rows) {
  (void)context, (void)rows;
}
