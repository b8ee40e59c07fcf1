/* Random masks from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_RANDOM_H
#define GATTN_MASKS_RANDOM_H

#include "masks/graph.h"

/* The parameters of a graph made by gattn_mask_random; false for others. */
bool gattn_random_parameters(const gattn_graph *graph, int64_t *k,
                             int64_t *seed);

#endif
