/* Matrix Market files from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_MTX_H
#define GATTN_MASKS_MTX_H

#include <gattn/graph.h>

#define GATTN_MTX_ANY_SIZE (-1)

/* gattn_graph_from_mtx_text and gattn_graph_from_mtx for a graph that must be
 * n_q × n_kv, where these are not GATTN_MTX_ANY_SIZE; else GATTN_ERROR_SHAPE,
 * before anything is allocated for it. */
gattn_status gattn_mtx_parse(gattn_context *context, const char *name,
                             const char *text, size_t length, int64_t n_q,
                             int64_t n_kv, gattn_graph **graph);
gattn_status gattn_mtx_read(gattn_context *context, const char *path,
                            int64_t n_q, int64_t n_kv, gattn_graph **graph);

#endif
