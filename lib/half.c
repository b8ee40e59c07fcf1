/* Rows of storage types to and from float32.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/half.h"

#include "lib/tensor.h"

float gattn_float16_to_float(uint16_t bits) {
  return gattn_half_to_float(bits);
}

uint16_t gattn_float16_from_float(float value) {
  return gattn_half_from_float(value);
}

float gattn_bfloat16_to_float(uint16_t bits) {
  return gattn_bfloat_to_float(bits);
}

uint16_t gattn_bfloat16_from_float(float value) {
  return gattn_bfloat_from_float(value);
}

/* Two loops each: with a stride known to be 1 the compiler needs no gather. */
#define LOAD_ROW(name, target, storage, convert)                             \
  target static void name(const void *row, int64_t stride, int64_t count,    \
                          float *restrict to) {                              \
    const storage *from = row;                                               \
    if (stride != 1) {                                                       \
      for (int64_t e = 0; e < count; e++) to[e] = convert(from[e * stride]); \
      return;                                                                \
    }                                                                        \
    GATTN_SIMD                                                               \
    for (int64_t e = 0; e < count; e++) to[e] = convert(from[e]);            \
  }

#define STORE_ROW(name, target, storage, convert)                            \
  target static void name(const float *from, int64_t stride, int64_t count,  \
                          void *restrict row) {                              \
    storage *restrict to = row;                                              \
    if (stride != 1) {                                                       \
      for (int64_t e = 0; e < count; e++) to[e * stride] = convert(from[e]); \
      return;                                                                \
    }                                                                        \
    GATTN_SIMD                                                               \
    for (int64_t e = 0; e < count; e++) to[e] = convert(from[e]);            \
  }

#define SAME(value) (value)

/* The rows of one instruction set: a table by type, whose other types, no
 * operands of attention, are null. All instruction sets give the same bits. */
typedef struct row_conversion {
  void (*load)(const void *row, int64_t stride, int64_t count, float *to);
  void (*store)(const float *from, int64_t stride, int64_t count, void *row);
} row_conversion;

#define ROWS(set, target)                                                    \
  LOAD_ROW(load_float32_##set, target, float, SAME)                          \
  LOAD_ROW(load_float16_##set, target, uint16_t, gattn_half_to_float)        \
  LOAD_ROW(load_bfloat16_##set, target, uint16_t, gattn_bfloat_to_float)     \
  STORE_ROW(store_float32_##set, target, float, SAME)                        \
  STORE_ROW(store_float16_##set, target, uint16_t, gattn_half_from_float)    \
  STORE_ROW(store_bfloat16_##set, target, uint16_t, gattn_bfloat_from_float) \
  static const row_conversion rows_##set[] = {                               \
      [GATTN_FLOAT32] = {load_float32_##set, store_float32_##set},           \
      [GATTN_FLOAT16] = {load_float16_##set, store_float16_##set},           \
      [GATTN_BFLOAT16] = {load_bfloat16_##set, store_bfloat16_##set},        \
      [GATTN_INT64] = {NULL, NULL},                                          \
  };

ROWS(portable, )

#ifdef GATTN_HAVE_X86_KERNELS
ROWS(avx2, __attribute__((target("avx2"))))

static const row_conversion *rows_here(void) {
  return __builtin_cpu_supports("avx2") ? rows_avx2 : rows_portable;
}
#else
static const row_conversion *rows_here(void) { return rows_portable; }
#endif

void gattn_load_floats(const void *from, gattn_type type, int64_t stride,
                       int64_t count, float *to) {
  const row_conversion *rows = &rows_here()[type];
  if (rows->load) rows->load(from, stride, count, to);
}

void gattn_store_floats(const float *from, gattn_type type, int64_t stride,
                        int64_t count, void *to) {
  const row_conversion *rows = &rows_here()[type];
  if (rows->store) rows->store(from, stride, count, to);
}
