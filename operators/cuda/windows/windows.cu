/* Window passes: workspace, launch, and the merge of windows cut.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn/tensor.h>

#include "operators/cuda/elements.cuh"
#include "operators/cuda/windows/launch.h"

namespace {

enum { ALIGNMENT = 256, MERGE_THREADS = 128, MERGE_WARPS = MERGE_THREADS / 32 };
constexpr unsigned all_lanes = 0xffffffffu;

/* ------------------------------------------------------------ workspace */

/* Bytes of the slots' o, rounded up, and of their lse; false on overflow. */
bool slot_bytes(const gattn_device_attention *a, const gattn_windows *windows,
                uint64_t *o, uint64_t *lse) {
  uint64_t rows;
  if (__builtin_mul_overflow((uint64_t)(a->batch * a->heads),
                             (uint64_t)windows->n_slots * GATTN_WINDOW_ROWS,
                             &rows) ||
      __builtin_mul_overflow(rows, (uint64_t)(a->dim_v + 1) * sizeof(float),
                             o) ||
      *o > UINT64_MAX / 4)
    return false;
  *lse = (rows * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  *o = (rows * (uint64_t)a->dim_v * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT *
       ALIGNMENT;
  return true;
}

/* ------------------------------------------------------------ merge */

/* One row of a window cut. */
struct merged_row {
  int64_t pair, position, state, slot; /* slot: of its first piece */
  int32_t items;
};

/* The row's lse, of all pieces and of the state; *was is the state's. All lanes
 * of a warp, valid in all. */
__device__ float merged_lse(const gattn_window_arguments &arguments,
                            const merged_row &row, float *was) {
  const gattn_window_pass &pass = arguments.pass;
  const float *lse = arguments.slots.lse + row.slot;
  const int lane = threadIdx.x % 32;
  *was = pass.resume ? pass.state.lse[row.state] : -INFINITY;
  float top = *was, sum = 0;
  bool unknown = isnan(*was);
  for (int32_t p = lane; p < row.items; p += 32) {
    const float own = lse[(int64_t)p * GATTN_WINDOW_ROWS];
    unknown = unknown || isnan(own);
    top = fmaxf(top, own);
  }
  for (int step = 16; step; step /= 2)
    top = fmaxf(top, __shfl_xor_sync(all_lanes, top, step));
  if (__any_sync(all_lanes, unknown)) return NAN;
  if (top == -INFINITY || top == INFINITY) return top;
  if (lane == 0) sum = expf(*was - top);
  for (int32_t p = lane; p < row.items; p += 32)
    sum += expf(lse[(int64_t)p * GATTN_WINDOW_ROWS] - top);
  for (int step = 16; step; step /= 2)
    sum += __shfl_xor_sync(all_lanes, sum, step);
  return top + logf(sum);
}

__device__ float share(float lse, float merged) {
  return lse == -INFINITY ? 0.f : expf(lse - merged);
}

/* The row by a block: warp w has every MERGE_WARPS-th piece from w on. */
template <typename T>
__device__ void merge_row(const gattn_window_arguments &arguments,
                          const merged_row &row,
                          float (*parts)[GATTN_WINDOWS_DIM]) {
  const gattn_device_attention &a = arguments.attention;
  const gattn_window_pass &pass = arguments.pass;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float was, x[GATTN_WINDOWS_DIM / 32] = {};
  const float lse = merged_lse(arguments, row, &was);
#pragma unroll 4
  for (int32_t p = warp; p < row.items; p += MERGE_WARPS) {
    const int64_t from = row.slot + (int64_t)p * GATTN_WINDOW_ROWS;
    const float weight = share(arguments.slots.lse[from], lse);
#pragma unroll
    for (int n = 0; n < GATTN_WINDOWS_DIM / 32; n++)
      if (weight != 0 && 32 * n + lane < a.dim_v)
        x[n] += weight * arguments.slots.o[from * a.dim_v + 32 * n + lane];
  }
#pragma unroll
  for (int n = 0; n < GATTN_WINDOWS_DIM / 32; n++)
    parts[warp][32 * n + lane] = x[n];
  __syncthreads();
  const int d = threadIdx.x;
  if (d < a.dim_v) {
    const float before = share(was, lse);
    float sum =
        before != 0 ? before * pass.state.o[row.state * a.dim_v + d] : 0;
    for (int w = 0; w < MERGE_WARPS; w++) sum += parts[w][d];
    if (pass.store_state)
      pass.state.o[row.state * a.dim_v + d] = sum;
    else
      gattn_row_of<T>(a.o, gattn_quotient(row.pair, a.heads),
                      row.pair % a.heads, row.position)[d * a.o.dim] =
          gattn_element<T>(sum);
  }
  if (d == 0 && pass.store_state)
    pass.state.lse[row.state] = lse;
  else if (d == 0 && a.lse.data)
    *gattn_row_of<float>(a.lse, gattn_quotient(row.pair, a.heads),
                         row.pair % a.heads, row.position) = lse;
  __syncthreads();
}

/* Blocks look for items that are the first of a window cut. */
template <typename T>
__global__ void merge_kernel(
    const __grid_constant__ gattn_window_arguments arguments) {
  __shared__ float parts[MERGE_WARPS][GATTN_WINDOWS_DIM];
  const gattn_device_attention &a = arguments.attention;
  const gattn_windows &windows = arguments.pass.windows;
  const int64_t pairs = a.heads * a.batch;
  for (int64_t n = blockIdx.x; n < windows.n_items; n += gridDim.x) {
    const gattn_window_item item = windows.items[n];
    if (item.slot < 0 ||
        (n > 0 && windows.items[n - 1].window == item.window))
      continue;
    for (int64_t pair = blockIdx.y; pair < pairs; pair += gridDim.y) {
      const int r = blockIdx.z;
      const int64_t place = (int64_t)item.window * GATTN_WINDOW_ROWS + r;
      if (place >= windows.n_f) continue;
      merged_row row;
      row.pair = pair;
      row.position = windows.order ? windows.order[place] : place;
      row.state = pair * a.n_f + row.position;
      row.slot = (pair * windows.n_slots + item.slot) * GATTN_WINDOW_ROWS + r;
      row.items = item.items;
      if (!a.size || row.position < *a.size)
        merge_row<T>(arguments, row, parts);
    }
  }
}

template <typename T>
cudaError_t merge(const gattn_window_arguments &arguments,
                  cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  const int64_t items = arguments.pass.windows.n_items, most = 1024;
  const int64_t pairs = a.heads * a.batch;
  if (arguments.pass.windows.n_slots == 0) return cudaSuccess;
  const dim3 grid((unsigned)(items < most ? items : most),
                  (unsigned)(pairs < most ? pairs : most), GATTN_WINDOW_ROWS);
  merge_kernel<T><<<grid, MERGE_THREADS, 0, stream>>>(arguments);
  return cudaGetLastError();
}

}  // namespace

uint64_t gattn_windows_workspace(const gattn_device_attention *attention,
                                 const gattn_windows *windows) {
  uint64_t o, lse;
  if (!slot_bytes(attention, windows, &o, &lse)) return UINT64_MAX;
  return o + lse;
}

template <typename T>
static bool all_packed(const gattn_device_attention *a) {
  return gattn_operand_packs<T>(a->q, a->dim) &&
         gattn_operand_packs<T>(a->k, a->dim) &&
         gattn_operand_packs<T>(a->v, a->dim_v) &&
         gattn_operand_packs<T>(a->o, a->dim_v) && a->k.row <= INT32_MAX &&
         a->k.row >= INT32_MIN && a->v.row <= INT32_MAX &&
         a->v.row >= INT32_MIN;
}

int gattn_windows_launch(const gattn_device_attention *attention,
                         const gattn_window_pass *pass, void *stream_) {
  const cudaStream_t stream = (cudaStream_t)stream_;
  gattn_window_arguments arguments = {};
  uint64_t o = 0, lse = 0;
  arguments.attention = *attention;
  arguments.pass = *pass;
  if (!slot_bytes(attention, &pass->windows, &o, &lse))
    return (int)cudaErrorInvalidValue;
  arguments.slots.o = (float *)pass->workspace;
  arguments.slots.lse = (float *)((char *)pass->workspace + o);
  if (pass->windows.n_items == 0 || attention->heads == 0 ||
      attention->batch == 0)
    return 0;
  arguments.group = attention->heads / attention->kv_heads;
  arguments.aligned = all_packed<__half>(attention);
  cudaError_t error = cudaErrorInvalidValue;
  if (attention->type == GATTN_FLOAT16) {
    error = gattn_windows_float16(arguments, stream);
    if (!error) error = merge<__half>(arguments, stream);
  } else if (attention->type == GATTN_BFLOAT16) {
    error = gattn_windows_bfloat16(arguments, stream);
    if (!error) error = merge<__nv_bfloat16>(arguments, stream);
  }
  return (int)error;
}
