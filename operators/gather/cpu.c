/* Gather on the CPU: row by row, in pieces of the value dimension.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/gather/gather.h"
#include "operators/rows.h"

/* Edges summed in float32 before they join the row's float64 sum: long rows
 * then lose no more than short ones. */
enum { GROUP = 64 };

typedef struct gather_row {
  const gattn_gather_job *job;
  int64_t b, h, kv_head, p;
  int64_t first, count; /* the piece: elements of dim */
  float part[GATTN_PIECE];
  double sum[GATTN_PIECE];
} gather_row;

static void add_part(gather_row *row) {
  for (int64_t c = 0; c < row->count; c++) {
    row->sum[c] += row->part[c];
    row->part[c] = 0;
  }
}

/* A weight of 0 is an edge that was removed: its value is not looked at. */
static void add_edge(gather_row *row, int64_t edge, int64_t j) {
  const gattn_view *v = &row->job->v;
  float weight =
      *(const float *)gattn_view_row(&row->job->weights, row->b, row->h, edge);
  if (weight == 0) return;
  float piece[GATTN_PIECE];
  const char *from =
      gattn_view_row(v, row->b, row->kv_head, j) +
      row->first * v->strides[3] * (int64_t)gattn_type_size(v->type);
  const float *value =
      gattn_floats(from, v->type, v->strides[3], row->count, piece);
  float *restrict part = row->part;
#pragma omp simd
  for (int64_t c = 0; c < row->count; c++) part[c] += weight * value[c];
}

static bool gather_piece(gather_row *row) {
  const gattn_edges *edges = row->job->edges;
  const gattn_view *o = &row->job->o;
  const int64_t *offsets = gattn_edges_offsets(edges, row->h);
  int64_t edge = offsets[row->p];
  gattn_row_walk walk;
  gattn_run run;
  for (int64_t c = 0; c < row->count; c++) row->part[c] = 0, row->sum[c] = 0;
  gattn_row_walk_start(&walk, gattn_edges_graph(edges, row->h),
                       gattn_edges_vertex(edges, row->p),
                       offsets[row->p + 1] - edge);
  while (gattn_row_walk_next(&walk, &run))
    for (int64_t j = run.begin; j < run.end; j++) {
      add_edge(row, edge++, j);
      if ((edge - offsets[row->p]) % GROUP == 0) add_part(row);
    }
  add_part(row);
  for (int64_t c = 0; c < row->count; c++) row->part[c] = (float)row->sum[c];
  char *to = gattn_view_row(o, row->b, row->h, row->p) +
             row->first * o->strides[3] * (int64_t)gattn_type_size(o->type);
  gattn_store_floats(row->part, o->type, o->strides[3], row->count, to);
  return gattn_row_walk_agrees(&walk);
}

static bool gather_block(const void *job_, const gattn_row_block *block) {
  const gattn_gather_job *job = job_;
  int64_t group = job->o.shape[1] / job->v.shape[1];
  int64_t dim = job->v.shape[3];
  gather_row row = {
      .job = job, .b = block->b, .h = block->h, .kv_head = block->h / group};
  for (row.p = block->begin; row.p < block->end; row.p++)
    for (row.first = 0; row.first < dim; row.first += GATTN_PIECE) {
      row.count = dim - row.first < GATTN_PIECE ? dim - row.first : GATTN_PIECE;
      if (!gather_piece(&row)) return false;
    }
  return true;
}

gattn_status gattn_gather_cpu(gattn_context *context,
                              const gattn_gather_job *job) {
  gattn_status status =
      gattn_for_row_blocks(context, job->o.shape[0], job->o.shape[1],
                           job->edges->n_f, gather_block, job);
  return status ? status : gattn_edges_check_broken(context, job->edges);
}
