/* Score functions. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_SCORE_H
#define GATTN_SCORE_H

#include <gattn/tensor.h>

GATTN_BEGIN_DECLS

/* What a score function sees of one edge, after GraphBLAS's index-binary
 * operators. */
typedef struct gattn_edge {
  int64_t i;    /* query vertex */
  int64_t j;    /* key vertex */
  int64_t head; /* query head */
  int64_t batch;
  float value;  /* the edge's own value where the call carries edge values,
                 * else 0 */
} gattn_edge;

/* s = f(dot): dot is scale · q_i·k_j. Pure; called from many threads at once.
 * −inf removes the edge. */
typedef float (*gattn_score_function)(float dot, const gattn_edge *edge,
                                      const void *parameters);

typedef enum gattn_score_kind {
  GATTN_SCORE_IDENTITY = 0, /* s = dot */
  GATTN_SCORE_FUNCTION = 1, /* s = function(dot, edge, parameters) */
  GATTN_SCORE_ALIBI = 2,    /* s = dot − table[head]·|i − j| (Press et al.
                             * 2021); count = query heads */
  GATTN_SCORE_SOFTCAP = 3,  /* s = cap·tanh(dot / cap); cap > 0 */
  GATTN_SCORE_RELATIVE = 4, /* s = dot + table[head·count + c], where c =
                             * clamp(j − i, −(count−1)/2, (count−1)/2) +
                             * (count−1)/2; count odd, a row a query head */
  GATTN_SCORE_EDGE_BIAS = 5,  /* s = dot + value of the edge */
  GATTN_SCORE_EDGE_SCALE = 6  /* s = dot · value of the edge */
} gattn_score_kind;

/* Zero (or a null pointer where one is taken) is the identity. */
typedef struct gattn_score {
  size_t struct_size; /* sizeof(gattn_score) */
  gattn_score_kind kind;
  gattn_score_function function; /* FUNCTION */
  const void *parameters;        /* FUNCTION; borrowed while a plan lives */
  const float *table;            /* ALIBI, RELATIVE; borrowed likewise */
  int64_t count;                 /* ALIBI, RELATIVE: see above */
  float cap;                     /* SOFTCAP */
  const char *name;              /* for explain; may be null */
} gattn_score;

/* GATTN_ERROR_STRUCT_SIZE, GATTN_ERROR_NULL (function or table),
 * GATTN_ERROR_ARGUMENT (kind, count, cap), GATTN_ERROR_SHAPE (count and
 * heads). Null is the identity and valid. */
GATTN_API gattn_status gattn_score_check(gattn_context *context,
                                         const gattn_score *score,
                                         int64_t heads);

GATTN_END_DECLS

#endif
