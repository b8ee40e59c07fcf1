/* Until rows can be made on the device: nothing there has any.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/rows.h"

__attribute__((weak)) gattn_status gattn_device_rows_make(
    gattn_context *context, gattn_graph *graph, gattn_frontier *frontier,
    gattn_device_rows *rows) {
  (void)graph, (void)frontier, (void)rows;
  return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                    "graph: has no rows on the device yet");
}

__attribute__((weak)) void gattn_device_rows_free(gattn_context *context,
                                                  gattn_device_rows *rows) {
  (void)context, (void)rows;
}
