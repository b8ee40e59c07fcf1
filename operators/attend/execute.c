/* Runs a lowered attention over all heads, spans and split rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "operators/attend/worker.h"

/* Spans a thread takes at a time: enough to hide the counter, few enough to
 * balance. */
enum { SPANS_A_TASK = 4 };

static int thread_index(void) {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}

static int64_t lowered_count(const gattn_attend_run *run) {
  return run->shared ? 1 : run->heads;
}

static int64_t longest_span(const gattn_attend_run *run) {
  int64_t span = GATTN_TILE_LANES;
  for (int64_t h = 0; h < lowered_count(run); h++)
    if (run->lowered[h].span > span) span = run->lowered[h].span;
  return span;
}

/* ------------------------------------------------------------ split rows */

/* Split rows go in groups of a tile's lanes; a piece of a group is its keys
 * [lo, hi). A group with few rows goes row by row: the tile's lanes would
 * idle. */
enum { ROWS_FOR_A_TILE = 4 };

static int64_t split_groups(const gattn_lowered *lowered) {
  if (lowered->splits == 0) return 0;
  return (lowered->n_split + GATTN_TILE_LANES - 1) / GATTN_TILE_LANES;
}

/* Floats of a group's partial state: o, m, l for each lane. */
static int64_t piece_floats(const gattn_attend_run *run) {
  return GATTN_TILE_LANES * (run->dim_v + 2);
}

/* Partial states of the head that has most. */
static int64_t split_pieces(const gattn_attend_run *run) {
  int64_t most = 0;
  for (int64_t h = 0; h < lowered_count(run); h++) {
    int64_t states = split_groups(run->lowered + h) * run->lowered[h].splits;
    if (states > most) most = states;
  }
  return most;
}

static int64_t split_position(const gattn_lowered *lowered, int64_t index) {
  return lowered->split_positions ? lowered->split_positions[index] : index;
}

static int64_t group_rows(const gattn_lowered *lowered, int64_t group) {
  int64_t rows = lowered->n_split - group * GATTN_TILE_LANES;
  return rows < GATTN_TILE_LANES ? rows : GATTN_TILE_LANES;
}

/* The group's rows in tiles of two vectors of lanes, over keys [lo, hi). */
static void piece_tiles(gattn_worker *worker, int64_t group, int64_t lo,
                        int64_t hi) {
  const gattn_lowered *lowered = worker->lowered;
  const int64_t lanes = 2 * worker->run->kernels->vector;
  const int64_t rows = group_rows(lowered, group);
  for (int64_t row = 0; row < rows; row += lanes) {
    for (int64_t l = 0; l < lanes; l++) {
      bool idle = row + l >= rows;
      worker->position[l] =
          idle ? 0 : split_position(lowered, group * GATTN_TILE_LANES + row + l);
      worker->vertex[l] =
          idle ? -1 : gattn_vertex_of(worker, worker->position[l]);
      worker->state[l] = row + l;
    }
    gattn_tile_run(worker, lowered->graph, 1, lanes, lo, hi);
  }
}

static void piece_rows(gattn_worker *worker, int64_t group, int64_t lo,
                       int64_t hi) {
  const gattn_attend_run *run = worker->run;
  for (int64_t r = 0; r < group_rows(worker->lowered, group); r++) {
    int64_t position =
        split_position(worker->lowered, group * GATTN_TILE_LANES + r);
    gattn_row row = {.dim = run->dim, .dim_v = run->dim_v,
                     .q = worker->q_rows, .o = worker->o + r * run->dim_v,
                     .m = -INFINITY};
    gattn_load_query(worker, position, worker->q_rows);
    gattn_row_run(worker, worker->lowered->graph, position, lo, hi, &row);
    worker->m[r] = row.m;
    worker->l[r] = row.l;
  }
}

static void run_piece(gattn_worker *worker, int64_t group, int64_t piece,
                      float *state) {
  const gattn_attend_run *run = worker->run;
  const int64_t n = run->n_kv, splits = worker->lowered->splits;
  const int64_t lo = n / splits * piece + (piece < n % splits ? piece : n % splits);
  const int64_t hi = lo + n / splits + (piece < n % splits);
  gattn_span_begin(worker, 0, GATTN_TILE_LANES);
  if (group_rows(worker->lowered, group) >= ROWS_FOR_A_TILE)
    piece_tiles(worker, group, lo, hi);
  else
    piece_rows(worker, group, lo, hi);
  const int64_t lanes = GATTN_TILE_LANES;
  memcpy(state, worker->o, (size_t)(lanes * run->dim_v) * sizeof *state);
  memcpy(state + lanes * run->dim_v, worker->m, lanes * sizeof *state);
  memcpy(state + lanes * (run->dim_v + 1), worker->l, lanes * sizeof *state);
}

/* Adds lane r of a partial state to (o, m, l). */
static void merge_piece(const gattn_attend_run *run, const float *state,
                        int64_t r, float *o, float *m, float *l) {
  const int64_t lanes = GATTN_TILE_LANES, dim_v = run->dim_v;
  const float m_piece = state[lanes * dim_v + r];
  const float l_piece = state[lanes * (dim_v + 1) + r];
  const float *o_piece = state + r * dim_v;
  const float top = m_piece > *m ? m_piece : *m;
  const float base = top == -INFINITY ? 0.0f : top;
  const float old = exp2f(*m - base), new = exp2f(m_piece - base);
  for (int64_t c = 0; c < dim_v; c++) o[c] = o[c] * old + o_piece[c] * new;
  *l = *l * old + l_piece * new;
  *m = top;
}

static void finish_group(gattn_worker *worker, int64_t group,
                         const float *states) {
  const gattn_attend_run *run = worker->run;
  const int64_t splits = worker->lowered->splits;
  for (int64_t r = 0; r < group_rows(worker->lowered, group); r++) {
    gattn_span_begin(worker, 0, 1);
    for (int64_t s = 0; s < splits; s++)
      merge_piece(run, states + (group * splits + s) * piece_floats(run), r,
                  worker->o, worker->m, worker->l);
    gattn_row_write(worker,
                    split_position(worker->lowered,
                                   group * GATTN_TILE_LANES + r),
                    worker->o, *worker->m, *worker->l);
  }
}

/* ------------------------------------------------------------ the whole */

typedef struct execution {
  const gattn_attend_run *run;
  int64_t span; /* of the workers */
  size_t worker_bytes;
  float *states;       /* of split rows */
  int64_t done, total; /* units of progress: split heads and tasks */
  atomic_int cancelled;
} execution;

static gattn_worker *new_worker(const execution *execution) {
  char *memory = execution->run->workspace +
                 (size_t)thread_index() * execution->worker_bytes;
  gattn_worker *worker =
      gattn_worker_at(execution->run, execution->span, memory);
  gattn_worker_head(worker, 0, 0);
  return worker;
}

/* The caller's thread alone reports. */
static bool cancelled(execution *execution, int64_t done) {
  if (thread_index() == 0 &&
      gattn_progress_report(execution->run->context, execution->done + done,
                            execution->total))
    atomic_store_explicit(&execution->cancelled, 1, memory_order_relaxed);
  return atomic_load_explicit(&execution->cancelled, memory_order_relaxed);
}

static void run_split(execution *execution, int64_t batch, int64_t head) {
  const gattn_attend_run *run = execution->run;
  const gattn_lowered *lowered = run->lowered + (run->shared ? 0 : head);
  const int64_t groups = split_groups(lowered), splits = lowered->splits;
#pragma omp parallel num_threads(gattn_team(run->context)) \
    if (run->threads > 1)
  {
    gattn_worker *worker = new_worker(execution);
    gattn_worker_head(worker, batch, head);
#pragma omp for schedule(dynamic)
    for (int64_t t = 0; t < groups * splits; t++)
      if (!cancelled(execution, 0))
        run_piece(worker, t / splits, t % splits,
                  execution->states + t * piece_floats(run));
#pragma omp for schedule(dynamic)
    for (int64_t g = 0; g < groups; g++)
      if (!cancelled(execution, 0))
        finish_group(worker, g, execution->states);
  }
}

static void run_span(gattn_worker *worker, int64_t index) {
  const gattn_lowered *lowered = worker->lowered;
  const int64_t first = index * lowered->span;
  const int64_t left = worker->run->n_f - first;
  if (left <= 0) return;
  gattn_span_begin(worker, first, left < lowered->span ? left : lowered->span);
  for (int64_t p = 0; p < lowered->n_parts; p++)
    if (lowered->parts[p].form == GATTN_PART_TILES)
      gattn_span_tiles(worker, lowered->parts + p);
    else
      gattn_span_edges(worker, lowered->parts + p);
  gattn_span_end(worker);
}

/* Whether positions are left to the spans: all but those of a decode step,
 * which are split one and all. Rows without an edge must be written too. */
static bool has_spans(const gattn_attend_run *run,
                      const gattn_lowered *lowered) {
  return lowered->splits == 0 || lowered->n_split < run->n_f;
}

/* Spans of the head that has most. */
static int64_t spans_a_head(const gattn_attend_run *run) {
  int64_t most = 0;
  for (int64_t h = 0; h < lowered_count(run); h++) {
    const gattn_lowered *lowered = run->lowered + h;
    if (!has_spans(run, lowered)) continue;
    int64_t spans = run->n_f / lowered->span + (run->n_f % lowered->span > 0);
    if (spans > most) most = spans;
  }
  return most;
}

static void run_spans(execution *execution, int64_t spans) {
  const gattn_attend_run *run = execution->run;
  const int64_t tasks = run->batch * run->heads * spans;
#pragma omp parallel num_threads(gattn_team(run->context)) \
    if (run->threads > 1)
  {
    gattn_worker *worker = new_worker(execution);
#pragma omp for schedule(dynamic, SPANS_A_TASK)
    for (int64_t t = 0; t < tasks; t++) {
      if (cancelled(execution, t)) continue;
      const int64_t head = t / spans % run->heads;
      const int64_t batch = t / spans / run->heads;
      if (head != worker->head || batch != worker->batch)
        gattn_worker_head(worker, batch, head);
      if (has_spans(run, worker->lowered)) run_span(worker, t % spans);
    }
  }
}

static size_t all_workers(const gattn_attend_run *run) {
  return (size_t)run->threads * gattn_worker_bytes(run, longest_span(run));
}

size_t gattn_attend_run_workspace(const gattn_attend_run *run) {
  const size_t worker = gattn_worker_bytes(run, longest_span(run));
  size_t workers, states;
  if (worker == SIZE_MAX ||
      __builtin_mul_overflow(worker, run->threads, &workers) ||
      __builtin_mul_overflow(split_pieces(run) * (int64_t)sizeof(float),
                             piece_floats(run), &states) ||
      __builtin_add_overflow(workers, states, &states) || states > INT64_MAX)
    return SIZE_MAX;
  return states;
}

gattn_status gattn_attend_run_execute(const gattn_attend_run *run) {
  if (run->batch * run->heads * run->n_f == 0) return GATTN_SUCCESS;
  execution execution = {
      .run = run,
      .span = longest_span(run),
      .worker_bytes = gattn_worker_bytes(run, longest_span(run)),
      .states = (float *)(run->workspace + all_workers(run)),
  };
  const int64_t spans = spans_a_head(run), pairs = run->batch * run->heads;
  execution.total = pairs * spans;
  for (int64_t h = 0; h < pairs; h++)
    execution.total += run->lowered[run->shared ? 0 : h % run->heads].splits > 0;
  for (int64_t h = 0; h < pairs && !atomic_load(&execution.cancelled); h++) {
    if (run->lowered[run->shared ? 0 : h % run->heads].splits == 0) continue;
    run_split(&execution, h / run->heads, h % run->heads);
    execution.done++;
  }
  if (!atomic_load(&execution.cancelled)) run_spans(&execution, spans);
  return atomic_load(&execution.cancelled)
             ? gattn_fail(run->context, GATTN_ERROR_CANCELLED,
                          "progress: the callback asked to stop")
             : GATTN_SUCCESS;
}
