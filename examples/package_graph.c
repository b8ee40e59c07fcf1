/* Attention over a real graph: each Debian package attends to itself, to what
 * it depends on and to what depends on it; the score is lowered by a bias per
 * edge for the crowd around a hub. Usage: package_graph PACKAGES.MTX
 * SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

/* A hub's edges say little: dot - ln(degree of the key), as a score function
 * of one's own. */
static float discount_hubs(float dot, const gattn_edge *edge,
                           const void *log_degree) {
  return dot - ((const float *)log_degree)[edge->j];
}

int main(int argc, char **argv) {
  enum { DIM = 16 };
  gattn_context *context;
  gattn_graph *depends, *needed_by, *self, *links, *mask;
  if (argc != 2 || gattn_context_create(NULL, &context)) return 1;

  TRY(gattn_graph_from_mtx(context, argv[1], &depends));
  const int64_t n = gattn_graph_queries(depends);
  TRY(gattn_graph_transpose(context, depends, &needed_by));
  TRY(gattn_mask_local(context, n, n, 0, 0, &self));
  TRY(gattn_graph_union(context, depends, needed_by, &links));
  TRY(gattn_graph_union(context, links, self, &mask));

  float *log_degree = numbers(n, 0);
  int64_t hub = 0, most = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t degree;
    TRY(gattn_graph_degree(context, mask, i, &degree));
    log_degree[i] = logf((float)degree);
    if (degree > most) hub = i, most = degree;
  }
  const int64_t shape[] = {n, DIM};
  float *data[] = {numbers(n * DIM, 1), numbers(n * DIM, 2)};
  gattn_tensor x, o;
  TRY(gattn_tensor_dense(context, data[0], GATTN_FLOAT32, 2, shape, &x));
  TRY(gattn_tensor_dense(context, data[1], GATTN_FLOAT32, 2, shape, &o));
  gattn_score score = {.struct_size = sizeof score,
                       .kind = GATTN_SCORE_FUNCTION,
                       .function = discount_hubs, .parameters = log_degree,
                       .name = "discount hubs"};
  gattn_attention_args args = {.struct_size = sizeof args, .q = &x, .k = &x,
                               .v = &x, .score = &score, .o = &o};
  TRY(gattn_attention(context, mask, GATTN_ALL, &args));
  printf("%lld packages; package %lld is linked to %lld; its o = %.4f\n",
         (long long)n, (long long)hub + 1, (long long)most,
         data[1][hub * DIM]);

  gattn_graph *graphs[] = {depends, needed_by, self, links, mask};
  for (int g = 0; g < 5; g++) gattn_graph_release(graphs[g]);
  free(log_degree), free(data[0]), free(data[1]);
  gattn_context_destroy(context);
  return 0;
}
