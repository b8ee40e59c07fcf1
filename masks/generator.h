/* Users' generators from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_GENERATOR_H
#define GATTN_MASKS_GENERATOR_H

#include "masks/graph.h"

/* The edges of rows [begin, end) by the generator's own edges_before; false
 * for any other graph, and for a generator without one. */
bool gattn_generator_edges(const gattn_graph *graph, int64_t begin,
                           int64_t end, gattn_wide *edges);

#endif
