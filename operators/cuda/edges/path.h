/* How rows and edges are cut into chunks of about equal work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row takes 1 + degree places of a path: itself, then its edges. Row r begins
 * at place r + offsets[r] − offsets[0], and a path of n rows has as many places
 * as row n's beginning. Chunk c has the places [c·size, (c + 1)·size).
 *
 * A row of degree <= size belongs whole to the chunk where it begins. A longer
 * one is cut at the ends of chunks: its first piece is the TAIL of the chunk
 * where it begins, every other the HEAD of its chunk. So a chunk has at most
 * one head and one tail, and takes at most twice its size in edges. */
#ifndef GATTN_OPERATORS_CUDA_EDGES_PATH_H
#define GATTN_OPERATORS_CUDA_EDGES_PATH_H

#include "operators/cuda/host_device.h"

enum { GATTN_PIECE_WHOLE = -1, GATTN_PIECE_HEAD = 0, GATTN_PIECE_TAIL = 1 };

/* Edges [from, to) of a row, 0 being its first. */
typedef struct gattn_edge_piece {
  int64_t from, to;
  int32_t kind;
} gattn_edge_piece;

/* Where row r begins. */
GATTN_HD int64_t gattn_edge_place(const int64_t *offsets, int64_t r) {
  return r + offsets[r] - offsets[0];
}

/* The part, in the chunk that begins at place `first`, of a row that begins at
 * `start` and reaches into it: start < first + size; for start < first the row
 * is longer than size and start + degree >= first. */
GATTN_HD gattn_edge_piece gattn_edge_piece_of(int64_t start, int64_t degree,
                                              int64_t first, int64_t size) {
  gattn_edge_piece piece = {0, degree, GATTN_PIECE_WHOLE};
  if (degree <= size) return piece;
  const int64_t last = first + size - start - 1;
  piece.kind = start < first ? GATTN_PIECE_HEAD : GATTN_PIECE_TAIL;
  if (start < first) piece.from = first - start - 1;
  if (last < degree) piece.to = last;
  return piece;
}

/* Whether the row before the first one that begins in a chunk has a piece at
 * the chunk's head. */
GATTN_HD int gattn_edge_has_head(int64_t start, int64_t degree, int64_t first,
                                 int64_t size) {
  return degree > size && start + degree >= first;
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
enum { GATTN_CHUNK_LEAST = 64, GATTN_CHUNK_MOST = 2048 };

GATTN_HD int64_t gattn_edge_chunk_size(int64_t places, int64_t warps) {
  int64_t size = GATTN_CHUNK_LEAST;
  while (size < GATTN_CHUNK_MOST && size * warps * 4 < places) size *= 2;
  return size;
}

#endif
