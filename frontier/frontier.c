/* Frontiers: lifetime, growth, inquiry. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/frontier.h"

#include <stdlib.h>
#include <string.h>

#include "lib/device.h"

enum { FIRST_CAPACITY = 64 };

gattn_status gattn_frontier_new(gattn_context *context, int64_t n,
                                gattn_frontier **out) {
  if (n < 0 || n > GATTN_MAX_VERTICES)
    return gattn_fail(context, GATTN_ERROR_SIZE,
                      "n: %lld vertices are not between 0 and %lld",
                      (long long)n, (long long)GATTN_MAX_VERTICES);
  void *memory;
  gattn_status status =
      gattn_allocate(context, "frontier", 1, sizeof(gattn_frontier), &memory);
  if (status) return status;
  gattn_frontier *frontier = memory;
  memset(frontier, 0, sizeof *frontier);
  frontier->context = gattn_context_retain(context);
  atomic_init(&frontier->references, 1);
  frontier->n = n;
  frontier->ascending = frontier->unique = true;
  *out = frontier;
  return GATTN_SUCCESS;
}

gattn_frontier *gattn_frontier_retain(gattn_frontier *frontier) {
  if (frontier) atomic_fetch_add(&frontier->references, 1);
  return frontier;
}

void gattn_frontier_release(gattn_frontier *frontier) {
  if (!frontier || atomic_fetch_sub(&frontier->references, 1) != 1) return;
  gattn_context *context = frontier->context;
  if (frontier->device_vertices) {
    gattn_device_synchronize(context);
    gattn_device_free(context, frontier->device_vertices, frontier->size + 1,
                      sizeof *frontier->device_vertices);
  }
  gattn_free(context, frontier->vertices, frontier->capacity,
             sizeof *frontier->vertices);
  gattn_free(context, frontier, 1, sizeof *frontier);
  gattn_context_unref(context);
}

int64_t gattn_frontier_size(const gattn_frontier *frontier) {
  return frontier ? frontier->size : 0;
}

int64_t gattn_frontier_universe(const gattn_frontier *frontier) {
  return frontier ? frontier->n : 0;
}

static void write_range(int64_t *vertices, int64_t begin, int64_t count) {
  for (int64_t p = 0; p < count; p++) vertices[p] = begin + p;
}

/* Room for `size` vertices in a list, which a range becomes by this. */
static gattn_status reserve(gattn_frontier *frontier, int64_t size) {
  if (frontier->vertices && size <= frontier->capacity) return GATTN_SUCCESS;
  int64_t capacity = frontier->capacity + frontier->capacity / 2;
  if (capacity < size) capacity = size;
  if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
  void *memory;
  gattn_status status = gattn_allocate(frontier->context, "frontier", capacity,
                                       sizeof *frontier->vertices, &memory);
  if (status) return status;
  if (frontier->vertices)
    memcpy(memory, frontier->vertices,
           (size_t)frontier->size * sizeof *frontier->vertices);
  else
    write_range(memory, frontier->begin, frontier->size);
  gattn_free(frontier->context, frontier->vertices, frontier->capacity,
             sizeof *frontier->vertices);
  frontier->vertices = memory;
  frontier->capacity = capacity;
  return GATTN_SUCCESS;
}

gattn_status gattn_frontier_append(gattn_frontier *frontier, int64_t begin,
                                   int64_t end) {
  int64_t count = end - begin, size;
  if (count <= 0) return GATTN_SUCCESS;
  if (!gattn_add(frontier->size, count, &size))
    return gattn_fail(frontier->context, GATTN_ERROR_OVERFLOW,
                      "frontier: %lld vertices and %lld more overflow",
                      (long long)frontier->size, (long long)count);
  int64_t last = frontier->size
                     ? gattn_frontier_vertex(frontier, frontier->size - 1)
                     : begin - 1;
  if (frontier->size == 0) frontier->begin = begin;
  if (frontier->vertices || begin != last + 1) {
    gattn_status status = reserve(frontier, size);
    if (status) return status;
    write_range(frontier->vertices + frontier->size, begin, count);
  }
  frontier->size = size;
  frontier->ascending = frontier->ascending && begin > last;
  return GATTN_SUCCESS;
}

static int compare_vertices(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

gattn_status gattn_frontier_sorted(gattn_context *context,
                                   const gattn_frontier *list,
                                   int64_t **sorted) {
  void *memory;
  gattn_status status =
      gattn_allocate(context, "frontier", list->size, sizeof **sorted, &memory);
  if (status) return status;
  memcpy(memory, list->vertices, (size_t)list->size * sizeof **sorted);
  qsort(memory, (size_t)list->size, sizeof **sorted, compare_vertices);
  *sorted = memory;
  return GATTN_SUCCESS;
}

gattn_status gattn_frontier_settle(gattn_frontier *frontier) {
  if (frontier->ascending) return GATTN_SUCCESS;
  int64_t *sorted;
  gattn_status status =
      gattn_frontier_sorted(frontier->context, frontier, &sorted);
  if (status) return status;
  for (int64_t p = 1; p < frontier->size && frontier->unique; p++)
    if (sorted[p] == sorted[p - 1]) {
      frontier->unique = false;
      frontier->duplicate = sorted[p];
    }
  gattn_free(frontier->context, sorted, frontier->size, sizeof *sorted);
  return GATTN_SUCCESS;
}

int64_t gattn_frontier_run(const gattn_frontier *frontier, int64_t p,
                           int64_t *begin, int64_t *end) {
  *begin = gattn_frontier_vertex(frontier, p);
  int64_t q = p + 1;
  if (frontier->vertices)
    while (q < frontier->size && frontier->vertices[q] == *begin + (q - p)) q++;
  else
    q = frontier->size;
  *end = *begin + (q - p);
  return q;
}

gattn_status gattn_frontier_count(gattn_context *context,
                                  const gattn_frontier *frontier,
                                  int64_t *count) {
  if (!frontier) return gattn_fail_null(context, "frontier");
  if (!count) return gattn_fail_null(context, "count");
  if (!gattn_frontier_on_device(frontier)) {
    *count = frontier->size;
    return GATTN_SUCCESS;
  }
  if (!context) return GATTN_ERROR_NULL;
  gattn_status status =
      gattn_frontier_check_device(context, "frontier", frontier);
  return status ? status
                : gattn_device_download(context, count, frontier->device_size,
                                        sizeof *count);
}

gattn_status gattn_frontier_vertices(gattn_context *context,
                                     const gattn_frontier *frontier,
                                     int64_t first, int64_t capacity,
                                     int64_t *vertices, int64_t *count) {
  if (!count) return gattn_fail_null(context, "count");
  int64_t size;
  gattn_status status = gattn_frontier_count(context, frontier, &size);
  if (status) return status;
  if (first < 0 || first > size)
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "first: position %lld is not between 0 and %lld",
                      (long long)first, (long long)size);
  if (capacity < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE, "capacity: %lld is negative",
                      (long long)capacity);
  int64_t left = size - first;
  if (capacity < left) left = capacity;
  if (!vertices && left) return gattn_fail_null(context, "vertices");
  if (gattn_frontier_on_device(frontier) && left)
    status = gattn_device_download(context, vertices,
                                   frontier->device_vertices + first,
                                   (size_t)left * sizeof *vertices);
  else
    for (int64_t p = 0; p < left; p++)
      vertices[p] = gattn_frontier_vertex(frontier, first + p);
  if (!status) *count = left;
  return status;
}
