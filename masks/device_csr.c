/* Graphs stored as compressed sparse rows on the device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/device_csr.h"

#include "lib/device.h"
#include "masks/algebra.h"
#include "masks/blockmask.h"

/* ------------------------------------------------------------ the mirror */

static gattn_status download_columns(gattn_context *context,
                                     const gattn_device_csr *self,
                                     gattn_csr *mirror, int64_t edges) {
  size_t size = self->narrow ? sizeof *mirror->narrow : sizeof *mirror->wide;
  void *columns;
  gattn_status status =
      gattn_allocate(context, "columns", edges, size, &columns);
  if (status) return status;
  mirror->capacity = edges;
  if (self->narrow)
    mirror->narrow = columns;
  else
    mirror->wide = columns;
  return gattn_device_download(context, columns, self->columns,
                               (size_t)edges * size);
}

static gattn_status download(gattn_context *context,
                             const gattn_device_csr *self, gattn_csr *mirror) {
  int64_t n_q = self->graph.n_q;
  gattn_status status =
      gattn_device_download(context, mirror->offsets, self->offsets,
                            (size_t)(n_q + 1) * sizeof *mirror->offsets);
  if (status) return status;
  int64_t edges = mirror->offsets[n_q];
  if (edges < 0 || edges > self->capacity)
    return gattn_fail(context, GATTN_ERROR_DEVICE,
                      "graph: %lld edges on the device, where there is room "
                      "for %lld",
                      (long long)edges, (long long)self->capacity);
  return download_columns(context, self, mirror, edges);
}

static gattn_status make_mirror(gattn_context *context,
                                gattn_device_csr *self) {
  gattn_csr *mirror;
  gattn_status status =
      gattn_csr_new(context, self->graph.n_q, self->graph.n_kv, &mirror);
  if (status) return status;
  status = download(context, self, mirror);
  if (status)
    gattn_graph_release(&mirror->graph);
  else
    atomic_store_explicit(&self->mirror, mirror, memory_order_release);
  return status;
}

gattn_status gattn_device_csr_mirror(gattn_context *context,
                                     const gattn_graph *graph,
                                     const gattn_csr **out) {
  gattn_device_csr *self = (gattn_device_csr *)graph;
  const gattn_csr *mirror =
      atomic_load_explicit(&self->mirror, memory_order_acquire);
  if (!mirror) {
    gattn_status status = GATTN_SUCCESS;
    pthread_mutex_lock(&self->lock);
    if (!atomic_load_explicit(&self->mirror, memory_order_relaxed))
      status = make_mirror(context, self);
    pthread_mutex_unlock(&self->lock);
    atomic_store(&self->failed, status);
    if (status) return status;
    mirror = atomic_load_explicit(&self->mirror, memory_order_relaxed);
  }
  *out = mirror;
  return GATTN_SUCCESS;
}

gattn_status gattn_device_csr_fail(gattn_context *context,
                                   const gattn_graph *graph) {
  gattn_device_csr *self = (gattn_device_csr *)graph;
  const gattn_status status = atomic_load(&self->failed);
  return gattn_fail(context, status,
                    "graph: its edges could not be copied to the host (%s)",
                    gattn_status_string(status));
}

/* Null where it could not be made: broken() then says so. */
static const gattn_graph *mirror_of(const gattn_graph *graph) {
  const gattn_csr *mirror;
  if (gattn_device_csr_mirror(graph->context, graph, &mirror)) return NULL;
  return &mirror->graph;
}

/* ------------------------------------------------------------ questions */

static int64_t device_csr_next(const gattn_graph *graph, int64_t i,
                               int64_t j) {
  const gattn_graph *mirror = mirror_of(graph);
  return mirror ? gattn_csr_class.next(mirror, i, j) : graph->n_kv;
}

static int64_t device_csr_stretch(const gattn_graph *graph, int64_t i,
                                  int64_t j) {
  const gattn_graph *mirror = mirror_of(graph);
  return mirror ? gattn_csr_class.stretch(mirror, i, j) : j + 1;
}

static int64_t device_csr_degree(const gattn_graph *graph, int64_t i) {
  const gattn_graph *mirror = mirror_of(graph);
  return mirror ? gattn_csr_class.degree(mirror, i) : 0;
}

static bool device_csr_count(const gattn_graph *graph, int64_t begin,
                             int64_t end, gattn_counts *counts) {
  const gattn_graph *mirror = mirror_of(graph);
  return mirror && gattn_csr_class.count(mirror, begin, end, counts);
}

static int64_t device_csr_runs(const gattn_graph *graph, int64_t i,
                               int64_t stride, int64_t lo, int64_t hi,
                               gattn_run *runs, int64_t capacity,
                               int64_t *upto) {
  const gattn_graph *mirror = mirror_of(graph);
  if (mirror)
    return gattn_csr_class.runs(mirror, i, stride, lo, hi, runs, capacity,
                                upto);
  *upto = hi;
  return 0;
}

static bool device_csr_same_row(const gattn_graph *graph, int64_t a,
                                int64_t b) {
  const gattn_graph *mirror = mirror_of(graph);
  return mirror && gattn_csr_class.same_row(mirror, a, b);
}

static void device_csr_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_LIST;
}

/* Reads back one number, not the edges. */
static void device_csr_describe(const gattn_graph *graph, gattn_text *text) {
  const gattn_device_csr *self = gattn_device_csr_of(graph);
  int64_t edges;
  if (gattn_device_download(graph->context, &edges,
                            self->offsets + graph->n_q, sizeof edges))
    gattn_text_append(text, "csr on the device");
  else
    gattn_text_append(text, "csr(%lld edges)", (long long)edges);
}

static bool device_csr_broken(const gattn_graph *graph) {
  gattn_device_csr *self = (gattn_device_csr *)graph;
  return atomic_load(&self->failed) != GATTN_SUCCESS;
}

static void device_csr_release(gattn_graph *graph) {
  gattn_device_csr *self = (gattn_device_csr *)graph;
  gattn_context *context = graph->context;
  gattn_csr *mirror = atomic_load(&self->mirror);
  if (mirror) gattn_graph_release(&mirror->graph);
  gattn_device_synchronize(context);
  gattn_device_free(context, self->offsets, graph->n_q + 1,
                    sizeof *self->offsets);
  gattn_device_free(context, self->columns, self->capacity,
                    self->narrow ? sizeof(int32_t) : sizeof(int64_t));
  pthread_mutex_destroy(&self->lock);
}

const gattn_graph_class gattn_device_csr_class = {
    .name = "csr on the device",
    .next = device_csr_next,
    .stretch = device_csr_stretch,
    .degree = device_csr_degree,
    .count = device_csr_count,
    .runs = device_csr_runs,
    .same_row = device_csr_same_row,
    .shape = device_csr_shape,
    .describe = device_csr_describe,
    .release = device_csr_release,
    .broken = device_csr_broken,
};

gattn_status gattn_device_csr_adopt(gattn_context *context, int64_t n_q,
                                    int64_t n_kv, int64_t *offsets,
                                    void *columns, bool narrow,
                                    int64_t capacity, gattn_graph **graph) {
  gattn_device_csr *self;
  gattn_status status =
      gattn_graph_new(context, &gattn_device_csr_class, sizeof *self, n_q,
                      n_kv, &self);
  if (status) return status;
  pthread_mutex_init(&self->lock, NULL);
  atomic_init(&self->mirror, NULL);
  atomic_init(&self->failed, GATTN_SUCCESS);
  self->offsets = offsets;
  self->columns = columns;
  self->narrow = narrow;
  self->capacity = capacity;
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

bool gattn_has_device_csr(const gattn_graph *graph) {
  gattn_graph *blocks;
  int64_t b;
  if (gattn_is_device_csr(graph)) return true;
  if (gattn_blockmask_parameters(graph, &blocks, &b))
    return gattn_has_device_csr(blocks);
  if (!gattn_is_algebra(graph)) return false;
  const gattn_algebra *algebra = gattn_algebra_of(graph);
  return gattn_has_device_csr(algebra->left) ||
         gattn_has_device_csr(algebra->right);
}
