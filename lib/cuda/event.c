/* Points in the work of a stream. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_runtime_api.h>

#include "lib/device.h"

gattn_status gattn_device_event_create(gattn_context *context, void **event) {
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  cudaEvent_t created;
  status = gattn_device_check(context, cudaEventCreate(&created), "event");
  gattn_device_leave(context, previous);
  if (!status) *event = created;
  return status;
}

void gattn_device_event_destroy(gattn_context *context, void *event) {
  int previous;
  if (gattn_device_enter(context, &previous)) return;
  if (cudaEventDestroy(event)) cudaGetLastError();
  gattn_device_leave(context, previous);
}

gattn_status gattn_device_event_record(gattn_context *context, void *event,
                                       void *stream) {
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status =
      gattn_device_check(context, cudaEventRecord(event, stream), "event");
  gattn_device_leave(context, previous);
  return status;
}

gattn_status gattn_device_event_elapsed(gattn_context *context, void *from,
                                        void *to, double *seconds) {
  int previous;
  float milliseconds = 0;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  cudaError_t error = cudaEventSynchronize(to);
  if (!error) error = cudaEventElapsedTime(&milliseconds, from, to);
  status = gattn_device_check(context, error, "event");
  gattn_device_leave(context, previous);
  if (!status) *seconds = 1e-3 * (double)milliseconds;
  return status;
}
