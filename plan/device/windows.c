/* Windows of an edge list: whether they pay, and making them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/windows.h"

#include "operators/cuda/rows_kernels.h"

/* ------------------------------------------------------------ cost */

/* Nanoseconds of a whole device for one head of d = 64, float16, an H200, with
 * keys and values in the second-level cache or not. Edges: 32 random keys a row
 * in 0.191 ms at n = 2^17, 9 neighbours on a mesh in 0.136; 2.10 ms at 2^20,
 * where a row counts as 32 edges more (operators/cuda/edges/path.h). Windows,
 * by their columns: n = 2^17, 0.44 million 0.049 ms, 0.81 0.060, 1.31 0.078, 3.25
 * 0.136, 4.19 0.165; n = 2^20, 3.5 million 0.34 ms, 7.9 0.59, 26 1.48. A slot,
 * the state of an item to be merged, from R-MAT of 2^22 edges: 4777 slots and
 * 2.96 million columns in 0.235 ms. Renumbered windows are kept when they are
 * so much better: rows that lie apart are read and written apart, 0.076 ms where
 * 0.066 were due. */
static const struct {
  double row_edges, slot, renumbered;
  double edge[2], column[2], window[2]; /* from memory, out of the cache */
} costs = {32, 20, 0.85, {0.031, 0.0238}, {0.050, 0.031}, {2.5, 4.3}};

/* Windows must win by that much, and over so many edges: below, launches are
 * what counts. */
static const double pays = 0.9;
enum { EDGES_LEAST = 1 << 12, SAMPLES = 1024, SUMS = 3 };

double gattn_edges_cost(int64_t rows, double edges, bool cached) {
  return 1e-9 * costs.edge[cached] * (edges + costs.row_edges * (double)rows);
}

double gattn_windows_cost(int64_t rows, double columns, double slots,
                          bool cached) {
  return 1e-9 * (costs.column[cached] * columns + costs.slot * slots +
                 costs.window[cached] * (double)rows / GATTN_WINDOW_ROWS);
}

bool gattn_windows_cached(gattn_context *context,
                          const gattn_attend_problem *problem) {
  const double row = (double)(problem->dim + problem->dim_v) *
                     (double)gattn_type_size(problem->type);
  return (double)problem->n_kv * row <
         (double)gattn_device_facts_of(context)->l2_bytes;
}

/* ------------------------------------------------------------ scratch */

/* Arrays that building needs for a while. */
typedef struct scratch {
  gattn_context *context;
  int64_t n_f, n_windows;
  int64_t *sums;   /* [SUMS] */
  int64_t *counts; /* [3, n_windows + 1]: columns, items, slots */
  uint64_t *keys;  /* [2, n_f] */
  int32_t *places; /* [n_f] */
  int64_t bytes;   /* of `memory`, CUB's */
  void *memory;
} scratch;

static gattn_status check(gattn_context *context, int error) {
  return gattn_device_check(context, error, "windows of rows");
}

static gattn_status allocate(gattn_context *context, int64_t count, size_t size,
                             void *array) {
  return gattn_device_allocate(context, "windows of rows", count, size,
                               (void **)array);
}

static void free_scratch(scratch *s) {
  gattn_context *context = s->context;
  gattn_device_free(context, s->sums, SUMS, sizeof *s->sums);
  gattn_device_free(context, s->counts, 3 * (s->n_windows + 1),
                    sizeof *s->counts);
  gattn_device_free(context, s->keys, 2 * s->n_f, sizeof *s->keys);
  gattn_device_free(context, s->places, s->n_f, sizeof *s->places);
  gattn_device_free(context, s->memory, s->bytes, 1);
}

/* Room for CUB, `bytes` or more. */
static gattn_status reserve(scratch *s, size_t bytes) {
  if (s->memory && (size_t)s->bytes >= bytes) return GATTN_SUCCESS;
  gattn_device_free(s->context, s->memory, s->bytes, 1);
  s->memory = NULL;
  s->bytes = (int64_t)bytes;
  return allocate(s->context, s->bytes, 1, &s->memory);
}

/* ------------------------------------------------------------ order */

static gattn_window_source source_of(const gattn_device_rows *rows,
                                     const int32_t *order) {
  return (gattn_window_source){.offsets = rows->offsets,
                               .columns = rows->columns,
                               .narrow = rows->narrow,
                               .n_f = rows->n_f,
                               .order = order};
}

/* An order of the rows in which those that share keys are neighbours. */
static gattn_status make_order(scratch *s, const gattn_device_rows *rows,
                               int32_t **order) {
  const gattn_window_source source = source_of(rows, NULL);
  size_t bytes;
  int32_t *made = NULL;
  gattn_status status =
      check(s->context, gattn_windows_order_scratch(s->n_f, &bytes));
  if (!status) status = reserve(s, bytes);
  if (!status && !s->keys)
    status = allocate(s->context, 2 * s->n_f, sizeof *s->keys, &s->keys);
  if (!status && !s->places)
    status = allocate(s->context, s->n_f, sizeof *s->places, &s->places);
  if (!status) status = allocate(s->context, s->n_f, sizeof *made, &made);
  if (!status)
    status = check(s->context,
                   gattn_windows_order(&source, s->keys, s->places, made,
                                       s->memory, bytes,
                                       gattn_device_stream(s->context)));
  if (!status) status = gattn_device_synchronize(s->context);
  if (status)
    gattn_device_free(s->context, made, s->n_f, sizeof *made);
  else
    *order = made;
  return status;
}

/* ------------------------------------------------------------ sample */

static gattn_status take_sample(scratch *s, const gattn_device_rows *rows,
                                const int32_t *order,
                                gattn_window_sample *sample) {
  const gattn_window_source source = source_of(rows, order);
  const int64_t n = s->n_windows < SAMPLES ? s->n_windows : SAMPLES;
  int64_t sums[SUMS];
  gattn_status status = GATTN_SUCCESS;
  if (!s->sums) status = allocate(s->context, SUMS, sizeof *s->sums, &s->sums);
  if (!status)
    status = check(s->context,
                   gattn_windows_sample(&source, n, s->sums,
                                        gattn_device_stream(s->context)));
  if (!status)
    status = gattn_device_download(s->context, sums, s->sums, sizeof sums);
  if (status) return status;
  const double each = (double)s->n_windows / (double)n;
  *sample = (gattn_window_sample){.edges = each * (double)sums[0],
                                  .columns = each * (double)sums[1],
                                  .slots = each * (double)sums[2]};
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ building */

/* Sums of three counted arrays, each in place, and the last of each. */
static gattn_status sum_counts(scratch *s, int64_t totals[3]) {
  const int64_t n = s->n_windows;
  void *stream = gattn_device_stream(s->context);
  size_t bytes;
  gattn_status status = check(s->context, gattn_rows_scratch(n, &bytes));
  if (!status) status = reserve(s, bytes);
  for (int c = 0; c < 3 && !status; c++)
    status = check(s->context,
                   gattn_rows_scan(s->counts + c * (n + 1), n, s->memory,
                                   bytes, stream));
  for (int c = 0; c < 3 && !status; c++)
    status = gattn_device_download(s->context, totals + c,
                                   s->counts + c * (n + 1) + n,
                                   sizeof *totals);
  return status;
}

static gattn_status allocate_windows(gattn_context *context,
                                     gattn_windows *windows) {
  gattn_status status = allocate(context, windows->n_columns,
                                 sizeof *windows->columns, &windows->columns);
  if (!status)
    status = allocate(context, windows->n_columns, sizeof *windows->bits,
                      &windows->bits);
  if (!status)
    status = allocate(context, windows->n_items, sizeof *windows->items,
                      &windows->items);
  return status;
}

/* The windows in their order, which is set. */
static gattn_status build(scratch *s, const gattn_device_rows *rows,
                          gattn_windows *windows) {
  const gattn_window_source source = source_of(rows, windows->order);
  const int64_t each = s->n_windows + 1;
  void *stream = gattn_device_stream(s->context);
  int64_t totals[3];
  gattn_status status =
      allocate(s->context, 3 * each, sizeof *s->counts, &s->counts);
  if (!status)
    status = check(s->context,
                   gattn_windows_count(&source, s->counts, s->counts + each,
                                       s->counts + 2 * each, stream));
  if (!status) status = sum_counts(s, totals);
  if (status) return status;
  windows->n_f = s->n_f;
  windows->n_windows = s->n_windows;
  windows->n_columns = totals[0];
  windows->n_items = totals[1];
  windows->n_slots = totals[2];
  status = allocate_windows(s->context, windows);
  if (!status)
    status = check(s->context,
                   gattn_windows_fill(&source, s->counts, s->counts + each,
                                      s->counts + 2 * each, windows, stream));
  return status ? status : gattn_device_synchronize(s->context);
}

void gattn_windows_free(gattn_context *context, gattn_windows *windows) {
  gattn_device_free(context, (void *)windows->order, windows->n_f,
                    sizeof *windows->order);
  gattn_device_free(context, (void *)windows->columns, windows->n_columns,
                    sizeof *windows->columns);
  gattn_device_free(context, (void *)windows->bits, windows->n_columns,
                    sizeof *windows->bits);
  gattn_device_free(context, (void *)windows->items, windows->n_items,
                    sizeof *windows->items);
  *windows = (gattn_windows){0};
}

static scratch scratch_of(gattn_context *context,
                          const gattn_device_rows *rows) {
  return (scratch){
      .context = context,
      .n_f = rows->n_f,
      .n_windows = (rows->n_f + GATTN_WINDOW_ROWS - 1) / GATTN_WINDOW_ROWS};
}

gattn_status gattn_windows_build(gattn_context *context,
                                 const gattn_device_rows *rows, bool renumber,
                                 gattn_windows *windows) {
  scratch s = scratch_of(context, rows);
  gattn_windows made = {.n_f = rows->n_f};
  gattn_status status = GATTN_SUCCESS;
  if (renumber) status = make_order(&s, rows, (int32_t **)&made.order);
  if (!status) status = build(&s, rows, &made);
  free_scratch(&s);
  if (status)
    gattn_windows_free(context, &made);
  else
    *windows = made;
  return status;
}

/* ------------------------------------------------------------ the choice */

static bool may_be_windows(const gattn_attend_problem *problem,
                           const gattn_device_rows *rows) {
  return problem->type != GATTN_FLOAT32 && !problem->edge_values &&
         problem->dim <= GATTN_WINDOWS_DIM &&
         problem->dim_v <= GATTN_WINDOWS_DIM &&
         !gattn_frontier_on_device(problem->frontier) &&
         problem->n_kv < INT32_MAX && rows->n_f < INT32_MAX &&
         rows->edges >= EDGES_LEAST;
}

/* Chooses the order, and whether there are windows at all. */
static gattn_status choose(scratch *s, const gattn_device_rows *rows,
                           bool cached, int32_t **order, bool *wanted) {
  gattn_window_sample plain, sorted;
  gattn_status status = take_sample(s, rows, NULL, &plain);
  if (!status) status = make_order(s, rows, order);
  if (!status) status = take_sample(s, rows, *order, &sorted);
  if (status) return status;
  double least =
      gattn_windows_cost(s->n_f, plain.columns, plain.slots, cached);
  const double other =
      gattn_windows_cost(s->n_f, sorted.columns, sorted.slots, cached);
  if (other < costs.renumbered * least) {
    least = other;
  } else {
    gattn_device_free(s->context, *order, s->n_f, sizeof **order);
    *order = NULL;
  }
  *wanted = least < pays * gattn_edges_cost(s->n_f, plain.edges, cached);
  return GATTN_SUCCESS;
}

gattn_status gattn_windows_make(gattn_context *context,
                                const gattn_attend_problem *problem,
                                const gattn_device_rows *rows,
                                gattn_windows *windows) {
  scratch s = scratch_of(context, rows);
  gattn_windows made = {.n_f = rows->n_f};
  bool wanted = false;
  *windows = (gattn_windows){0};
  if (!may_be_windows(problem, rows)) return GATTN_SUCCESS;
  gattn_status status =
      choose(&s, rows, gattn_windows_cached(context, problem),
             (int32_t **)&made.order, &wanted);
  if (!status && wanted) status = build(&s, rows, &made);
  free_scratch(&s);
  if (status || !wanted)
    gattn_windows_free(context, &made);
  else
    *windows = made;
  return status;
}
