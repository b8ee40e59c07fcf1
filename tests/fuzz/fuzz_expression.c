/* Mask expressions: a byte for the size, then the text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static const int64_t sizes[][2] = {{64, 64}, {0, 0},     {1, 1},
                                   {64, 37}, {37, 64},   {4096, 4096},
                                   {16, 16}, {1LL << 40, 1LL << 40}};
enum { SIZES = sizeof sizes / sizeof *sizes, SMALL = 64, TEXT = 4096 };

/* What describes itself parses again to as many edges. */
static void describe_and_parse(gattn_context *context, gattn_graph *graph) {
  char text[TEXT];
  gattn_graph *again = NULL;
  int64_t edges = -1, edges_again = -2;
  gattn_status status =
      gattn_graph_describe(context, graph, text, sizeof text);
  FUZZ_HOLDS(status >= 0);
  if (status) return;
  if (gattn_mask_parse(context, text, gattn_graph_queries(graph),
                       gattn_graph_keys(graph), &again))
    return;
  if (!gattn_graph_edges(context, graph, &edges) &&
      !gattn_graph_edges(context, again, &edges_again))
    FUZZ_HOLDS(edges == edges_again);
  gattn_graph_release(again);
}

static void count_by_walking(gattn_context *context, gattn_graph *graph) {
  int64_t edges = 0, told = -1;
  for (int64_t i = 0; i < gattn_graph_queries(graph); i++) {
    int64_t columns[SMALL], degree = -1, count = -1;
    FUZZ_HOLDS(!gattn_graph_row(context, graph, i, 0, SMALL, columns, &count));
    FUZZ_HOLDS(!gattn_graph_degree(context, graph, i, &degree));
    FUZZ_HOLDS(count == degree);
    edges += count;
  }
  FUZZ_HOLDS(!gattn_graph_edges(context, graph, &told));
  FUZZ_HOLDS(edges == told);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  /* Files of the machine are no part of the input. */
  if (length < 1 || memchr(bytes, '/', length)) return 0;
  const int64_t *size = sizes[bytes[0] % SIZES];
  char *text = malloc(length);
  if (!text) return 0;
  memcpy(text, bytes + 1, length - 1);
  text[length - 1] = '\0';
  gattn_context *context = fuzz_context();
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_mask_parse(context, text, size[0], size[1], &graph);
  free(text);
  if (status) {
    FUZZ_HOLDS(!graph);
    fuzz_expect_message(context, status);
  } else {
    fuzz_walk(context, graph);
    if (size[0] <= SMALL && size[1] <= SMALL) {
      count_by_walking(context, graph);
      describe_and_parse(context, graph);
    }
    gattn_graph_release(graph);
  }
  fuzz_context_end(context);
  return 0;
}
