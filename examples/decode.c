/* Decoding: one new token at a time attends over a growing cache, with the
 * sinks and window of StreamingLLM. SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

enum { LENGTH = 256, HEADS = 8, KV_HEADS = 2, DIM = 32 };

static gattn_tensor view(gattn_context *context, float *data, int64_t heads,
                         int64_t rows, int64_t capacity) {
  const int64_t shape[] = {heads, rows, DIM};
  gattn_tensor tensor;
  TRY(gattn_tensor_dense(context, data, GATTN_FLOAT32, 3, shape, &tensor));
  tensor.strides[0] = capacity * DIM; /* a slice of the cache: no copy */
  return tensor;
}

int main(void) {
  float *q = numbers(HEADS * LENGTH * DIM, 1), *o = numbers(HEADS * DIM, 2);
  float *k = numbers(KV_HEADS * LENGTH * DIM, 3);
  float *v = numbers(KV_HEADS * LENGTH * DIM, 4);
  gattn_context *context;
  if (gattn_context_create(NULL, &context)) return 1;

  for (int64_t n = 1; n <= LENGTH; n++) {
    /* The frontier is the newest of n positions; Q has its row alone. */
    gattn_graph *mask;
    gattn_frontier *newest;
    TRY(gattn_mask_parse(context, "causal", n, n, &mask));
    if (n > 32) {
      gattn_graph_release(mask);
      TRY(gattn_mask_streaming(context, n, n, 4, 27, &mask));
    }
    TRY(gattn_frontier_range(context, n, n - 1, n, &newest));

    gattn_tensor q_row = view(context, q + (n - 1) * DIM, HEADS, 1, LENGTH);
    gattn_tensor k_cache = view(context, k, KV_HEADS, n, LENGTH);
    gattn_tensor v_cache = view(context, v, KV_HEADS, n, LENGTH);
    gattn_tensor o_row = view(context, o, HEADS, 1, 1);
    gattn_attention_args args = {.struct_size = sizeof args, .q = &q_row,
                                 .k = &k_cache, .v = &v_cache, .o = &o_row};
    TRY(gattn_attention(context, mask, newest, &args));
    if (n % 64 == 0) {
      int64_t degree;
      TRY(gattn_graph_degree(context, mask, n - 1, &degree));
      printf("token %3lld attends to %lld keys, o = %.4f\n", (long long)n,
             (long long)degree, o[0]);
    }
    gattn_frontier_release(newest);
    gattn_graph_release(mask);
  }
  gattn_context_destroy(context);
  free(q), free(k), free(v), free(o);
  return 0;
}
