/* Scratch of one thread, and rows in and out. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/attend/worker.h"

#include <math.h>
#include <string.h>

#include "operators/score.h"

/* Moves *offset past `floats` floats, padded to 64 bytes; false on overflow. */
static bool pass_floats(int64_t rows, int64_t columns, size_t *offset) {
  size_t bytes;
  return !__builtin_mul_overflow(rows, columns, &bytes) &&
         !__builtin_mul_overflow(bytes, sizeof(float), &bytes) &&
         !__builtin_add_overflow(bytes, 63, &bytes) &&
         !__builtin_add_overflow(*offset, bytes / 64 * 64, offset);
}

/* A worker's arrays, in the order they lie behind the structure. Returns the
 * bytes of all, SIZE_MAX where they overflow. */
static size_t place(const gattn_attend_run *run, int64_t span, char *memory,
                    gattn_worker *worker) {
  const int64_t lanes = GATTN_TILE_LANES, keys = GATTN_KEY_BLOCK;
  const struct {
    float **at;
    int64_t rows, columns;
  } arrays[] = {
      {&worker->o, span, run->dim_v},
      {&worker->m, span, 1},
      {&worker->l, span, 1},
      {&worker->tile.qt, lanes, run->dim},
      {&worker->tile.ot, lanes, run->dim_v},
      {&worker->tile.p, keys, lanes},
      {&worker->q_rows, lanes, run->dim > run->dim_v ? run->dim : run->dim_v},
      {&worker->k_block, keys, run->dim},
      {&worker->v_block, keys, run->dim_v},
      {&worker->scores, keys, 1},
      {&worker->o_row, 1, run->dim_v},
  };
  size_t offset = (sizeof *worker + 63) / 64 * 64;
  for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
    if (memory) *arrays[a].at = (float *)(memory + offset);
    if (!pass_floats(arrays[a].rows, arrays[a].columns, &offset))
      return SIZE_MAX;
  }
  return offset;
}

size_t gattn_worker_bytes(const gattn_attend_run *run, int64_t span) {
  gattn_worker worker;
  return place(run, span, NULL, &worker);
}

gattn_worker *gattn_worker_at(const gattn_attend_run *run, int64_t span,
                              void *memory) {
  gattn_worker *worker = memory;
  memset(worker, 0, sizeof *worker);
  place(run, span, memory, worker);
  worker->run = run;
  worker->tile.dim = run->dim;
  worker->tile.dim_v = run->dim_v;
  return worker;
}

static gattn_rows rows_of(const gattn_kernels *kernels, const gattn_view *view,
                          int64_t b, int64_t h) {
  const bool dense = view->strides[3] == 1 || view->shape[3] == 1;
  gattn_rows rows = {
      .base = gattn_view_row(view, b, h, 0),
      .type = view->type,
      .row_stride = view->strides[2],
      .column_stride = view->strides[3],
      .row_bytes =
          view->strides[2] * (int64_t)gattn_type_size(view->type),
      .columns = view->shape[3],
      .direct = view->type == GATTN_FLOAT32 && dense,
  };
  if (dense && view->type == GATTN_FLOAT16)
    rows.convert = kernels->from_float16;
  if (dense && view->type == GATTN_BFLOAT16)
    rows.convert = kernels->from_bfloat16;
  return rows;
}

void gattn_worker_head(gattn_worker *worker, int64_t batch, int64_t head) {
  const gattn_attend_run *run = worker->run;
  const int64_t kv_head = head / (run->heads / run->kv_heads);
  worker->batch = batch;
  worker->head = head;
  worker->lowered = run->lowered + (run->shared ? 0 : head);
  worker->q = rows_of(run->kernels, &run->q, batch, head);
  worker->k = rows_of(run->kernels, &run->k, batch, kv_head);
  worker->v = rows_of(run->kernels, &run->v, batch, kv_head);
}

bool gattn_is_split(const gattn_lowered *lowered, int64_t vertex) {
  const gattn_range *ranges = lowered->split_vertices;
  int64_t low = 0, high = lowered->n_split_ranges;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (ranges[middle].end <= vertex)
      low = middle + 1;
    else
      high = middle;
  }
  return low < lowered->n_split_ranges && ranges[low].begin <= vertex;
}

void gattn_load_query(const gattn_worker *worker, int64_t position,
                      float *to) {
  const gattn_attend_run *run = worker->run;
  const float factor =
      gattn_scores_plain(run) ? run->scale * GATTN_LOG2E : run->scale;
  const float *row =
      gattn_rows_at(&worker->q, gattn_row_of(worker, position), to);
  run->kernels->scale(row, factor, run->dim, to);
}

float gattn_score_edge(const gattn_worker *worker, float dot, int64_t i,
                       int64_t j, int64_t edge) {
  const gattn_attend_run *run = worker->run;
  gattn_edge at = {.i = i, .j = j, .head = worker->head,
                   .batch = worker->batch};
  /* A degree that understates its row would lead past the values. */
  if (run->edge_values.data && edge < run->edge_values.shape[2])
    at.value = *(const float *)gattn_view_row(&run->edge_values, worker->batch,
                                              worker->head, edge);
  return gattn_score_apply(&run->score, dot, &at) * GATTN_LOG2E;
}

void gattn_span_begin(gattn_worker *worker, int64_t first, int64_t count) {
  worker->first = first;
  worker->count = count;
  memset(worker->o, 0,
         (size_t)(count * worker->run->dim_v) * sizeof *worker->o);
  for (int64_t p = 0; p < count; p++) {
    worker->m[p] = -INFINITY;
    worker->l[p] = 0.0f;
  }
}

void gattn_span_end(gattn_worker *worker) {
  const int64_t dim_v = worker->run->dim_v;
  for (int64_t p = 0; p < worker->count; p++) {
    int64_t position = worker->first + p;
    if (gattn_is_split(worker->lowered, gattn_vertex_of(worker, position)))
      continue;
    gattn_row_write(worker, position, worker->o + p * dim_v, worker->m[p],
                    worker->l[p]);
  }
}

/* o / l into to[dim_v]; false when an element is not finite. */
static bool divide(const gattn_attend_run *run, const float *o, float l,
                   float *to) {
  const float factor = l > 0.0f ? 1.0f / l : l != l ? l : 0.0f;
  return run->kernels->scale(o, factor, run->dim_v, to) == 0.0f;
}

static float log_sum_exp(float m, float l) {
  return l == 0.0f ? -INFINITY : GATTN_LN2 * (m + log2f(l));
}

void gattn_row_write(gattn_worker *worker, int64_t position, const float *o,
                     float m, float l) {
  const gattn_attend_run *run = worker->run;
  if (!divide(run, o, l, worker->o_row) || l - l != 0.0f) {
    gattn_row row = {.dim = run->dim, .dim_v = run->dim_v,
                     .q = worker->q_rows, .o = worker->o_row,
                     .m = -INFINITY};
    memset(worker->o_row, 0, (size_t)run->dim_v * sizeof *worker->o_row);
    gattn_load_query(worker, position, worker->q_rows);
    gattn_row_run(worker, worker->lowered->graph, position, 0, run->n_kv,
                  &row);
    m = row.m;
    l = row.l;
    divide(run, worker->o_row, l, worker->o_row);
  }
  const int64_t at = gattn_row_of(worker, position);
  gattn_store_floats(worker->o_row, run->o.type, run->o.strides[3],
                     run->dim_v,
                     gattn_view_row(&run->o, worker->batch, worker->head, at));
  if (run->lse.data)
    *(float *)gattn_view_row(&run->lse, worker->batch, worker->head, at) =
        log_sum_exp(m, l);
}
