/* Opening a CUDA device for a context. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

#include "lib/cuda/probe.h"
#include "lib/device.h"

enum { OLDEST_CAPABILITY = 80 };

/* The reason that stands in text[GATTN_MESSAGE_SIZE], and its status. The
 * error was described, so the run time may forget it. */
static gattn_status refuse(char *text, int32_t ordinal, const char *why,
                           int error) {
  const char *what = cudaGetErrorString((cudaError_t)error);
  cudaGetLastError();
  snprintf(text, GATTN_MESSAGE_SIZE,
           "cuda:%d is not available: %s%s%s", (int)ordinal,
           why, error ? ": " : "", error ? what : "");
  return error == cudaErrorMemoryAllocation ? GATTN_ERROR_MEMORY
                                            : GATTN_ERROR_DEVICE;
}

static cudaError_t read_facts(int ordinal, gattn_device_facts *facts) {
  struct cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceProperties(&properties, ordinal);
  if (error) return error;
  *facts = (gattn_device_facts){
      .capability = 10 * properties.major + properties.minor,
      .multiprocessors = properties.multiProcessorCount,
      .shared_bytes = (int64_t)properties.sharedMemPerBlockOptin,
      .l2_bytes = properties.l2CacheSize,
      .memory_bytes = (int64_t)properties.totalGlobalMem};
  snprintf(facts->name, sizeof facts->name, "%.63s", properties.name);
  return cudaSuccess;
}

/* What makes tensor maps, from a driver that has it for this device. */
static void *find_encode_tiled(const gattn_device_facts *facts) {
  enum { FIRST_CAPABILITY = 90, FIRST_DRIVER = 12000 };
  void *function = NULL;
  enum cudaDriverEntryPointQueryResult found =
      cudaDriverEntryPointSymbolNotFound;
  if (facts->capability < FIRST_CAPABILITY) return NULL;
  const cudaError_t error =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                       FIRST_DRIVER, cudaEnableDefault, &found);
  if (error) cudaGetLastError();
  return error || found != cudaDriverEntryPointSuccess ? NULL : function;
}

/* Makes the device current for as long as the probe lasts. */
static cudaError_t probe(int ordinal) {
  int previous;
  cudaError_t error = cudaGetDevice(&previous);
  if (error) return error;
  error = cudaSetDevice(ordinal);
  if (!error) error = (cudaError_t)gattn_probe_device();
  if (previous != ordinal) cudaSetDevice(previous);
  return error;
}

int32_t gattn_device_number(void) {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

gattn_status gattn_device_open(gattn_device device, gattn_device_facts *facts,
                               char *text) {
  const int32_t ordinal = device - 1;
  int count = 0;
  char why[192];
  *facts = (gattn_device_facts){0};
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver)
    return refuse(text, ordinal, "no CUDA driver, or one too old", error);
  if (error) return refuse(text, ordinal, "no CUDA devices", error);
  if (ordinal >= count) {
    snprintf(why, sizeof why, "there %s %d CUDA device%s",
             count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
    return refuse(text, ordinal, why, 0);
  }
  error = read_facts(ordinal, facts);
  if (error) return refuse(text, ordinal, "its properties", error);
  if (facts->capability < OLDEST_CAPABILITY) {
    snprintf(why, sizeof why,
             "%s has compute capability %d.%d, 8.0 is the oldest supported",
             facts->name, (int)facts->capability / 10,
             (int)facts->capability % 10);
    return refuse(text, ordinal, why, 0);
  }
  error = probe(ordinal);
  if (error == cudaErrorNoKernelImageForDevice ||
      error == cudaErrorUnsupportedPtxVersion) {
    snprintf(why, sizeof why,
             "this build is for " GATTN_CUDA_ARCH ", not for its %d.%d",
             (int)facts->capability / 10, (int)facts->capability % 10);
    return refuse(text, ordinal, why, error);
  }
  if (error) return refuse(text, ordinal, "it does not start", error);
  facts->encode_tiled = find_encode_tiled(facts);
  return GATTN_SUCCESS;
}
