/* Arrays of tests: any type and layout, beside dense doubles.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gattn/memory.h>

#include "tests/backend.h"
#include "tests/oracle.h"

/* SplitMix64 (Steele et al. 2014). */
uint64_t oracle_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double half_value(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * ldexp(mantissa, -24);
  return sign * ldexp(1024 + mantissa, exponent - 25);
}

/* Only for values that binary16 holds exactly and normally, 0, inf, NaN. */
static uint16_t half_bits(double value) {
  uint16_t sign = signbit(value) ? 0x8000 : 0;
  if (isnan(value)) return 0x7e00;
  if (isinf(value)) return sign | 0x7c00;
  if (value == 0) return sign;
  int exponent;
  double fraction = frexp(fabs(value), &exponent);
  int mantissa = (int)(fraction * 2048) - 1024;
  return (uint16_t)(sign | (exponent + 14) << 10 | mantissa);
}

static double read_element(const char *at, gattn_type type) {
  float single;
  uint16_t bits;
  uint32_t wide;
  int64_t integer;
  switch (type) {
    case GATTN_FLOAT32:
      memcpy(&single, at, sizeof single);
      return single;
    case GATTN_FLOAT16:
      memcpy(&bits, at, sizeof bits);
      return half_value(bits);
    case GATTN_BFLOAT16:
      memcpy(&bits, at, sizeof bits);
      wide = (uint32_t)bits << 16;
      memcpy(&single, &wide, sizeof single);
      return single;
    default:
      memcpy(&integer, at, sizeof integer);
      return (double)integer;
  }
}

static void write_element(char *at, gattn_type type, double value) {
  float single = (float)value;
  uint32_t wide;
  uint16_t bits;
  int64_t integer = isnan(value) ? INT64_MIN : (int64_t)value;
  switch (type) {
    case GATTN_FLOAT32:
      memcpy(at, &single, sizeof single);
      return;
    case GATTN_FLOAT16:
      bits = half_bits(value);
      memcpy(at, &bits, sizeof bits);
      return;
    case GATTN_BFLOAT16:
      memcpy(&wide, &single, sizeof wide);
      bits = (uint16_t)(wide >> 16);
      memcpy(at, &bits, sizeof bits);
      return;
    default:
      memcpy(at, &integer, sizeof integer);
  }
}

/* Strides of the four axes and the element that index 0 lies at; returns the
 * elements of memory. */
static int64_t lay_out(const int64_t shape[4], oracle_layout layout,
                       int64_t strides[4], int64_t *origin) {
  int64_t step = layout == ORACLE_PADDED ? 2 : 1;
  int64_t row = shape[3] * step + (layout == ORACLE_PADDED ? 3 : 0);
  *origin = 0;
  strides[3] = step;
  strides[2] = row;
  strides[1] = shape[2] * row;
  if (layout == ORACLE_HEADS_INSIDE) {
    strides[1] = row;
    strides[2] = shape[1] * row;
  }
  strides[0] = shape[1] * shape[2] * row;
  if (layout == ORACLE_REVERSED && shape[2] > 0) {
    *origin = (shape[2] - 1) * row;
    strides[2] = -row;
  }
  return shape[0] * strides[0];
}

/* Of an element in host memory. */
static char *address(const oracle_array *array, int64_t element) {
  const gattn_tensor *tensor = &array->tensor;
  char *data = array->place ? array->origin : tensor->data;
  int64_t offset = 0;
  for (int axis = tensor->rank - 1; axis >= 0; axis--) {
    offset += element % tensor->shape[axis] * tensor->strides[axis];
    element /= tensor->shape[axis];
  }
  return data + offset * (int64_t)gattn_type_size(tensor->type);
}

/* ------------------------------------------------------------ places */

#define ASSERT_MOVED(array, call)                                  \
  do {                                                             \
    gattn_status status_ = (call);                                 \
    ck_assert_msg(status_ == GATTN_SUCCESS, "%s: %s: %s", #call,   \
                  gattn_status_name(status_),                      \
                  gattn_context_message((array)->context));        \
  } while (0)

void oracle_array_place(oracle_array *array, gattn_context *context) {
  gattn_tensor *tensor = &array->tensor;
  if (gattn_context_device(context) == GATTN_CPU) return;
  array->context = context;
  ASSERT_MOVED(array,
               gattn_memory_allocate(context, array->bytes, &array->place));
  ASSERT_MOVED(array, gattn_memory_upload(context, array->place, array->memory,
                                          array->bytes));
  array->origin = tensor->data;
  tensor->data =
      (char *)array->place + (array->origin - (char *)array->memory);
  tensor->device = gattn_context_device(context);
}

/* Brings the place's bytes to host memory. */
static void fetch(oracle_array *array) {
  if (!array->place) return;
  ASSERT_MOVED(array, gattn_memory_download(array->context, array->memory,
                                            array->place, array->bytes));
}

oracle_array oracle_array_make(gattn_type type, int rank, const int64_t *shape,
                               oracle_layout layout, uint64_t seed) {
  int64_t full[4] = {1, 1, 1, 1}, strides[4], origin;
  oracle_array array = {.tensor = {.type = type, .rank = rank}};
  gattn_tensor *tensor = &array.tensor;
  for (int axis = 0; axis < rank; axis++) full[4 - rank + axis] = shape[axis];
  int64_t room = lay_out(full, layout, strides, &origin) + 64;
  array.elements = full[0] * full[1] * full[2] * full[3];
  array.values = calloc((size_t)array.elements + 1, sizeof *array.values);
  array.bytes = (size_t)room * gattn_type_size(type);
  array.memory = malloc(array.bytes);
  if (!array.values || !array.memory) abort();
  memset(array.memory, 0xff, array.bytes);
  tensor->data = (char *)array.memory + origin * (int64_t)gattn_type_size(type);
  for (int axis = 0; axis < rank; axis++) {
    tensor->shape[axis] = shape[axis];
    tensor->strides[axis] = strides[4 - rank + axis];
  }
  for (int64_t e = 0; e < array.elements; e++) {
    double grain = type == GATTN_FLOAT32 ? 1 << 20 : 64;
    double fraction = (double)(oracle_random(&seed) >> 11) / 9007199254740992.0;
    double value = floor((fraction * 4 - 2) * grain) / grain;
    oracle_array_set(&array, e, value);
  }
  return array;
}

void oracle_array_free(oracle_array *array) {
  if (array->place)
    gattn_memory_release(array->context, array->place, array->bytes);
  free(array->memory);
  free(array->values);
  *array = (oracle_array){0};
}

void oracle_array_set(oracle_array *array, int64_t element, double value) {
  const gattn_type type = array->tensor.type;
  char *at = address(array, element);
  array->values[element] = value;
  write_element(at, type, value);
  if (!array->place) return;
  char *placed = (char *)array->place + (at - (char *)array->memory);
  ASSERT_MOVED(array, gattn_memory_upload(array->context, placed, at,
                                          gattn_type_size(type)));
}

void oracle_array_fill(oracle_array *array, const double *values) {
  for (int64_t e = 0; e < array->elements; e++) {
    array->values[e] = values[e];
    write_element(address(array, e), array->tensor.type, values[e]);
  }
  if (array->place)
    ASSERT_MOVED(array, gattn_memory_upload(array->context, array->place,
                                            array->memory, array->bytes));
}

void oracle_array_read(oracle_array *array) {
  fetch(array);
  for (int64_t e = 0; e < array->elements; e++)
    array->values[e] = read_element(address(array, e), array->tensor.type);
}

double oracle_tolerance(gattn_type type) {
  switch (type) {
    case GATTN_FLOAT16:
      return 1.1 / 2048 + 1e-5;
    case GATTN_BFLOAT16:
      return 1.1 / 256 + 1e-5;
    default:
      return 1e-5;
  }
}

static bool close_enough(double got, double expected, double slack) {
  if (isnan(expected)) return isnan(got);
  if (isinf(expected)) return got == expected;
  return fabs(got - expected) <= slack;
}

void oracle_assert_close(const char *what, oracle_array *got,
                         const double *expected, double scale) {
  /* Intermediates err as float32 does; storing rounds the result alone. */
  double rounding = oracle_tolerance(got->tensor.type);
  int64_t first = -1, wrong = 0;
  oracle_array_read(got);
  for (int64_t e = 0; e < got->elements; e++) {
    double slack = 1e-5 * scale + rounding * fabs(expected[e]) + 6e-8;
    if (close_enough(got->values[e], expected[e], slack)) continue;
    if (!wrong++) first = e;
  }
  if (wrong)
    test_fail("%s: element %lld is %.9g, not %.9g; %lld of %lld differ", what,
              (long long)first, got->values[first], expected[first],
              (long long)wrong, (long long)got->elements);
}
