/* One definition for host C, host C++ and the device.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_HOST_DEVICE_H
#define GATTN_OPERATORS_CUDA_HOST_DEVICE_H

#include <stdint.h>

#ifdef __CUDACC__
#define GATTN_HD static __host__ __device__ __forceinline__
#else
#define GATTN_HD static inline
#endif

#endif
