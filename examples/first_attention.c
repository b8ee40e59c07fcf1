/* Attention over a sliding window, in one call.
 * SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

int main(void) {
  enum { N = 1000, DIM = 64 };
  const int64_t shape[] = {N, DIM};
  float *data[] = {numbers(N * DIM, 1), numbers(N * DIM, 2),
                   numbers(N * DIM, 3), numbers(N * DIM, 4)};
  float lse_data[N];

  gattn_context *context;
  if (gattn_context_create(NULL, &context)) return 1;

  /* A tensor is a view of memory that stays the caller's. */
  gattn_tensor q, k, v, o, lse;
  TRY(gattn_tensor_dense(context, data[0], GATTN_FLOAT32, 2, shape, &q));
  TRY(gattn_tensor_dense(context, data[1], GATTN_FLOAT32, 2, shape, &k));
  TRY(gattn_tensor_dense(context, data[2], GATTN_FLOAT32, 2, shape, &v));
  TRY(gattn_tensor_dense(context, data[3], GATTN_FLOAT32, 2, shape, &o));
  TRY(gattn_tensor_dense(context, lse_data, GATTN_FLOAT32, 1, shape, &lse));

  /* A mask is a graph; this one stores nothing. */
  gattn_graph *mask;
  TRY(gattn_mask_parse(context, "local(32) | global(0:4)", N, N, &mask));
  int64_t edges;
  TRY(gattn_graph_edges(context, mask, &edges));

  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &q, .k = &k, .v = &v,
                               .o = &o, .lse = &lse};
  TRY(gattn_attention(context, mask, GATTN_ALL, &args));

  printf("%lld of %d edges; row 500: o = %.4f %.4f ..., lse = %.4f\n",
         (long long)edges, N * N, data[3][500 * DIM], data[3][500 * DIM + 1],
         lse_data[500]);
  gattn_graph_release(mask);
  gattn_context_destroy(context);
  for (int a = 0; a < 4; a++) free(data[a]);
  return 0;
}
