/* Merging two partial states of the same rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/merge/merge.h"

#include <gattn/attention.h>

#include "lib/device.h"
#include "operators/checks.h"
#include "operators/device.h"
#include "operators/rows.h"

typedef struct merge_job {
  gattn_view o_a, lse_a, o_b, lse_b, o, lse;
} merge_job;

static char *element(const gattn_view *view, int64_t b, int64_t h, int64_t row,
                     int64_t c) {
  return gattn_view_row(view, b, h, row) +
         c * view->strides[3] * (int64_t)gattn_type_size(view->type);
}

/* total += weight · a row's piece; a weight of 0 leaves it unread. */
static void add_weighted(const gattn_view *o, float weight, int64_t b,
                         int64_t h, int64_t row, int64_t first, int64_t count,
                         float *total) {
  float piece[GATTN_PIECE];
  if (weight == 0) return;
  const float *from = gattn_floats(element(o, b, h, row, first), o->type,
                                   o->strides[3], count, piece);
  for (int64_t c = 0; c < count; c++) total[c] += weight * from[c];
}

static void merge_row(const merge_job *job, int64_t b, int64_t h, int64_t row) {
  gattn_merge_weights merged =
      gattn_merge_lse(*(const float *)gattn_view_row(&job->lse_a, b, h, row),
                      *(const float *)gattn_view_row(&job->lse_b, b, h, row));
  const gattn_view *o = &job->o;
  for (int64_t c = 0; c < o->shape[3]; c += GATTN_PIECE) {
    float total[GATTN_PIECE] = {0};
    int64_t count =
        o->shape[3] - c < GATTN_PIECE ? o->shape[3] - c : GATTN_PIECE;
    add_weighted(&job->o_a, merged.a, b, h, row, c, count, total);
    add_weighted(&job->o_b, merged.b, b, h, row, c, count, total);
    gattn_store_floats(total, o->type, o->strides[3], count,
                       element(o, b, h, row, c));
  }
  *(float *)gattn_view_row(&job->lse, b, h, row) = merged.lse;
}

static bool merge_block(const void *job, const gattn_row_block *block) {
  for (int64_t row = block->begin; row < block->end; row++)
    merge_row(job, block->b, block->h, row);
  return true;
}

static gattn_status view_operands(gattn_context *context,
                                  const gattn_tensor *const tensors[6],
                                  gattn_view *const views[6]) {
  static const struct {
    const char *name;
    int axes;
  } table[] = {{"o_a", 4},   {"lse_a", 3}, {"o_b", 4},
               {"lse_b", 3}, {"o", 4},     {"lse", 3}};
  const int64_t *shape = views[0]->shape;
  gattn_status status = GATTN_SUCCESS;
  for (int n = 0; n < 6 && !status; n++) {
    const char *name = table[n].name;
    status = gattn_view_of(context, name, tensors[n], table[n].axes, views[n]);
    if (!status && n == 0) status = gattn_check_real(context, name, views[n]);
    if (!status)
      status =
          gattn_check_type(context, name, views[n],
                           table[n].axes == 4 ? views[0]->type : GATTN_FLOAT32);
    if (!status)
      status = gattn_check_shape(context, name, views[n], shape[0], shape[1],
                                 shape[2], table[n].axes == 4 ? shape[3] : 1);
    if (!status && n >= 4)
      status = gattn_view_check_output(context, name, views[n]);
  }
  return status;
}

static gattn_status check_overlaps(gattn_context *context,
                                   const merge_job *job) {
  const struct {
    const char *name;
    const gattn_view *view;
  } inputs[] = {{"o_a", &job->o_a},
                {"lse_a", &job->lse_a},
                {"o_b", &job->o_b},
                {"lse_b", &job->lse_b}};
  gattn_status status =
      gattn_check_overlap(context, "lse", &job->lse, "o", &job->o, false);
  for (int n = 0; n < 4 && !status; n++) {
    status = gattn_check_overlap(context, "o", &job->o, inputs[n].name,
                                 inputs[n].view, true);
    if (!status)
      status = gattn_check_overlap(context, "lse", &job->lse, inputs[n].name,
                                   inputs[n].view, true);
  }
  return status;
}

static gattn_status merge_device(gattn_context *context, const merge_job *job) {
  const int64_t *shape = job->o.shape;
  const gattn_device_merge device = {.type = (int32_t)job->o.type,
                                     .batch = shape[0],
                                     .heads = shape[1],
                                     .rows = shape[2],
                                     .dim = shape[3],
                                     .o_a = gattn_operand_of(&job->o_a),
                                     .lse_a = gattn_operand_of(&job->lse_a),
                                     .o_b = gattn_operand_of(&job->o_b),
                                     .lse_b = gattn_operand_of(&job->lse_b),
                                     .o = gattn_operand_of(&job->o),
                                     .lse = gattn_operand_of(&job->lse)};
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = gattn_device_check(
      context,
      gattn_merge_states_launch(&device, gattn_device_stream(context)),
      "merge");
  gattn_device_leave(context, previous);
  return status;
}

gattn_status gattn_merge_states(gattn_context *context, const gattn_tensor *o_a,
                                const gattn_tensor *lse_a,
                                const gattn_tensor *o_b,
                                const gattn_tensor *lse_b,
                                const gattn_tensor *o,
                                const gattn_tensor *lse) {
  if (!context) return GATTN_ERROR_NULL;
  merge_job job;
  const gattn_tensor *const tensors[] = {o_a, lse_a, o_b, lse_b, o, lse};
  gattn_view *const views[] = {&job.o_a,   &job.lse_a, &job.o_b,
                               &job.lse_b, &job.o,     &job.lse};
  gattn_status status = view_operands(context, tensors, views);
  if (!status) status = check_overlaps(context, &job);
  if (status) return status;
  if (gattn_on_device(context)) return merge_device(context, &job);
  return gattn_for_row_blocks(context, job.o.shape[0], job.o.shape[1],
                              job.o.shape[2], merge_block, &job);
}
