/* Gather from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_GATHER_H
#define GATTN_OPERATORS_GATHER_H

#include "operators/checks.h"
#include "operators/device.h"

/* Operands that agree with each other. */
typedef struct gattn_gather_job {
  const gattn_edges *edges; /* with offsets */
  gattn_view weights;       /* [batch, heads, edges] */
  gattn_view v;             /* [batch, kv_heads, n_kv, dim] */
  gattn_view o;             /* [batch, heads, n_f, dim] */
} gattn_gather_job;

/* Allocates nothing. GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED. */
gattn_status gattn_gather_cpu(gattn_context *context,
                              const gattn_gather_job *job);

/* The same where the context computes: on a device on `stream`, in a workspace
 * there of gattn_gather_scratch bytes (SIZE_MAX: they overflow), which is 0 on
 * the CPU. edges need not be opened for the question. */
gattn_status gattn_gather_run(gattn_context *context,
                              const gattn_gather_job *job, void *workspace,
                              void *stream);
size_t gattn_gather_scratch(const gattn_context *context,
                            const gattn_edges *edges, int64_t batch,
                            int64_t heads, int64_t dim);

#endif
