/* Plans from inside: steps, edge sets, and where values lie.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_PLAN_H
#define GATTN_PLAN_PLAN_H

#include "operators/device.h"
#include "plan/attend.h"
#include "plan/program.h"

/* One node, or a fused chain that ends in a gather. Indices of nodes. */
typedef struct gattn_step {
  int32_t node;             /* the chain's last */
  int32_t softmax, advance; /* of a fused chain; else -1 */
  gattn_attend *attend;     /* of a fused chain; else null */
  int32_t set;              /* of opened edges; -1 for a fused chain */
  size_t scratch;           /* place of its own in the workspace */
  gattn_device_score score; /* of an advance on a device, with its table: */
  float *table;             /* device [table_size], or null */
  int64_t table_size;
} gattn_step;

/* Where a value lives while a plan executes. */
typedef enum gattn_place {
  GATTN_PLACE_NOWHERE = 0, /* no step touches it */
  GATTN_PLACE_BOUND,       /* an input that is used, or an output */
  GATTN_PLACE_WORKSPACE
} gattn_place;

typedef struct gattn_slot {
  gattn_place place;
  int32_t uses;         /* by nodes that are needed */
  int32_t first, last;  /* the steps between which it lives */
  gattn_value same;     /* shares the memory of this value; or NO_VALUE */
  size_t offset, bytes; /* WORKSPACE */
} gattn_slot;

struct gattn_plan {
  gattn_context *context; /* retained */
  int32_t n_values, n_nodes, n_steps, n_sets;
  gattn_value_info *values; /* [n_values], edges counted where used */
  gattn_slot *slots;        /* [n_values] */
  gattn_node *nodes;        /* [n_nodes] graphs and frontiers retained */
  bool *needed;             /* [n_nodes] */
  gattn_step *steps;        /* [n_steps], room for n_nodes */
  gattn_edges *sets;        /* [n_sets], room for n_nodes; with offsets */
  size_t workspace;
  gattn_planning planning; /* what the caller asked of it */
};

/* Which nodes an output needs, and how often each value is used. */
void gattn_plan_trace(gattn_plan *plan);

/* The steps, fused where `fuse` and possible, and the edge sets. */
gattn_status gattn_plan_make_steps(gattn_plan *plan, bool fuse);

/* A place in the workspace for every value that is not bound.
 * GATTN_ERROR_OVERFLOW. */
gattn_status gattn_plan_place(gattn_plan *plan);

#endif
