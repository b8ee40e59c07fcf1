/* Memory on the device that a call on frontiers needs while it runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/scratch.h"

#include "lib/device.h"

gattn_status gattn_frontier_scratch_open(gattn_context *context, int64_t count,
                                         int64_t marks,
                                         gattn_frontier_scratch *scratch) {
  *scratch = (gattn_frontier_scratch){.context = context};
  gattn_status status = gattn_device_enter(context, &scratch->previous);
  if (status) return status;
  const size_t temp = gattn_frontier_temp(count, marks);
  void *memory;
  scratch->bytes = temp > INT64_MAX - GATTN_RECORD_BYTES
                       ? INT64_MAX
                       : (int64_t)temp + GATTN_RECORD_BYTES;
  status = gattn_device_allocate(context, "scratch of a frontier",
                                 scratch->bytes, 1, &memory);
  if (status)
    gattn_device_leave(context, scratch->previous);
  else
    scratch->memory = memory;
  return status;
}

gattn_status gattn_frontier_scratch_close(gattn_frontier_scratch *scratch,
                                          gattn_status status,
                                          gattn_frontier *made,
                                          gattn_frontier **out) {
  gattn_context *context = scratch->context;
  gattn_status waited = gattn_device_synchronize(context);
  gattn_device_free(context, scratch->memory, scratch->bytes, 1);
  gattn_device_leave(context, scratch->previous);
  return gattn_frontier_finish(status ? status : waited, made, out);
}
