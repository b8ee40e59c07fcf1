/* Segmented reduce from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_SEGMENTED_REDUCE_H
#define GATTN_OPERATORS_SEGMENTED_REDUCE_H

#include "operators/checks.h"
#include "operators/device.h"

/* Operands that agree with each other. */
typedef struct gattn_segmented_reduce_job {
  const gattn_edges *edges; /* with offsets */
  gattn_monoid monoid;
  gattn_view values; /* [batch, heads, edges] */
  gattn_view out;    /* [batch, heads, n_f], float32 or int64 */
} gattn_segmented_reduce_job;

/* GATTN_ERROR_ARGUMENT for a number that is no monoid. */
gattn_status gattn_monoid_check(gattn_context *context, gattn_monoid monoid);
/* What rows of it are stored as: float32 or int64. */
gattn_type gattn_monoid_type(gattn_monoid monoid);
const char *gattn_monoid_name(gattn_monoid monoid);

/* Allocates nothing. GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED. */
gattn_status gattn_segmented_reduce_cpu(gattn_context *context,
                                        const gattn_segmented_reduce_job *job);

/* The same where the context computes: on a device on `stream`, in a workspace
 * there of gattn_segmented_reduce_scratch bytes (SIZE_MAX: they overflow), which is 0 on
 * the CPU. edges need not be opened for the question. */
gattn_status gattn_segmented_reduce_run(gattn_context *context,
                                        const gattn_segmented_reduce_job *job, void *workspace,
                                        void *stream);
size_t gattn_segmented_reduce_scratch(const gattn_context *context,
                                      const gattn_edges *edges, int64_t batch,
                                      int64_t heads);

#endif
