/* The naive oracle: attention and its operators in float64, dense loops
 * written from contract.md section 1. It knows nothing of the library but the
 * tensor view, so that a test compares two independent answers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_ORACLE_H
#define GATTN_TESTS_ORACLE_H

#include <stdbool.h>

#include <gattn/tensor.h>

/* ------------------------------------------------------------ arrays */

/* Where the elements of [batch, heads, rows, dim] lie. */
typedef enum oracle_layout {
  ORACLE_DENSE = 0,
  ORACLE_HEADS_INSIDE, /* [batch, rows, heads, dim], as projections write it */
  ORACLE_PADDED,       /* rows longer than dim, a gap between elements */
  ORACLE_REVERSED,     /* rows stored last to first: a negative stride */
  ORACLE_LAYOUTS
} oracle_layout;

/* A tensor with memory of its own, and the same elements as dense doubles. */
typedef struct oracle_array {
  gattn_tensor tensor;
  double *values; /* [batch, heads, rows, dim], what the storage holds */
  void *memory;   /* [bytes] */
  size_t bytes;
  int64_t elements;
  gattn_context *context; /* of the place; null until there is one */
  void *place;            /* [bytes] on the context's device: a copy of memory,
                           * and what the tensor is a view of */
  char *origin;           /* in memory, what tensor.data is in the place */
} oracle_array;

/* Aligns the rank axes of shape at the last of four and fills with values
 * that the type holds exactly: uniform in [-2, 2), from the seed. */
oracle_array oracle_array_make(gattn_type type, int rank, const int64_t *shape,
                               oracle_layout layout, uint64_t seed);
void oracle_array_free(oracle_array *array);
/* Moves the storage to where the context computes: on the CPU it stays. The
 * context must outlive the array. Fails the running test without memory. */
void oracle_array_place(oracle_array *array, gattn_context *context);
/* One element, in C order, of both storage and values. */
void oracle_array_set(oracle_array *array, int64_t element, double value);
/* All of them at once: values[elements]. */
void oracle_array_fill(oracle_array *array, const double *values);
/* values from storage, after the library wrote it. */
void oracle_array_read(oracle_array *array);

/* The next number of a generator: uniform in [0, 2^64). */
uint64_t oracle_random(uint64_t *state);

/* Fails the running test unless got (read from storage) is expected, element
 * by element: NaN for NaN, the same infinity, else within 1e-5·scale (the size
 * that intermediate values reach, e.g. the largest |v|) and the rounding of
 * the storage type. */
void oracle_assert_close(const char *what, oracle_array *got,
                         const double *expected, double scale);
/* Relative error that storing in the type, and float32 before it, may cause. */
double oracle_tolerance(gattn_type type);

/* ------------------------------------------------------------ attention */

/* A score function of the oracle's own. */
typedef double (*oracle_score)(double dot, int64_t i, int64_t j, int64_t head,
                               int64_t batch, double value,
                               const void *parameters);

typedef struct oracle_problem {
  int64_t batch, heads, kv_heads, n_q, n_f, n_kv, dim, dim_v;
  const int64_t *vertices; /* [n_f]; null: row p is vertex p */
  const bool *edge;        /* [mask_heads, n_q, n_kv] */
  int64_t mask_heads;      /* 1, or heads */
  const double *q, *k, *v; /* [batch, heads, n_f, dim] and so on, dense */
  double scale;            /* 0: 1/sqrt(dim) */
  oracle_score score;      /* null: identity */
  const void *parameters;
  const double *edge_values; /* [batch, heads, n_f, n_kv]; null: 0 */
} oracle_problem;

/* Is (vertex of row p) -> j an edge for head h? */
bool oracle_edge(const oracle_problem *problem, int64_t h, int64_t p,
                 int64_t j);

/* scores[batch, heads, n_f, n_kv]: s_ij on edges, -inf elsewhere. */
void oracle_scores(const oracle_problem *problem, double *scores);
/* weights and lse[batch, heads, n_f] from scores; 0 where there is no edge. */
void oracle_softmax(const oracle_problem *problem, const double *scores,
                    double *weights, double *lse);
/* o[batch, heads, n_f, dim_v]; an edge of weight 0 adds nothing. */
void oracle_gather(const oracle_problem *problem, const double *weights,
                   double *o);
/* All three. */
void oracle_attention(const oracle_problem *problem, double *o, double *lse);

/* The edges of row order, counted and packed from a dense [batch, heads, n_f,
 * n_kv] into [batch, heads, edges]; entries past a head's edges become pad. */
int64_t oracle_edges(const oracle_problem *problem);
void oracle_pack(const oracle_problem *problem, const double *dense, double pad,
                 double *packed);

#endif
