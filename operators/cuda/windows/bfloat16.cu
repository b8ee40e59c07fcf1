/* Windows of bfloat16. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/windows/kernel.cuh"

cudaError_t gattn_windows_bfloat16(const gattn_window_arguments &arguments,
                                   cudaStream_t stream) {
  return gattn_window_choose<__nv_bfloat16>(arguments, stream);
}
