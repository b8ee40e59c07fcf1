/* Attention as a graph program whose edge scores are looked at, and whose
 * strongest edges become the next mask. SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

int main(void) {
  enum { N = 512, DIM = 16 };
  const int64_t shape[] = {N, DIM};
  gattn_context *context;
  gattn_graph *mask, *top;
  gattn_program *program;
  gattn_plan *plan;
  gattn_value q, k, v, scores, weights, lse, o;
  int64_t edges, row[4], count;
  if (gattn_context_create(NULL, &context)) return 1;
  TRY(gattn_mask_parse(context, "local(16) & causal", N, N, &mask));

  /* Describe: advance scores the edges, softmax weighs them, gather sums. */
  TRY(gattn_program_create(context, &program));
  TRY(gattn_program_input(program, "q", GATTN_FLOAT32, 2, shape, &q));
  TRY(gattn_program_input(program, "k", GATTN_FLOAT32, 2, shape, &k));
  TRY(gattn_program_input(program, "v", GATTN_FLOAT32, 2, shape, &v));
  TRY(gattn_program_advance(program, mask, GATTN_ALL, q, k, NULL, NULL,
                            GATTN_NO_VALUE, &scores));
  TRY(gattn_program_segmented_softmax(program, scores, &weights, &lse));
  TRY(gattn_program_gather(program, weights, v, &o));
  TRY(gattn_program_output(program, "weights", weights));
  TRY(gattn_program_output(program, "o", o));
  size_t bytes; /* Plan once, execute as often as you like. */
  TRY(gattn_plan_create(program, NULL, &plan));
  TRY(gattn_plan_workspace(plan, &bytes));
  TRY(gattn_edge_count(context, mask, GATTN_ALL, &edges));
  float *data[] = {numbers(N * DIM, 1), numbers(N * DIM, 2),
                   numbers(N * DIM, 3), numbers(N * DIM, 4),
                   numbers(edges, 5)};
  gattn_tensor t[5];
  for (int a = 0; a < 4; a++)
    TRY(gattn_tensor_dense(context, data[a], GATTN_FLOAT32, 2, shape, &t[a]));
  TRY(gattn_tensor_dense(context, data[4], GATTN_FLOAT32, 1, &edges, &t[4]));
  gattn_binding bindings[] = {
      {q, &t[0]}, {k, &t[1]}, {v, &t[2]}, {o, &t[3]}, {weights, &t[4]}};
  void *workspace = aligned_alloc(64, (bytes + 64) / 64 * 64);
  TRY(gattn_plan_execute(plan, bindings, 5, workspace, bytes, NULL));

  /* Each row's four strongest edges: a graph again. */
  TRY(gattn_top_k(context, mask, GATTN_ALL, &t[4], 4, &top));
  TRY(gattn_graph_row(context, top, 300, 0, 4, row, &count));
  printf("%lld edges; row 300 keeps", (long long)edges);
  for (int64_t e = 0; e < count; e++) printf(" %lld", (long long)row[e]);
  printf("; o = %.4f\n", data[3][300 * DIM]);

  free(workspace);
  for (int a = 0; a < 5; a++) free(data[a]);
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
  gattn_graph_release(top);
  gattn_graph_release(mask);
  gattn_context_destroy(context);
  return 0;
}
