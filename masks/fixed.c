/* The fixed pattern: own block, and the tails of all blocks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/fixed.h"

#include "masks/atoms.h"
#include "masks/degrees.h"
#include "masks/interval.h"

/* i/s = j/s or (j mod s) >= s - c. */
typedef struct fixed {
  gattn_graph graph;
  int64_t s, c;
} fixed;

/* The key block of row i; empty where keys have ended. */
static gattn_run own_block(const gattn_graph *graph, int64_t i) {
  const fixed *self = (const fixed *)graph;
  int64_t begin = i - i % self->s;
  int64_t end = gattn_saturating_add(begin, self->s);
  return (gattn_run){begin, gattn_min(end, graph->n_kv)};
}

/* How many x in [0, n) have (x mod s) >= s - c. */
static int64_t tails_below(const fixed *self, int64_t n) {
  int64_t rest = n % self->s - (self->s - self->c);
  return n / self->s * self->c + gattn_max(rest, 0);
}

static bool in_tail(const fixed *self, int64_t x) {
  return x % self->s >= self->s - self->c;
}

/* --------------------------------------------------- queries to keys */

static int64_t fixed_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const fixed *self = (const fixed *)graph;
  gattn_run own = own_block(graph, i);
  if (j >= graph->n_kv || (own.begin <= j && j < own.end)) return j;
  int64_t free = self->s - self->c;
  int64_t block = j - j % self->s;
  int64_t tail = self->c ? gattn_saturating_add(block, free) : graph->n_kv;
  int64_t next = gattn_max(j, tail);
  /* An own block that begins before the tail does. */
  if (j < own.begin && own.begin < next) next = own.begin;
  return gattn_min(next, graph->n_kv);
}

/* A tail runs into the own block behind it, and that into nothing, for it ends
 * with its own tail. */
static int64_t fixed_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const fixed *self = (const fixed *)graph;
  if (self->c == self->s) return graph->n_kv;
  gattn_run own = own_block(graph, i);
  int64_t end = gattn_saturating_add(j - j % self->s, self->s);
  if (end == own.begin && own.begin < own.end) end = own.end;
  return gattn_min(end, graph->n_kv);
}

static int64_t fixed_degree(const gattn_graph *graph, int64_t i) {
  const fixed *self = (const fixed *)graph;
  int64_t own = gattn_interval_degree(own_block(graph, i));
  return tails_below(self, graph->n_kv) + gattn_min(own, self->s - self->c);
}

/* Rows of blocks full of keys, of the block where keys end, of those after,
 * from begin on; *end is cut to those of one kind. */
static int64_t rows_alike(const gattn_graph *graph, int64_t begin,
                          int64_t end) {
  int64_t s = ((const fixed *)graph)->s;
  int64_t ragged = graph->n_kv - graph->n_kv % s;
  int64_t after = gattn_saturating_add(ragged, s);
  if (begin < ragged) return gattn_min(end, ragged);
  return begin < after ? gattn_min(end, after) : end;
}

static bool fixed_count(const gattn_graph *graph, int64_t begin, int64_t end,
                        gattn_counts *counts) {
  *counts = gattn_counts_none();
  while (begin < end) {
    int64_t stop = rows_alike(graph, begin, end);
    gattn_counts_add(counts, stop - begin, fixed_degree(graph, begin));
    begin = stop;
  }
  return true;
}

static bool fixed_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const fixed *self = (const fixed *)graph;
  return gattn_atoms_keys(atoms, gattn_bound_block(self->s, 0),
                          gattn_bound_block(self->s, self->s)) &&
         gattn_atoms_tail(atoms, self->s, self->c) &&
         gattn_atoms_apply(atoms, GATTN_ATOMS_UNION);
}

static bool fixed_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  int64_t s = ((const fixed *)graph)->s;
  return a / s == b / s;
}

static void fixed_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BLOCKS;
}

static void fixed_describe(const gattn_graph *graph, gattn_text *text) {
  const fixed *self = (const fixed *)graph;
  gattn_text_append(text, "fixed(%lld, %lld)", (long long)self->s,
                    (long long)self->c);
}

/* --------------------------------------------------- keys to queries */

/* i/s = j/s or (i mod s) >= s - c. */
static gattn_run reversed_row(const gattn_graph *graph, int64_t i) {
  if (in_tail((const fixed *)graph, i)) return (gattn_run){0, graph->n_kv};
  return own_block(graph, i);
}

GATTN_INTERVAL_CLASS(reversed, reversed_row)

static bool reversed_count(const gattn_graph *graph, int64_t begin, int64_t end,
                           gattn_counts *counts) {
  const fixed *self = (const fixed *)graph;
  *counts = gattn_counts_none();
  while (begin < end) {
    int64_t stop = rows_alike(graph, begin, end);
    int64_t tails = tails_below(self, stop) - tails_below(self, begin);
    int64_t own = gattn_interval_degree(own_block(graph, begin));
    gattn_counts_add(counts, tails, graph->n_kv);
    gattn_counts_add(counts, stop - begin - tails, own);
    begin = stop;
  }
  return true;
}

static bool reversed_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const fixed *self = (const fixed *)graph;
  bool tail = in_tail(self, a);
  return tail == in_tail(self, b) && (tail || a / self->s == b / self->s);
}

static void reversed_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_BAND;
}

static void reversed_describe(const gattn_graph *graph, gattn_text *text) {
  gattn_text_append(text, "transpose(");
  fixed_describe(graph, text);
  gattn_text_append(text, ")");
}

/* ------------------------------------------------------- tails alone */

static int64_t tails_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const fixed *self = (const fixed *)graph;
  (void)i;
  if (j >= graph->n_kv || in_tail(self, j)) return gattn_min(j, graph->n_kv);
  if (self->c == 0) return graph->n_kv;
  return gattn_min(graph->n_kv,
                   gattn_saturating_add(j - j % self->s, self->s - self->c));
}

static int64_t tails_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const fixed *self = (const fixed *)graph;
  (void)i;
  if (self->c == self->s) return graph->n_kv;
  return gattn_min(graph->n_kv, gattn_saturating_add(j - j % self->s, self->s));
}

static int64_t tails_degree(const gattn_graph *graph, int64_t i) {
  (void)i;
  return tails_below((const fixed *)graph, graph->n_kv);
}

static bool tails_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const fixed *self = (const fixed *)graph;
  return gattn_atoms_tail(atoms, self->s, self->c);
}

static bool tails_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  (void)graph, (void)a, (void)b;
  return true;
}

static void tails_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_COLUMNS;
}

static void tails_describe(const gattn_graph *graph, gattn_text *text) {
  const fixed *self = (const fixed *)graph;
  gattn_text_append(text, "tails of fixed(%lld, %lld)", (long long)self->s,
                    (long long)self->c);
}

static const gattn_graph_class tails_class = {
    .name = "tails",
    .next = tails_next,
    .stretch = tails_stretch,
    .degree = tails_degree,
    .atoms = tails_atoms,
    .same_row = tails_same_row,
    .shape = tails_shape,
    .describe = tails_describe,
};

/* ------------------------------------------------------------- making */

static gattn_status fixed_transpose(gattn_context *context, gattn_graph *graph,
                                    gattn_graph **transpose);

static const gattn_graph_class fixed_class = {
    .name = "fixed",
    .next = fixed_next,
    .stretch = fixed_stretch,
    .degree = fixed_degree,
    .count = fixed_count,
    .atoms = fixed_atoms,
    .same_row = fixed_same_row,
    .shape = fixed_shape,
    .transpose = fixed_transpose,
    .describe = fixed_describe,
};

static const gattn_graph_class reversed_class = {
    .name = "fixed, transposed",
    .next = reversed_next,
    .stretch = reversed_stretch,
    .degree = reversed_degree,
    .count = reversed_count,
    .runs = reversed_runs,
    .same_row = reversed_same_row,
    .shape = reversed_shape,
    .transpose = fixed_transpose,
    .describe = reversed_describe,
};

static gattn_status fixed_new(gattn_context *context,
                              const gattn_graph_class *class_, int64_t n_q,
                              int64_t n_kv, int64_t s, int64_t c,
                              gattn_graph **graph) {
  fixed *self;
  gattn_status status =
      gattn_graph_new(context, class_, sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->s = s;
  self->c = c;
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status fixed_transpose(gattn_context *context, gattn_graph *graph,
                                    gattn_graph **transpose) {
  const fixed *self = (const fixed *)graph;
  const gattn_graph_class *other =
      graph->class_ == &fixed_class ? &reversed_class : &fixed_class;
  return fixed_new(context, other, graph->n_kv, graph->n_q, self->s, self->c,
                   transpose);
}

gattn_status gattn_mask_fixed(gattn_context *context, int64_t n_q, int64_t n_kv,
                              int64_t s, int64_t c, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "s", s, 1);
  if (!status) status = gattn_check_least(context, "c", c, 0);
  if (status) return status;
  if (c > s)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "c: %lld is above s = %lld", (long long)c, (long long)s);
  return fixed_new(context, &fixed_class, n_q, n_kv, s, c, graph);
}

gattn_status gattn_mask_tails(gattn_context *context, int64_t n_q, int64_t n_kv,
                              int64_t s, int64_t c, gattn_graph **graph) {
  return fixed_new(context, &tails_class, n_q, n_kv, s, c, graph);
}

static bool parameters(const gattn_graph *graph, const gattn_graph_class *class_,
                       int64_t *s, int64_t *c) {
  if (graph->class_ != class_) return false;
  *s = ((const fixed *)graph)->s;
  *c = ((const fixed *)graph)->c;
  return true;
}

bool gattn_fixed_parameters(const gattn_graph *graph, int64_t *s, int64_t *c) {
  return parameters(graph, &fixed_class, s, c);
}

bool gattn_tails_parameters(const gattn_graph *graph, int64_t *s, int64_t *c) {
  return parameters(graph, &tails_class, s, c);
}
