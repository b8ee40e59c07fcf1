/* Edges as the device finds them: a boolean expression of stored rows and
 * closed forms. SPDX-License-Identifier: Apache-2.0
 *
 * For planning. Everything here also runs on the host, where the tests ask. */
#ifndef GATTN_OPERATORS_CUDA_LISTS_SOURCE_H
#define GATTN_OPERATORS_CUDA_LISTS_SOURCE_H

#include "operators/cuda/tile/sequence.h"

enum {
  GATTN_SOURCE_LEAVES = 8,
  GATTN_SOURCE_STEPS = 2 * GATTN_SOURCE_LEAVES,
  GATTN_SOURCE_DEPTH = 4 /* sets that stand on the stack at once */
};

/* Rows of blocks: query i has the keys of the blocks columns[offsets[r]] …
 * columns[offsets[r + 1] − 1], ascending, where r is the query's position in
 * the frontier, or i / block − first. Key block c is [c·block, (c + 1)·block);
 * block = 1 is the keys themselves. */
typedef struct gattn_stored_rows {
  const int64_t *offsets;
  const void *columns; /* int32 where narrow, else int64 */
  int32_t narrow, by_position;
  int64_t first, block; /* block = 0: there are none, the leaf is a formula */
} gattn_stored_rows;

typedef struct gattn_source_leaf {
  gattn_stored_rows rows;
  gattn_formula formula;  /* of vertices; with inverse, of inverse[vertex] */
  const int64_t *inverse; /* [n_kv] of buckets: positions in their order */
  int32_t in_table;       /* that order is the numbering's table */
} gattn_source_leaf;

/* Postfix, as a formula's: steps[s] >= 0 pushes a leaf's edges, −1 − operator
 * (gattn_key_operator) joins the two topmost sets. No edge is in none of the
 * leaves whose bits `cover` has. */
typedef struct gattn_edge_source {
  int32_t n_leaves, n_steps;
  uint32_t cover;
  int64_t n_kv;
  int8_t steps[GATTN_SOURCE_STEPS];
  gattn_source_leaf leaves[GATTN_SOURCE_LEAVES];
} gattn_edge_source;

/* ------------------------------------------------------------ stored rows */

GATTN_HD int64_t gattn_stored_column(const gattn_stored_rows *rows, int64_t e) {
  return rows->narrow ? ((const int32_t *)rows->columns)[e]
                      : ((const int64_t *)rows->columns)[e];
}

GATTN_HD int64_t gattn_stored_row(const gattn_stored_rows *rows,
                                  const gattn_query_lane *query) {
  return rows->by_position ? query->position
                           : gattn_quotient(query->vertex, rows->block) -
                                 rows->first;
}

/* The first of the columns [e, end) that is not below `block`. */
GATTN_HD int64_t gattn_stored_find(const gattn_stored_rows *rows, int64_t e,
                                   int64_t end, int64_t block) {
  while (e < end) {
    const int64_t middle = e + (end - e) / 2;
    if (gattn_stored_column(rows, middle) < block)
      e = middle + 1;
    else
      end = middle;
  }
  return e;
}

/* Bit b, b < count <= 64: whether the key first + b·step is in row r. */
GATTN_HD uint64_t gattn_stored_line(const gattn_stored_rows *rows, int64_t r,
                                    int64_t first, int64_t step, int count) {
  const int64_t end = rows->offsets[r + 1];
  int64_t e = gattn_stored_find(rows, rows->offsets[r], end,
                                gattn_quotient(first, rows->block));
  uint64_t word = 0;
  if (step == 1) {
    for (; e < end; e++) {
      const int64_t begin = gattn_stored_column(rows, e) * rows->block - first;
      if (begin >= count) break;
      word |= gattn_bits_between(gattn_clip_lane(begin),
                                 gattn_clip_lane(begin + rows->block));
    }
    return word & gattn_bits_below(count);
  }
  for (int b = 0; b < count && e < end; b++) {
    const int64_t block = gattn_quotient(first + b * step, rows->block);
    e = gattn_stored_find(rows, e, end, block);
    if (e < end && gattn_stored_column(rows, e) == block)
      word |= (uint64_t)1 << b;
  }
  return word;
}

GATTN_HD uint64_t gattn_stored_word(const gattn_stored_rows *rows,
                                    const gattn_query_lane *query,
                                    const gattn_tile *keys) {
  const int64_t r = gattn_stored_row(rows, query);
  uint64_t word = 0;
  for (int l = 0; l < keys->lines; l++)
    word |= gattn_stored_line(rows, r, keys->base + l * keys->line_step,
                              keys->step, keys->columns)
            << (l << keys->shift);
  return word;
}

/* ------------------------------------------------------------ words */

GATTN_HD gattn_tile gattn_tile_of_key(int64_t key) {
  gattn_tile tile;
  tile.base = key;
  tile.step = 1;
  tile.line_step = 0;
  tile.shift = 7;
  tile.columns = tile.lines = 1;
  return tile;
}

/* Keys are vertices; with inverse, positions. */
GATTN_HD uint64_t gattn_leaf_tile(const gattn_source_leaf *leaf,
                                  const gattn_query_lane *query,
                                  const gattn_tile *keys) {
  if (leaf->rows.block) return gattn_stored_word(&leaf->rows, query, keys);
  return gattn_formula_word(
      &leaf->formula,
      leaf->inverse ? leaf->inverse[query->vertex] : query->vertex, keys);
}

GATTN_HD int gattn_leaf_has(const gattn_source_leaf *leaf,
                            const gattn_query_lane *query, int64_t vertex) {
  const gattn_tile tile =
      gattn_tile_of_key(leaf->inverse ? leaf->inverse[vertex] : vertex);
  return gattn_leaf_tile(leaf, query, &tile) != 0;
}

/* The word of a query against a tile of the numbering. */
GATTN_HD uint64_t gattn_leaf_word(const gattn_source_leaf *leaf,
                                  const gattn_numbering *numbering,
                                  const gattn_query_lane *query,
                                  const gattn_tile *keys) {
  const int table = numbering->kind == GATTN_NUMBER_TABLE;
  if (table ? leaf->in_table : !leaf->inverse)
    return gattn_leaf_tile(leaf, query, keys);
  uint64_t word = 0;
  for (int b = 0; b < 64; b++) {
    if (!gattn_tile_has(keys, b)) continue;
    const int64_t number = gattn_tile_number(keys, b);
    if (gattn_leaf_has(leaf, query, table ? numbering->table[number] : number))
      word |= (uint64_t)1 << b;
  }
  return word;
}

/* The same of the whole; bits of absent lanes are clear. */
GATTN_HD uint64_t gattn_source_word(const gattn_edge_source *source,
                                    const gattn_numbering *numbering,
                                    const gattn_query_lane *query,
                                    const gattn_tile *keys) {
  /* The stack, its top first. */
  uint64_t top = 0, second = 0, third = 0, fourth = 0;
  for (int s = 0; s < source->n_steps; s++) {
    const int step = source->steps[s];
    if (step >= 0) {
      fourth = third;
      third = second;
      second = top;
      top = gattn_leaf_word(&source->leaves[step], numbering, query, keys);
    } else {
      top = gattn_words_join(-1 - step, second, top);
      second = third;
      third = fourth;
    }
  }
  return top & gattn_tile_lanes_word(keys);
}

GATTN_HD int gattn_source_has(const gattn_edge_source *source,
                              const gattn_query_lane *query, int64_t vertex) {
  uint32_t has = 0;
  for (int s = 0; s < source->n_steps; s++) {
    const int step = source->steps[s];
    if (step >= 0) {
      has = has << 1 |
            (uint32_t)gattn_leaf_has(&source->leaves[step], query, vertex);
    } else {
      const uint32_t joined =
          (uint32_t)gattn_words_join(-1 - step, has >> 1 & 1, has & 1) & 1;
      has = (has >> 2) << 1 | joined;
    }
  }
  return has & 1;
}

#endif
