/* The rows of a frontier as edge lists on the device.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_ROWS_H
#define GATTN_OPERATORS_CUDA_ROWS_H

#include "frontier/frontier.h"
#include "masks/graph.h"
#include "operators/cuda/attention.h"

/* The neighbours of the frontier's vertices (null: all), row by row, on the
 * context's device. A graph is not a stack: ask once a head.
 *
 * A graph that is stored on the device lends its arrays where they are in the
 * frontier's order already: the rows are then valid as long as the graph, and
 * `edges` is its capacity. Otherwise arrays are made: random keys and rows of a
 * device graph by the device, anything else by the context's threads and
 * uploaded piece by piece.
 *
 * May synchronise and allocate: for planning, not for executing.
 * GATTN_ERROR_TOO_LARGE, GATTN_ERROR_CALLBACK, GATTN_ERROR_CANCELLED,
 * GATTN_ERROR_MEMORY, GATTN_ERROR_DEVICE. */
gattn_status gattn_device_rows_make(gattn_context *context, gattn_graph *graph,
                                    gattn_frontier *frontier,
                                    gattn_device_rows *rows);

/* Frees what was made; nothing that was lent. Zeroed rows may be freed. */
void gattn_device_rows_free(gattn_context *context, gattn_device_rows *rows);

#endif
