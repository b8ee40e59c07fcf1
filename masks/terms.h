/* A graph cut into terms. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_TERMS_H
#define GATTN_MASKS_TERMS_H

#include "masks/graph.h"

/* Cuts a graph into terms[] whose union it is: unions are taken apart, also
 * where they stand in an intersection or on the left of a difference, so that
 * (a | b) & c has the terms a & c and b & c. Each term is a reference of the
 * caller. A graph of more than `capacity` (>= 1) terms is one term, itself. */
gattn_status gattn_terms(gattn_context *context, gattn_graph *graph,
                         int64_t capacity, gattn_graph **terms,
                         int64_t *count);

#endif
