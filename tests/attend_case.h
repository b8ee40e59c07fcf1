/* Attention on masks given as text, against the float64 oracle.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The edges that the oracle sees come from gattn_graph_contains, edge by edge;
 * that those are the mask's is what check_masks tests. What is tested here is
 * everything between a graph and its attention. */
#ifndef GATTN_TESTS_ATTEND_CASE_H
#define GATTN_TESTS_ATTEND_CASE_H

#include <check.h>
#include <gattn.h>

#include "tests/backend.h"
#include "tests/oracle.h"

typedef struct attend_case {
  const char *mask;
  const char *const *stack; /* [heads] a mask a head; null: mask for all */
  gattn_graph *graph;       /* borrowed; then mask is but its name */
  int64_t n_q, n_kv, dim, dim_v, batch, heads, kv_heads; /* of heads: 0 is 1 */
  gattn_type type;
  oracle_layout layout;
  const char *frontier; /* null: all */
  const char *poison;   /* "q", "k" or "v": a NaN and an infinity in it */
  double amplitude;     /* q is so much larger; 0: 1 */
  const double *scale;
  const gattn_score *score; /* with the oracle's own of the same meaning */
  oracle_score oracle;
  const void *parameters;
  bool edge_values;
} attend_case;

/* Whatever computes in a way of its own: the CPU's instruction sets; a device
 * has one. */
enum { ATTEND_ISAS = 3 };

/* Of the program's backend. On a device isa and threads say nothing. */
gattn_context *attend_context(gattn_isa isa, int32_t threads);

/* A context of instruction set `number` with so many threads; null when the
 * machine does not have it, and but for number 0 on a device. */
gattn_context *attend_context_of(int number, int32_t threads);

/* Fails the running test unless gattn_attention's o and lse are the oracle's.
 * On a device, a score that is a C function must be refused instead. */
void attend_compare(gattn_context *context, const attend_case *c);

/* On every instruction set that this machine has, with two threads. */
void attend_compare_all(const attend_case *cases, size_t n);

#endif
