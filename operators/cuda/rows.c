/* The rows of a frontier as edge lists on the device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/rows.h"

#include <string.h>

#include "lib/device.h"
#include "masks/device_csr.h"
#include "masks/random.h"
#include "operators/cuda/random_rows.h"
#include "operators/cuda/rows_kernels.h"
#include "operators/edges.h"
#include "operators/rows.h"

/* Columns that are put together on the host before they are uploaded. */
enum { STAGE = 1 << 22 };

static size_t column_size(const gattn_device_rows *rows) {
  return rows->narrow ? sizeof(int32_t) : sizeof(int64_t);
}

void gattn_device_rows_free(gattn_context *context, gattn_device_rows *rows) {
  if (rows->owned) {
    gattn_device_free(context, (void *)rows->offsets, rows->n_f + 1,
                      sizeof *rows->offsets);
    gattn_device_free(context, (void *)rows->columns, rows->edges,
                      column_size(rows));
  }
  memset(rows, 0, sizeof *rows);
}

/* Offsets and columns of an owner, not set; n_f, narrow and edges are. */
static gattn_status allocate_rows(gattn_context *context,
                                  gattn_device_rows *rows) {
  void *offsets, *columns;
  gattn_status status =
      gattn_device_allocate(context, "row offsets", rows->n_f + 1,
                            sizeof *rows->offsets, &offsets);
  if (status) return status;
  status = gattn_device_allocate(context, "columns", rows->edges,
                                 column_size(rows), &columns);
  if (status) {
    gattn_device_free(context, offsets, rows->n_f + 1, sizeof *rows->offsets);
    return status;
  }
  rows->offsets = offsets;
  rows->columns = columns;
  rows->owned = 1;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ from the host */

typedef struct enumeration {
  const gattn_edges *edges;
  int64_t first;      /* row of the frontier that block row 0 is */
  int64_t base;       /* edge that stage[0] is */
  int32_t narrow;
  void *stage;        /* [STAGE] */
} enumeration;

static void put_run(const enumeration *job, int64_t e, const gattn_run *run) {
  const int64_t n = run->end - run->begin;
  if (job->narrow)
    for (int64_t x = 0; x < n; x++)
      ((int32_t *)job->stage)[e + x] = (int32_t)(run->begin + x);
  else
    for (int64_t x = 0; x < n; x++)
      ((int64_t *)job->stage)[e + x] = run->begin + x;
}

static bool stage_block(const void *job_, const gattn_row_block *block) {
  const enumeration *job = job_;
  const gattn_edges *edges = job->edges;
  for (int64_t r = block->begin; r < block->end; r++) {
    const int64_t p = job->first + r;
    int64_t e = edges->offsets[p] - job->base;
    gattn_row_walk walk;
    gattn_run run;
    gattn_row_walk_start(&walk, edges->graph, gattn_edges_vertex(edges, p),
                         edges->offsets[p + 1] - edges->offsets[p]);
    while (gattn_row_walk_next(&walk, &run)) {
      put_run(job, e, &run);
      e += run.end - run.begin;
    }
    if (!gattn_row_walk_agrees(&walk)) return false;
  }
  return true;
}

/* Uploads `count` staged columns as edges from job->base on. */
static gattn_status flush(gattn_context *context, const enumeration *job,
                          const gattn_device_rows *rows, int64_t count) {
  const size_t size = column_size(rows);
  return gattn_device_upload(context,
                             (char *)rows->columns + (size_t)job->base * size,
                             job->stage, (size_t)count * size);
}

/* A row that is longer than the stage. */
static gattn_status upload_long_row(gattn_context *context, enumeration *job,
                                    const gattn_device_rows *rows) {
  const gattn_edges *edges = job->edges;
  const int64_t p = job->first, begin = edges->offsets[p];
  gattn_row_walk walk;
  gattn_run run;
  int64_t held = 0;
  gattn_status status = GATTN_SUCCESS;
  gattn_row_walk_start(&walk, edges->graph, gattn_edges_vertex(edges, p),
                       edges->offsets[p + 1] - begin);
  job->base = begin;
  while (!status && gattn_row_walk_next(&walk, &run)) {
    while (!status && run.begin < run.end) {
      gattn_run part = run;
      if (part.end - part.begin > STAGE - held)
        part.end = part.begin + (STAGE - held);
      put_run(job, held, &part);
      held += part.end - part.begin;
      run.begin = part.end;
      if (held < STAGE) continue;
      status = flush(context, job, rows, held);
      job->base += held;
      held = 0;
    }
  }
  if (!status) status = flush(context, job, rows, held);
  if (!status && !gattn_row_walk_agrees(&walk))
    status = gattn_graph_fail_broken(context, edges->graph);
  return status;
}

/* Rows from p on that the stage holds together; at least one. */
static int64_t rows_in_stage(const gattn_edges *edges, int64_t p) {
  int64_t end = p + 1;
  while (end < edges->n_f && edges->offsets[end + 1] - edges->offsets[p] <= STAGE)
    end++;
  return end - p;
}

static gattn_status upload_columns(gattn_context *context,
                                   const gattn_edges *edges,
                                   const gattn_device_rows *rows) {
  enumeration job = {.edges = edges, .narrow = rows->narrow};
  const int64_t held = rows->edges < STAGE ? rows->edges : STAGE;
  gattn_status status = gattn_allocate(context, "columns", held,
                                       column_size(rows), &job.stage);
  if (status) return status;
  while (!status && job.first < edges->n_f) {
    const int64_t n = rows_in_stage(edges, job.first);
    const int64_t count =
        edges->offsets[job.first + n] - edges->offsets[job.first];
    job.base = edges->offsets[job.first];
    if (count > STAGE) {
      status = upload_long_row(context, &job, rows);
    } else if (count) {
      status = gattn_for_row_blocks(context, 1, 1, n, stage_block, &job);
      if (!status) status = flush(context, &job, rows, count);
    }
    job.first += n;
  }
  gattn_free(context, job.stage, held, column_size(rows));
  return status ? status : gattn_edges_check_broken(context, edges);
}

/* Any graph that the host can walk. */
static gattn_status rows_from_host(gattn_context *context, gattn_graph *graph,
                                   gattn_frontier *frontier,
                                   gattn_device_rows *out) {
  gattn_edges edges;
  const int64_t n_f = frontier ? frontier->size : graph->n_q;
  /* What the device cannot hold is not enumerated first. */
  if (n_f > gattn_device_facts_of(context)->memory_bytes / 8)
    return gattn_fail(context, GATTN_ERROR_MEMORY,
                      "graph: the device has no memory for %lld rows as an "
                      "edge list", (long long)n_f);
  gattn_status status =
      gattn_edges_open_host(context, graph, frontier, &edges);
  if (status) return status;
  gattn_device_rows rows = {.narrow = edges.n_kv <= INT32_MAX,
                            .n_f = edges.n_f,
                            .edges = edges.edges};
  status = allocate_rows(context, &rows);
  if (status) goto close_edges;
  status = gattn_device_upload(context, (void *)rows.offsets, edges.offsets,
                               (size_t)(rows.n_f + 1) * sizeof *rows.offsets);
  if (!status) status = upload_columns(context, &edges, &rows);
  if (status)
    gattn_device_rows_free(context, &rows);
  else
    *out = rows;
close_edges:
  gattn_edges_close(context, &edges);
  return status;
}

/* ------------------------------------------------------------ on the device */

static bool is_list(const gattn_frontier *frontier) {
  return frontier &&
         (frontier->vertices || gattn_frontier_on_device(frontier));
}

/* The arrays of a graph on the device, for rows begin, begin + 1, … */
static void lend(const gattn_device_csr *csr, int64_t begin, int64_t n_f,
                 gattn_device_rows *rows) {
  *rows = (gattn_device_rows){.offsets = csr->offsets + begin,
                              .columns = csr->columns,
                              .narrow = csr->narrow,
                              .n_f = n_f,
                              .edges = csr->capacity};
}

static gattn_status launch(gattn_context *context, int error) {
  return gattn_device_check(context, error, "rows of the frontier");
}

/* The offsets of gathered rows. */
static gattn_status gather_offsets(gattn_context *context,
                                   const gattn_rows_gather *gather) {
  void *scratch;
  size_t bytes;
  gattn_status status =
      launch(context, gattn_rows_scratch(gather->n_f, &bytes));
  if (!status)
    status = gattn_device_allocate(context, "scratch", (int64_t)bytes, 1,
                                   &scratch);
  if (status) return status;
  status = launch(context,
                  gattn_rows_gather_offsets(gather, scratch, bytes,
                                            gattn_device_stream(context)));
  const gattn_status done = gattn_device_synchronize(context);
  gattn_device_free(context, scratch, (int64_t)bytes, 1);
  return status ? status : done;
}

/* Rows of `from` in the order of vertices[n_f] on the device. */
static gattn_status gather_rows(gattn_context *context,
                                const gattn_device_rows *from, int64_t n_q,
                                const gattn_frontier *frontier,
                                const int64_t *vertices,
                                gattn_device_rows *out) {
  gattn_rows_gather gather = {.from_offsets = from->offsets,
                              .from_columns = from->columns,
                              .narrow = from->narrow,
                              .n_q = n_q,
                              .n_f = frontier->size,
                              .vertices = vertices,
                              .size = frontier->device_size};
  void *offsets, *columns;
  gattn_status status =
      gattn_device_allocate(context, "row offsets", gather.n_f + 1,
                            sizeof *gather.offsets, &offsets);
  if (status) return status;
  gather.offsets = offsets;
  status = gather_offsets(context, &gather);
  if (!status)
    status = gattn_device_download(context, &gather.capacity,
                                   gather.offsets + gather.n_f,
                                   sizeof gather.capacity);
  if (status) goto free_offsets;
  gattn_device_rows rows = {.offsets = offsets,
                            .narrow = from->narrow,
                            .owned = 1,
                            .n_f = gather.n_f,
                            .edges = gather.capacity};
  status = gattn_device_allocate(context, "columns", gather.capacity,
                                 column_size(&rows), &columns);
  if (status) goto free_offsets;
  rows.columns = gather.columns = columns;
  status = launch(context, gattn_rows_gather_columns(
                               &gather, gattn_device_stream(context)));
  if (!status) status = gattn_device_synchronize(context);
  if (status)
    gattn_device_rows_free(context, &rows);
  else
    *out = rows;
  return status;
free_offsets:
  gattn_device_free(context, offsets, gather.n_f + 1, sizeof *gather.offsets);
  return status;
}

/* The vertices of a list on the device, for the caller to free where they are
 * not the frontier's own. */
static gattn_status upload_list(gattn_context *context,
                                const gattn_frontier *frontier,
                                int64_t **vertices) {
  void *memory;
  if (gattn_frontier_on_device(frontier)) {
    *vertices = frontier->device_vertices;
    return GATTN_SUCCESS;
  }
  gattn_status status =
      gattn_device_allocate(context, "frontier", frontier->size,
                            sizeof *frontier->vertices, &memory);
  if (status) return status;
  status =
      gattn_device_upload(context, memory, frontier->vertices,
                          (size_t)frontier->size * sizeof *frontier->vertices);
  if (status)
    gattn_device_free(context, memory, frontier->size,
                      sizeof *frontier->vertices);
  else
    *vertices = memory;
  return status;
}

static void free_list(gattn_context *context, const gattn_frontier *frontier,
                      int64_t *vertices) {
  if (!gattn_frontier_on_device(frontier))
    gattn_device_free(context, vertices, frontier->size, sizeof *vertices);
}

/* A frontier that is a list, of a graph whose rows are on the device. */
static gattn_status gather_list(gattn_context *context,
                                const gattn_device_rows *from, int64_t n_q,
                                const gattn_frontier *frontier,
                                gattn_device_rows *rows) {
  int64_t *vertices;
  gattn_status status = upload_list(context, frontier, &vertices);
  if (status) return status;
  status = gather_rows(context, from, n_q, frontier, vertices, rows);
  free_list(context, frontier, vertices);
  return status;
}

/* Only the device knows which rows: all are made first. */
static gattn_status rows_for_device(gattn_context *context,
                                    gattn_graph *graph,
                                    const gattn_frontier *frontier,
                                    gattn_device_rows *rows) {
  gattn_device_rows all;
  gattn_status status = rows_from_host(context, graph, NULL, &all);
  if (status) return status;
  status = gather_list(context, &all, graph->n_q, frontier, rows);
  gattn_device_rows_free(context, &all);
  return status;
}

static gattn_status draw_rows(gattn_context *context,
                              const gattn_random_rows *draw) {
  gattn_status status = launch(
      context, gattn_random_rows_launch(draw, gattn_device_stream(context)));
  const gattn_status done = gattn_device_synchronize(context);
  return status ? status : done;
}

/* Random keys: drawn by the device. */
static gattn_status rows_of_random(gattn_context *context,
                                   const gattn_graph *graph,
                                   const gattn_frontier *frontier, int64_t k,
                                   int64_t seed, gattn_device_rows *out) {
  const bool list = is_list(frontier);
  int64_t *vertices = NULL;
  gattn_device_rows rows = {.narrow = graph->n_kv <= INT32_MAX,
                            .n_f = frontier ? frontier->size : graph->n_q};
  if (!gattn_multiply(rows.n_f, k < graph->n_kv ? k : graph->n_kv,
                      &rows.edges))
    return gattn_fail(context, GATTN_ERROR_TOO_LARGE,
                      "graph: %lld rows of %lld keys are more edges than can "
                      "be counted",
                      (long long)rows.n_f, (long long)k);
  gattn_status status = allocate_rows(context, &rows);
  if (status) return status;
  if (list) status = upload_list(context, frontier, &vertices);
  if (status) goto free_rows;
  const gattn_random_rows draw = {
      .seed = seed,
      .k = k,
      .n_kv = graph->n_kv,
      .n_rows = rows.n_f,
      .begin = frontier && !list ? frontier->begin : 0,
      .vertices = vertices,
      .size = list ? frontier->device_size : NULL,
      .offsets = (int64_t *)rows.offsets,
      .columns = (void *)rows.columns,
      .narrow = rows.narrow};
  status = draw_rows(context, &draw);
  if (list) free_list(context, frontier, vertices);
  if (status) goto free_rows;
  *out = rows;
  return GATTN_SUCCESS;
free_rows:
  gattn_device_rows_free(context, &rows);
  return status;
}

static gattn_status rows_of_stored(gattn_context *context,
                                   const gattn_graph *graph,
                                   const gattn_frontier *frontier,
                                   gattn_device_rows *rows) {
  const gattn_device_csr *csr = gattn_device_csr_of(graph);
  gattn_device_rows all;
  if (!is_list(frontier)) {
    lend(csr, frontier ? frontier->begin : 0,
         frontier ? frontier->size : graph->n_q, rows);
    return GATTN_SUCCESS;
  }
  lend(csr, 0, graph->n_q, &all);
  return gather_list(context, &all, graph->n_q, frontier, rows);
}

static gattn_status make(gattn_context *context, gattn_graph *graph,
                         gattn_frontier *frontier, gattn_device_rows *rows) {
  int64_t k, seed;
  if (gattn_is_device_csr(graph))
    return rows_of_stored(context, graph, frontier, rows);
  if (gattn_random_parameters(graph, &k, &seed))
    return rows_of_random(context, graph, frontier, k, seed, rows);
  if (gattn_frontier_on_device(frontier))
    return rows_for_device(context, graph, frontier, rows);
  return rows_from_host(context, graph, frontier, rows);
}

gattn_status gattn_device_rows_make(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    gattn_device_rows *rows) {
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = make(context, graph, frontier, rows);
  gattn_device_leave(context, previous);
  return status;
}
