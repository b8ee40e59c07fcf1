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
#define LOAD_ROW(name, storage, convert)                                     \
  static void name(const storage *from, int64_t stride, int64_t count,       \
                   float *restrict to) {                                     \
    if (stride != 1) {                                                       \
      for (int64_t e = 0; e < count; e++) to[e] = convert(from[e * stride]); \
      return;                                                                \
    }                                                                        \
    GATTN_SIMD                                                               \
    for (int64_t e = 0; e < count; e++) to[e] = convert(from[e]);            \
  }

#define STORE_ROW(name, storage, convert)                                    \
  static void name(const float *from, int64_t stride, int64_t count,         \
                   storage *restrict to) {                                   \
    if (stride != 1) {                                                       \
      for (int64_t e = 0; e < count; e++) to[e * stride] = convert(from[e]); \
      return;                                                                \
    }                                                                        \
    GATTN_SIMD                                                               \
    for (int64_t e = 0; e < count; e++) to[e] = convert(from[e]);            \
  }

#define SAME(value) (value)

LOAD_ROW(load_float32, float, SAME)
LOAD_ROW(load_float16, uint16_t, gattn_half_to_float)
LOAD_ROW(load_bfloat16, uint16_t, gattn_bfloat_to_float)
STORE_ROW(store_float32, float, SAME)
STORE_ROW(store_float16, uint16_t, gattn_half_from_float)
STORE_ROW(store_bfloat16, uint16_t, gattn_bfloat_from_float)

/* Types that are no operands of attention load and store nothing. */
void gattn_load_floats(const void *from, gattn_type type, int64_t stride,
                       int64_t count, float *to) {
  if (type == GATTN_FLOAT32) load_float32(from, stride, count, to);
  if (type == GATTN_FLOAT16) load_float16(from, stride, count, to);
  if (type == GATTN_BFLOAT16) load_bfloat16(from, stride, count, to);
}

void gattn_store_floats(const float *from, gattn_type type, int64_t stride,
                        int64_t count, void *to) {
  if (type == GATTN_FLOAT32) store_float32(from, stride, count, to);
  if (type == GATTN_FLOAT16) store_float16(from, stride, count, to);
  if (type == GATTN_BFLOAT16) store_bfloat16(from, stride, count, to);
}
