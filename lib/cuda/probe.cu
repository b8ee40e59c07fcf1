/* Whether this build has machine code, or PTX, for the current device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lib/cuda/probe.h"

#include <cuda_runtime_api.h>

static __global__ void nothing() {}

int gattn_probe_device() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, nothing);
}
