/* A graph of its own for every head: near heads, far heads, a random head.
 * SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

int main(void) {
  enum { N = 2048, HEADS = 4, DIM = 32 };
  static const char *const masks[HEADS] = {
      "local(8)", "local(64)", "dilated(16, 32)", "random(24, 7)"};
  const int64_t shape[] = {HEADS, N, DIM};
  gattn_context *context;
  gattn_graph *heads[HEADS], *stack;
  if (gattn_context_create(NULL, &context)) return 1;

  for (int h = 0; h < HEADS; h++)
    TRY(gattn_mask_parse(context, masks[h], N, N, &heads[h]));
  TRY(gattn_graph_stack(context, heads, HEADS, &stack));

  float *data[] = {numbers(HEADS * N * DIM, 1), numbers(HEADS * N * DIM, 2),
                   numbers(HEADS * N * DIM, 3), numbers(HEADS * N * DIM, 4)};
  gattn_tensor t[4];
  for (int a = 0; a < 4; a++)
    TRY(gattn_tensor_dense(context, data[a], GATTN_FLOAT32, 3, shape, &t[a]));
  gattn_attention_args args = {.struct_size = sizeof args, .q = &t[0],
                               .k = &t[1], .v = &t[2], .o = &t[3]};
  TRY(gattn_attention(context, stack, GATTN_ALL, &args));

  for (int h = 0; h < HEADS; h++) {
    int64_t degree;
    TRY(gattn_graph_degree(context, heads[h], N / 2, &degree));
    printf("head %d, %-16s %3lld neighbours, o = %.4f\n", h, masks[h],
           (long long)degree, data[3][(h * N + N / 2) * DIM]);
    gattn_graph_release(heads[h]);
  }
  gattn_graph_release(stack);
  gattn_context_destroy(context);
  for (int a = 0; a < 4; a++) free(data[a]);
  return 0;
}
