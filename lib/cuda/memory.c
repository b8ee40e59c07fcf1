/* Device memory: the context's allocator, and copies.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_runtime_api.h>

#include "lib/device.h"

enum { ALIGNMENT = 256 };

/* An empty array still has an address, so that null means failure alone. */
static size_t bytes_of(int64_t count, size_t size) {
  size_t bytes = (size_t)count * size;
  return bytes ? bytes : 1;
}

static gattn_status allocate(gattn_context *context, const char *what,
                             size_t bytes, void **memory) {
  const gattn_allocator *own = &context->options.device_allocator;
  void *got = NULL;
  cudaError_t error = cudaSuccess;
  if (own->allocate)
    got = own->allocate(own->user, bytes, ALIGNMENT);
  else
    error = cudaMalloc(&got, bytes);
  if (error && error != cudaErrorMemoryAllocation)
    return gattn_device_check(context, error, what);
  if (!got) {
    cudaGetLastError();
    return gattn_fail(context, GATTN_ERROR_MEMORY,
                      "%s: no device memory for %zu bytes", what, bytes);
  }
  *memory = got;
  return GATTN_SUCCESS;
}

gattn_status gattn_device_allocate(gattn_context *context, const char *what,
                                   int64_t count, size_t size, void **memory) {
  int64_t bytes;
  if (!gattn_multiply(count, (int64_t)size, &bytes))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "%s: %lld elements of %zu bytes overflow", what,
                      (long long)count, size);
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = allocate(context, what, bytes_of(count, size), memory);
  gattn_device_leave(context, previous);
  return status;
}

void gattn_device_free(gattn_context *context, void *memory, int64_t count,
                       size_t size) {
  const gattn_allocator *own = &context->options.device_allocator;
  if (!memory) return;
  /* Where the device cannot be entered its memory still goes back. */
  int previous;
  const gattn_status entered = gattn_device_enter(context, &previous);
  if (own->allocate)
    own->release(own->user, memory, bytes_of(count, size));
  else if (cudaFree(memory))
    cudaGetLastError();
  if (!entered) gattn_device_leave(context, previous);
}

static gattn_status copy(gattn_context *context, void *to, const void *from,
                         size_t bytes, enum cudaMemcpyKind kind,
                         const char *what) {
  if (!bytes) return GATTN_SUCCESS;
  int previous;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  cudaStream_t stream = gattn_device_stream(context);
  cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, stream);
  if (!error) error = cudaStreamSynchronize(stream);
  status = gattn_device_check(context, error, what);
  gattn_device_leave(context, previous);
  return status;
}

gattn_status gattn_device_upload(gattn_context *context, void *device,
                                 const void *host, size_t bytes) {
  return copy(context, device, host, bytes, cudaMemcpyHostToDevice, "upload");
}

gattn_status gattn_device_download(gattn_context *context, void *host,
                                   const void *device, size_t bytes) {
  return copy(context, host, device, bytes, cudaMemcpyDeviceToHost,
              "download");
}
