/* The CPU kernels: one table of functions an instruction set, all compiled
 * from the same source. They know nothing of masks, graphs or frontiers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two kernels make the fused path.
 *
 * THE TILE KERNEL runs a tile of queries against a block of keys. Queries lie
 * across the vector lanes and keys are broadcast, so that maximum and sum of
 * the softmax are plain vertical operations, a key's mask is one bit a lane,
 * and K and V are read as they are, without packing:
 *
 *     S^T[key][lane] = Σ_c K[key][c] · Q^T[c][lane]
 *     O^T[c][lane]  += Σ_key V[key][c] · P^T[key][lane]
 *
 * Both products are the same register block: a few broadcast scalars times one
 * or two vectors of lanes.
 *
 * THE ROW KERNEL runs one query against rows of keys gathered from anywhere,
 * lanes along the head dimension: for edge lists, where every row of K and V
 * is read for one query alone and memory is the limit.
 *
 * Both work in powers of two: queries are scaled by log2(e) beforehand, m and
 * l are base-2, and masked scores are −inf. */
#ifndef GATTN_OPERATORS_CPU_KERNELS_H
#define GATTN_OPERATORS_CPU_KERNELS_H

#include <stdint.h>

#include <gattn/context.h>

enum {
  GATTN_TILE_LANES = 32, /* most lanes of a tile, on any instruction set */
  GATTN_KEY_BLOCK = 64   /* most keys of a block */
};

#define GATTN_LOG2E 1.44269504088896340736f
#define GATTN_LN2 0.693147180559945309417f

/* The running state of a tile of `lanes` queries. */
typedef struct gattn_tile {
  int64_t lanes; /* one or two vectors; see gattn_kernels */
  int64_t dim, dim_v;
  float *qt; /* [dim][lanes], scaled */
  float *ot; /* [dim_v][lanes], not yet divided by l */
  float *p;  /* [GATTN_KEY_BLOCK][lanes]: scores, then weights */
  float m[GATTN_TILE_LANES]; /* largest score so far, −inf at first */
  float l[GATTN_TILE_LANES]; /* Σ 2^(s − m) */
} gattn_tile;

/* A block of keys: rows of float32, each dense. */
typedef struct gattn_key_block {
  int64_t count;       /* 1 … GATTN_KEY_BLOCK */
  const float *k, *v;  /* row r at k + r·k_stride, v + r·v_stride */
  int64_t k_stride, v_stride;
  const uint32_t *mask; /* [count] bit a lane; null when every bit is set */
} gattn_key_block;

/* The running state of one row. */
typedef struct gattn_row {
  int64_t dim, dim_v;
  const float *q; /* [dim], scaled */
  float *o;       /* [dim_v], not yet divided by l */
  float m, l;
} gattn_row;

/* Rows that the next step will read: their cache lines are asked for while the
 * current rows are worked on. */
typedef struct gattn_ahead {
  const char *const *rows;
  int64_t count, bytes; /* rows, and bytes of each */
} gattn_ahead;

typedef struct gattn_kernels {
  int64_t vector; /* floats a vector; tiles have 1 or 2 vectors of lanes */

  /* S^T of the block into tile->p; masks are not applied yet. */
  void (*tile_scores)(const gattn_tile *tile, const gattn_key_block *block);
  /* Masks tile->p, folds it into m and l, turns it into weights and adds the
   * weighted values to ot. */
  void (*tile_accumulate)(gattn_tile *tile, const gattn_key_block *block);

  /* scores[r] = q · k[r] for count rows. */
  void (*row_scores)(const gattn_row *row, const float *const *k,
                     int64_t count, const gattn_ahead *ahead, float *scores);
  /* Folds scores (room for GATTN_KEY_BLOCK; overwritten by the weights) and
   * the values into the row's state. */
  void (*row_accumulate)(gattn_row *row, const float *const *v, int64_t count,
                         const gattn_ahead *ahead, float *scores);

  /* to[c·to_stride + r] = from[r·from_stride + c]; `rows` a multiple of the
   * vector, any number of columns. */
  void (*transpose)(const float *from, int64_t from_stride, int64_t rows,
                    int64_t columns, float *to, int64_t to_stride);
  /* to[c] = factor · from[c]; the sum of 0 · to[c]: 0 when all are finite,
   * else NaN. to may be from. */
  float (*scale)(const float *from, float factor, int64_t count, float *to);
  /* count float16s or bfloat16s as floats. */
  void (*from_float16)(const uint16_t *from, int64_t count, float *to);
  void (*from_bfloat16)(const uint16_t *from, int64_t count, float *to);

  /* For the limits: 16·vector·iterations multiply-adds in registers, and the
   * sum of rows[count] rows of `floats` floats. */
  float (*multiply_add)(int64_t iterations);
  float (*read_rows)(const float *base, int64_t floats, const int64_t *rows,
                     int64_t count);
} gattn_kernels;

const gattn_kernels *gattn_kernels_for(gattn_isa isa);

extern const gattn_kernels gattn_kernels_portable;
#ifdef GATTN_HAVE_X86_KERNELS
extern const gattn_kernels gattn_kernels_avx2;
extern const gattn_kernels gattn_kernels_avx512;
#endif

#endif
