/* Vectors of floats as the compiler offers them, as wide as the instruction
 * set that the file is compiled for. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CPU_VECTOR_H
#define GATTN_OPERATORS_CPU_VECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __F16C__
#include <immintrin.h>
#endif

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* Floats a vector, and broadcast rows of the register block: as many as leave
 * room for two vectors of lanes and one broadcast beside the accumulators
 * (32, 16 and 16 registers). */
#if defined(__AVX512F__)
enum { VECTOR = 16, BLOCK_ROWS = 8 };
#elif defined(__AVX2__)
enum { VECTOR = 8, BLOCK_ROWS = 4 };
#else
enum { VECTOR = 4, BLOCK_ROWS = 4 };
#endif

typedef float vector __attribute__((vector_size(VECTOR * 4)));
typedef int32_t vector_bits __attribute__((vector_size(VECTOR * 4)));

static inline vector vector_load(const float *from) {
  vector v;
  memcpy(&v, from, sizeof v);
  return v;
}

static inline void vector_store(float *to, vector v) {
  memcpy(to, &v, sizeof v);
}

static inline vector vector_set(float value) {
  return (vector){0} + value;
}

/* a in the lanes where `lanes` is all ones, b where it is zero. */
static inline vector vector_select(vector_bits lanes, vector a, vector b) {
  return (vector)(((vector_bits)a & lanes) | ((vector_bits)b & ~lanes));
}

/* a where it is larger, else b; b when either is NaN. */
static inline vector vector_max(vector a, vector b) {
#if defined(__AVX512F__)
  __asm__("vmaxps %2, %1, %0" : "=v"(a) : "v"(a), "v"(b));
  return a;
#elif defined(__AVX__)
  __asm__("vmaxps %2, %1, %0" : "=x"(a) : "x"(a), "x"(b));
  return a;
#else
  return vector_select(a > b, a, b);
#endif
}

/* Two steps of a transpose: of every pair of blocks of s lanes, the first (or
 * second) of a and of b. */
#define FIRST(l, s) ((l) & (s) ? VECTOR + (l) - (s) : (l))
#define SECOND(l, s) ((l) & (s) ? VECTOR + (l) : (l) + (s))
#if defined(__AVX512F__)
#define LANES(f, s)                                                       \
  f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s), \
      f(8, s), f(9, s), f(10, s), f(11, s), f(12, s), f(13, s), f(14, s), \
      f(15, s)
#elif defined(__AVX2__)
#define LANES(f, s) \
  f(0, s), f(1, s), f(2, s), f(3, s), f(4, s), f(5, s), f(6, s), f(7, s)
#else
#define LANES(f, s) f(0, s), f(1, s), f(2, s), f(3, s)
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, lanes...) __builtin_shufflevector(a, b, lanes)
#else
#define SHUFFLE(a, b, lanes...) \
  __builtin_shuffle(a, b, (vector_bits){lanes})
#endif
#define ACROSS(l, s) ((l) ^ (s))

/* The sum of all lanes, in a tree: the same for a given width. */
static inline float vector_sum(vector v) {
#if defined(__AVX512F__)
  v += SHUFFLE(v, v, LANES(ACROSS, 8));
#endif
#if defined(__AVX2__)
  v += SHUFFLE(v, v, LANES(ACROSS, 4));
#endif
  v += SHUFFLE(v, v, LANES(ACROSS, 2));
  v += SHUFFLE(v, v, LANES(ACROSS, 1));
  return v[0];
}

/* Whether a lane is not zero. */
static inline bool vector_any(vector_bits v) {
  uint64_t words[VECTOR / 2], any = 0;
  memcpy(words, &v, sizeof words);
  for (int w = 0; w < VECTOR / 2; w++) any |= words[w];
  return any != 0;
}

#define TRANSPOSE_STEP(rows, s)                                  \
  for (int r = 0; r < VECTOR; r++)                               \
    if (!(r & (s))) {                                            \
      vector first = SHUFFLE(rows[r], rows[r + (s)], LANES(FIRST, s)); \
      rows[r + (s)] = SHUFFLE(rows[r], rows[r + (s)], LANES(SECOND, s)); \
      rows[r] = first;                                           \
    }

/* Transposes VECTOR rows of VECTOR floats in place. */
static inline __attribute__((always_inline)) void vector_transpose(
    vector rows[VECTOR]) {
  UNROLLED TRANSPOSE_STEP(rows, 1)
  UNROLLED TRANSPOSE_STEP(rows, 2)
#if defined(__AVX2__)
  UNROLLED TRANSPOSE_STEP(rows, 4)
#endif
#if defined(__AVX512F__)
  UNROLLED TRANSPOSE_STEP(rows, 8)
#endif
}

#ifdef __F16C__
/* VECTOR float16s at from. */
static inline vector vector_load_float16(const uint16_t *from) {
#ifdef __AVX512F__
  return (vector)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)from));
#else
  return (vector)_mm256_cvtph_ps(_mm_loadu_si128((const void *)from));
#endif
}
#endif

/* 2^x for x <= 0 (and somewhat above): the nearest integer n goes to the
 * exponent, 2^(x−n) is a polynomial of degree 6, relative error below 2e-9
 * before rounding. At and below −127 the result is 0; NaN stays NaN. */
static inline vector vector_exp2(vector x) {
  const vector shift = vector_set(0x1.8p23f);
  x = vector_max(vector_set(-127.0f), x);
  vector shifted = x + shift;
  vector f = x - (shifted - shift);
  vector p = vector_set(0x1.41d332p-13f);
  p = p * f + 0x1.5f456ap-10f;
  p = p * f + 0x1.3b2dbcp-7f;
  p = p * f + 0x1.c6aed4p-5f;
  p = p * f + 0x1.ebfbdap-3f;
  p = p * f + 0x1.62e43p-1f;
  p = p * f + 1.0f;
  return p * (vector)(((vector_bits)shifted + 127) << 23);
}

#endif
