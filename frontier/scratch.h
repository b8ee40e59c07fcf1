/* Memory on the device that a call on frontiers needs while it runs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_FRONTIER_SCRATCH_H
#define GATTN_FRONTIER_SCRATCH_H

#include "frontier/cuda/launch.h"
#include "frontier/frontier.h"

typedef struct gattn_frontier_scratch {
  gattn_context *context;
  int previous;
  char *memory; /* [bytes]: a record, then what kernels want */
  int64_t bytes;
} gattn_frontier_scratch;

enum { GATTN_RECORD_BYTES = 256 }; /* keeps what follows aligned */

static inline gattn_frontier_record *gattn_frontier_record_of(
    const gattn_frontier_scratch *scratch) {
  return (gattn_frontier_record *)scratch->memory;
}

static inline void *gattn_frontier_temp_of(
    const gattn_frontier_scratch *scratch) {
  return scratch->memory + GATTN_RECORD_BYTES;
}

/* For lists of `count` positions and `marks` marked keys; makes the context's
 * device current. */
gattn_status gattn_frontier_scratch_open(gattn_context *context, int64_t count,
                                         int64_t marks,
                                         gattn_frontier_scratch *scratch);

/* Waits for the stream, since memory goes. Hands *out what was made (null where
 * nothing was) if neither status nor the stream failed, else releases it. */
gattn_status gattn_frontier_scratch_close(gattn_frontier_scratch *scratch,
                                          gattn_status status,
                                          gattn_frontier *made,
                                          gattn_frontier **out);

#endif
