/* The current device, streams and errors of the CUDA run time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_runtime_api.h>

#include "lib/device.h"

gattn_status gattn_device_check(gattn_context *context, int error,
                                const char *what) {
  if (!error) return GATTN_SUCCESS;
  cudaGetLastError();
  const gattn_status status = error == cudaErrorMemoryAllocation
                                  ? GATTN_ERROR_MEMORY
                                  : GATTN_ERROR_DEVICE;
  return gattn_fail(context, status, "%s: cuda:%d: %s (%s)", what,
                    (int)gattn_context_device(context) - 1,
                    cudaGetErrorString((cudaError_t)error),
                    cudaGetErrorName((cudaError_t)error));
}

gattn_status gattn_device_enter(gattn_context *context, int *previous) {
  const int ordinal = context->options.device - 1;
  int current;
  cudaError_t error = cudaGetDevice(&current);
  if (!error && current != ordinal) error = cudaSetDevice(ordinal);
  if (!error) *previous = current;
  return gattn_device_check(context, error, "device");
}

void gattn_device_leave(gattn_context *context, int previous) {
  if (previous != context->options.device - 1) cudaSetDevice(previous);
}

gattn_status gattn_device_synchronize(gattn_context *context) {
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  const cudaError_t error =
      cudaStreamSynchronize(gattn_device_stream(context));
  status = gattn_device_check(context, error, "stream");
  gattn_device_leave(context, previous);
  return status;
}

bool gattn_device_capturing(gattn_context *context, void *stream) {
  enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  int previous;
  if (gattn_device_enter(context, &previous)) return false;
  if (cudaStreamIsCapturing(stream, &capture)) cudaGetLastError();
  gattn_device_leave(context, previous);
  return capture != cudaStreamCaptureStatusNone;
}
