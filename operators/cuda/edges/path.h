/* How rows and edges are cut into chunks of about equal work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row takes GATTN_ROW_PLACES + degree places of a path: its beginning and end
 * cost about what so many edges do, and then each edge has a place. Row r begins
 * at place r·GATTN_ROW_PLACES + offsets[r] − offsets[0], and a path of n rows has
 * as many places as row n's beginning. Chunk c has the places
 * [c·size, (c + 1)·size), size > GATTN_ROW_PLACES.
 *
 * A row of degree <= size belongs whole to the chunk where it begins. A longer
 * one is cut at the ends of chunks: its first piece is the TAIL of the chunk
 * where it begins, every other the HEAD of its chunk. So a chunk has at most
 * one head and one tail, and takes at most twice its size in edges. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_PATH_H
#define GATTN_OPERATORS_CUDA_EDGES_PATH_H

#include "operators/cuda/host_device.h"

enum { GATTN_PIECE_WHOLE = -1, GATTN_PIECE_HEAD = 0, GATTN_PIECE_TAIL = 1 };

/* Measured: without, a chunk of short rows takes several times as long as one of
 * long rows (R-MAT of 2^17 rows: 0.7 ms for chunks of 1024 places, where rows of
 * 32 keys take 0.2 ms). */
enum { GATTN_ROW_PLACES = 32 };

/* Edges [from, to) of a row, 0 being its first. */
typedef struct gattn_edge_piece {
  int64_t from, to;
  int32_t kind;
} gattn_edge_piece;

/* Where row r begins that has `edges` before it. */
GATTN_HD int64_t gattn_edge_start(int64_t r, int64_t edges) {
  return r * GATTN_ROW_PLACES + edges;
}
GATTN_HD int64_t gattn_edge_place(const int64_t *offsets, int64_t r) {
  return gattn_edge_start(r, offsets[r] - offsets[0]);
}

/* Whether the row before the first one that begins in a chunk, at place `first`,
 * has a piece at the chunk's head. */
GATTN_HD int gattn_edge_has_head(int64_t start, int64_t degree, int64_t first,
                                 int64_t size) {
  return degree > size && start + GATTN_ROW_PLACES + degree > first;
}

/* The part, in the chunk that begins at place `first`, of a row that begins at
 * `start` and reaches into it: start < first + size, and for start < first
 * gattn_edge_has_head. */
GATTN_HD gattn_edge_piece gattn_edge_piece_of(int64_t start, int64_t degree,
                                              int64_t first, int64_t size) {
  gattn_edge_piece piece = {0, degree, GATTN_PIECE_WHOLE};
  if (degree <= size) return piece;
  const int64_t from = first - start - GATTN_ROW_PLACES, to = from + size;
  piece.kind = start < first ? GATTN_PIECE_HEAD : GATTN_PIECE_TAIL;
  piece.from = from > 0 ? from : 0;
  piece.to = to < 0 ? 0 : to < degree ? to : degree;
  return piece;
}

/* Pieces of rows cut are states in a workspace, two to a chunk. This is the
 * place of piece p of a row that begins at `start`. */
GATTN_HD int64_t gattn_edge_slot(int64_t start, int64_t size, int64_t p) {
  return 2 * (start / size + p) + (p ? GATTN_PIECE_HEAD : GATTN_PIECE_TAIL);
}

/* How many chunks a path of `places` takes. */
GATTN_HD int64_t gattn_edge_chunks(int64_t places, int64_t size) {
  return (places + size - 1) / size;
}

/* The size of a chunk: short enough that `warps` get some eight of them each,
 * so that uneven ones even out, and long enough that finding its first row is
 * little of its work. */
enum { GATTN_CHUNK_LEAST = 128, GATTN_CHUNK_MOST = 2048 };

GATTN_HD int64_t gattn_edge_chunk_size(int64_t places, int64_t warps) {
  int64_t size = GATTN_CHUNK_LEAST;
  while (size < GATTN_CHUNK_MOST && size * warps * 8 < places) size *= 2;
  return size;
}

#endif
