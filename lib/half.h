/* float16 and bfloat16 to and from float32. SPDX-License-Identifier: Apache-2.0
 *
 * Free of branches, so that a loop over them becomes vector code in whatever
 * instruction set the including file is compiled for, and free of subnormal
 * operands, so that a thread that flushes those gets the same bits. NaN stays
 * NaN, is made quiet, and keeps the payload that fits, as F16C does. */
#ifndef GATTN_LIB_HALF_H
#define GATTN_LIB_HALF_H

#include <stdint.h>
#include <string.h>

#ifdef _OPENMP
#define GATTN_SIMD _Pragma("omp simd")
#else
#define GATTN_SIMD
#endif

static inline uint32_t gattn_bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float gattn_float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* All ones where the condition holds, zeros elsewhere: & and | then select. */
static inline uint32_t gattn_half_mask(int condition) {
  return -(uint32_t)(condition != 0);
}

static inline float gattn_half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t shifted = (uint32_t)(half & 0x7fffu) << 13;
  uint32_t special = gattn_half_mask(shifted >= 0x0f800000u);
  uint32_t subnormal = gattn_half_mask(shifted < 0x00800000u);
  uint32_t nan = gattn_half_mask(shifted > 0x0f800000u);
  /* The exponent's bias grows from 15 to 127, and to 255 from 31. */
  uint32_t normal = shifted + (112u << 23) + (special & (112u << 23));
  /* A subnormal is m · 2^-24 = (1 + m · 2^-10) · 2^-14 - 2^-14, exactly. */
  float small = gattn_float_of_bits(shifted + (113u << 23)) -
                gattn_float_of_bits(113u << 23);
  uint32_t bits = (subnormal & gattn_bits_of_float(small)) |
                  (~subnormal & normal) | (nan & 0x00400000u);
  return gattn_float_of_bits(sign | bits);
}

static inline uint16_t gattn_half_from_float(float value) {
  uint32_t bits = gattn_bits_of_float(value);
  uint32_t sign = bits & 0x80000000u;
  bits ^= sign;
  uint32_t nan = gattn_half_mask(bits > 0x7f800000u);
  uint32_t large = gattn_half_mask(bits >= (143u << 23)); /* >= 2^16 */
  uint32_t small = gattn_half_mask(bits < (113u << 23));  /* < 2^-14 */
  /* Below 2^-14 an addition of 0.5, whose last bit counts 2^-24, rounds. */
  uint32_t subnormal = gattn_bits_of_float(gattn_float_of_bits(small & bits) +
                                           gattn_float_of_bits(126u << 23)) -
                       (126u << 23);
  /* Else adding half of the last bit kept, less one when that bit is even,
   * carries exactly when the value rounds up; 65520 carries into infinity. */
  uint32_t normal = (bits - (112u << 23) + 0xfffu + ((bits >> 13) & 1u)) >> 13;
  uint32_t special = 0x7c00u | (nan & (0x0200u | ((bits >> 13) & 0x03ffu)));
  uint32_t half =
      (small & subnormal) | (large & special) | (~(small | large) & normal);
  return (uint16_t)(half | (sign >> 16));
}

static inline float gattn_bfloat_to_float(uint16_t bfloat) {
  return gattn_float_of_bits((uint32_t)bfloat << 16);
}

static inline uint16_t gattn_bfloat_from_float(float value) {
  uint32_t bits = gattn_bits_of_float(value);
  uint32_t nan = gattn_half_mask((bits & 0x7fffffffu) > 0x7f800000u);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x0040u;
  return (uint16_t)((nan & quiet) | (~nan & rounded));
}

#endif
