/* Graphs stored as compressed sparse rows on the device.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kernels read the arrays where they lie. Questions on the host (next, degree,
 * runs, counts, …) are answered from a copy that is downloaded at the first of
 * them, so that everything that takes a graph takes this one. A copy that
 * could not be made marks the graph broken. */
#ifndef GATTN_MASKS_DEVICE_CSR_H
#define GATTN_MASKS_DEVICE_CSR_H

#include <pthread.h>

#include "masks/csr.h"

/* The neighbours of row i are columns[offsets[i]] … columns[offsets[i+1] - 1],
 * ascending, each once; offsets[0] is 0. How many edges there are may be known
 * to the device alone: offsets[n_q] <= capacity. */
typedef struct gattn_device_csr {
  gattn_graph graph;
  int64_t *offsets; /* device [n_q + 1] */
  void *columns;    /* device [capacity]: int32 where narrow, else int64 */
  bool narrow;
  int64_t capacity;
  pthread_mutex_t lock; /* around making `mirror` */
  _Atomic(gattn_csr *) mirror; /* null until asked for */
  atomic_int failed;    /* the status of a download that failed */
} gattn_device_csr;

extern const gattn_graph_class gattn_device_csr_class;

static inline bool gattn_is_device_csr(const gattn_graph *graph) {
  return graph->class_ == &gattn_device_csr_class;
}

static inline const gattn_device_csr *
gattn_device_csr_of(const gattn_graph *graph) {
  return (const gattn_device_csr *)graph;
}

/* Whether some edges of the graph are stored on a device: then questions on the
 * host copy them. */
bool gattn_has_device_csr(const gattn_graph *graph);

/* A graph of arrays that came from gattn_device_allocate, offsets with count
 * n_q + 1 and columns with count `capacity`; it owns them from then on. They
 * may still be written by work that is on the context's stream. On failure
 * they stay the caller's. */
gattn_status gattn_device_csr_adopt(gattn_context *context, int64_t n_q,
                                    int64_t n_kv, int64_t *offsets,
                                    void *columns, bool narrow,
                                    int64_t capacity, gattn_graph **graph);

/* The copy on the host, borrowed: it lives as long as the graph. Waits for the
 * context's stream the first time. From any thread. */
gattn_status gattn_device_csr_mirror(gattn_context *context,
                                     const gattn_graph *graph,
                                     const gattn_csr **mirror);

/* Fails with the status that kept the copy from being made. */
gattn_status gattn_device_csr_fail(gattn_context *context,
                                   const gattn_graph *graph);

/* From int64 tensors of one axis on the context's device, whose types and
 * lengths have been checked; copied, checked, sorted and made sets there. */
gattn_status gattn_device_csr_from_csr(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_tensor *offsets,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph);
gattn_status gattn_device_csr_from_coo(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const gattn_tensor *rows,
                                       const gattn_tensor *columns,
                                       gattn_graph **graph);

#endif
