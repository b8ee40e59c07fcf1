/* Score functions from inside: one edge at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_SCORE_H
#define GATTN_OPERATORS_SCORE_H

#include <math.h>
#include <stdbool.h>

#include <gattn/score.h>

/* How a score treats the edges' own values. */
typedef enum gattn_score_values {
  GATTN_VALUES_UNUSED = 0,
  GATTN_VALUES_OPTIONAL, /* a user's function may read edge->value */
  GATTN_VALUES_REQUIRED
} gattn_score_values;

/* score may be null: the identity. */
gattn_score_values gattn_score_reads(const gattn_score *score);

/* The score's own name, else that of its kind. Never null. */
const char *gattn_score_name(const gattn_score *score);

/* A copy, with null as the identity. */
static inline gattn_score gattn_score_of(const gattn_score *score) {
  return score ? *score : (gattn_score){.struct_size = sizeof *score};
}

/* The bias of a RELATIVE score on an edge. */
static inline float gattn_score_relative(const gattn_score *score,
                                         const gattn_edge *edge) {
  int64_t reach = (score->count - 1) / 2;
  int64_t offset = edge->j - edge->i;
  if (offset < -reach) offset = -reach;
  if (offset > reach) offset = reach;
  return score->table[edge->head * score->count + offset + reach];
}

/* s = score(dot) on one edge; the score has been checked and is not null. */
static inline float gattn_score_apply(const gattn_score *score, float dot,
                                      const gattn_edge *edge) {
  switch (score->kind) {
    case GATTN_SCORE_IDENTITY:
      return dot;
    case GATTN_SCORE_FUNCTION:
      return score->function(dot, edge, score->parameters);
    case GATTN_SCORE_ALIBI: {
      int64_t apart = edge->i > edge->j ? edge->i - edge->j : edge->j - edge->i;
      return dot - score->table[edge->head] * (float)apart;
    }
    case GATTN_SCORE_SOFTCAP:
      return score->cap * tanhf(dot / score->cap);
    case GATTN_SCORE_RELATIVE:
      return dot + gattn_score_relative(score, edge);
    case GATTN_SCORE_EDGE_BIAS:
      return dot + edge->value;
    case GATTN_SCORE_EDGE_SCALE:
      return dot * edge->value;
  }
  return dot;
}

#endif
