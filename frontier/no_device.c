/* The launchers for frontiers of a build without CUDA: no context is on a
 * device, so nobody calls them. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/cuda/launch.h"

enum { NO_DEVICE = 100 }; /* cudaErrorNoDevice */

size_t gattn_frontier_temp(int64_t count, int64_t marks) {
  (void)count, (void)marks;
  return 0;
}

int gattn_frontier_fill_launch(const int64_t *from, int64_t stride,
                               int64_t begin, int64_t count, int64_t *vertices,
                               int64_t *size, void *stream) {
  (void)from, (void)stride, (void)begin, (void)count, (void)vertices;
  (void)size, (void)stream;
  return NO_DEVICE;
}

int gattn_frontier_list_launch(const int64_t *from, int64_t stride,
                               int64_t capacity, const int64_t *given,
                               int64_t n, int64_t *vertices, int64_t *size,
                               gattn_frontier_record *record, void *stream) {
  (void)from, (void)stride, (void)capacity, (void)given, (void)n;
  (void)vertices, (void)size, (void)record, (void)stream;
  return NO_DEVICE;
}

int gattn_frontier_bitmap_launch(const int64_t *words, int64_t stride,
                                 int64_t n, int64_t *vertices, int64_t *size,
                                 gattn_frontier_record *record, void *temp,
                                 void *stream) {
  (void)words, (void)stride, (void)n, (void)vertices, (void)size;
  (void)record, (void)temp, (void)stream;
  return NO_DEVICE;
}

int gattn_frontier_unique_launch(const int64_t *from, int64_t count,
                                 int64_t capacity, int64_t *vertices,
                                 int64_t *size, gattn_frontier_record *record,
                                 void *temp, void *stream) {
  (void)from, (void)count, (void)capacity, (void)vertices, (void)size;
  (void)record, (void)temp, (void)stream;
  return NO_DEVICE;
}

int gattn_frontier_occupied_launch(const int64_t *from, const int64_t *offsets,
                                   int64_t count, int64_t *vertices,
                                   int64_t *size, void *temp, void *stream) {
  (void)from, (void)offsets, (void)count, (void)vertices, (void)size;
  (void)temp, (void)stream;
  return NO_DEVICE;
}

int gattn_frontier_reached_launch(const int64_t *offsets, int64_t rows,
                                  const void *columns, int narrow,
                                  int64_t edges, int64_t n_kv,
                                  int64_t *vertices, int64_t *size, void *temp,
                                  void *stream) {
  (void)offsets, (void)rows, (void)columns, (void)narrow, (void)edges;
  (void)n_kv, (void)vertices, (void)size, (void)temp, (void)stream;
  return NO_DEVICE;
}
