/* Attention as a graph program: see doc/programs.md.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 64, DIM = 16 };
static float q[N][DIM], k[N][DIM], v[N][DIM], o[N][DIM], lse[N];

static gattn_context *context;

static void must(gattn_status status) {
  if (status >= 0) return;
  fprintf(stderr, "%s\n", gattn_context_message(context));
  exit(1);
}

static gattn_tensor dense(void *data, int rank) {
  gattn_tensor tensor;
  must(gattn_tensor_dense(context, data, GATTN_FLOAT32, rank,
                          (int64_t[]){N, DIM}, &tensor));
  return tensor;
}

int main(void) {
  gattn_graph *mask;
  gattn_program *program;
  gattn_plan *plan;
  gattn_value vq, vk, vv, scores, weights, vlse, vo;
  const int64_t shape[] = {N, DIM};

  must(gattn_context_create(NULL, &context));
  must(gattn_mask_parse(context, "local(4) | global(0:2)", N, N, &mask));

  /* Describe: values and operators on them. */
  must(gattn_program_create(context, &program));
  must(gattn_program_input(program, "q", GATTN_FLOAT32, 2, shape, &vq));
  must(gattn_program_input(program, "k", GATTN_FLOAT32, 2, shape, &vk));
  must(gattn_program_input(program, "v", GATTN_FLOAT32, 2, shape, &vv));
  must(gattn_program_advance(program, mask, GATTN_ALL, vq, vk, NULL, NULL,
                             GATTN_NO_VALUE, &scores));
  must(gattn_program_segmented_softmax(program, scores, &weights, &vlse));
  must(gattn_program_gather(program, weights, vv, &vo));
  must(gattn_program_output(program, "o", vo));
  must(gattn_program_output(program, "lse", vlse));

  /* Plan once, and read what it will do. */
  char text[4096];
  size_t bytes;
  must(gattn_plan_create(program, NULL, &plan));
  must(gattn_plan_explain(plan, text, sizeof text));
  must(gattn_plan_workspace(plan, &bytes));
  fputs(text, stdout);

  /* Execute as often as there is new data. */
  for (int i = 0; i < N; i++)
    for (int c = 0; c < DIM; c++)
      q[i][c] = k[i][c] = v[i][c] = (float)((i * 7 + c * 3) % 11) / 11;
  gattn_tensor tq = dense(q, 2), tk = dense(k, 2), tv = dense(v, 2),
               to = dense(o, 2), tlse = dense(lse, 1);
  const gattn_binding bindings[] = {
      {vq, &tq}, {vk, &tk}, {vv, &tv}, {vo, &to}, {vlse, &tlse}};
  void *workspace = aligned_alloc(64, (bytes + 63) / 64 * 64);
  must(gattn_plan_execute(plan, bindings, 5, workspace, bytes, NULL));
  printf("o[9][0] = %.4f, lse[9] = %.4f\n", o[9][0], lse[9]);

  free(workspace);
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
  gattn_graph_release(mask);
  gattn_context_destroy(context);
  return 0;
}
