/* Dilated windows: dilated, strided, dilated2d.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"

/* A row of this family is the keys of an interval that are congruent to i
 * modulo r, so that it is an interval of the class space of any multiple of
 * r. A step r is cut to one that keeps the same edges and does not exceed the
 * vertices. */
static int64_t progression_next(gattn_run row, int64_t i, int64_t r, int64_t j,
                                int64_t n_kv) {
  j = gattn_max(j, row.begin);
  if (j >= row.end) return n_kv;
  int64_t ahead = i % r - j % r;
  j += ahead < 0 ? ahead + r : ahead;
  return j < row.end ? j : n_kv;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* The positions of [begin, end) whose keys are neighbours when the stride is
 * no multiple of r: i itself would stand at i / stride, and they are a multiple
 * of r / gcd(r, stride) away from it. */
static int64_t scattered_runs(int64_t i, int64_t r, int64_t stride,
                              gattn_run within, gattn_run *runs,
                              int64_t capacity, int64_t *upto) {
  int64_t step = r / greatest_common_divisor(r, stride);
  int64_t ahead = i / stride % step - within.begin % step;
  int64_t t = within.begin + (ahead < 0 ? ahead + step : ahead);
  int64_t n = 0;
  for (; t < within.end && n < capacity; t += step)
    runs[n++] = (gattn_run){t, t + 1};
  *upto = t;
  return n;
}

static int64_t progression_runs(gattn_run row, int64_t i, int64_t r,
                                int64_t stride, int64_t lo, int64_t hi,
                                gattn_run *runs, int64_t capacity,
                                int64_t *upto) {
  gattn_run within;
  *upto = hi;
  if (row.begin >= row.end ||
      !gattn_runs_interval(i, stride, row.begin, row.end, lo, hi, &within))
    return 0;
  if (r == 1 || stride % r == 0) {
    runs[0] = within;
    return 1;
  }
  int64_t after;
  int64_t n = scattered_runs(i, r, stride, within, runs, capacity, &after);
  if (after < within.end) *upto = after;
  return n;
}

/* The functions next, stretch and runs of a class of such rows: ROW(graph, i)
 * is the interval, STEP(graph) is r. */
#define PROGRESSION_CLASS(FAMILY, ROW, STEP)                                \
  static int64_t FAMILY##_next(const gattn_graph *graph, int64_t i,         \
                               int64_t j) {                                 \
    return progression_next(ROW(graph, i), i, STEP(graph), j, graph->n_kv); \
  }                                                                         \
  static int64_t FAMILY##_stretch(const gattn_graph *graph, int64_t i,      \
                                  int64_t j) {                              \
    return STEP(graph) == 1 ? ROW(graph, i).end : j + 1;                    \
  }                                                                         \
  static int64_t FAMILY##_runs(                                             \
      const gattn_graph *graph, int64_t i, int64_t stride, int64_t lo,      \
      int64_t hi, gattn_run *runs, int64_t capacity, int64_t *upto) {       \
    return progression_runs(ROW(graph, i), i, STEP(graph), stride, lo, hi,  \
                            runs, capacity, upto);                          \
  }

/* ------------------------------------------------- dilated and strided */

/* In class space: |t - i/r| <= w. strided(s) is dilated with w without end.
 * reach <= GATTN_WITHOUT_END cuts w·r. */
typedef struct dilated {
  gattn_graph graph;
  int64_t w, r, reach;
  int64_t given_r; /* before it was cut */
} dilated;

static gattn_run dilated_row(const gattn_graph *graph, int64_t i) {
  const dilated *self = (const dilated *)graph;
  return (gattn_run){gattn_max(i - self->reach, 0),
                     gattn_min(i + self->reach + 1, graph->n_kv)};
}

static int64_t dilated_step(const gattn_graph *graph) {
  return ((const dilated *)graph)->r;
}

PROGRESSION_CLASS(dilated, dilated_row, dilated_step)

/* Rows of one class with the same number of keys, as a band in class space. */
typedef struct class_band {
  int64_t w, keys;
} class_band;

static int64_t class_degree_at(const void *state, int64_t q) {
  const class_band *self = state;
  int64_t begin = gattn_max(q - self->w, 0);
  int64_t end = gattn_min(q + self->w + 1, self->keys);
  return gattn_max(end - begin, 0);
}

static class_band class_band_of(const dilated *self, int64_t residue) {
  return (class_band){gattn_min(self->w, GATTN_WITHOUT_END),
                      gattn_class_keys(self->graph.n_kv, residue, self->r)};
}

static int64_t dilated_degree(const gattn_graph *graph, int64_t i) {
  const dilated *self = (const dilated *)graph;
  class_band row = class_band_of(self, i % self->r);
  return class_degree_at(&row, i / self->r);
}

/* `classes` classes, of as many keys as that of `residue`, at the positions
 * [begin, end). */
static void count_classes(const dilated *self, int64_t begin, int64_t end,
                          int64_t residue, int64_t classes,
                          gattn_counts *counts) {
  class_band row = class_band_of(self, residue);
  int64_t breaks[] = {row.w, row.keys - row.w, row.keys + row.w};
  gattn_counts_add_pieces(counts, begin, end, classes, class_degree_at, &row,
                          breaks, 3);
}

/* Classes below n_kv mod r have one key more than the others. */
static bool dilated_count(const gattn_graph *graph, int64_t begin, int64_t end,
                          gattn_counts *counts) {
  const dilated *self = (const dilated *)graph;
  int64_t longer = graph->n_kv % self->r;
  gattn_rectangle parts[3];
  int n = gattn_rectangles(begin, end, self->r, parts);
  *counts = gattn_counts_none();
  for (int p = 0; p < n; p++) {
    gattn_rectangle *part = &parts[p];
    int64_t middle =
        gattn_min(gattn_max(longer, part->column_begin), part->column_end);
    count_classes(self, part->line_begin, part->line_end, 0,
                  middle - part->column_begin, counts);
    count_classes(self, part->line_begin, part->line_end, longer,
                  part->column_end - middle, counts);
  }
  return true;
}

static bool dilated_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const dilated *self = (const dilated *)graph;
  if (!gattn_atoms_stride(atoms, self->r)) return false;
  return self->reach == GATTN_WITHOUT_END ||
         (gattn_atoms_keys(atoms, gattn_bound_shift(-self->reach),
                           gattn_bound_shift(self->reach + 1)) &&
          gattn_atoms_apply(atoms, GATTN_ATOMS_INTERSECTION));
}

/* strided: rows of one class. */
static bool dilated_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const dilated *self = (const dilated *)graph;
  gattn_run row = dilated_row(graph, a), other = dilated_row(graph, b);
  return a % self->r == b % self->r && row.begin == other.begin &&
         row.end == other.end;
}

static void dilated_shape(const gattn_graph *graph, gattn_shape *shape) {
  shape->stride = dilated_step(graph);
  shape->form = shape->stride > 1 ? GATTN_FORM_STRIDED : GATTN_FORM_BAND;
}

static void dilated_describe(const gattn_graph *graph, gattn_text *text) {
  const dilated *self = (const dilated *)graph;
  if (self->w == INT64_MAX)
    gattn_text_append(text, "strided(%lld)", (long long)self->given_r);
  else
    gattn_text_append(text, "dilated(%lld, %lld)", (long long)self->w,
                      (long long)self->given_r);
}

static gattn_status dilated_transpose(gattn_context *context,
                                      gattn_graph *graph,
                                      gattn_graph **transpose);

static const gattn_graph_class dilated_class = {
    .name = "dilated",
    .next = dilated_next,
    .stretch = dilated_stretch,
    .degree = dilated_degree,
    .count = dilated_count,
    .atoms = dilated_atoms,
    .runs = dilated_runs,
    .same_row = dilated_same_row,
    .shape = dilated_shape,
    .transpose = dilated_transpose,
    .describe = dilated_describe,
};

/* A step of as many as there are vertices reaches i alone, as any longer. */
static int64_t cut_step(int64_t r, int64_t n_q, int64_t n_kv) {
  return gattn_min(r, gattn_max(gattn_max(n_q, n_kv), 1));
}

static gattn_status dilated_new(gattn_context *context, int64_t n_q,
                                int64_t n_kv, int64_t w, int64_t r,
                                gattn_graph **graph) {
  dilated *self;
  gattn_status status =
      gattn_graph_new(context, &dilated_class, sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->w = w;
  self->given_r = r;
  self->r = cut_step(r, n_q, n_kv);
  self->reach =
      gattn_min(gattn_saturating_multiply(w, self->r), GATTN_WITHOUT_END);
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status dilated_transpose(gattn_context *context,
                                      gattn_graph *graph,
                                      gattn_graph **transpose) {
  const dilated *self = (const dilated *)graph;
  return dilated_new(context, graph->n_kv, graph->n_q, self->w, self->given_r,
                     transpose);
}

gattn_status gattn_mask_dilated(gattn_context *context, int64_t n_q,
                                int64_t n_kv, int64_t w, int64_t r,
                                gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "w", w, 0);
  if (!status) status = gattn_check_least(context, "r", r, 1);
  if (status) return status;
  return dilated_new(context, n_q, n_kv, w, r, graph);
}

gattn_status gattn_mask_strided(gattn_context *context, int64_t n_q,
                                int64_t n_kv, int64_t s, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "s", s, 1);
  if (status) return status;
  return dilated_new(context, n_q, n_kv, INT64_MAX, s, graph);
}

/* ----------------------------------------------------------- dilated2d */

/* Every r-th position of a block, to every r-th of the same block; r <= b. */
typedef struct dilated2d {
  gattn_graph graph;
  int64_t b, r;
  int64_t given_r; /* before it was cut */
} dilated2d;

static gattn_run dilated2d_row(const gattn_graph *graph, int64_t i) {
  const dilated2d *self = (const dilated2d *)graph;
  int64_t within = i % self->b;
  if (within % self->r) return (gattn_run){0, 0};
  int64_t begin = i - within;
  int64_t end = gattn_saturating_add(begin, self->b);
  return (gattn_run){begin, gattn_min(end, graph->n_kv)};
}

static int64_t dilated2d_step(const gattn_graph *graph) {
  return ((const dilated2d *)graph)->r;
}

PROGRESSION_CLASS(dilated2d, dilated2d_row, dilated2d_step)

static int64_t dilated2d_degree(const gattn_graph *graph, int64_t i) {
  gattn_run row = dilated2d_row(graph, i);
  int64_t keys = gattn_max(row.end - row.begin, 0);
  return gattn_blocks_of(keys, dilated2d_step(graph));
}

/* The rows of [begin, end) with (i mod b) mod r = 0. */
static int64_t comb_rows(const dilated2d *self, int64_t begin, int64_t end) {
  int64_t full = gattn_blocks_of(self->b, self->r);
  return end / self->b * full + gattn_blocks_of(end % self->b, self->r) -
         begin / self->b * full - gattn_blocks_of(begin % self->b, self->r);
}

static void count_comb(const dilated2d *self, int64_t begin, int64_t end,
                       int64_t keys, gattn_counts *counts) {
  if (begin >= end) return;
  int64_t rows = comb_rows(self, begin, end);
  gattn_counts_add(counts, rows, gattn_blocks_of(keys, self->r));
  gattn_counts_add(counts, end - begin - rows, 0);
}

/* Rows of blocks full of keys, of the block where keys end, of those after. */
static bool dilated2d_count(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  const dilated2d *self = (const dilated2d *)graph;
  int64_t ragged = graph->n_kv - graph->n_kv % self->b;
  int64_t after = gattn_saturating_add(ragged, self->b);
  *counts = gattn_counts_none();
  count_comb(self, begin, gattn_min(end, ragged), self->b, counts);
  count_comb(self, gattn_max(begin, ragged), gattn_min(end, after),
             graph->n_kv % self->b, counts);
  count_comb(self, gattn_max(begin, after), end, 0, counts);
  return true;
}

static bool dilated2d_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const dilated2d *self = (const dilated2d *)graph;
  return gattn_atoms_keys(atoms, gattn_bound_block(self->b, 0),
                          gattn_bound_block(self->b, self->b)) &&
         gattn_atoms_comb(atoms, self->b, self->r) &&
         gattn_atoms_apply(atoms, GATTN_ATOMS_INTERSECTION) &&
         gattn_atoms_stride(atoms, self->r) &&
         gattn_atoms_apply(atoms, GATTN_ATOMS_INTERSECTION);
}

static bool dilated2d_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  gattn_run row = dilated2d_row(graph, a), other = dilated2d_row(graph, b);
  return row.begin == other.begin && row.end == other.end;
}

static void dilated2d_shape(const gattn_graph *graph, gattn_shape *shape) {
  shape->stride = dilated2d_step(graph);
  shape->form = shape->stride > 1 ? GATTN_FORM_STRIDED : GATTN_FORM_BAND;
}

static void dilated2d_describe(const gattn_graph *graph, gattn_text *text) {
  const dilated2d *self = (const dilated2d *)graph;
  gattn_text_append(text, "dilated2d(%lld, %lld)", (long long)self->b,
                    (long long)self->given_r);
}

static gattn_status dilated2d_transpose(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_graph **transpose);

static const gattn_graph_class dilated2d_class = {
    .name = "dilated2d",
    .next = dilated2d_next,
    .stretch = dilated2d_stretch,
    .degree = dilated2d_degree,
    .count = dilated2d_count,
    .atoms = dilated2d_atoms,
    .runs = dilated2d_runs,
    .same_row = dilated2d_same_row,
    .shape = dilated2d_shape,
    .transpose = dilated2d_transpose,
    .describe = dilated2d_describe,
};

gattn_status gattn_mask_dilated2d(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, int64_t b, int64_t r,
                                  gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (!status) status = gattn_check_least(context, "r", r, 1);
  if (status) return status;
  dilated2d *self;
  status = gattn_graph_new(context, &dilated2d_class, sizeof *self, n_q, n_kv,
                           &self);
  if (status) return status;
  self->b = b;
  self->given_r = r;
  self->r = cut_step(gattn_min(r, b), n_q, n_kv);
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status dilated2d_transpose(gattn_context *context,
                                        gattn_graph *graph,
                                        gattn_graph **transpose) {
  const dilated2d *self = (const dilated2d *)graph;
  return gattn_mask_dilated2d(context, graph->n_kv, graph->n_q, self->b,
                              self->given_r, transpose);
}
