/* float16 and bfloat16. SPDX-License-Identifier: Apache-2.0
 *
 * The oracle works in double: a format with e exponent and m mantissa bits is
 * the list of its non-negative values, computed by ldexp; rounding looks the
 * two neighbours up and compares distances, which doubles hold exactly. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/half.h"
#include "lib/tensor.h"
#include "oracle.h"

typedef struct half_format {
  gattn_type type;
  int exponent_bits, mantissa_bits;
  float (*to_float)(uint16_t bits);
  uint16_t (*from_float)(float value);
} half_format;

static const half_format formats[] = {
    {GATTN_FLOAT16, 5, 10, gattn_float16_to_float, gattn_float16_from_float},
    {GATTN_BFLOAT16, 8, 7, gattn_bfloat16_to_float, gattn_bfloat16_from_float},
};

/* Bits of +inf; larger positive bits are NaN. */
static unsigned infinity_of(const half_format *format) {
  return ((1u << format->exponent_bits) - 1) << format->mantissa_bits;
}

/* Of positive bits up to those of infinity; infinity as if the format went on.
 */
static double value_of(const half_format *format, unsigned bits) {
  int bias = (1 << (format->exponent_bits - 1)) - 1;
  int exponent = (int)(bits >> format->mantissa_bits);
  int mantissa = (int)(bits & ((1u << format->mantissa_bits) - 1));
  if (exponent == 0) return ldexp(mantissa, 1 - bias - format->mantissa_bits);
  return ldexp(mantissa + (1 << format->mantissa_bits),
               exponent - bias - format->mantissa_bits);
}

static unsigned rounded(const half_format *format, float value) {
  unsigned sign = signbit(value) ? 0x8000 : 0, infinity = infinity_of(format);
  double magnitude = fabs((double)value);
  if (isinf(value)) return sign | infinity;
  unsigned low = 0, high = infinity;
  if (magnitude >= value_of(format, high)) return sign | infinity;
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    if (value_of(format, middle) <= magnitude)
      low = middle;
    else
      high = middle;
  }
  double below = magnitude - value_of(format, low);
  double above = value_of(format, high) - magnitude;
  bool up = below > above || (below == above && low % 2 == 1);
  return sign | (up ? high : low);
}

static void assert_rounds(const half_format *format, float value) {
  unsigned got = format->from_float(value), expected = rounded(format, value);
  if (got != expected)
    ck_abort_msg("%s of %a: got %04x, expected %04x",
                 gattn_type_name(format->type), (double)value, got, expected);
}

START_TEST(every_bit_pattern_to_float) {
  const half_format *format = &formats[_i];
  for (unsigned bits = 0; bits < 65536; bits++) {
    float got = format->to_float((uint16_t)bits);
    unsigned positive = bits & 0x7fff;
    ck_assert_int_eq(!!signbit(got), bits >> 15);
    if (positive > infinity_of(format)) {
      ck_assert(isnan(got));
      ck_assert(isnan(format->to_float(format->from_float(got))));
      continue;
    }
    if (positive == infinity_of(format))
      ck_assert(isinf(got));
    else
      ck_assert(fabs((double)got) == value_of(format, positive));
    ck_assert_uint_eq(format->from_float(got), bits);
  }
}
END_TEST

/* Every value, every midpoint, and the floats next to each. */
START_TEST(every_rounding_boundary) {
  const half_format *format = &formats[_i];
  for (unsigned bits = 0; bits < infinity_of(format); bits++) {
    double value = value_of(format, bits);
    float at[] = {(float)value,
                  (float)((value + value_of(format, bits + 1)) / 2)};
    for (int m = 0; m < 2; m++) {
      assert_rounds(format, at[m]);
      assert_rounds(format, -at[m]);
      assert_rounds(format, nextafterf(at[m], INFINITY));
      assert_rounds(format, nextafterf(at[m], -INFINITY));
    }
  }
  assert_rounds(format, INFINITY);
  assert_rounds(format, -INFINITY);
}
END_TEST

START_TEST(random_floats_round) {
  const half_format *format = &formats[_i];
  uint64_t state = 7;
  for (int r = 0; r < 200000; r++) {
    float value = gattn_float_of_bits((uint32_t)oracle_random(&state));
    if (isnan(value))
      ck_assert_uint_gt(format->from_float(value) & 0x7fff,
                        infinity_of(format));
    else
      assert_rounds(format, value);
  }
}
END_TEST

START_TEST(not_a_number_stays_one) {
  static const uint32_t payloads[] = {0x7f800001u, 0x7fffffffu, 0xff800001u,
                                      0xffc00000u, 0x7f801000u, 0x7f8fffffu};
  const half_format *format = &formats[_i];
  for (size_t p = 0; p < sizeof payloads / sizeof *payloads; p++) {
    unsigned got = format->from_float(gattn_float_of_bits(payloads[p]));
    ck_assert_uint_gt(got & 0x7fff, infinity_of(format));
    ck_assert_uint_eq(got >> 15, payloads[p] >> 31);
  }
}
END_TEST

enum { ROW = 70, WIDEST = 3, GUARD = 4 };

static bool same_bits(const float *a, const float *b, int64_t count) {
  return memcmp(a, b, (size_t)count * sizeof *a) == 0;
}

/* Rows of every length and several strides, against the scalar conversion;
 * nothing before, between or behind the elements is touched. */
START_TEST(rows_load_as_scalars) {
  const half_format *format = &formats[_i];
  uint16_t bits[ROW * WIDEST];
  uint64_t state = 3;
  for (int e = 0; e < ROW * WIDEST; e++)
    bits[e] = (uint16_t)oracle_random(&state);
  for (int stride = -WIDEST; stride <= WIDEST; stride++)
    for (int count = 0; count <= ROW; count++) {
      const uint16_t *from = stride < 0 ? bits + ROW * WIDEST - 1 : bits;
      float got[ROW + 1], expected[ROW + 1];
      got[count] = expected[count] = 42;
      for (int e = 0; e < count; e++)
        expected[e] = format->to_float(from[e * stride]);
      gattn_load_floats(from, format->type, stride, count, got);
      ck_assert(same_bits(got, expected, count + 1));
    }
}
END_TEST

START_TEST(rows_store_as_scalars) {
  const half_format *format = &formats[_i];
  float values[ROW];
  uint64_t state = 5;
  for (int e = 0; e < ROW; e++)
    values[e] = gattn_float_of_bits((uint32_t)oracle_random(&state));
  for (int stride = 1; stride <= WIDEST; stride++)
    for (int count = 0; count <= ROW; count++) {
      uint16_t got[ROW * WIDEST + GUARD], expected[ROW * WIDEST + GUARD];
      memset(got, 0x55, sizeof got);
      memset(expected, 0x55, sizeof expected);
      for (int e = 0; e < count; e++)
        expected[e * stride] = format->from_float(values[e]);
      gattn_store_floats(values, format->type, stride, count, got);
      ck_assert_mem_eq(got, expected, sizeof got);
    }
}
END_TEST

START_TEST(float32_rows_are_copied) {
  float values[ROW * 2], got[ROW * 2] = {0};
  for (int e = 0; e < ROW * 2; e++) values[e] = (float)e - 0.5f;
  gattn_load_floats(values, GATTN_FLOAT32, 1, ROW, got);
  ck_assert(same_bits(got, values, ROW));
  gattn_load_floats(values + 2 * ROW - 1, GATTN_FLOAT32, -2, ROW, got);
  for (int e = 0; e < ROW; e++)
    ck_assert(got[e] == values[2 * ROW - 1 - 2 * e]);
  memset(got, 0, sizeof got);
  gattn_store_floats(values, GATTN_FLOAT32, 2, ROW, got);
  for (int e = 0; e < ROW; e++)
    ck_assert(got[2 * e] == values[e] && got[2 * e + 1] == 0);
  gattn_store_floats(values, GATTN_FLOAT32, 1, ROW, got);
  ck_assert(same_bits(got, values, ROW));
}
END_TEST

START_TEST(integers_are_no_operands) {
  int64_t ids[2] = {7, 9};
  float got[2] = {-1, -1};
  gattn_load_floats(ids, GATTN_INT64, 1, 2, got);
  ck_assert(got[0] == -1 && got[1] == -1);
  gattn_store_floats(got, GATTN_INT64, 1, 2, ids);
  ck_assert(ids[0] == 7 && ids[1] == 9);
}
END_TEST

static Suite *make_half_suite(void) {
  Suite *suite = suite_create("half");
  TCase *tcase = tcase_create("half");
  int count = sizeof formats / sizeof *formats;
  tcase_add_loop_test(tcase, every_bit_pattern_to_float, 0, count);
  tcase_add_loop_test(tcase, every_rounding_boundary, 0, count);
  tcase_add_loop_test(tcase, random_floats_round, 0, count);
  tcase_add_loop_test(tcase, not_a_number_stays_one, 0, count);
  tcase_add_loop_test(tcase, rows_load_as_scalars, 0, count);
  tcase_add_loop_test(tcase, rows_store_as_scalars, 0, count);
  tcase_add_test(tcase, float32_rows_are_copied);
  tcase_add_test(tcase, integers_are_no_operands);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_half_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
