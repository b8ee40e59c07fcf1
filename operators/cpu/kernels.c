/* The kernels of one instruction set. Compiled once for each, with its flags
 * and GATTN_KERNELS naming the table. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cpu/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/tensor.h"
#include "operators/cpu/vector.h"

#define INLINE static inline __attribute__((always_inline))

/* ------------------------------------------------------------- tile kernel */

/* The register block: out[r][lane] (+)= Σ_t a[r·row + t·step] · b[t][lane] for
 * `rows` rows and `vectors` vectors of lanes, both compile-time constants. */
INLINE void multiply_rows(const int rows, const int vectors, int64_t length,
                          const float *a, int64_t row, int64_t step,
                          const float *b, bool add, float *out) {
  vector sum[BLOCK_ROWS][2];
  const int lanes = vectors * VECTOR;
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int v = 0; v < vectors; v++)
      sum[r][v] = add ? vector_load(out + r * lanes + v * VECTOR)
                      : vector_set(0.0f);
  for (int64_t t = 0; t < length; t++) {
    vector lane[2];
    UNROLLED for (int v = 0; v < vectors; v++)
      lane[v] = vector_load(b + t * lanes + v * VECTOR);
    UNROLLED for (int r = 0; r < rows; r++) {
      float scalar = a[r * row + t * step];
      UNROLLED for (int v = 0; v < vectors; v++)
        sum[r][v] += scalar * lane[v];
    }
  }
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int v = 0; v < vectors; v++)
      vector_store(out + r * lanes + v * VECTOR, sum[r][v]);
}

/* The same for any number of rows: blocks of BLOCK_ROWS, then 4, 2, 1. */
INLINE void multiply(const int vectors, int64_t rows, int64_t length,
                     const float *a, int64_t row, int64_t step,
                     const float *b, bool add, float *out) {
  const int lanes = vectors * VECTOR;
  int64_t r = 0;
  for (; r + BLOCK_ROWS <= rows; r += BLOCK_ROWS)
    multiply_rows(BLOCK_ROWS, vectors, length, a + r * row, row, step, b, add,
                  out + r * lanes);
  if (BLOCK_ROWS > 4 && r + 4 <= rows) {
    multiply_rows(4, vectors, length, a + r * row, row, step, b, add,
                  out + r * lanes);
    r += 4;
  }
  if (r + 2 <= rows) {
    multiply_rows(2, vectors, length, a + r * row, row, step, b, add,
                  out + r * lanes);
    r += 2;
  }
  if (r < rows)
    multiply_rows(1, vectors, length, a + r * row, row, step, b, add,
                  out + r * lanes);
}

static void tile_scores(const gattn_tile *tile, const gattn_key_block *block) {
  if (tile->lanes == 2 * VECTOR)
    multiply(2, block->count, tile->dim, block->k, block->k_stride, 1,
             tile->qt, false, tile->p);
  else
    multiply(1, block->count, tile->dim, block->k, block->k_stride, 1,
             tile->qt, false, tile->p);
}

/* −inf in the lanes whose bit is clear. */
static void mask_scores(const gattn_tile *tile, const uint32_t *mask,
                        int64_t count) {
  vector_bits bit[2];
  for (int l = 0; l < 2 * VECTOR; l++)
    bit[l / VECTOR][l % VECTOR] = (int32_t)(UINT32_C(1) << l);
  const int vectors = (int)(tile->lanes / VECTOR);
  const uint32_t all = (uint32_t)((UINT64_C(1) << tile->lanes) - 1);
  for (int64_t r = 0; r < count; r++) {
    if ((mask[r] & all) == all) continue;
    for (int v = 0; v < vectors; v++) {
      float *at = tile->p + r * tile->lanes + v * VECTOR;
      vector_bits keep = ((vector_bits){0} + (int32_t)mask[r]) & bit[v];
      vector_store(at, vector_select(keep != 0, vector_load(at),
                                     vector_set(-INFINITY)));
    }
  }
}

/* Raises m to the block's maximum and scales what was summed before; returns
 * the maximum to subtract, which is 0 while a lane has seen only −inf. */
INLINE vector raise_maximum(gattn_tile *tile, int64_t count, int v) {
  const float *p = tile->p + v * VECTOR;
  const int64_t lanes = tile->lanes;
  vector before = vector_load(tile->m + v * VECTOR);
  vector after = before;
  for (int64_t r = 0; r < count; r++)
    after = vector_max(vector_load(p + r * lanes), after);
  vector base = vector_select(after == -INFINITY, vector_set(0.0f), after);
  if (vector_any(after != before)) {
    vector scale = vector_exp2(before - base);
    vector_store(tile->m + v * VECTOR, after);
    vector_store(tile->l + v * VECTOR,
                 scale * vector_load(tile->l + v * VECTOR));
    for (int64_t c = 0; c < tile->dim_v; c++) {
      float *at = tile->ot + c * lanes + v * VECTOR;
      vector_store(at, scale * vector_load(at));
    }
  }
  return base;
}

static void tile_weights(gattn_tile *tile, int64_t count) {
  const int64_t lanes = tile->lanes;
  for (int v = 0; v < lanes / VECTOR; v++) {
    vector base = raise_maximum(tile, count, v);
    vector sum = vector_set(0.0f);
    for (int64_t r = 0; r < count; r++) {
      float *at = tile->p + r * lanes + v * VECTOR;
      vector weight = vector_exp2(vector_load(at) - base);
      vector_store(at, weight);
      sum += weight;
    }
    vector_store(tile->l + v * VECTOR,
                 sum + vector_load(tile->l + v * VECTOR));
  }
}

static void tile_accumulate(gattn_tile *tile, const gattn_key_block *block) {
  if (block->mask) mask_scores(tile, block->mask, block->count);
  tile_weights(tile, block->count);
  if (tile->lanes == 2 * VECTOR)
    multiply(2, tile->dim_v, block->count, block->v, 1, block->v_stride,
             tile->p, true, tile->ot);
  else
    multiply(1, tile->dim_v, block->count, block->v, 1, block->v_stride,
             tile->p, true, tile->ot);
}

/* -------------------------------------------------------------- row kernel */

static float dot(const float *a, const float *b, int64_t n) {
  vector sum[4] = {vector_set(0.0f), vector_set(0.0f), vector_set(0.0f),
                   vector_set(0.0f)};
  int64_t c = 0;
  for (; c + 4 * VECTOR <= n; c += 4 * VECTOR)
    UNROLLED for (int u = 0; u < 4; u++)
      sum[u] += vector_load(a + c + u * VECTOR) *
                vector_load(b + c + u * VECTOR);
  for (; c + VECTOR <= n; c += VECTOR)
    sum[0] += vector_load(a + c) * vector_load(b + c);
  float total = vector_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; c < n; c++) total += a[c] * b[c];
  return total;
}

/* Asks for row r ahead. */
INLINE void ask(const gattn_ahead *ahead, int64_t r) {
  if (r >= ahead->count) return;
  for (int64_t at = 0; at < ahead->bytes; at += 64)
    __builtin_prefetch(ahead->rows[r] + at);
}

static void row_scores(const gattn_row *row, const float *const *k,
                       int64_t count, const gattn_ahead *ahead,
                       float *scores) {
  for (int64_t r = 0; r < count; r++) {
    ask(ahead, r);
    scores[r] = dot(row->q, k[r], row->dim);
  }
  for (int64_t r = count; r < ahead->count; r++) ask(ahead, r);
}

/* o[c …] += Σ_r w[r] · v[r][c …], `width` vectors of columns in registers. */
INLINE void gather_columns(const int width, const float *const *v,
                           int64_t count, const float *weights, int64_t c,
                           const gattn_ahead *ahead, float *o) {
  vector sum[4];
  UNROLLED for (int u = 0; u < width; u++)
    sum[u] = vector_load(o + c + u * VECTOR);
  for (int64_t r = 0; r < count; r++) {
    ask(ahead, r);
    UNROLLED for (int u = 0; u < width; u++)
      sum[u] += weights[r] * vector_load(v[r] + c + u * VECTOR);
  }
  UNROLLED for (int u = 0; u < width; u++)
    vector_store(o + c + u * VECTOR, sum[u]);
}

static void gather(const gattn_row *row, const float *const *v, int64_t count,
                   const gattn_ahead *ahead, const float *weights) {
  static const gattn_ahead nothing;
  int64_t c = 0;
  for (; c + 4 * VECTOR <= row->dim_v; c += 4 * VECTOR)
    gather_columns(4, v, count, weights, c, c ? &nothing : ahead, row->o);
  for (; c + VECTOR <= row->dim_v; c += VECTOR)
    gather_columns(1, v, count, weights, c, c ? &nothing : ahead, row->o);
  for (; c < row->dim_v; c++)
    for (int64_t r = 0; r < count; r++) row->o[c] += weights[r] * v[r][c];
}

static void row_weights(gattn_row *row, int64_t count, float *scores) {
  float m = row->m;
  for (int64_t r = 0; r < count; r++) m = scores[r] > m ? scores[r] : m;
  float base = m == -INFINITY ? 0.0f : m;
  if (m != row->m) {
    float scale = vector_exp2(vector_set(row->m - base))[0];
    row->l *= scale;
    for (int64_t c = 0; c < row->dim_v; c++) row->o[c] *= scale;
    row->m = m;
  }
  for (int64_t r = count; r % VECTOR; r++) scores[r] = -INFINITY;
  vector sum = vector_set(0.0f);
  for (int64_t r = 0; r < count; r += VECTOR) {
    vector weight = vector_exp2(vector_load(scores + r) - base);
    vector_store(scores + r, weight);
    sum += weight;
  }
  row->l += vector_sum(sum);
}

static void row_accumulate(gattn_row *row, const float *const *v,
                           int64_t count, const gattn_ahead *ahead,
                           float *scores) {
  row_weights(row, count, scores);
  gather(row, v, count, ahead, scores);
}

/* -------------------------------------------------------------- rows */

static void transpose(const float *from, int64_t from_stride, int64_t rows,
                      int64_t columns, float *to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; r += VECTOR) {
    int64_t c = 0;
    for (; c + VECTOR <= columns; c += VECTOR) {
      vector square[VECTOR];
      UNROLLED for (int u = 0; u < VECTOR; u++)
        square[u] = vector_load(from + (r + u) * from_stride + c);
      vector_transpose(square);
      UNROLLED for (int u = 0; u < VECTOR; u++)
        vector_store(to + (c + u) * to_stride + r, square[u]);
    }
    for (; c < columns; c++)
      for (int64_t u = 0; u < VECTOR; u++)
        to[c * to_stride + r + u] = from[(r + u) * from_stride + c];
  }
}

static float scale(const float *from, float factor, int64_t count,
                   float *to) {
  vector sum = vector_set(0.0f);
  int64_t c = 0;
  for (; c + VECTOR <= count; c += VECTOR) {
    vector product = vector_load(from + c) * factor;
    vector_store(to + c, product);
    sum += product * 0.0f;
  }
  float total = vector_sum(sum);
  for (; c < count; c++) {
    to[c] = from[c] * factor;
    total += to[c] * 0.0f;
  }
  return total;
}

static void from_float16(const uint16_t *from, int64_t count, float *to) {
  int64_t c = 0;
#ifdef __F16C__
  for (; c + VECTOR <= count; c += VECTOR)
    vector_store(to + c, vector_load_float16(from + c));
#endif
  gattn_load_floats(from + c, GATTN_FLOAT16, 1, count - c, to + c);
}

static void from_bfloat16(const uint16_t *from, int64_t count, float *to) {
  for (int64_t c = 0; c < count; c++) {
    uint32_t bits = (uint32_t)from[c] << 16;
    memcpy(to + c, &bits, sizeof bits);
  }
}

/* ------------------------------------------------------------------ limits */

/* Keeps the compiler from folding a value away. */
#if defined(__AVX512F__)
#define OPAQUE(value) __asm__ volatile("" : "+v"(value))
#elif defined(__x86_64__)
#define OPAQUE(value) __asm__ volatile("" : "+x"(value))
#else
#define OPAQUE(value) __asm__ volatile("" : "+m"(value))
#endif

static float multiply_add(int64_t iterations) {
  enum { CHAINS = 8 };
  vector sum[CHAINS], factor = vector_set(0.999f), term = vector_set(0.001f);
  UNROLLED for (int c = 0; c < CHAINS; c++) sum[c] = vector_set((float)c);
  for (int64_t n = 0; n < iterations; n++) {
    UNROLLED for (int c = 0; c < CHAINS; c++) sum[c] = sum[c] * factor + term;
    UNROLLED for (int c = 0; c < CHAINS; c++) sum[c] = sum[c] * factor + term;
    UNROLLED for (int c = 0; c < CHAINS; c++) OPAQUE(sum[c]);
  }
  vector total = vector_set(0.0f);
  UNROLLED for (int c = 0; c < CHAINS; c++) total += sum[c];
  return vector_sum(total);
}

static float read_rows(const float *base, int64_t floats, const int64_t *rows,
                       int64_t count) {
  enum { AHEAD = 24 };
  vector sum[4] = {vector_set(0.0f), vector_set(0.0f), vector_set(0.0f),
                   vector_set(0.0f)};
  for (int64_t r = 0; r < count; r++) {
    const float *next = base + floats * rows[r + AHEAD < count ? r + AHEAD : r];
    for (int64_t c = 0; c < floats; c += 16) __builtin_prefetch(next + c);
    const float *row = base + floats * rows[r];
    for (int64_t c = 0; c + VECTOR <= floats; c += VECTOR)
      sum[c / VECTOR % 4] += vector_load(row + c);
  }
  return vector_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

const gattn_kernels GATTN_KERNELS = {
    .vector = VECTOR,
    .tile_scores = tile_scores,
    .tile_accumulate = tile_accumulate,
    .row_scores = row_scores,
    .row_accumulate = row_accumulate,
    .transpose = transpose,
    .scale = scale,
    .from_float16 = from_float16,
    .from_bfloat16 = from_bfloat16,
    .multiply_add = multiply_add,
    .read_rows = read_rows,
};
