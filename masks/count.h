/* Closed-form counts of whole mask expressions.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_COUNT_H
#define GATTN_MASKS_COUNT_H

#include "masks/graph.h"

/* Counts rows [begin, end) in closed form where there is one, else by walking.
 * GATTN_ERROR_TOO_LARGE, GATTN_ERROR_CANCELLED, GATTN_ERROR_CALLBACK. */
gattn_status gattn_count_rows(gattn_context *context, const gattn_graph *graph,
                              int64_t begin, int64_t end,
                              gattn_counts *counts);

/* The closed forms alone, begin < end; false when there is none. */
bool gattn_count_closed(const gattn_graph *graph, int64_t begin, int64_t end,
                        gattn_counts *counts);

/* Counts rows [begin, end), begin < end, of a graph whose class, or whose
 * operands' classes, have `atoms`. False, and nothing written, when some part
 * has none or when the count would take more than about a second. */
bool gattn_count_expression(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts);

/* The degree of row i of such a graph, without walking it. */
bool gattn_degree_expression(const gattn_graph *graph, int64_t i,
                             int64_t *degree);

#endif
