/* Between the launcher of window passes and their kernels.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_WINDOWS_LAUNCH_H
#define GATTN_OPERATORS_CUDA_WINDOWS_LAUNCH_H

#include <cuda_runtime.h>

#include "operators/cuda/windows/windows.h"

/* What all warps share. slots: [batch, heads, n_slots, 16] states. */
struct gattn_window_arguments {
  gattn_device_attention attention;
  gattn_window_pass pass;
  gattn_device_state slots;
  int64_t group;   /* heads that share a head of keys */
  int32_t aligned; /* rows of all operands in chunks of 16 bytes */
};

cudaError_t gattn_windows_float16(const gattn_window_arguments &arguments,
                                  cudaStream_t stream);
cudaError_t gattn_windows_bfloat16(const gattn_window_arguments &arguments,
                                   cudaStream_t stream);

#endif
