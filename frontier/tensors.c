/* Frontiers from tensors. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/frontier.h"
#include "lib/device.h"
#include "lib/tensor.h"

/* An int64 tensor of one axis on the context's device. */
static gattn_status check_numbers(gattn_context *context, const char *name,
                                  const gattn_tensor *tensor) {
  gattn_view view;
  gattn_status status = gattn_view_of(context, name, tensor, 3, &view);
  if (status) return status;
  if (tensor->type != GATTN_INT64)
    return gattn_fail(context, GATTN_ERROR_TYPE, "%s: is %s, expected int64",
                      name, gattn_type_name(tensor->type));
  if (tensor->rank != 1)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "%s: has %d axes, expected one", name,
                      (int)tensor->rank);
  return GATTN_SUCCESS;
}

static gattn_status check_length(gattn_context *context, const char *name,
                                 const gattn_tensor *tensor, int64_t length) {
  gattn_status status = check_numbers(context, name, tensor);
  if (status || tensor->shape[0] == length) return status;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "%s: has %lld elements, expected %lld", name,
                    (long long)tensor->shape[0], (long long)length);
}

/* The elements of a host tensor side by side: its own memory where they lie
 * so, else a copy that drop_numbers frees. */
static gattn_status take_numbers(gattn_context *context,
                                 const gattn_tensor *tensor,
                                 const int64_t **numbers) {
  const int64_t *from = tensor->data;
  *numbers = from;
  if (tensor->strides[0] == 1 || tensor->shape[0] < 2) return GATTN_SUCCESS;
  void *memory;
  gattn_status status = gattn_allocate(context, "frontier", tensor->shape[0],
                                       sizeof **numbers, &memory);
  if (status) return status;
  int64_t *copy = memory;
  for (int64_t e = 0; e < tensor->shape[0]; e++)
    copy[e] = from[e * tensor->strides[0]];
  *numbers = copy;
  return GATTN_SUCCESS;
}

static void drop_numbers(gattn_context *context, const gattn_tensor *tensor,
                         const int64_t *numbers) {
  if (numbers != tensor->data)
    gattn_free(context, (void *)numbers, tensor->shape[0], sizeof *numbers);
}

static gattn_status list_of(gattn_context *context, int64_t n,
                            const gattn_tensor *vertices,
                            const gattn_tensor *size, gattn_frontier **out) {
  const int64_t capacity = vertices->shape[0];
  const int64_t count = size ? *(const int64_t *)size->data : capacity;
  if (count < 0 || count > capacity)
    return gattn_fail(context, GATTN_ERROR_SIZE,
                      "size: %lld is not between 0 and %lld", (long long)count,
                      (long long)capacity);
  const int64_t *numbers;
  gattn_status status = take_numbers(context, vertices, &numbers);
  if (status) return status;
  status = gattn_frontier_list(context, n, numbers, count, out);
  drop_numbers(context, vertices, numbers);
  return status;
}

gattn_status gattn_frontier_from_list_tensor(gattn_context *context, int64_t n,
                                             const gattn_tensor *vertices,
                                             const gattn_tensor *size,
                                             gattn_frontier **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!out) return gattn_fail_null(context, "frontier");
  gattn_status status = check_numbers(context, "vertices", vertices);
  if (!status && size) status = check_length(context, "size", size, 1);
  if (status) return status;
  if (gattn_on_device(context))
    return gattn_frontier_list_device(context, n, vertices, size, out);
  return list_of(context, n, vertices, size, out);
}

gattn_status gattn_frontier_from_bitmap_tensor(gattn_context *context,
                                               int64_t n,
                                               const gattn_tensor *words,
                                               gattn_frontier **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!out) return gattn_fail_null(context, "frontier");
  const int64_t length = n > 0 ? n / 64 + (n % 64 != 0) : 0;
  gattn_status status = check_length(context, "words", words, length);
  if (status) return status;
  if (gattn_on_device(context))
    return gattn_frontier_bitmap_device(context, n, words, out);
  const int64_t *numbers;
  status = take_numbers(context, words, &numbers);
  if (status) return status;
  status =
      gattn_frontier_bitmap(context, n, (const uint64_t *)numbers, out);
  drop_numbers(context, words, numbers);
  return status;
}
