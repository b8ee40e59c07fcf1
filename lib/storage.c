/* Memory where a context computes. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/memory.h>

#include <string.h>

#include "lib/device.h"

gattn_status gattn_memory_allocate(gattn_context *context, size_t bytes,
                                   void **memory) {
  if (!context) return GATTN_ERROR_NULL;
  if (!memory) return gattn_fail_null(context, "memory");
  if (bytes > INT64_MAX)
    return gattn_fail(context, GATTN_ERROR_MEMORY,
                      "memory: no memory for %zu bytes", bytes);
  return gattn_on_device(context)
             ? gattn_device_allocate(context, "memory", (int64_t)bytes, 1,
                                     memory)
             : gattn_allocate(context, "memory", (int64_t)bytes, 1, memory);
}

void gattn_memory_release(gattn_context *context, void *memory, size_t bytes) {
  if (!context || !memory) return;
  if (!gattn_on_device(context)) {
    gattn_free(context, memory, (int64_t)bytes, 1);
    return;
  }
  /* What failed on the stream is reported to whoever asks for its results. */
  (void)gattn_device_synchronize(context);
  gattn_device_free(context, memory, (int64_t)bytes, 1);
}

static gattn_status check_copy(gattn_context *context, const void *memory,
                               const void *host, size_t bytes) {
  if (!context) return GATTN_ERROR_NULL;
  if (!memory && bytes) return gattn_fail_null(context, "memory");
  if (!host && bytes) return gattn_fail_null(context, "host");
  return GATTN_SUCCESS;
}

gattn_status gattn_memory_upload(gattn_context *context, void *memory,
                                 const void *host, size_t bytes) {
  gattn_status status = check_copy(context, memory, host, bytes);
  if (status || !bytes) return status;
  if (gattn_on_device(context))
    return gattn_device_upload(context, memory, host, bytes);
  memcpy(memory, host, bytes);
  return GATTN_SUCCESS;
}

gattn_status gattn_memory_download(gattn_context *context, void *host,
                                   const void *memory, size_t bytes) {
  gattn_status status = check_copy(context, memory, host, bytes);
  if (status || !bytes) return status;
  if (gattn_on_device(context))
    return gattn_device_download(context, host, memory, bytes);
  memcpy(host, memory, bytes);
  return GATTN_SUCCESS;
}

gattn_status gattn_synchronize(gattn_context *context) {
  if (!context) return GATTN_ERROR_NULL;
  return gattn_on_device(context) ? gattn_device_synchronize(context)
                                  : GATTN_SUCCESS;
}
