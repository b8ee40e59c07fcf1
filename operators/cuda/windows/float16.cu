/* Windows of float16. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/windows/kernel.cuh"

cudaError_t gattn_windows_float16(const gattn_window_arguments &arguments,
                                  cudaStream_t stream) {
  return gattn_window_choose<__half>(arguments, stream);
}
