/* What the fuzz targets share. SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 16, RUNS = 64 };
static const size_t HEAP_BYTES = (size_t)64 << 20;

static struct {
  size_t bytes;
  int64_t blocks;
} heap;

_Noreturn void fuzz_broken(const char *condition, const char *file, int line) {
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  abort();
}

static void *limited_allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  if (bytes > HEAP_BYTES - heap.bytes) return NULL;
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void *memory = aligned_alloc(alignment, rounded);
  if (!memory) return NULL;
  heap.bytes += bytes;
  heap.blocks++;
  return memory;
}

static void limited_release(void *user, void *memory, size_t bytes) {
  (void)user;
  heap.bytes -= bytes;
  heap.blocks--;
  free(memory);
}

gattn_context *fuzz_context(void) {
  gattn_context *context = NULL;
  gattn_context_options options = {
      .struct_size = sizeof options,
      .threads = 1,
      .allocator = {.allocate = limited_allocate, .release = limited_release}};
  FUZZ_HOLDS(gattn_context_create(&options, &context) == GATTN_SUCCESS);
  return context;
}

void fuzz_context_end(gattn_context *context) {
  gattn_context_destroy(context);
  FUZZ_HOLDS(heap.blocks == 0);
  FUZZ_HOLDS(heap.bytes == 0);
}

void fuzz_expect_message(gattn_context *context, gattn_status status) {
  FUZZ_HOLDS(status < 0);
  FUZZ_HOLDS(gattn_context_message(context)[0] != '\0');
}

static void walk_row(gattn_context *context, gattn_graph *graph, int64_t i) {
  int64_t keys = gattn_graph_keys(graph), j = 0, walked = 0, degree = -1;
  for (int run = 0; run < RUNS && j < keys; run++) {
    int64_t next = -1, end = -1;
    int contains = 0;
    if (gattn_graph_next(context, graph, i, j, &next)) return;
    FUZZ_HOLDS(next >= j && next <= keys);
    if (next == keys) break;
    FUZZ_HOLDS(!gattn_graph_stretch(context, graph, i, next, &end));
    FUZZ_HOLDS(end > next && end <= keys);
    FUZZ_HOLDS(!gattn_graph_contains(context, graph, i, end - 1, &contains));
    FUZZ_HOLDS(contains);
    if (next > j) {
      FUZZ_HOLDS(!gattn_graph_contains(context, graph, i, next - 1, &contains));
      FUZZ_HOLDS(!contains);
    }
    walked += end - next;
    j = end;
  }
  int64_t next = -1;
  FUZZ_HOLDS(!gattn_graph_next(context, graph, i, j, &next));
  if (next == keys && !gattn_graph_degree(context, graph, i, &degree))
    FUZZ_HOLDS(degree == walked);
}

void fuzz_walk(gattn_context *context, gattn_graph *graph) {
  int64_t queries = gattn_graph_queries(graph);
  for (int64_t i = 0; i < queries && i < ROWS; i++) {
    walk_row(context, graph, i);
    walk_row(context, graph, queries - 1 - i);
  }
}
