/* Walking rows where no closed form answers: how much it is, and doing it with
 * threads, progress and an end. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_WALK_H
#define GATTN_MASKS_WALK_H

#include "masks/graph.h"

/* A walk that was estimated to be within GATTN_WALK_LIMIT ends in
 * GATTN_ERROR_TOO_LARGE here. */
#define GATTN_WALK_LOST (2 * GATTN_WALK_LIMIT)

/* About how many runs a walk of row i passes over; 0 where the class knows the
 * degree. Takes a bounded number of steps, also on a row that does not end. */
double gattn_row_work(const gattn_graph *graph, int64_t i);

/* About how many rows and runs a walk of rows [begin, end) passes over, from a
 * sample of them. Also bounded. */
double gattn_walk_work(const gattn_graph *graph, int64_t begin, int64_t end);

/* GATTN_ERROR_TOO_LARGE, with a sentence, when `work` is beyond
 * GATTN_WALK_LIMIT; `what` is the walk's purpose, "counting". */
gattn_status gattn_walk_check(gattn_context *context, const char *what,
                              double work);

/* The degree of row i, in closed form or by its runs; adds the runs passed to
 * *walked, and ends early once the walk is lost. */
int64_t gattn_walk_degree(const gattn_graph *graph, int64_t i,
                          int64_t *walked);

/* Walks a block of rows and returns the rows and runs that were passed. Called
 * from many threads at once. */
typedef int64_t (*gattn_walk_block)(void *user, int64_t begin, int64_t end);

/* Calls `block` over rows [begin, end) cut into blocks, on the context's
 * threads, reporting progress between rounds. `work` is the estimate that was
 * made. GATTN_ERROR_TOO_LARGE, also when the blocks have returned more than
 * GATTN_WALK_LOST together; GATTN_ERROR_CANCELLED. */
gattn_status gattn_walk_rows(gattn_context *context, const char *what,
                             int64_t begin, int64_t end, double work,
                             gattn_walk_block block, void *user);

#endif
