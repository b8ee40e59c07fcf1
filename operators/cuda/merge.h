/* The merge of pieces right behind their pass.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_MERGE_H
#define GATTN_OPERATORS_CUDA_MERGE_H

#include "operators/cuda/attention.h"

#ifdef __cplusplus
extern "C" {
#endif

/* gattn_merge_launch where the latest launch on the stream was the tile pass
 * whose pieces are merged: on Hopper it is laid out while that still runs. */
int gattn_merge_behind_launch(const gattn_device_attention *attention,
                              const gattn_merge_pass *pass, void *stream);

#ifdef __cplusplus
}
#endif

#endif
