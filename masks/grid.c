/* Tokens on a grid: neighborhood2d and blocks2d.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"
#include "masks/degrees.h"

/* A row's neighbours are a rectangle: an interval of lines times an interval
 * of columns, each a function of the one coordinate alone. */
typedef enum axis_kind {
  AXIS_CELL,   /* the cell of `size` that holds x */
  AXIS_WINDOW, /* `size` around x, shifted to stay inside */
  AXIS_READERS /* those whose window holds x */
} axis_kind;

typedef struct axis {
  int64_t length, size;
  axis_kind kind;
} axis;

typedef struct grid {
  gattn_graph graph;
  axis lines, columns;
} grid;

static gattn_run axis_interval(const axis *self, int64_t x) {
  int64_t half = self->size / 2, last = self->length - self->size;
  int64_t begin, end;
  switch (self->kind) {
    case AXIS_CELL:
      begin = x - x % self->size;
      end = gattn_saturating_add(begin, self->size);
      return (gattn_run){begin, gattn_min(end, self->length)};
    case AXIS_WINDOW:
      begin = gattn_min(gattn_max(x - half, 0), last);
      return (gattn_run){begin, begin + self->size};
    default: /* windows begin at 0 … last, the border's are shared */
      begin = x < self->size ? 0 : x - half;
      end = x >= last ? self->length : x + half + 1;
      return (gattn_run){begin, end};
  }
}

static int64_t axis_degree_at(const void *state, int64_t x) {
  gattn_run at = axis_interval(state, x);
  return at.end - at.begin;
}

/* Degrees along one axis, of [begin, end), begin < end. */
static gattn_counts axis_counts(const axis *self, int64_t begin, int64_t end) {
  gattn_counts counts = gattn_counts_none();
  int64_t breaks[] = {self->length - self->length % self->size, self->size,
                      self->length - self->size};
  gattn_counts_add_pieces(&counts, begin, end, 1, axis_degree_at, self, breaks,
                          3);
  return counts;
}

typedef struct rectangle {
  gattn_run lines, columns;
} rectangle;

static rectangle rectangle_of(const grid *self, int64_t i) {
  return (rectangle){axis_interval(&self->lines, i / self->columns.length),
                     axis_interval(&self->columns, i % self->columns.length)};
}

static bool is_wide(const grid *self, const rectangle *at) {
  return at->columns.end - at->columns.begin == self->columns.length;
}

static int64_t grid_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const grid *self = (const grid *)graph;
  int64_t width = self->columns.length;
  rectangle at = rectangle_of(self, i);
  int64_t line = j / width, column = j % width;
  if (column >= at.columns.end) {
    line++;
    column = 0;
  }
  if (line < at.lines.begin) {
    line = at.lines.begin;
    column = 0;
  }
  if (line >= at.lines.end) return graph->n_kv;
  return line * width + gattn_max(column, at.columns.begin);
}

static int64_t grid_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const grid *self = (const grid *)graph;
  int64_t width = self->columns.length;
  rectangle at = rectangle_of(self, i);
  if (is_wide(self, &at)) return at.lines.end * width;
  return j - j % width + at.columns.end;
}

static int64_t grid_degree(const gattn_graph *graph, int64_t i) {
  const grid *self = (const grid *)graph;
  return axis_degree_at(&self->lines, i / self->columns.length) *
         axis_degree_at(&self->columns, i % self->columns.length);
}

/* Degrees over a rectangle of rows are the products of both axes' degrees. */
static bool grid_count(const gattn_graph *graph, int64_t begin, int64_t end,
                       gattn_counts *counts) {
  const grid *self = (const grid *)graph;
  gattn_rectangle parts[3];
  int n = gattn_rectangles(begin, end, self->columns.length, parts);
  *counts = gattn_counts_none();
  for (int p = 0; p < n; p++) {
    gattn_counts lines =
        axis_counts(&self->lines, parts[p].line_begin, parts[p].line_end);
    gattn_counts columns =
        axis_counts(&self->columns, parts[p].column_begin, parts[p].column_end);
    counts->edges += lines.edges * columns.edges;
    counts->min_degree =
        gattn_min(counts->min_degree, lines.min_degree * columns.min_degree);
    counts->max_degree =
        gattn_max(counts->max_degree, lines.max_degree * columns.max_degree);
  }
  return true;
}

static int64_t grid_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                         int64_t lo, int64_t hi, gattn_run *runs,
                         int64_t capacity, int64_t *upto) {
  const grid *self = (const grid *)graph;
  int64_t width = self->columns.length;
  rectangle at = rectangle_of(self, i);
  if (is_wide(self, &at)) {
    *upto = hi;
    return gattn_runs_interval(i, stride, at.lines.begin * width,
                               at.lines.end * width, lo, hi, runs);
  }
  int64_t n = 0;
  int64_t first = (stride > 1 ? i % stride + stride * lo : lo) / width;
  for (int64_t line = gattn_max(first, at.lines.begin); line < at.lines.end;
       line++) {
    gattn_run run;
    if (!gattn_runs_interval(i, stride, line * width + at.columns.begin,
                             line * width + at.columns.end, lo, hi, &run)) {
      if (run.begin >= hi) break;
      continue;
    }
    if (n == capacity) {
      *upto = run.begin;
      return n;
    }
    runs[n++] = run;
  }
  *upto = hi;
  return n;
}

static bool grid_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  static const gattn_atoms_grid_kind kind[] = {
      [AXIS_CELL] = GATTN_ATOMS_CELL,
      [AXIS_WINDOW] = GATTN_ATOMS_WINDOW,
      [AXIS_READERS] = GATTN_ATOMS_READERS,
  };
  const grid *self = (const grid *)graph;
  return gattn_atoms_grid(atoms, kind[self->lines.kind], self->lines.length,
                          self->columns.length, self->lines.size,
                          self->columns.size);
}

static bool grid_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const grid *self = (const grid *)graph;
  rectangle at = rectangle_of(self, a), other = rectangle_of(self, b);
  return at.lines.begin == other.lines.begin &&
         at.lines.end == other.lines.end &&
         at.columns.begin == other.columns.begin &&
         at.columns.end == other.columns.end;
}

static void grid_shape(const gattn_graph *graph, gattn_shape *shape) {
  const grid *self = (const grid *)graph;
  /* Lines that are whole follow one another without a gap. */
  shape->form = self->columns.size < self->columns.length ? GATTN_FORM_GRID
                                                          : GATTN_FORM_BAND;
  shape->grid_h = self->lines.length;
  shape->grid_w = self->columns.length;
}

static void grid_describe(const gattn_graph *graph, gattn_text *text) {
  static const char *const format[] = {
      [AXIS_CELL] = "blocks2d(%lld, %lld, %lld, %lld)",
      [AXIS_WINDOW] = "neighborhood2d(%lld, %lld, %lld, %lld)",
      [AXIS_READERS] = "transpose(neighborhood2d(%lld, %lld, %lld, %lld))",
  };
  const grid *self = (const grid *)graph;
  gattn_text_append(text, format[self->lines.kind],
                    (long long)self->lines.length,
                    (long long)self->columns.length,
                    (long long)self->lines.size, (long long)self->columns.size);
}

static gattn_status grid_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose);

static const gattn_graph_class grid_class = {
    .name = "grid",
    .next = grid_next,
    .stretch = grid_stretch,
    .degree = grid_degree,
    .count = grid_count,
    .atoms = grid_atoms,
    .runs = grid_runs,
    .same_row = grid_same_row,
    .shape = grid_shape,
    .transpose = grid_transpose,
    .describe = grid_describe,
};

static gattn_status grid_new(gattn_context *context, int64_t n, axis lines,
                             axis columns, gattn_graph **graph) {
  grid *self;
  gattn_status status =
      gattn_graph_new(context, &grid_class, sizeof *self, n, n, &self);
  if (status) return status;
  self->lines = lines;
  self->columns = columns;
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

static gattn_status grid_transpose(gattn_context *context, gattn_graph *graph,
                                   gattn_graph **transpose) {
  static const axis_kind reversed[] = {
      [AXIS_CELL] = AXIS_CELL,
      [AXIS_WINDOW] = AXIS_READERS,
      [AXIS_READERS] = AXIS_WINDOW,
  };
  const grid *self = (const grid *)graph;
  axis lines = self->lines, columns = self->columns;
  lines.kind = columns.kind = reversed[lines.kind];
  return grid_new(context, graph->n_q, lines, columns, transpose);
}

static gattn_status check_tokens(gattn_context *context, const char *argument,
                                 int64_t n, int64_t h, int64_t w) {
  if (n == h * w) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "h: a grid of %lld x %lld has %lld tokens, and %s is %lld",
                    (long long)h, (long long)w, (long long)(h * w), argument,
                    (long long)n);
}

static gattn_status check_grid(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t h, int64_t w,
                               gattn_graph **graph) {
  int64_t tokens;
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "h", h, 1);
  if (!status) status = gattn_check_least(context, "w", w, 1);
  if (status) return status;
  if (!gattn_multiply(h, w, &tokens))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "h: a grid of %lld x %lld overflows", (long long)h,
                      (long long)w);
  status = check_tokens(context, "n_q", n_q, h, w);
  return status ? status : check_tokens(context, "n_kv", n_kv, h, w);
}

static gattn_status check_window(gattn_context *context, const char *argument,
                                 int64_t size, const char *side,
                                 int64_t length) {
  gattn_status status = gattn_check_least(context, argument, size, 1);
  if (status) return status;
  if (size % 2 == 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT, "%s: %lld is even",
                      argument, (long long)size);
  if (size > length)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "%s: %lld is above %s = %lld", argument, (long long)size,
                      side, (long long)length);
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_neighborhood2d(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, int64_t h, int64_t w,
                                       int64_t kh, int64_t kw,
                                       gattn_graph **graph) {
  gattn_status status = check_grid(context, n_q, n_kv, h, w, graph);
  if (!status) status = check_window(context, "kh", kh, "h", h);
  if (!status) status = check_window(context, "kw", kw, "w", w);
  if (status) return status;
  return grid_new(context, n_q, (axis){h, kh, AXIS_WINDOW},
                  (axis){w, kw, AXIS_WINDOW}, graph);
}

gattn_status gattn_mask_blocks2d(gattn_context *context, int64_t n_q,
                                 int64_t n_kv, int64_t h, int64_t w, int64_t bh,
                                 int64_t bw, gattn_graph **graph) {
  gattn_status status = check_grid(context, n_q, n_kv, h, w, graph);
  if (!status) status = gattn_check_least(context, "bh", bh, 1);
  if (!status) status = gattn_check_least(context, "bw", bw, 1);
  if (status) return status;
  return grid_new(context, n_q, (axis){h, bh, AXIS_CELL},
                  (axis){w, bw, AXIS_CELL}, graph);
}
