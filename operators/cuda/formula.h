/* A mask in closed form, as kernels see it: a boolean formula of atoms, read a
 * word of 64 keys at a time. SPDX-License-Identifier: Apache-2.0
 *
 * Neither host library nor CUDA header is needed: kernels compiled at run time
 * include it too, and the tests run it on the host.
 *
 * Bit b, b < count <= 64: whether the edge i → first + b·step is in the set.
 * step >= 1; the keys lie in [0, n_kv).
 *
 *     uint64_t gattn_formula_run(const gattn_formula *formula, int64_t i,
 *                                int64_t first, int64_t step, int count);
 *
 * The word of query vertex i against a key tile, bits of absent lanes clear:
 *
 *     uint64_t gattn_formula_word(const gattn_formula *formula, int64_t i,
 *                                 const gattn_tile *keys);
 *
 * The same for many key tiles of one row: where the row is a few runs of keys,
 * or a window of a grid, its ends are looked up once. The tiles are those of
 * `numbering`; in CLASSES, those of i's class:
 *
 *     gattn_formula_row row;
 *     gattn_formula_row_of(formula, numbering, i, &row);
 *     uint64_t gattn_formula_row_word(const gattn_formula *formula,
 *                                     const gattn_formula_row *row, int64_t i,
 *                                     const gattn_tile *keys);
 *
 * Key tiles, as ascending disjoint spans of tile numbers, at most
 * GATTN_SPANS_MOST of them, that hold every edge of the query vertices (TABLE:
 * positions) of a query tile: for CLASSES and PATCHES those of `queries`, else
 * all in [first, last], and `queries` is not read. A superset: tiles without
 * an edge are possible, and spans are joined when there are too many. Where
 * span.full is set, every query of the tile has edges to every key of the
 * span's tiles, and only lanes that do not exist need a mask. Returns how many
 * spans.
 *
 *     int gattn_formula_spans(const gattn_formula *formula,
 *                             const gattn_numbering *numbering,
 *                             const gattn_tile *queries, int64_t first,
 *                             int64_t last, gattn_span *spans);
 *
 * The same as span.full, for one key tile:
 *
 *     int gattn_formula_full(const gattn_formula *formula,
 *                            const gattn_numbering *numbering,
 *                            const gattn_tile *queries, int64_t first,
 *                            int64_t last, int64_t tile);
 */
#ifndef GATTN_OPERATORS_CUDA_FORMULA_H
#define GATTN_OPERATORS_CUDA_FORMULA_H

#include "operators/cuda/formula_row.h"
#include "operators/cuda/formula_spans.h"
#include "operators/cuda/formula_types.h"
#include "operators/cuda/formula_word.h"

#endif
