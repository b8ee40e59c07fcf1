/* Block masks from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_BLOCKMASK_H
#define GATTN_MASKS_BLOCKMASK_H

#include "masks/graph.h"

/* The graph over blocks of a graph made by gattn_mask_blockmask, borrowed, and
 * the size of a block; false for others. */
bool gattn_blockmask_parameters(const gattn_graph *graph, gattn_graph **blocks,
                                int64_t *b);

#endif
