/* Tiles of vertices: which vertex a lane of a tile stands for.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No host library and no CUDA header is needed here: kernels compiled at run
 * time include it too. */
#ifndef GATTN_OPERATORS_CUDA_GEOMETRY_H
#define GATTN_OPERATORS_CUDA_GEOMETRY_H

#include "operators/cuda/host_device.h"

/* Keys of a key tile: bits of a mask word. */
#define GATTN_TILE_KEYS 64

/* How vertices are numbered for the tiles of a pass. Queries and keys are
 * numbered alike. */
typedef enum gattn_numbering_kind {
  GATTN_NUMBER_LINEAR = 0, /* as they are */
  GATTN_NUMBER_CLASSES,    /* residue classes of `stride`, one after another;
                            * a tile never spans two */
  GATTN_NUMBER_PATCHES,    /* a grid, cut into patches of patch_h x patch_w;
                            * a tile is a patch, lanes row-major within it */
  GATTN_NUMBER_TABLE       /* vertex = table[position] */
} gattn_numbering_kind;

typedef struct gattn_numbering {
  int32_t kind;           /* gattn_numbering_kind */
  int64_t stride;         /* CLASSES */
  int64_t grid_h, grid_w; /* PATCHES */
  const int64_t *table;   /* TABLE, on the device */
} gattn_numbering;

/* a / b, neither negative and b > 0: what fits into 32 bits is divided there,
 * which devices do several times faster. */
GATTN_HD int64_t gattn_quotient(int64_t a, int64_t b) {
  if ((uint64_t)(a | b) >> 32) return a / b;
  return (int64_t)((uint32_t)a / (uint32_t)b);
}

/* Lanes [0, lanes) of one tile: lane l is vertex
 *
 *     base + (l >> shift)·line_step + (l & (2^shift − 1))·step
 *
 * and exists when (l & (2^shift − 1)) < columns and (l >> shift) < lines. With
 * a table that number is a position, and the vertex is table[number]. */
typedef struct gattn_tile {
  int64_t base, step, line_step;
  int32_t shift, columns, lines;
} gattn_tile;

GATTN_HD int gattn_tile_has(const gattn_tile *tile, int lane) {
  return (lane & ((1 << tile->shift) - 1)) < tile->columns &&
         (lane >> tile->shift) < tile->lines;
}

GATTN_HD int64_t gattn_tile_number(const gattn_tile *tile, int lane) {
  return tile->base + (int64_t)(lane >> tile->shift) * tile->line_step +
         (int64_t)(lane & ((1 << tile->shift) - 1)) * tile->step;
}

/* The extent of a patch of `lanes` (a power of two, at least 16): as square as
 * can be, wider than high. 64 is 8 x 8, 128 is 8 x 16. */
GATTN_HD int gattn_patch_shift(int lanes) {
  int shift = 0;
  while ((1 << (2 * shift)) < lanes) shift++;
  return shift; /* columns 2^shift, lines lanes >> shift */
}

/* How many tiles of `lanes` lanes the vertices [0, n) make. */
GATTN_HD int64_t gattn_tiles_of(const gattn_numbering *numbering, int lanes,
                                int64_t n) {
  if (numbering->kind == GATTN_NUMBER_CLASSES) {
    /* The longest class decides: every class has as many tiles. */
    const int64_t longest = (n + numbering->stride - 1) / numbering->stride;
    return (longest + lanes - 1) / lanes * numbering->stride;
  }
  if (numbering->kind == GATTN_NUMBER_PATCHES) {
    const int shift = gattn_patch_shift(lanes);
    const int64_t w = 1 << shift, h = lanes >> shift;
    return (numbering->grid_h + h - 1) / h * ((numbering->grid_w + w - 1) / w);
  }
  return (n + lanes - 1) / lanes;
}

/* Tiles of one residue class; CLASSES only. */
GATTN_HD int64_t gattn_class_tiles(const gattn_numbering *numbering, int lanes,
                                   int64_t n) {
  const int64_t longest =
      gattn_quotient(n + numbering->stride - 1, numbering->stride);
  return (longest + lanes - 1) / lanes;
}

GATTN_HD int32_t gattn_clip_lanes(int64_t left, int lanes) {
  return left >= lanes ? lanes : left > 0 ? (int32_t)left : 0;
}

/* Tile t of the vertices [0, n), of `lanes` lanes, 16 … 128, a power of two.
 * CLASSES: tile t is tile t % class_tiles of class t / class_tiles. */
GATTN_HD gattn_tile gattn_tile_at(const gattn_numbering *numbering, int lanes,
                                  int64_t n, int64_t t) {
  gattn_tile tile;
  tile.shift = 7;
  tile.lines = 1;
  tile.line_step = 0;
  tile.step = 1;
  if (numbering->kind == GATTN_NUMBER_CLASSES) {
    const int64_t tiles = gattn_class_tiles(numbering, lanes, n);
    const int64_t residue = gattn_quotient(t, tiles);
    const int64_t first = (t - residue * tiles) * lanes;
    const int64_t r = numbering->stride;
    const int64_t keys =
        n > residue ? gattn_quotient(n - residue - 1, r) + 1 : 0;
    tile.base = residue + r * first;
    tile.step = r;
    tile.columns = gattn_clip_lanes(keys - first, lanes);
    return tile;
  }
  if (numbering->kind == GATTN_NUMBER_PATCHES) {
    tile.shift = gattn_patch_shift(lanes);
    const int w = 1 << tile.shift, h = lanes >> tile.shift;
    const int64_t across = (numbering->grid_w + w - 1) / w;
    const int64_t line = gattn_quotient(t, across);
    const int64_t y = line * h, x = (t - line * across) * w;
    tile.base = y * numbering->grid_w + x;
    tile.line_step = numbering->grid_w;
    tile.columns = gattn_clip_lanes(numbering->grid_w - x, w);
    tile.lines = gattn_clip_lanes(numbering->grid_h - y, h);
    return tile;
  }
  tile.base = t * lanes;
  tile.columns = gattn_clip_lanes(n - tile.base, lanes);
  return tile;
}

#endif
