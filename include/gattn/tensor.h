/* Tensor views in DLPack's terms. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TENSOR_H
#define GATTN_TENSOR_H

#include <gattn/context.h>

GATTN_BEGIN_DECLS

typedef enum gattn_type {
  GATTN_FLOAT32 = 0,
  GATTN_FLOAT16 = 1,  /* IEEE binary16 */
  GATTN_BFLOAT16 = 2, /* upper half of a float32 */
  GATTN_INT64 = 3     /* vertex ids; not an operand of attention */
} gattn_type;

#define GATTN_MAX_RANK 4

/* A borrowed view: the library reads or writes through it during the call it
 * is passed to, and never keeps, frees or reallocates the memory. A plain
 * value like DLPack's DLTensor: its layout is fixed for the life of the ABI.
 *
 * Element (i0, i1, …) lies at data + i0·strides[0] + i1·strides[1] + …, strides
 * counted in elements; they may be zero or negative on inputs. Data must be
 * aligned to the element size. Where attention takes a tensor of
 * [batch, heads, rows, dim] it also takes [heads, rows, dim] and [rows, dim]:
 * missing leading axes are of length 1. */
typedef struct gattn_tensor {
  void *data;          /* may be null only when the tensor has no elements */
  gattn_device device; /* where data lives */
  gattn_type type;
  int32_t rank;                    /* 1 … GATTN_MAX_RANK */
  int32_t reserved;                /* zero */
  int64_t shape[GATTN_MAX_RANK];   /* each >= 0; the product in bytes, empty
                                    * axes counted as 1, below 2^63 */
  int64_t strides[GATTN_MAX_RANK]; /* in elements */
} gattn_tensor;

/* Bytes of one element: 4, 2, 2, 8; 0 for an unknown type. */
GATTN_API size_t gattn_type_size(gattn_type type);

/* "float32", "float16", "bfloat16", "int64"; "unknown" for anything else. */
GATTN_API const char *gattn_type_name(gattn_type type);

/* Fills *tensor as a C-ordered (row-major, dense) view of memory of the
 * context's device; of the CPU's where context is null.
 * GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE (rank), GATTN_ERROR_SIZE (negative
 * extent), GATTN_ERROR_OVERFLOW (product of extents and element size). */
GATTN_API gattn_status gattn_tensor_dense(gattn_context *context, void *data,
                                          gattn_type type, int32_t rank,
                                          const int64_t *shape,
                                          gattn_tensor *tensor);

/* Checks a view: type, rank, extents, overflow of the byte count, alignment of
 * data, null data with elements. The statuses of gattn_tensor_dense, and
 * GATTN_ERROR_STRIDE (also strides that leave the address space),
 * GATTN_ERROR_DEVICE (a negative one), GATTN_ERROR_ARGUMENT (reserved). Every function that takes a tensor
 * makes this check itself. */
GATTN_API gattn_status gattn_tensor_check(gattn_context *context,
                                          const gattn_tensor *tensor);

/* Number of elements; 0 for null or for an overflowing shape. */
GATTN_API int64_t gattn_tensor_elements(const gattn_tensor *tensor);

/* Fills *tensor from a DLPack tensor without a copy. dl_tensor points at a
 * DLTensor, or at a DLManagedTensor (whose first member is one), as PyTorch,
 * JAX, CuPy and NumPy export them; this header does not need dlpack.h.
 * The exporter must stay alive as long as the view is used. Null strides mean
 * C order; byte_offset is folded into data. GATTN_ERROR_TYPE (lanes other than
 * 1, a type not listed above), GATTN_ERROR_SHAPE (rank 0 or above
 * GATTN_MAX_RANK), GATTN_ERROR_DEVICE (neither CPU nor CUDA),
 * and gattn_tensor_check's. */
GATTN_API gattn_status gattn_tensor_from_dlpack(gattn_context *context,
                                                const void *dl_tensor,
                                                gattn_tensor *tensor);

/* One element converted to or from the storage type, rounding to nearest even
 * (for tests and examples, not for loops). */
GATTN_API float gattn_float16_to_float(uint16_t bits);
GATTN_API uint16_t gattn_float16_from_float(float value);
GATTN_API float gattn_bfloat16_to_float(uint16_t bits);
GATTN_API uint16_t gattn_bfloat16_from_float(float value);

GATTN_END_DECLS

#endif
