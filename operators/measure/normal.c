/* Pseudo-random numbers that any machine can make again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/measure.h>

#include "lib/device.h"
#include "lib/random.h"
#include "lib/tensor.h"
#include "operators/measure/normal.h"

float gattn_normal(uint64_t seed, int64_t element) {
  return gattn_random_normal(gattn_random_draw(seed, (uint64_t)element));
}

static gattn_status check(gattn_context *context, const gattn_tensor *tensor) {
  gattn_status status = gattn_tensor_check(context, tensor);
  if (status) return status;
  if (tensor->type == GATTN_INT64)
    return gattn_fail(context, GATTN_ERROR_TYPE,
                      "tensor: int64 is no type of normal numbers");
  if (tensor->device != gattn_context_device(context))
    return gattn_fail(context, GATTN_ERROR_DEVICE,
                      "tensor: lies on device %d, the context is on %d",
                      (int)tensor->device, (int)gattn_context_device(context));
  for (int32_t axis = 0; axis < tensor->rank; axis++)
    if (!tensor->strides[axis] && tensor->shape[axis] > 1)
      return gattn_fail(context, GATTN_ERROR_STRIDE,
                        "tensor: axis %d of %lld has stride 0", (int)axis,
                        (long long)tensor->shape[axis]);
  return GATTN_SUCCESS;
}

/* A run along the last axis that begins with element `first`. */
static void fill_line(uint64_t seed, const gattn_tensor *tensor,
                      int64_t first) {
  const int32_t last = tensor->rank - 1;
  int64_t place = 0, rest = first / tensor->shape[last];
  for (int32_t axis = last - 1; axis >= 0; axis--) {
    place += rest % tensor->shape[axis] * tensor->strides[axis];
    rest /= tensor->shape[axis];
  }
  const int64_t size = (int64_t)gattn_type_size(tensor->type);
  for (int64_t c = 0; c < tensor->shape[last]; c++) {
    const float value = gattn_normal(seed, first + c);
    gattn_store_floats(
        &value, tensor->type, 1, 1,
        (char *)tensor->data + (place + c * tensor->strides[last]) * size);
  }
}

gattn_status gattn_fill_normal(gattn_context *context, uint64_t seed,
                               const gattn_tensor *tensor) {
  if (!context) return GATTN_ERROR_NULL;
  if (!tensor) return gattn_fail_null(context, "tensor");
  gattn_status status = check(context, tensor);
  const int64_t count = gattn_tensor_elements(tensor);
  if (status || !count) return status;
#ifdef GATTN_HAVE_CUDA
  if (gattn_on_device(context)) {
    int previous;
    status = gattn_device_enter(context, &previous);
    if (status) return status;
    status = gattn_device_check(
        context,
        gattn_fill_normal_launch(seed, tensor, count,
                                 gattn_device_stream(context)),
        "normal numbers");
    gattn_device_leave(context, previous);
    return status;
  }
#endif
  const int64_t line = tensor->shape[tensor->rank - 1];
#pragma omp parallel for num_threads(gattn_team(context))
  for (int64_t first = 0; first < count; first += line)
    fill_line(seed, tensor, first);
  return GATTN_SUCCESS;
}
