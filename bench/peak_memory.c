/* The most memory that one attention takes, against the bytes of its operands:
 * the arrays and what the library allocates, counted by an allocator of its
 * own, and what the process has resident.
 * Usage: peak_memory MASK N D [THREADS]. SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { ARRAYS = 4 }; /* q, k, v, o */

typedef struct meter {
  atomic_size_t bytes, most;
} meter;

static void *metered_allocate(void *user, size_t bytes, size_t alignment) {
  meter *meter = user;
  const size_t units = (bytes + alignment - 1) / alignment;
  void *memory = aligned_alloc(alignment, units * alignment);
  if (!memory) return NULL;
  size_t now = atomic_fetch_add(&meter->bytes, bytes) + bytes;
  size_t most = atomic_load(&meter->most);
  while (now > most)
    if (atomic_compare_exchange_weak(&meter->most, &most, now)) break;
  return memory;
}

static void metered_release(void *user, void *memory, size_t bytes) {
  atomic_fetch_sub(&((meter *)user)->bytes, bytes);
  free(memory);
}

static gattn_status attend(gattn_context *context, const char *mask, int64_t n,
                           int64_t d, float *const data[ARRAYS]) {
  const int64_t shape[] = {n, d};
  gattn_tensor t[ARRAYS];
  gattn_graph *graph;
  gattn_status status = gattn_mask_parse(context, mask, n, n, &graph);
  if (status < 0) return status;
  for (int a = 0; a < ARRAYS && status >= 0; a++)
    status =
        gattn_tensor_dense(context, data[a], GATTN_FLOAT32, 2, shape, &t[a]);
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &t[0],
                               .k = &t[1],
                               .v = &t[2],
                               .o = &t[3]};
  if (status >= 0) status = gattn_attention(context, graph, GATTN_ALL, &args);
  gattn_graph_release(graph);
  return status;
}

static int run(const char *mask, int64_t n, int64_t d, int32_t threads) {
  meter meter = {0};
  gattn_context_options options = {
      .struct_size = sizeof options,
      .threads = threads,
      .allocator = {&meter, metered_allocate, metered_release}};
  gattn_context *context;
  float *data[ARRAYS];
  struct rusage usage;
  if (gattn_context_create(&options, &context)) return 1;
  for (int a = 0; a < ARRAYS; a++) {
    data[a] = malloc((size_t)(n * d) * sizeof(float));
    if (!data[a]) return 1;
    for (int64_t e = 0; e < n * d; e++)
      data[a][e] = (float)((e * 7 + a) % 31 - 15) / 15;
  }
  gattn_status status = attend(context, mask, n, d, data);
  if (status < 0)
    fprintf(stderr, "peak_memory: %s\n", gattn_context_message(context));
  gattn_context_destroy(context);
  for (int a = 0; a < ARRAYS; a++) free(data[a]);
  if (status < 0) return 1;

  const double operands = (double)n * (double)d * ARRAYS * sizeof(float);
  const double most = (double)atomic_load(&meter.most);
  getrusage(RUSAGE_SELF, &usage);
  printf("%s, n = %lld, d = %lld: q, k, v, o %.0f bytes\n", mask, (long long)n,
         (long long)d, operands);
  printf("library at its peak: %.0f bytes\n", most);
  printf("operands and library: %.4f of the operands\n",
         (operands + most) / operands);
  printf("resident at its peak: %.4f of the operands\n",
         1024.0 * (double)usage.ru_maxrss / operands);
  return 0;
}

int main(int argc, char **argv) {
  const int64_t n = argc > 2 ? atoll(argv[2]) : 0;
  const int64_t d = argc > 3 ? atoll(argv[3]) : 0;
  if (argc > 5 || n < 1 || d < 1 || n > INT64_MAX / 16 / d) {
    fprintf(stderr, "usage: peak_memory MASK N D [THREADS]\n");
    return 2;
  }
  return run(argv[1], n, d, argc > 4 ? atoi(argv[4]) : 0);
}
