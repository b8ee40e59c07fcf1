/* Filling a tensor with numbers of a sequence. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_MEASURE_NORMAL_H
#define GATTN_OPERATORS_MEASURE_NORMAL_H

#include <gattn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Elements [0, count) of the tensor, in device memory: a CUDA error code. */
int gattn_fill_normal_launch(uint64_t seed, const gattn_tensor *tensor,
                             int64_t count, void *stream);

#ifdef __cplusplus
}
#endif

#endif
