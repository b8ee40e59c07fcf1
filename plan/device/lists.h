/* Tile lists made on the device. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_LISTS_H
#define GATTN_PLAN_DEVICE_LISTS_H

#include "plan/device/lowered.h"

/* gattn_device_target's functions. `pass` and `geometry` have their pointers on
 * the host; the list has its own on the device. They wait for the device, and
 * give back all memory but the list's. Lists are exact and the same in every
 * run: tiles ascend, patterns are numbered in the order in which they first
 * stand, each pattern once. */
gattn_status gattn_list_survey(gattn_context *context,
                               gattn_frontier *frontier,
                               const gattn_device_attention *geometry,
                               const gattn_tile_pass *pass,
                               gattn_graph *graph, int64_t dense,
                               gattn_tile_sample *sample);
gattn_status gattn_list_build(gattn_context *context, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t least, gattn_tile_store *store);

/* The edges of an expression as rows of the frontier's vertices, which it owns,
 * where the device can put them together: *made is false where it cannot, since
 * a closed form has edges that no stored row names, or where there is nothing to
 * put together. With a part, edges of its list are left out. */
gattn_status gattn_list_edges(gattn_context *context, gattn_graph *graph,
                              gattn_frontier *frontier,
                              const gattn_device_part *apart,
                              gattn_device_rows *rows, bool *made);

/* gattn_list_build with hashes of fewer bits: what tests see where patterns
 * share one. */
gattn_status gattn_list_build_hashed(gattn_context *context,
                                     gattn_frontier *frontier,
                                     const gattn_device_attention *geometry,
                                     const gattn_tile_pass *pass,
                                     gattn_graph *graph, int64_t least,
                                     uint64_t hash_mask,
                                     gattn_tile_store *store);

#endif
