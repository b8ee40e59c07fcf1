/* A mask of one's own: each token attends to those at power-of-two distances
 * behind it (as in LogSparse attention). SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

/* The smallest neighbour >= j of row i: the graph contract's "seek". */
static int64_t next(const void *state, int64_t i, int64_t j) {
  const int64_t n = *(const int64_t *)state;
  if (j > i) return n;
  int64_t distance = i - j; /* a neighbour is i or i - 2^k */
  if (distance == 0) return i;
  int64_t power = 1;
  while (power * 2 <= distance) power *= 2;
  return i - power;
}

int main(void) {
  enum { N = 4096, DIM = 32 };
  const int64_t shape[] = {N, DIM};
  int64_t n = N;
  gattn_context *context;
  if (gattn_context_create(NULL, &context)) return 1;

  gattn_generator generator = {.struct_size = sizeof generator,
                               .name = "logsparse", .state = &n,
                               .next = next};
  gattn_graph *log_sparse, *window, *mask;
  TRY(gattn_graph_from_generator(context, N, N, &generator, &log_sparse));

  /* It is a graph like every other: it joins the algebra. */
  TRY(gattn_mask_local(context, N, N, 8, 0, &window));
  TRY(gattn_graph_union(context, log_sparse, window, &mask));

  float *data[] = {numbers(N * DIM, 1), numbers(N * DIM, 2),
                   numbers(N * DIM, 3)};
  gattn_tensor q, k, v;
  TRY(gattn_tensor_dense(context, data[0], GATTN_FLOAT32, 2, shape, &q));
  TRY(gattn_tensor_dense(context, data[1], GATTN_FLOAT32, 2, shape, &k));
  TRY(gattn_tensor_dense(context, data[2], GATTN_FLOAT32, 2, shape, &v));
  gattn_attention_args args = {.struct_size = sizeof args, .q = &q, .k = &k,
                               .v = &v, .o = &q}; /* o over q */
  TRY(gattn_attention(context, mask, GATTN_ALL, &args));

  int64_t degree;
  TRY(gattn_graph_degree(context, mask, N - 1, &degree));
  printf("the last of %d tokens sees %lld of them; o = %.4f\n", N,
         (long long)degree, data[0][(N - 1) * DIM]);
  gattn_graph_release(mask);
  gattn_graph_release(window);
  gattn_graph_release(log_sparse);
  gattn_context_destroy(context);
  for (int a = 0; a < 3; a++) free(data[a]);
  return 0;
}
