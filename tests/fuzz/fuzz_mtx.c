/* Matrix Market files. SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  gattn_context *context = fuzz_context();
  gattn_graph *graph = NULL;
  gattn_status status = gattn_graph_from_mtx_text(
      context, "input.mtx", (const char *)bytes, length, &graph);
  if (status) {
    FUZZ_HOLDS(!graph);
    fuzz_expect_message(context, status);
  } else {
    int64_t edges = -1;
    FUZZ_HOLDS(!gattn_graph_edges(context, graph, &edges));
    FUZZ_HOLDS(edges >= 0);
    fuzz_walk(context, graph);
    gattn_graph_release(graph);
  }
  fuzz_context_end(context);
  return 0;
}
