/* Tensors from DLPack. SPDX-License-Identifier: Apache-2.0
 *
 * The structures below are laid out as the DLPack specification (version 0.8
 * and later) fixes its DLDevice, DLDataType and DLTensor. */
#include "config.h"

#include <gattn/tensor.h>

#include "lib/context.h"

typedef struct dl_device {
  int32_t kind, ordinal;
} dl_device;

typedef struct dl_type {
  uint8_t code, bits;
  uint16_t lanes;
} dl_type;

struct dl_tensor {
  void *data;
  dl_device device;
  int32_t rank;
  dl_type type;
  const int64_t *shape;
  const int64_t *strides; /* in elements; null: C order */
  uint64_t byte_offset;
};

enum {
  DL_CPU = 1,
  DL_CUDA = 2,
  DL_CUDA_HOST = 3, /* pinned memory of the host */
  DL_CUDA_MANAGED = 13
};
enum { DL_INT = 0, DL_FLOAT = 2, DL_BFLOAT = 4 };

static const struct {
  uint8_t code, bits;
  gattn_type type;
} dl_types[] = {
    {DL_FLOAT, 32, GATTN_FLOAT32},
    {DL_FLOAT, 16, GATTN_FLOAT16},
    {DL_BFLOAT, 16, GATTN_BFLOAT16},
    {DL_INT, 64, GATTN_INT64},
};

static gattn_status type_of(gattn_context *context, dl_type given,
                            gattn_type *type) {
  for (size_t r = 0; given.lanes == 1 && r < sizeof dl_types / sizeof *dl_types;
       r++)
    if (dl_types[r].code == given.code && dl_types[r].bits == given.bits) {
      *type = dl_types[r].type;
      return GATTN_SUCCESS;
    }
  return gattn_fail(context, GATTN_ERROR_TYPE,
                    "dl_tensor: type code %d with %d bits and %d lanes is "
                    "none of float32, float16, bfloat16 and int64",
                    given.code, given.bits, given.lanes);
}

static gattn_status device_of(gattn_context *context, dl_device given,
                              gattn_device *device) {
  if (given.kind == DL_CPU || given.kind == DL_CUDA_HOST) {
    *device = GATTN_CPU;
    return GATTN_SUCCESS;
  }
  if ((given.kind == DL_CUDA || given.kind == DL_CUDA_MANAGED) &&
      given.ordinal >= 0 && given.ordinal < INT32_MAX) {
    *device = GATTN_CUDA(given.ordinal);
    return GATTN_SUCCESS;
  }
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "dl_tensor: device %d of kind %d is neither the CPU nor "
                    "a CUDA device",
                    (int)given.ordinal, (int)given.kind);
}

/* Data with the offset folded in; false when that leaves the address space. */
static bool fold_offset(const struct dl_tensor *given, void **data) {
  uintptr_t address;
  if (given->byte_offset > UINTPTR_MAX ||
      __builtin_add_overflow((uintptr_t)given->data,
                             (uintptr_t)given->byte_offset, &address))
    return false;
  *data = given->byte_offset ? (char *)given->data + given->byte_offset
                             : given->data;
  return true;
}

gattn_status gattn_tensor_from_dlpack(gattn_context *context,
                                      const void *dl_tensor,
                                      gattn_tensor *tensor) {
  const struct dl_tensor *given = dl_tensor;
  if (!given) return gattn_fail_null(context, "dl_tensor");
  if (!tensor) return gattn_fail_null(context, "tensor");
  gattn_type type = GATTN_FLOAT32;
  gattn_status status = type_of(context, given->type, &type);
  if (status) return status;
  gattn_device device = GATTN_CPU;
  status = device_of(context, given->device, &device);
  if (status) return status;
  if (given->rank > 0 && !given->shape)
    return gattn_fail_null(context, "dl_tensor.shape");
  if (!given->data && given->byte_offset)
    return gattn_fail_null(context, "dl_tensor.data");
  void *data;
  if (!fold_offset(given, &data))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "dl_tensor: byte offset %llu leaves the address space",
                      (unsigned long long)given->byte_offset);
  static const int64_t no_shape[1];
  gattn_tensor view;
  status = gattn_tensor_dense(context, data, type, given->rank,
                              given->shape ? given->shape : no_shape, &view);
  if (status) return status;
  view.device = device;
  for (int32_t a = 0; given->strides && a < given->rank; a++)
    view.strides[a] = given->strides[a];
  status = gattn_tensor_check(context, &view);
  if (!status) *tensor = view;
  return status;
}
