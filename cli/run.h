/* What gattn run was asked for, and the arrays it works on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_RUN_H
#define GATTN_CLI_RUN_H

#include "cli/planning.h"

enum { RUN_Q, RUN_K, RUN_V, RUN_O, RUN_L, RUN_ARRAYS };

typedef struct run_request {
  const char *mask, *frontier;
  const char *path[RUN_ARRAYS]; /* RUN_L may be null */
  double scale;
  bool has_scale, explain;
  cli_session_options machine;
  cli_planning planning;
} run_request;

typedef struct run_work {
  gattn_npy *npy[RUN_ARRAYS];
  int32_t rank;                  /* of the files */
  gattn_tensor view[RUN_ARRAYS]; /* [batch, heads, rows, dim]; lse without
                                  * dim */
  gattn_tensor bound[RUN_ARRAYS]; /* the same where the context computes */
  size_t bound_bytes[RUN_ARRAYS]; /* of a copy that run_place made; 0: none */
  gattn_value value[RUN_ARRAYS];
  gattn_graph *graph;
  gattn_frontier *frontier; /* null: every query vertex */
  gattn_plan *plan;
  size_t bytes; /* of workspace */
} run_work;

/* Maps Q, K and V and checks that they belong together. Exit statuses, here
 * and below. */
int run_open_inputs(cli_session *session, const run_request *request,
                    run_work *work);
/* Reserves O and L, which appear when they are committed: both or neither. */
int run_create_outputs(cli_session *session, const run_request *request,
                       run_work *work);
int run_commit_outputs(cli_session *session, const run_request *request,
                       run_work *work);

/* Brings the inputs to where the context computes, with room for the outputs,
 * and the outputs back: on the CPU the arrays are bound as they are. */
int run_place(cli_session *session, run_work *work);
int run_fetch(cli_session *session, run_work *work);
void run_displace(cli_session *session, run_work *work);

#endif
