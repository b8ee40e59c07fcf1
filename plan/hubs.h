/* Hub rows: the few rows of a mask that hold all keys.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_HUBS_H
#define GATTN_PLAN_HUBS_H

#include "plan/attend.h"

enum {
  GATTN_HUB_ROWS = 2048, /* more balance without being split */
  GATTN_HUB_KEYS = 2048  /* rows shorter than this are not split */
};

/* The vertices that are hubs, and which positions of the frontier are theirs.
 */
typedef struct gattn_hubs {
  gattn_range *vertices; /* [n_ranges], sorted and disjoint; room: capacity */
  int64_t n_ranges, capacity;
  int64_t *positions; /* [count], ascending where the frontier is a range */
  int64_t count;
} gattn_hubs;

/* Whether a term of such a shape is a few whole rows worth splitting,
 * *rows_left at most: those are taken off. */
bool gattn_is_hub(const gattn_attend_problem *problem, const gattn_shape *shape,
                  int64_t *rows_left);

/* The hubs among the problem's frontier that terms[n], hubs all, make. */
gattn_status gattn_hubs_make(gattn_context *context,
                             const gattn_attend_problem *problem,
                             gattn_graph *const *terms, int64_t n,
                             gattn_hubs *hubs);
void gattn_hubs_clear(gattn_context *context, gattn_hubs *hubs);

/* ------------------------------------------------------------ terms */

/* Whether the frontier is a range, and whether it has all query vertices in
 * their order. */
bool gattn_is_consecutive(const gattn_frontier *frontier);
bool gattn_is_everything(const gattn_attend_problem *problem);

/* The union of *graph, a reference or null, and more, put in its place. */
gattn_status gattn_unite(gattn_context *context, gattn_graph **graph,
                         gattn_graph *more);

#endif
