/* Passes on Hopper's tensor cores: which can be, and their tensor maps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/tile/hopper.h"

#include "operators/cuda/tile/bounds.h"

#include <cuda_runtime.h>
#include <gattn/tensor.h>

namespace {

struct hopper_row {
  int32_t type;
  int64_t most;
  gattn_hopper_kernels *kernels;
};

const hopper_row rows[] = {
    {GATTN_FLOAT16, 64, gattn_hopper_float16_64},
    {GATTN_FLOAT16, 128, gattn_hopper_float16_128},
    {GATTN_BFLOAT16, 64, gattn_hopper_bfloat16_64},
    {GATTN_BFLOAT16, 128, gattn_hopper_bfloat16_128},
};

/* Whether the build has machine code for compute capability 9.0a: the kernels are
 * empty in any other. */
constexpr bool built_for_hopper(const char *list = GATTN_CUDA_ARCH) {
  for (; *list; list++)
    if (list[0] == '9' && list[1] == '0' && list[2] == 'a') return true;
  return false;
}

/* Key vertices as (c1, c2): extents, and rows from one to the next. */
struct key_axes {
  int64_t extent[2], rows[2];
  uint32_t box[2];
};

bool axes_of(const gattn_device_attention &a, const gattn_numbering &numbering,
             key_axes *axes) {
  switch (numbering.kind) {
    case GATTN_NUMBER_LINEAR:
      *axes = {{a.n_kv, 1}, {1, a.n_kv}, {GATTN_TILE_KEYS, 1}};
      return true;
    case GATTN_NUMBER_CLASSES:
      if (a.n_kv % numbering.stride) return false;
      *axes = {{numbering.stride, a.n_kv / numbering.stride},
               {1, numbering.stride},
               {1, GATTN_TILE_KEYS}};
      return true;
    case GATTN_NUMBER_PATCHES:
      *axes = {{numbering.grid_w, numbering.grid_h},
               {1, numbering.grid_w},
               {8, 8}};
      return true;
    default:
      return false;
  }
}

/* The driver's function, which only a process with a driver has. */
typedef CUresult encode_function(CUtensorMap *, CUtensorMapDataType, cuuint32_t,
                                 void *, const cuuint64_t *, const cuuint64_t *,
                                 const cuuint32_t *, const cuuint32_t *,
                                 CUtensorMapInterleave, CUtensorMapSwizzle,
                                 CUtensorMapL2promotion,
                                 CUtensorMapFloatOOBfill);

encode_function *find_encode() {
  void *function = nullptr;
  cudaDriverEntryPointQueryResult found;
  if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                       12000, cudaEnableDefault,
                                       &found) != cudaSuccess ||
      found != cudaDriverEntryPointSuccess)
    return nullptr;
  return (encode_function *)function;
}

/* Strides must be multiples of 16 bytes, and positive where there is more than
 * one; dimensions below 2^32. */
bool encode(encode_function *encode_tiled, const gattn_device_attention &a,
            const gattn_operand &x, int64_t dim, const key_axes &axes,
            CUtensorMap *map) {
  const int64_t extents[5] = {dim, axes.extent[0], axes.extent[1], a.kv_heads,
                              a.batch};
  const int64_t strides[5] = {1, x.row * axes.rows[0], x.row * axes.rows[1],
                              x.head, x.batch};
  const cuuint32_t box[5] = {64, axes.box[0], axes.box[1], 1, 1};
  const cuuint32_t ones[5] = {1, 1, 1, 1, 1};
  cuuint64_t dims[5], bytes[4];
  for (int n = 0; n < 5; n++) {
    if (extents[n] < 1 || extents[n] >> 31) return false;
    dims[n] = (cuuint64_t)extents[n];
    if (n == 0) continue;
    /* Whatever is never added may be anything. */
    const int64_t stride = extents[n] > 1 ? strides[n] * 2 : 16;
    if (stride <= 0 || stride % 16 || stride >> 40) return false;
    bytes[n - 1] = (cuuint64_t)stride;
  }
  return encode_tiled(map,
                      a.type == GATTN_FLOAT16
                          ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                          : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
                      5, x.data, dims, bytes, box, ones,
                      CU_TENSOR_MAP_INTERLEAVE_NONE,
                      CU_TENSOR_MAP_SWIZZLE_128B,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

}  // namespace

int gattn_hopper_launch(const gattn_device_attention *attention,
                        const gattn_tile_pass *pass,
                        const gattn_tile_launch_facts *facts,
                        cudaStream_t stream) {
  const gattn_device_attention &a = *attention;
  const int64_t widest = a.dim > a.dim_v ? a.dim : a.dim_v;
  key_axes axes;
  gattn_hopper_facts hopper;
  if (!built_for_hopper() || a.capability != 90 || pass->lanes != 128 || !facts->k_chunks ||
      !facts->v_chunks || !facts->q_chunks || a.n_kv == 0 ||
      !axes_of(a, pass->numbering, &axes))
    return -1;
  encode_function *encode_tiled = find_encode();
  if (!encode_tiled ||
      !encode(encode_tiled, a, a.k, a.dim, axes, &hopper.k) ||
      !encode(encode_tiled, a, a.v, a.dim_v, axes, &hopper.v))
    return -1;
  hopper.direct = facts->bounds == GATTN_BOUNDS_INTERVALS &&
                  !pass->head_formulas && !pass->head_lists &&
                  !pass->list[0].offsets && pass->pieces == 1;
  for (const hopper_row &row : rows)
    if (row.type == a.type && widest <= row.most)
      return row.kernels(attention, pass, facts, &hopper, stream);
  return -1;
}
