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

/* Whether the build has machine code for compute capability 9.0a: the kernels
 * are empty in any other. */
constexpr bool built_for_hopper(const char *list = GATTN_CUDA_ARCH) {
  for (; *list; list++)
    if (list[0] == '9' && list[1] == '0' && list[2] == 'a') return true;
  return false;
}

/* Vertices as (c1, c2): extents, rows from one to the next, and the box that
 * holds the lanes of a tile. */
struct tile_axes {
  int64_t extent[2], rows[2];
  uint32_t box[2];
};

bool axes_of(const gattn_numbering &numbering, int64_t n, uint32_t lanes,
             tile_axes *axes) {
  const uint32_t across = 1u << gattn_patch_shift((int)lanes);
  switch (numbering.kind) {
    case GATTN_NUMBER_LINEAR:
      *axes = {{n, 1}, {1, n}, {lanes, 1}};
      return true;
    case GATTN_NUMBER_CLASSES:
      if (n % numbering.stride) return false;
      *axes = {{numbering.stride, n / numbering.stride},
               {1, numbering.stride},
               {1, lanes}};
      return true;
    case GATTN_NUMBER_PATCHES:
      *axes = {{numbering.grid_w, numbering.grid_h},
               {1, numbering.grid_w},
               {across, lanes / across}};
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

/* Strides must be multiples of 16 bytes, and positive where there is more than
 * one; dimensions below 2^32. */
bool encode(encode_function *encode_tiled, const gattn_device_attention &a,
            const gattn_operand &x, int64_t heads, int64_t dim,
            const tile_axes &axes, CUtensorMap *map) {
  const int64_t extents[5] = {dim, axes.extent[0], axes.extent[1], heads,
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

/* Whether `lanes` queries of a tile on end are a box of q and o. Rows that are
 * not attended to may be read, but none past *size. */
bool queries_in_boxes(const gattn_device_attention &a,
                      const gattn_tile_pass &pass, uint32_t lanes,
                      tile_axes *axes) {
  if (pass.rows || pass.row_all || a.size) return false;
  if (pass.numbering.kind != GATTN_NUMBER_LINEAR &&
      (a.begin != 0 || a.n_f != a.n_q))
    return false;
  if (!axes_of(pass.numbering, a.n_f, (uint32_t)pass.lanes, axes)) return false;
  for (uint32_t &extent : axes->box)
    if (extent > 1 && lanes < (uint32_t)pass.lanes)
      extent = extent < 16 ? 1 : 16;
  return true;
}

}  // namespace

int gattn_hopper_launch(const gattn_device_attention *attention,
                        const gattn_tile_pass *pass,
                        const gattn_tile_launch_facts *facts,
                        cudaStream_t stream) {
  const gattn_device_attention &a = *attention;
  const int64_t widest = a.dim > a.dim_v ? a.dim : a.dim_v;
  tile_axes keys, queries;
  gattn_hopper_facts hopper;
  /* Words that only the formula knows are another kernel's business. */
  if (pass->head_formulas ||
      (pass->formula.n_steps && facts->bounds == GATTN_BOUNDS_NONE))
    return -1;
  if (!built_for_hopper() || a.capability != 90 || pass->lanes != 128 ||
      !facts->k_chunks || !facts->v_chunks || !facts->q_chunks ||
      a.n_kv == 0 || !axes_of(pass->numbering, a.n_kv, GATTN_TILE_KEYS, &keys))
    return -1;
  const auto encode_tiled = (encode_function *)a.encode_tiled;
  if (!encode_tiled ||
      !encode(encode_tiled, a, a.k, a.kv_heads, a.dim, keys, &hopper.k) ||
      !encode(encode_tiled, a, a.v, a.kv_heads, a.dim_v, keys, &hopper.v))
    return -1;
  hopper.q_boxes =
      queries_in_boxes(a, *pass, 128, &queries) &&
      encode(encode_tiled, a, a.q, a.heads, a.dim, queries, &hopper.q);
  /* Boxes that begin before a tensor are read as zeros, but not written. */
  const bool from_begin = pass->numbering.kind != GATTN_NUMBER_LINEAR ||
                          a.begin == pass->first_tile * pass->lanes;
  hopper.o_boxes =
      from_begin && !pass->n_skip && !pass->store_state && pass->pieces == 1 &&
      facts->o_chunks && queries_in_boxes(a, *pass, 16, &queries) &&
      encode(encode_tiled, a, a.o, a.heads, a.dim_v, queries, &hopper.o);
  for (const hopper_row &row : rows)
    if (row.type == a.type && widest <= row.most)
      return row.kernels(attention, pass, facts, &hopper, stream);
  return -1;
}
