/* Frontiers on the device: launchers. SPDX-License-Identifier: Apache-2.0
 *
 * They return a CUDA error code (0 for success), allocate nothing, wait for
 * nothing and put everything on `stream`, a cudaStream_t. A list has
 * `capacity` positions, of which the first *size are vertices; they fill the
 * rest with -1. *size is on the device, too. temp is gattn_frontier_temp bytes
 * for the largest count that is passed with it, aligned to 256. */
#ifndef GATTN_FRONTIER_CUDA_LAUNCH_H
#define GATTN_FRONTIER_CUDA_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is wrong with a list or a bitmap; in device memory. INT64_MAX: nothing.
 * The same whatever the order in which threads look. */
typedef struct gattn_frontier_record {
  int64_t outside;   /* the first position of a vertex outside [0, n), or the
                      * first set bit at or past n */
  int64_t size;      /* the size asked for, if it is not in [0, capacity] */
  int64_t descent;   /* the first position whose successor is not larger */
  int64_t duplicate; /* the smallest vertex that stands twice */
} gattn_frontier_record;

/* Bytes for lists of `count` positions, and of a key apiece where `marks` keys
 * are marked; SIZE_MAX when they overflow. */
size_t gattn_frontier_temp(int64_t count, int64_t marks);

/* vertices[count] = begin + p, or from[p·stride]; *size, if there is one, =
 * count. No padding. */
int gattn_frontier_fill_launch(const int64_t *from, int64_t stride,
                               int64_t begin, int64_t count, int64_t *vertices,
                               int64_t *size, void *stream);

/* A copy of from[capacity] with *given vertices (null: all), looked at. */
int gattn_frontier_list_launch(const int64_t *from, int64_t stride,
                               int64_t capacity, const int64_t *given,
                               int64_t n, int64_t *vertices, int64_t *size,
                               gattn_frontier_record *record, void *stream);

/* vertices[n] of words[ceil(n / 64)]. */
int gattn_frontier_bitmap_launch(const int64_t *words, int64_t stride,
                                 int64_t n, int64_t *vertices, int64_t *size,
                                 gattn_frontier_record *record, void *temp,
                                 void *stream);

/* Each vertex of from[count] once, ascending; -1 is no vertex. vertices has
 * `capacity` positions, which are enough. record (may be null) is told of
 * duplicates, and vertices may then be null. */
int gattn_frontier_unique_launch(const int64_t *from, int64_t count,
                                 int64_t capacity, int64_t *vertices,
                                 int64_t *size, gattn_frontier_record *record,
                                 void *temp, void *stream);

/* Those of from[count] whose row has an edge: offsets[count + 1]. */
int gattn_frontier_occupied_launch(const int64_t *from, const int64_t *offsets,
                                   int64_t count, int64_t *vertices,
                                   int64_t *size, void *temp, void *stream);

/* The keys of all rows: columns from offsets[0] to offsets[rows], int32 when
 * narrow, of [0, n_kv); edges bounds their number. vertices has n_kv
 * positions. */
int gattn_frontier_reached_launch(const int64_t *offsets, int64_t rows,
                                  const void *columns, int narrow,
                                  int64_t edges, int64_t n_kv,
                                  int64_t *vertices, int64_t *size, void *temp,
                                  void *stream);

#ifdef __cplusplus
}
#endif

#endif
