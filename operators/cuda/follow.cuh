/* Kernels that are put on the device while the one before them still runs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of two launches on one stream the second usually waits for the end of the
 * first. Where it is launched by gattn_launch_follower, its blocks are laid out
 * as soon as every block of the first has called gattn_let_follow, or ended; it
 * must call gattn_await_earlier before it touches memory. Needs machine code for
 * compute capability 9.0a; elsewhere these do nothing, and the launch is as
 * any other. */
#ifndef GATTN_OPERATORS_CUDA_FOLLOW_CUH
#define GATTN_OPERATORS_CUDA_FOLLOW_CUH

#include <cuda_runtime.h>

/* All threads of a block, or any of them. */
static __device__ __forceinline__ void gattn_let_follow() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/* Every thread: until earlier kernels' writes are there. */
static __device__ __forceinline__ void gattn_await_earlier() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Whether the build has that machine code, of the list that configure took. */
static constexpr bool gattn_built_to_follow(const char *list) {
  for (; *list; list++)
    if (list[0] == '9' && list[1] == '0' && list[2] == 'a') return true;
  return false;
}

/* A CUDA error code. */
template <typename... Parameters, typename... Arguments>
static cudaError_t gattn_launch_follower(bool follow,
                                         void (*kernel)(Parameters...),
                                         unsigned blocks, unsigned threads,
                                         cudaStream_t stream,
                                         const Arguments &...arguments) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = follow ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

#endif
