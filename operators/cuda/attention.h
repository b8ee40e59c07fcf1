/* What the device's attention kernels run on, and their launchers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * plan/device/ fills these structures, operators/cuda/ runs them. Nothing here
 * allocates, waits or reads back. Launchers return a CUDA error code (0 for
 * success) and put everything on `stream`, a cudaStream_t.
 *
 * STATES. One attention may take several passes over disjoint edges. Between
 * them each row's state is (o32, lse32): o normalised, in float32, and the
 * natural-log sum; an empty row is (0, −inf). A pass that resumes begins with
 * m = lse32, l = 1, o = o32. The last pass stores o in the operands' type, and
 * lse if it is wanted. */
#ifndef GATTN_OPERATORS_CUDA_ATTENTION_H
#define GATTN_OPERATORS_CUDA_ATTENTION_H

#include "operators/cuda/formula.h"
#include "operators/cuda/geometry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor on the device, [batch, heads, rows, dim]; strides in elements, any
 * sign. data null: there is none. lse [batch, heads, rows], edge values
 * [batch, heads, edges]: the last stride is unused. */
typedef struct gattn_operand {
  void *data;
  int64_t batch, head, row, dim;
} gattn_operand;

/* As gattn_score, without the host's parts; table is on the device. */
typedef struct gattn_device_score {
  int32_t kind; /* gattn_score_kind; FUNCTION is refused before */
  float cap;
  int64_t count;
  const float *table;
} gattn_device_score;

typedef struct gattn_device_range {
  int64_t begin, end;
} gattn_device_range;

/* The same for every pass of one attention. */
typedef struct gattn_device_attention {
  int32_t type; /* gattn_type: FLOAT32, FLOAT16, BFLOAT16; of q, k, v, o */
  int64_t batch, heads, kv_heads, n_f, n_q, n_kv, dim, dim_v;
  float scale;
  gattn_device_score score;
  gattn_operand q, k, v, o, lse, edge_values;

  /* Row p of q, o and lse belongs to vertex vertices[p], or begin + p when
   * vertices is null. size, when not null, is on the device: rows at and past
   * *size are neither read nor written. */
  int64_t begin;
  const int64_t *vertices;
  const int64_t *size;

  int32_t multiprocessors, capability; /* of the device */
  void *encode_tiled; /* the driver's cuTensorMapEncodeTiled; null: none */
} gattn_device_attention;

/* Where rows' states lie between passes: o32 [batch, heads, rows, dim_v], lse32
 * [batch, heads, rows], dense. */
typedef struct gattn_device_state {
  float *o, *lse;
} gattn_device_state;

/* ------------------------------------------------------------ tiles */

/* The key tiles of a query tile, in the order they are visited: those that
 * the formula's spans name, then those of the list. Their edges are disjoint.
 *
 * LIST. offsets[query tiles + 1]; entries[e] is a key tile; words[e] is
 * GATTN_FULL_TILE, or w: lane l's edges are bits[w·lanes + l], bit b for lane b
 * of the key tile. Lanes that do not exist have no bits, also where words[e]
 * is GATTN_FULL_TILE. */
#define GATTN_FULL_TILE (-1)

typedef struct gattn_tile_list {
  const int64_t *offsets; /* null: there is no list */
  const int64_t *entries;
  const int32_t *words;
  const uint64_t *bits;
} gattn_tile_list;

/* One pass of query tiles over key tiles. A query tile has `lanes` lanes, a
 * key tile GATTN_TILE_KEYS. */
typedef struct gattn_tile_pass {
  gattn_numbering numbering; /* of keys; of queries unless `rows` is set */
  int32_t lanes;             /* a query tile: 64 or 128 (gattn_tile_lanes) */
  int64_t n_tiles;           /* of queries */
  int64_t first_tile;        /* number of the first: a frontier may begin late */

  /* When not null: queries are positions rows[n_rows] of q, o and lse (device
   * memory), tile t has those from t·lanes on, and numbering is of keys only.
   * When null, the query of vertex v is position v − begin, if that lies in
   * [0, n_f). A list of vertices always comes with rows, or with row_all: then
   * tile t has the positions from t·lanes on. */
  const int64_t *rows;
  int64_t n_rows;
  int32_t row_all;

  gattn_formula formula; /* n_steps = 0: none */
  gattn_tile_list list[1]; /* one for all heads */
  const gattn_tile_list *head_lists; /* device, [heads]; null: list[0] */
  const gattn_formula *head_formulas; /* device, [heads]; null: formula */

  /* Vertices that other passes own: these rows are neither read nor stored.
   * Sorted, disjoint; device memory. */
  const gattn_device_range *skip;
  int32_t n_skip;

  /* The key tiles of a query tile are cut into `pieces` of about equal number;
   * with more than one, piece p leaves its state in
   * piece_state[p·batch·heads·rows …] (rows: n_rows, or n_f), and
   * gattn_merge_launch ends it. */
  int32_t pieces;
  gattn_device_state piece_state;

  int32_t resume; /* begin with `state` */
  int32_t store_state; /* leave the result in `state`, not in o and lse */
  gattn_device_state state; /* rows: n_f */
} gattn_tile_pass;

/* Lanes of a query tile that a pass should have: of a type and dimensions, for
 * windows of about `degree` keys. 0 when the kernel does not take them. */
int32_t gattn_tile_lanes(int32_t type, int64_t dim, int64_t dim_v,
                         double degree);

int gattn_tile_launch(const gattn_device_attention *attention,
                      const gattn_tile_pass *pass, void *stream);

/* ------------------------------------------------------------ pieces */

/* Merges `pieces` states of the positions rows[n_rows] (null: all n_f): into
 * state when store_state, else into o and lse. Used after passes in pieces,
 * and for nothing else. */
typedef struct gattn_merge_pass {
  int32_t pieces;
  gattn_device_state piece_state; /* [pieces, batch, heads, rows, …] */
  const int64_t *rows;
  int64_t n_rows;
  int32_t resume, store_state;
  gattn_device_state state;
} gattn_merge_pass;

int gattn_merge_launch(const gattn_device_attention *attention,
                       const gattn_merge_pass *pass, void *stream);

/* ------------------------------------------------------------ edge lists */

/* Rows as compressed sparse rows on the device: row p of the frontier has the
 * keys columns[offsets[p]] … columns[offsets[p+1] − 1]. Narrow columns are
 * int32, else int64. offsets[0] need not be 0: offsets may point into those of
 * a larger graph. `edges` bounds offsets[n_f] − offsets[0]; it may be more. The
 * value of an edge e stands at e − offsets[0]. */
typedef struct gattn_device_rows {
  const int64_t *offsets; /* [n_f + 1] */
  const void *columns;
  int32_t narrow;
  int32_t owned;    /* by gattn_device_rows_free; no matter to kernels */
  int64_t n_f;      /* likewise */
  int64_t edges;
} gattn_device_rows;

/* One pass over edges: chunks of about equal edges, one a warp, whatever the
 * rows' degrees; rows that cross chunks are merged in a second kernel. */
typedef struct gattn_edge_pass {
  gattn_device_rows rows;             /* one for all heads */
  const gattn_device_rows *head_rows; /* device, [heads]; null: rows */
  int64_t edges;   /* the most of any head */
  void *workspace; /* gattn_edges_workspace bytes, aligned to 256 */
  int32_t resume, store_state;
  gattn_device_state state;
} gattn_edge_pass;

/* The largest dim and dim_v that they take. */
enum { GATTN_EDGES_DIM = 1024 };

/* Bytes; UINT64_MAX where they overflow. */
uint64_t gattn_edges_workspace(const gattn_device_attention *attention,
                               int64_t edges);
int gattn_edges_launch(const gattn_device_attention *attention,
                       const gattn_edge_pass *pass, void *stream);

/* ------------------------------------------------------------ empty rows */

/* Zero rows with lse −inf, for an attention without edges, and for rows whose
 * state no pass touches: fills o and lse, or `state` when store_state. */
int gattn_empty_launch(const gattn_device_attention *attention,
                       int32_t store_state, const gattn_device_state *state,
                       void *stream);

#ifdef __cplusplus
}
#endif

#endif
