/* The same attention on a GPU where there is one, else on the CPU: operands
 * live where the context computes. SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

/* A view of n·dim numbers where the context computes. */
static gattn_tensor place(gattn_context *context, const float *values,
                          int64_t n, int64_t dim) {
  const size_t bytes = (size_t)(n * dim) * sizeof *values;
  const int64_t shape[] = {n, dim};
  void *memory;
  gattn_tensor tensor;
  TRY(gattn_memory_allocate(context, bytes, &memory));
  TRY(gattn_memory_upload(context, memory, values, bytes));
  TRY(gattn_tensor_dense(context, memory, GATTN_FLOAT32, 2, shape, &tensor));
  return tensor;
}

int main(void) {
  enum { N = 1000, DIM = 64, BYTES = N * DIM * sizeof(float) };
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = GATTN_CUDA(0)};
  gattn_context *context;
  if (gattn_context_create(&options, &context) &&
      gattn_context_create(NULL, &context))
    return 1;

  float *data[4];
  gattn_tensor tensor[4];
  for (int t = 0; t < 4; t++) {
    data[t] = numbers(N * DIM, t + 1);
    tensor[t] = place(context, data[t], N, DIM);
  }
  gattn_graph *mask;
  TRY(gattn_mask_parse(context, "local(32) | global(0:4)", N, N, &mask));
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &tensor[0], .k = &tensor[1],
                               .v = &tensor[2], .o = &tensor[3]};

  /* On a device this returns at once; what is copied back waits for it. */
  TRY(gattn_attention(context, mask, GATTN_ALL, &args));
  TRY(gattn_memory_download(context, data[3], tensor[3].data, BYTES));
  printf("on the %s; row 500: o = %.4f %.4f ...\n",
         gattn_context_device(context) == GATTN_CPU ? "CPU" : "GPU",
         data[3][500 * DIM], data[3][500 * DIM + 1]);

  for (int t = 0; t < 4; t++) {
    gattn_memory_release(context, tensor[t].data, BYTES);
    free(data[t]);
  }
  gattn_graph_release(mask);
  gattn_context_destroy(context);
  return 0;
}
