/* Segmented softmax from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_SEGMENTED_SOFTMAX_H
#define GATTN_OPERATORS_SEGMENTED_SOFTMAX_H

#include "operators/checks.h"
#include "operators/device.h"

/* Operands that agree with each other. weights may be scores; the data of
 * weights or lse may be null. */
typedef struct gattn_segmented_softmax_job {
  const gattn_edges *edges; /* with offsets */
  gattn_view scores;        /* [batch, heads, edges] */
  gattn_view weights;       /* [batch, heads, edges] */
  gattn_view lse;           /* [batch, heads, n_f] */
} gattn_segmented_softmax_job;

/* Allocates nothing. GATTN_ERROR_CANCELLED. */
gattn_status gattn_segmented_softmax_cpu(
    gattn_context *context, const gattn_segmented_softmax_job *job);

/* The same where the context computes: on a device on `stream`, in a workspace
 * there of gattn_segmented_softmax_scratch bytes (SIZE_MAX: they overflow), which is 0 on
 * the CPU. edges need not be opened for the question. */
gattn_status gattn_segmented_softmax_run(gattn_context *context,
                                         const gattn_segmented_softmax_job *job, void *workspace,
                                         void *stream);
size_t gattn_segmented_softmax_scratch(const gattn_context *context,
                                       const gattn_edges *edges, int64_t batch,
                                       int64_t heads);

#endif
