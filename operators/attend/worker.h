/* One thread's share of an execution: its scratch, and what it does to rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_ATTEND_WORKER_H
#define GATTN_OPERATORS_ATTEND_WORKER_H

#include "operators/attend/lowered.h"
#include "operators/attend/walk.h"

/* Rows of keys and values as dense float32: a pointer into the tensor where it
 * is that already, else a converted copy. */
typedef struct gattn_rows {
  const char *base; /* row 0 of the head */
  gattn_type type;
  int64_t row_stride, column_stride; /* in elements */
  int64_t row_bytes;                 /* row_stride in bytes */
  int64_t columns;
  bool direct; /* float32 with dense columns */
  /* 16-bit elements with dense columns; else null */
  void (*convert)(const uint16_t *from, int64_t count, float *to);
} gattn_rows;

/* The keys of a row that are looked at together. */
typedef struct gattn_edge_block {
  int64_t vertex, position; /* the row */
  int64_t edge;             /* of keys[0], within the head's edge values */
  int64_t count;
  bool last; /* nothing of the row follows */
  int64_t keys[GATTN_KEY_BLOCK];
} gattn_edge_block;

typedef struct gattn_worker {
  const gattn_attend_run *run;
  const gattn_lowered *lowered; /* of the current head */
  int64_t batch, head;
  gattn_rows q, k, v;

  /* The span's state, indexed by position − first; of a piece of split rows,
   * by the row in its group. */
  int64_t first, count;
  float *o;     /* [span][dim_v] */
  float *m, *l; /* [span] */

  gattn_tile tile;
  gattn_walk walk;
  int64_t position[GATTN_TILE_LANES]; /* of the tile's lanes */
  int64_t vertex[GATTN_TILE_LANES];   /* −1 for an idle lane */
  int64_t state[GATTN_TILE_LANES];    /* where in o, m, l */
  int64_t keys[GATTN_KEY_BLOCK];
  uint32_t masks[GATTN_KEY_BLOCK];

  gattn_edge_block blocks[2];
  float *q_rows;  /* [GATTN_TILE_LANES][dim or dim_v] */
  float *k_block; /* [GATTN_KEY_BLOCK][dim] */
  float *v_block; /* [GATTN_KEY_BLOCK][dim_v] */
  float *scores;  /* [GATTN_KEY_BLOCK] */
  float *o_row;   /* [dim_v] */
} gattn_worker;

/* Bytes of a worker for spans of `span` positions, a multiple of 64, or
 * SIZE_MAX where they overflow; and the
 * worker laid out at memory, which is aligned to 64. */
size_t gattn_worker_bytes(const gattn_attend_run *run, int64_t span);
gattn_worker *gattn_worker_at(const gattn_attend_run *run, int64_t span,
                              void *memory);

/* Turns to a head: its lowered graph, its rows of K and V. */
void gattn_worker_head(gattn_worker *worker, int64_t batch, int64_t head);

/* The row of Q, O and lse that a position is, and its vertex. */
static inline int64_t gattn_row_of(const gattn_worker *worker,
                                   int64_t position) {
  const int64_t *order = worker->lowered->order;
  return order ? order[position] : position;
}
static inline int64_t gattn_vertex_of(const gattn_worker *worker,
                                      int64_t position) {
  const gattn_frontier *frontier = worker->run->frontier;
  int64_t row = gattn_row_of(worker, position);
  return frontier ? gattn_frontier_vertex(frontier, row) : row;
}

/* Where row j lies. */
static inline const char *gattn_rows_address(const gattn_rows *rows,
                                             int64_t j) {
  return rows->base + j * rows->row_bytes;
}

/* Asks for row j's cache lines ahead of their use. */
static inline void gattn_rows_ask(const gattn_rows *rows, int64_t j) {
  const char *at = gattn_rows_address(rows, j);
  const int64_t bytes = rows->columns * (int64_t)gattn_type_size(rows->type);
  if (rows->column_stride != 1) return;
  for (int64_t line = 0; line < bytes; line += 64)
    __builtin_prefetch(at + line);
}

/* A row as floats: in place, or converted into scratch[columns]. */
static inline const float *gattn_rows_at(const gattn_rows *rows, int64_t j,
                                         float *scratch) {
  const char *at = gattn_rows_address(rows, j);
  if (rows->direct) return (const float *)at;
  if (rows->convert)
    rows->convert((const uint16_t *)at, rows->columns, scratch);
  else
    gattn_load_floats(at, rows->type, rows->column_stride, rows->columns,
                      scratch);
  return scratch;
}

/* The row of Q, scaled for the kernels, at to[dim]. */
void gattn_load_query(const gattn_worker *worker, int64_t position, float *to);

/* s = score(dot) in base-2 units for one edge. */
float gattn_score_edge(const gattn_worker *worker, float dot, int64_t i,
                       int64_t j, int64_t edge);
/* The same for the scores of the tile's block of keys, in place (score.c). */
void gattn_score_tile(gattn_worker *worker, int64_t lanes, int64_t count,
                      int64_t residue, int64_t stride);
static inline bool gattn_scores_plain(const gattn_attend_run *run) {
  return run->score.kind == GATTN_SCORE_IDENTITY;
}

/* Empties the state of positions [first, first + count). */
void gattn_span_begin(gattn_worker *worker, int64_t first, int64_t count);
/* Adds the part's edges to the span's state (tile.c, row.c). */
void gattn_span_tiles(gattn_worker *worker, const gattn_part *part);
void gattn_span_edges(gattn_worker *worker, const gattn_part *part);
/* Divides, and writes o and lse of every position that is not split. */
void gattn_span_end(gattn_worker *worker);

/* One tile over the keys [lo, hi) of graph in class space; position[], vertex[]
 * and state[] hold `lanes` lanes, whose states are continued. */
void gattn_tile_run(gattn_worker *worker, gattn_graph *graph, int64_t stride,
                    int64_t lanes, int64_t lo, int64_t hi);
/* One row over the keys [lo, hi), continuing row. */
void gattn_row_run(gattn_worker *worker, gattn_graph *graph, int64_t position,
                   int64_t lo, int64_t hi, gattn_row *row);

/* Writes o and lse of one row from its state; a row that is not finite is
 * computed again from its own edges alone, since a masked lane of a tile may
 * have met a NaN or infinity that is none of its business. */
void gattn_row_write(gattn_worker *worker, int64_t position, const float *o,
                     float m, float l);

#endif
