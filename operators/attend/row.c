/* Parts row by row. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "operators/attend/worker.h"

/* ------------------------------------------------------------ blocks of edges */

/* Where the walk over a span's rows stands. */
typedef struct gattn_row_cursor {
  gattn_graph *graph;
  int64_t hi;           /* keys end here */
  int64_t position, end; /* of rows */
  int64_t upto;         /* the current row is read up to this key */
  int64_t count, next;  /* runs fetched, and the next of them */
  int64_t edge;         /* the next edge's index among the edge values */
  gattn_run runs[GATTN_KEY_BLOCK];
} gattn_row_cursor;

static int64_t first_edge(const gattn_worker *worker, int64_t position) {
  const int64_t *offsets = worker->lowered->offsets;
  return offsets ? offsets[position] : 0;
}

/* Fills the block with the current row's next keys. */
static void read_block(const gattn_worker *worker, gattn_row_cursor *cursor,
                       gattn_edge_block *block) {
  block->position = cursor->position;
  block->vertex = gattn_vertex_of(worker, cursor->position);
  block->edge = cursor->edge;
  block->count = 0;
  while (block->count < GATTN_KEY_BLOCK) {
    if (cursor->next == cursor->count) {
      if (cursor->upto >= cursor->hi) break;
      cursor->count =
          gattn_runs(cursor->graph, block->vertex, 1, cursor->upto,
                     cursor->hi, cursor->runs, GATTN_KEY_BLOCK,
                     &cursor->upto);
      cursor->next = 0;
      continue;
    }
    gattn_run *run = cursor->runs + cursor->next;
    while (run->begin < run->end && block->count < GATTN_KEY_BLOCK)
      block->keys[block->count++] = run->begin++;
    if (run->begin == run->end) cursor->next++;
  }
  cursor->edge += block->count;
  block->last = cursor->next == cursor->count && cursor->upto >= cursor->hi;
}

/* ------------------------------------------------------------ one block */

/* The rows of the block's keys, to be asked for ahead; what the copy of a
 * strided row touches is left to the hardware. */
static gattn_ahead rows_ahead(const gattn_rows *rows,
                              const gattn_edge_block *block,
                              const char **addresses) {
  gattn_ahead ahead = {.rows = addresses};
  if (!block || rows->column_stride != 1) return ahead;
  ahead.count = block->count;
  ahead.bytes = rows->columns * (int64_t)gattn_type_size(rows->type);
  for (int64_t r = 0; r < block->count; r++)
    addresses[r] = gattn_rows_address(rows, block->keys[r]);
  return ahead;
}

/* rows[] = the values of the block's edges, without those that a score of -inf
 * removes: their values may hold NaN, which a weight of 0 would let through.
 * Scores move up likewise. Returns the edges that are left. */
static int64_t kept_values(gattn_worker *worker, const gattn_edge_block *block,
                           const float **rows) {
  int64_t kept = 0;
  for (int64_t r = 0; r < block->count; r++) {
    if (worker->scores[r] == -INFINITY) continue;
    worker->scores[kept] = worker->scores[r];
    rows[kept] = gattn_rows_at(&worker->v, block->keys[r],
                               worker->v_block + kept * worker->run->dim_v);
    kept++;
  }
  return kept;
}

/* Folds a block into its row's state. Values are asked for while the keys are
 * read, and the keys of the next block (may be null) while the values are. */
static void add_block(gattn_worker *worker, const gattn_edge_block *block,
                      const gattn_edge_block *next, gattn_row *row) {
  const gattn_attend_run *run = worker->run;
  const float *rows[GATTN_KEY_BLOCK];
  const char *addresses[GATTN_KEY_BLOCK];
  gattn_ahead ahead = rows_ahead(&worker->v, block, addresses);
  for (int64_t r = 0; r < block->count; r++)
    rows[r] = gattn_rows_at(&worker->k, block->keys[r],
                            worker->k_block + r * run->dim);
  run->kernels->row_scores(row, rows, block->count, &ahead, worker->scores);
  if (!gattn_scores_plain(run))
    for (int64_t r = 0; r < block->count; r++)
      worker->scores[r] =
          gattn_score_edge(worker, worker->scores[r], block->vertex,
                           block->keys[r], block->edge + r);
  ahead = rows_ahead(&worker->k, next, addresses);
  int64_t count = kept_values(worker, block, rows);
  run->kernels->row_accumulate(row, rows, count, &ahead, worker->scores);
}

void gattn_row_run(gattn_worker *worker, gattn_graph *graph, int64_t position,
                   int64_t lo, int64_t hi, gattn_row *row) {
  gattn_row_cursor cursor = {.graph = graph, .hi = hi, .position = position,
                             .upto = lo,
                             .edge = first_edge(worker, position)};
  gattn_edge_block *block = worker->blocks;
  do {
    read_block(worker, &cursor, block);
    if (block->count) add_block(worker, block, NULL, row);
  } while (!block->last);
}

/* ------------------------------------------------------------ rows of a span */

/* Begins the next row that is not split; false at the end of the span. */
static bool next_row(const gattn_worker *worker, gattn_row_cursor *cursor) {
  while (++cursor->position < cursor->end) {
    if (gattn_is_split(worker->lowered,
                       gattn_vertex_of(worker, cursor->position)))
      continue;
    cursor->upto = 0;
    cursor->count = cursor->next = 0;
    cursor->edge = first_edge(worker, cursor->position);
    return true;
  }
  return false;
}

/* Reads a block that has edges, of this row or a later one. */
static bool read_ahead(const gattn_worker *worker, gattn_row_cursor *cursor,
                       gattn_edge_block *block, bool *row_ended) {
  do {
    if (*row_ended && !next_row(worker, cursor)) return false;
    read_block(worker, cursor, block);
    *row_ended = block->last;
  } while (block->count == 0);
  return true;
}

void gattn_span_edges(gattn_worker *worker, const gattn_part *part) {
  const gattn_attend_run *run = worker->run;
  gattn_row_cursor cursor = {.graph = part->graph, .hi = run->n_kv,
                             .position = worker->first - 1,
                             .end = worker->first + worker->count};
  gattn_row row = {.dim = run->dim, .dim_v = run->dim_v,
                   .q = worker->q_rows};
  int64_t loaded = -1; /* the position whose query is in q_rows */
  bool row_ended = true;
  int current = 0;
  bool more = read_ahead(worker, &cursor, &worker->blocks[0], &row_ended);
  while (more) {
    const gattn_edge_block *block = &worker->blocks[current];
    current ^= 1;
    more = read_ahead(worker, &cursor, &worker->blocks[current], &row_ended);
    const int64_t at = block->position - worker->first;
    if (block->position != loaded) {
      loaded = block->position;
      gattn_load_query(worker, loaded, worker->q_rows);
    }
    row.o = worker->o + at * run->dim_v;
    row.m = worker->m[at];
    row.l = worker->l[at];
    add_block(worker, block, more ? &worker->blocks[current] : NULL, &row);
    worker->m[at] = row.m;
    worker->l[at] = row.l;
  }
}
