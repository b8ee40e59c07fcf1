/* Segmented reduce on the CPU. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "operators/rows.h"
#include "operators/segmented_reduce/segmented_reduce.h"

/* The values of one row: value e is first[e * stride]. */
typedef struct segment {
  const float *first;
  int64_t stride, count;
} segment;

static float value_at(const segment *s, int64_t e) {
  return s->first[e * s->stride];
}

/* The position of the largest value times `sign`; the first NaN before any. */
static int64_t extreme_position(const segment *s, float sign) {
  int64_t best = 0;
  for (int64_t e = 0; e < s->count; e++) {
    if (isnan(value_at(s, e))) return e;
    if (sign * value_at(s, e) > sign * value_at(s, best)) best = e;
  }
  return best;
}

static double reduce_max(const segment *s) {
  return s->count ? value_at(s, extreme_position(s, 1)) : -INFINITY;
}

static double reduce_min(const segment *s) {
  return s->count ? value_at(s, extreme_position(s, -1)) : INFINITY;
}

static double reduce_sum(const segment *s) {
  double sum = 0;
  for (int64_t e = 0; e < s->count; e++) sum += value_at(s, e);
  return sum;
}

static double reduce_log_sum_exp(const segment *s) {
  float largest = (float)reduce_max(s);
  double sum = 0;
  if (largest == -INFINITY) return -INFINITY;
  for (int64_t e = 0; e < s->count; e++) sum += expf(value_at(s, e) - largest);
  return largest + log(sum);
}

/* One row per monoid that gives a float32. */
static double (*const reduce_table[])(const segment *) = {
    [GATTN_MAX] = reduce_max,
    [GATTN_MIN] = reduce_min,
    [GATTN_SUM] = reduce_sum,
    [GATTN_LOG_SUM_EXP] = reduce_log_sum_exp,
};

/* *key = the key of the edge at a position of row p, or -1. */
static bool key_at(const gattn_edges *edges, int64_t h, int64_t p,
                   int64_t position, int64_t degree, int64_t *key) {
  gattn_row_walk walk;
  gattn_run run;
  *key = -1;
  gattn_row_walk_start(&walk, gattn_edges_graph(edges, h),
                       gattn_edges_vertex(edges, p), degree);
  while (gattn_row_walk_next(&walk, &run)) {
    int64_t length = run.end - run.begin;
    if (position < length) {
      *key = run.begin + position;
      return true;
    }
    position -= length;
  }
  return degree == 0;
}

static bool reduce_row(const gattn_segmented_reduce_job *job, int64_t b,
                       int64_t h, int64_t p) {
  const int64_t *offsets = gattn_edges_offsets(job->edges, h);
  char *out = gattn_view_row(&job->out, b, h, p);
  segment s = {
      .first = (const float *)gattn_view_row(&job->values, b, h, offsets[p]),
      .stride = job->values.strides[2],
      .count = offsets[p + 1] - offsets[p]};
  if (job->monoid == GATTN_ARG_MAX)
    return key_at(job->edges, h, p, extreme_position(&s, 1), s.count,
                  (int64_t *)out);
  if (job->monoid == GATTN_COUNT)
    *(int64_t *)out = s.count;
  else
    *(float *)out = (float)reduce_table[job->monoid](&s);
  return true;
}

static bool reduce_block(const void *job, const gattn_row_block *block) {
  for (int64_t p = block->begin; p < block->end; p++)
    if (!reduce_row(job, block->b, block->h, p)) return false;
  return true;
}

gattn_status gattn_segmented_reduce_cpu(gattn_context *context,
                                        const gattn_segmented_reduce_job *job) {
  gattn_status status =
      gattn_for_row_blocks(context, job->out.shape[0], job->out.shape[1],
                           job->edges->n_f, reduce_block, job);
  return status ? status : gattn_edges_check_broken(context, job->edges);
}
