/* Advance on the CPU: row by row, dots in float32.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/advance/advance.h"
#include "operators/rows.h"

/* Edges scored together, so that a piece of q is loaded once for all. */
enum { GROUP = 64 };

typedef struct advance_row {
  const gattn_advance_job *job;
  int64_t b, h, kv_head, p;
  int64_t edge; /* of the group's first */
  int64_t keys[GROUP];
  int64_t count;
  gattn_edge seen; /* what the score function is shown */
} advance_row;

static float dot(const float *restrict x, const float *restrict y,
                 int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < count; c++) sum += x[c] * y[c];
  return sum;
}

/* dots[e] = q · k_e over all of dim. */
static void group_dots(const advance_row *row, float *dots) {
  const gattn_view *q = &row->job->q, *k = &row->job->k;
  const char *q_row = gattn_view_row(q, row->b, row->h, row->p);
  int64_t dim = q->shape[3];
  int64_t q_step = q->strides[3] * (int64_t)gattn_type_size(q->type);
  int64_t k_step = k->strides[3] * (int64_t)gattn_type_size(k->type);
  float q_piece[GATTN_PIECE], k_piece[GATTN_PIECE];
  for (int64_t e = 0; e < row->count; e++) dots[e] = 0;
  for (int64_t c = 0; c < dim; c += GATTN_PIECE) {
    int64_t count = dim - c < GATTN_PIECE ? dim - c : GATTN_PIECE;
    const float *x = gattn_floats(q_row + c * q_step, q->type, q->strides[3],
                                  count, q_piece);
    for (int64_t e = 0; e < row->count; e++) {
      const char *k_row = gattn_view_row(k, row->b, row->kv_head, row->keys[e]);
      const float *y = gattn_floats(k_row + c * k_step, k->type, k->strides[3],
                                    count, k_piece);
      dots[e] += dot(x, y, count);
    }
  }
}

static void score_group(advance_row *row) {
  const gattn_advance_job *job = row->job;
  const gattn_view *values = &job->edge_values;
  float dots[GROUP];
  group_dots(row, dots);
  for (int64_t e = 0; e < row->count; e++) {
    int64_t edge = row->edge + e;
    row->seen.j = row->keys[e];
    if (values->data)
      row->seen.value = *(float *)gattn_view_row(values, row->b, row->h, edge);
    *(float *)gattn_view_row(&job->out, row->b, row->h, edge) =
        gattn_score_apply(&job->score, job->scale * dots[e], &row->seen);
  }
  row->edge += row->count;
  row->count = 0;
}

static bool score_row(advance_row *row) {
  const gattn_edges *edges = row->job->edges;
  const int64_t *offsets = gattn_edges_offsets(edges, row->h);
  gattn_row_walk walk;
  gattn_run run;
  row->edge = offsets[row->p];
  row->count = 0;
  row->seen = (gattn_edge){
      .i = gattn_edges_vertex(edges, row->p), .head = row->h, .batch = row->b};
  gattn_row_walk_start(&walk, gattn_edges_graph(edges, row->h), row->seen.i,
                       offsets[row->p + 1] - offsets[row->p]);
  while (gattn_row_walk_next(&walk, &run))
    for (int64_t j = run.begin; j < run.end; j++) {
      row->keys[row->count++] = j;
      if (row->count == GROUP) score_group(row);
    }
  score_group(row);
  return gattn_row_walk_agrees(&walk);
}

static bool score_block(const void *job_, const gattn_row_block *block) {
  const gattn_advance_job *job = job_;
  int64_t group = job->q.shape[1] / job->k.shape[1];
  advance_row row = {
      .job = job, .b = block->b, .h = block->h, .kv_head = block->h / group};
  for (row.p = block->begin; row.p < block->end; row.p++)
    if (!score_row(&row)) return false;
  return true;
}

gattn_status gattn_advance_cpu(gattn_context *context,
                               const gattn_advance_job *job) {
  gattn_status status =
      gattn_for_row_blocks(context, job->q.shape[0], job->q.shape[1],
                           job->edges->n_f, score_block, job);
  return status ? status : gattn_edges_check_broken(context, job->edges);
}
