/* Programs from inside: values and the nodes that compute them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_PROGRAM_H
#define GATTN_PLAN_PROGRAM_H

#include <gattn/program.h>

#include "operators/checks.h"

typedef enum gattn_node_kind {
  GATTN_NODE_ADVANCE = 0,
  GATTN_NODE_SEGMENTED_REDUCE,
  GATTN_NODE_SEGMENTED_SOFTMAX,
  GATTN_NODE_GATHER
} gattn_node_kind;

/* One operator. inputs and outputs that it does not have are
 * GATTN_NO_VALUE. */
typedef struct gattn_node {
  gattn_node_kind kind;
  gattn_edges edges;      /* graph and frontier retained; no offsets */
  gattn_value inputs[3];  /* advance: q, k, edge_values; segmented_reduce:
                           * values; segmented_softmax: scores; gather:
                           * weights, v */
  gattn_value outputs[2]; /* segmented_softmax: weights, lse; else one */
  float scale;            /* advance */
  gattn_score score;      /* advance */
  gattn_monoid monoid;    /* segmented_reduce */
} gattn_node;

typedef enum gattn_value_kind {
  GATTN_VALUE_TENSOR = 0, /* [batch, heads, rows, dim] or what is bound */
  GATTN_VALUE_EDGES,      /* [batch, heads, edges] of its node's edges */
  GATTN_VALUE_ROWS        /* [batch, heads, n_f] */
} gattn_value_kind;

enum { GATTN_NAME_SIZE = 48 };

typedef struct gattn_value_info {
  gattn_value_kind kind;
  gattn_type type;
  int32_t rank;
  int64_t shape[GATTN_MAX_RANK]; /* EDGES: the last is -1 until counted */
  int32_t node;                  /* that computes it; -1 for an input */
  bool output;
  char name[GATTN_NAME_SIZE];
} gattn_value_info;

struct gattn_program {
  gattn_context *context; /* retained */
  gattn_value_info *values;
  gattn_node *nodes; /* in an order in which they can run */
  int32_t n_values, n_nodes, value_capacity, node_capacity;
};

/* Room for so many more values and nodes. */
gattn_status gattn_program_reserve(gattn_program *program, int32_t values,
                                   int32_t nodes);

/* Appends a value computed by the node that will be appended next. */
gattn_value gattn_program_append_value(gattn_program *program,
                                       gattn_value_kind kind, gattn_type type,
                                       int32_t rank, const int64_t *shape);

/* A value as a view without data; axes as in gattn_view_of.
 * GATTN_ERROR_SHAPE. */
gattn_status gattn_value_view(gattn_context *context, const char *name,
                              const gattn_value_info *value, int axes,
                              gattn_view *view);

#endif
