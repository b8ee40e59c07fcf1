/* Masks as sets: union, intersection, difference, exact to the edge.
 * SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

static gattn_context *context;

static void show(const char *name, gattn_graph *mask) {
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  const int64_t n = gattn_graph_queries(mask);
  TRY(gattn_graph_count(context, mask, 0, n, &stats));
  printf("%-28s %llu edges, degrees %lld to %lld, %lld empty rows\n", name,
         (unsigned long long)stats.edges_low, (long long)stats.min_degree,
         (long long)stats.max_degree, (long long)stats.empty_rows);
}

int main(void) {
  const int64_t n = (int64_t)1 << 30; /* nothing below grows with it */
  gattn_graph *window, *dilated, *causal, *both, *past, *outside;
  if (gattn_context_create(NULL, &context)) return 1;

  TRY(gattn_mask_local(context, n, n, 4, 4, &window));
  TRY(gattn_mask_dilated(context, n, n, 4, 16, &dilated));
  TRY(gattn_mask_causal(context, n, n, &causal));
  TRY(gattn_graph_union(context, window, dilated, &both));
  TRY(gattn_graph_intersection(context, both, causal, &past));
  TRY(gattn_graph_difference(context, dilated, window, &outside));

  show("window", window);
  show("window | dilated", both);
  show("(window | dilated) & causal", past);
  show("dilated - window", outside);

  int64_t row[16], count;
  TRY(gattn_graph_row(context, past, n / 2, 0, 16, row, &count));
  printf("row 2^29 looks back:");
  for (int64_t e = 0; e < count; e++)
    printf(" %lld", (long long)(n / 2 - row[e]));
  printf("\n");

  gattn_graph *graphs[] = {window, dilated, causal, both, past, outside};
  for (int g = 0; g < 6; g++) gattn_graph_release(graphs[g]);
  gattn_context_destroy(context);
  return 0;
}
