/* The fixed pattern from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_FIXED_H
#define GATTN_MASKS_FIXED_H

#include "masks/graph.h"

/* The parameters of gattn_mask_fixed(s, c); false for others. */
bool gattn_fixed_parameters(const gattn_graph *graph, int64_t *s, int64_t *c);

/* The tails of fixed(s, c): j mod s >= s - c, whatever the row. With blocks(s)
 * they make the whole. No expression names them. */
gattn_status gattn_mask_tails(gattn_context *context, int64_t n_q, int64_t n_kv,
                              int64_t s, int64_t c, gattn_graph **graph);

/* The parameters of tails; false for others. */
bool gattn_tails_parameters(const gattn_graph *graph, int64_t *s, int64_t *c);

#endif
