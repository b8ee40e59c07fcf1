/* A tile list put together in the plainest way.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_TILE_LIST_H
#define GATTN_TESTS_TILE_LIST_H

#include "plan/device/lowered.h"

/* gattn_device_target's functions, with all pointers on the host: rows are
 * asked for their runs, one after another. */
gattn_status tile_list_survey(gattn_context *context, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t dense, gattn_tile_sample *sample);
gattn_status tile_list_build(gattn_context *context, gattn_frontier *frontier,
                             const gattn_device_attention *geometry,
                             const gattn_tile_pass *pass, gattn_graph *graph,
                             int64_t least, gattn_tile_store *store);

#endif
