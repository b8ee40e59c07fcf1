/* Segmented softmax on the CPU: two passes over each row's scores.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "operators/rows.h"
#include "operators/segmented_softmax/segmented_softmax.h"

/* The largest score that is no NaN. A NaN is found by the sum. */
static float largest_score(const gattn_view *scores, int64_t b, int64_t h,
                           int64_t begin, int64_t end) {
  float largest = -INFINITY;
  for (int64_t e = begin; e < end; e++) {
    float score = *(const float *)gattn_view_row(scores, b, h, e);
    if (score > largest) largest = score;
  }
  return largest;
}

/* An edge of score -inf is no edge: it adds nothing, even beside a NaN. */
static float edge_weight(float score, float largest) {
  return score == -INFINITY ? 0 : expf(score - largest);
}

static void softmax_row(const gattn_segmented_softmax_job *job, int64_t b,
                        int64_t h, int64_t p) {
  const gattn_view *scores = &job->scores, *weights = &job->weights;
  const int64_t *offsets = gattn_edges_offsets(job->edges, h);
  int64_t begin = offsets[p], end = offsets[p + 1];
  float largest = largest_score(scores, b, h, begin, end);
  double sum = 0;
  for (int64_t e = begin; e < end; e++)
    sum += edge_weight(*(float *)gattn_view_row(scores, b, h, e), largest);
  bool empty = sum == 0; /* else the largest alone adds 1, or a NaN itself */
  for (int64_t e = begin; e < end && weights->data; e++) {
    float score = *(float *)gattn_view_row(scores, b, h, e);
    float weight = edge_weight(score, largest);
    *(float *)gattn_view_row(weights, b, h, e) =
        score == -INFINITY ? 0 : (float)(weight / sum);
  }
  if (job->lse.data)
    *(float *)gattn_view_row(&job->lse, b, h, p) =
        empty ? -INFINITY : (float)(largest + log(sum));
}

static bool softmax_block(const void *job, const gattn_row_block *block) {
  for (int64_t p = block->begin; p < block->end; p++)
    softmax_row(job, block->b, block->h, p);
  return true;
}

gattn_status gattn_segmented_softmax_cpu(
    gattn_context *context, const gattn_segmented_softmax_job *job) {
  return gattn_for_row_blocks(context, job->scores.shape[0],
                              job->scores.shape[1], job->edges->n_f,
                              softmax_block, job);
}
