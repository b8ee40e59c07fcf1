/* Tensor views: building, checking, filling in axes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/tensor.h"

#include <stdio.h>
#include <string.h>

#include "lib/device.h"

static const struct {
  const char *name;
  size_t size;
} type_table[] = {
    [GATTN_FLOAT32] = {"float32", 4},
    [GATTN_FLOAT16] = {"float16", 2},
    [GATTN_BFLOAT16] = {"bfloat16", 2},
    [GATTN_INT64] = {"int64", 8},
};

static bool type_known(gattn_type type) {
  return (size_t)type < sizeof type_table / sizeof *type_table;
}

size_t gattn_type_size(gattn_type type) {
  return type_known(type) ? type_table[type].size : 0;
}

const char *gattn_type_name(gattn_type type) {
  return type_known(type) ? type_table[type].name : "unknown";
}

static gattn_status check_rank(gattn_context *context, const char *name,
                               gattn_type type, int32_t rank) {
  if (!type_known(type))
    return gattn_fail(context, GATTN_ERROR_TYPE, "%s: type %d is unknown", name,
                      (int)type);
  if (rank < 1 || rank > GATTN_MAX_RANK)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: rank %d is not between 1 and %d", name, (int)rank,
                      GATTN_MAX_RANK);
  return GATTN_SUCCESS;
}

/* Empty axes count as 1 in the product, so that the extents of an empty
 * tensor may be multiplied in any order, too. */
static bool bytes_fit(gattn_type type, int32_t rank, const int64_t *shape) {
  int64_t bytes = (int64_t)gattn_type_size(type);
  for (int32_t a = 0; a < rank; a++)
    if (!gattn_multiply(bytes, shape[a] ? shape[a] : 1, &bytes)) return false;
  return true;
}

enum { AXES_TEXT = GATTN_MAX_RANK * 24 };

/* "2, 3, 4": a number an axis. */
static const char *write_axes(char text[AXES_TEXT], int32_t rank,
                              const int64_t *axes) {
  size_t length = 0;
  for (int32_t a = 0; a < rank; a++)
    length += (size_t)snprintf(text + length, AXES_TEXT - length, "%s%lld",
                               a ? ", " : "", (long long)axes[a]);
  return text;
}

static gattn_status check_shape(gattn_context *context, const char *name,
                                gattn_type type, int32_t rank,
                                const int64_t *shape) {
  for (int32_t a = 0; a < rank; a++)
    if (shape[a] < 0)
      return gattn_fail(context, GATTN_ERROR_SIZE,
                        "%s: shape: extent %lld of axis %d is negative", name,
                        (long long)shape[a], (int)a);
  char text[AXES_TEXT];
  if (!bytes_fit(type, rank, shape))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "%s: shape: the bytes of a %s tensor with extents %s do "
                      "not fit 63 bits",
                      name, gattn_type_name(type),
                      write_axes(text, rank, shape));
  return GATTN_SUCCESS;
}

int64_t gattn_tensor_elements(const gattn_tensor *tensor) {
  if (!tensor || tensor->rank < 1 || tensor->rank > GATTN_MAX_RANK) return 0;
  for (int32_t a = 0; a < tensor->rank; a++)
    if (tensor->shape[a] < 0) return 0;
  if (!bytes_fit(tensor->type, tensor->rank, tensor->shape)) return 0;
  int64_t elements = 1;
  for (int32_t a = 0; a < tensor->rank; a++) elements *= tensor->shape[a];
  return elements;
}

gattn_status gattn_tensor_dense(gattn_context *context, void *data,
                                gattn_type type, int32_t rank,
                                const int64_t *shape, gattn_tensor *tensor) {
  if (!tensor) return gattn_fail_null(context, "tensor");
  if (!shape) return gattn_fail_null(context, "shape");
  gattn_status status = check_rank(context, "tensor", type, rank);
  if (!status) status = check_shape(context, "tensor", type, rank, shape);
  if (status) return status;
  gattn_tensor dense = {.data = data,
                        .device = gattn_context_device(context),
                        .type = type,
                        .rank = rank};
  int64_t stride = 1;
  for (int32_t a = rank; a-- > 0;) {
    dense.shape[a] = shape[a];
    dense.strides[a] = stride;
    stride *= shape[a] ? shape[a] : 1;
  }
  *tensor = dense;
  return GATTN_SUCCESS;
}

/* Whether every element's address, in bytes, stays within 63 bits of data and
 * within the address space. */
static bool addresses_fit(const gattn_tensor *tensor) {
  int64_t above = 0, below = 0;
  for (int32_t a = 0; a < tensor->rank; a++) {
    int64_t reach, *end = tensor->strides[a] < 0 ? &below : &above;
    if (!gattn_multiply(tensor->shape[a] - 1, tensor->strides[a], &reach) ||
        !gattn_add(*end, reach, end))
      return false;
  }
  int64_t size = (int64_t)gattn_type_size(tensor->type);
  uintptr_t data = (uintptr_t)tensor->data, ignored;
  return gattn_add(above, 1, &above) && gattn_multiply(above, size, &above) &&
         gattn_multiply(below, size, &below) && below > INT64_MIN &&
         !__builtin_add_overflow(data, (uintptr_t)above, &ignored) &&
         !__builtin_sub_overflow(data, (uintptr_t)-below, &ignored);
}

static gattn_status check_data(gattn_context *context, const char *name,
                               const gattn_tensor *tensor) {
  int64_t elements = gattn_tensor_elements(tensor);
  if (!tensor->data && elements)
    return gattn_fail(context, GATTN_ERROR_NULL,
                      "%s: data is null, but there are %lld elements", name,
                      (long long)elements);
  size_t size = gattn_type_size(tensor->type);
  if ((uintptr_t)tensor->data % size)
    return gattn_fail(context, GATTN_ERROR_STRIDE,
                      "%s: data %p is not aligned to the %zu bytes of a %s",
                      name, tensor->data, size, gattn_type_name(tensor->type));
  char text[AXES_TEXT];
  if (elements && !addresses_fit(tensor))
    return gattn_fail(context, GATTN_ERROR_STRIDE,
                      "%s: strides %s reach past the address space", name,
                      write_axes(text, tensor->rank, tensor->strides));
  return GATTN_SUCCESS;
}

static gattn_status check_named(gattn_context *context, const char *name,
                                const gattn_tensor *tensor) {
  if (!tensor) return gattn_fail_null(context, name);
  gattn_status status = check_rank(context, name, tensor->type, tensor->rank);
  if (status) return status;
  if (tensor->reserved)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "%s: reserved is %d, not 0", name, (int)tensor->reserved);
  if (tensor->device < GATTN_CPU)
    return gattn_fail(context, GATTN_ERROR_DEVICE, "%s: %d is no device", name,
                      (int)tensor->device);
  status =
      check_shape(context, name, tensor->type, tensor->rank, tensor->shape);
  return status ? status : check_data(context, name, tensor);
}

gattn_status gattn_tensor_check(gattn_context *context,
                                const gattn_tensor *tensor) {
  return check_named(context, "tensor", tensor);
}

/* What a view without data points at: arithmetic on its address is defined. */
static const _Alignas(64) char nothing[64];

/* Strides that no element takes become harmless, whatever they were. */
static int64_t stride_of(const gattn_tensor *tensor, int axis, bool empty) {
  if (empty) return 0;
  if (tensor->shape[axis] > 1) return tensor->strides[axis];
  return axis == tensor->rank - 1 ? 1 : 0;
}

gattn_status gattn_view_of(gattn_context *context, const char *name,
                           const gattn_tensor *tensor, int axes,
                           gattn_view *view) {
  gattn_status status = check_named(context, name, tensor);
  if (status) return status;
  int fewest = axes - 2;
  if (tensor->rank < fewest || tensor->rank > axes)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has rank %d, expected %d to %d", name,
                      (int)tensor->rank, fewest, axes);
  char lives[GATTN_DEVICE_TEXT], computes[GATTN_DEVICE_TEXT];
  if (tensor->device != gattn_context_device(context))
    return gattn_fail(
        context, GATTN_ERROR_DEVICE, "%s: lives on %s, the context on %s", name,
        gattn_device_text(tensor->device, lives),
        gattn_device_text(gattn_context_device(context), computes));
  gattn_view filled = {.data = tensor->data ? tensor->data : (char *)nothing,
                       .type = tensor->type};
  int missing = axes - tensor->rank;
  bool empty = gattn_tensor_elements(tensor) == 0;
  for (int a = 0; a < GATTN_MAX_RANK; a++) {
    bool given = a >= missing && a < axes;
    filled.shape[a] = given ? tensor->shape[a - missing] : 1;
    filled.strides[a] = given ? stride_of(tensor, a - missing, empty) : 0;
  }
  *view = filled;
  return GATTN_SUCCESS;
}

gattn_status gattn_view_check_output(gattn_context *context, const char *name,
                                     const gattn_view *view) {
  for (int a = 0; a < GATTN_MAX_RANK; a++)
    if (view->shape[a] == 0) return GATTN_SUCCESS;
  for (int a = 0; a < GATTN_MAX_RANK; a++)
    if (view->shape[a] > 1 && view->strides[a] == 0)
      return gattn_fail(context, GATTN_ERROR_STRIDE,
                        "%s: an output with stride 0 on an axis of %lld", name,
                        (long long)view->shape[a]);
  return GATTN_SUCCESS;
}
