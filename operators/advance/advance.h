/* Advance from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_ADVANCE_H
#define GATTN_OPERATORS_ADVANCE_H

#include "operators/checks.h"
#include "operators/device.h"

/* Operands that agree with each other. */
typedef struct gattn_advance_job {
  const gattn_edges *edges; /* with offsets */
  gattn_view q;             /* [batch, heads, n_f, dim] */
  gattn_view k;             /* [batch, kv_heads, n_kv, dim] */
  gattn_view edge_values;   /* [batch, heads, edges]; data may be null */
  gattn_view out;           /* [batch, heads, edges] */
  float scale;
  gattn_score score;
  gattn_device_score device_score; /* the same, on a device */
} gattn_advance_job;

/* Allocates nothing. GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED. */
gattn_status gattn_advance_cpu(gattn_context *context,
                               const gattn_advance_job *job);

/* The same where the context computes: on a device on `stream`, in a workspace
 * there of gattn_advance_scratch bytes (SIZE_MAX: they overflow), which is 0 on
 * the CPU. edges need not be opened for the question. */
gattn_status gattn_advance_run(gattn_context *context,
                               const gattn_advance_job *job, void *workspace,
                               void *stream);
size_t gattn_advance_scratch(const gattn_context *context,
                             const gattn_edges *edges, int64_t batch,
                             int64_t heads);

#endif
