/* Rows of random keys, a warp a row. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/random_rows.h"

#include <cuda_runtime.h>

#include "operators/cuda/random_row.cuh"

static constexpr int warps = 8; /* of a block: 32 KiB of numbers */

template <typename Column>
__global__ void __launch_bounds__(32 * warps)
    random_rows(const gattn_random_rows rows, int64_t k) {
  __shared__ int64_t numbers[warps][GATTN_DRAW_LIMIT];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint64_t key = gattn_random_mix((uint64_t)rows.seed);
  const int64_t last = rows.size ? *rows.size : rows.n_rows;
  const int64_t step = (int64_t)gridDim.x * warps;
  for (int64_t p = (int64_t)blockIdx.x * warps + warp; p <= rows.n_rows;
       p += step) {
    if (lane == 0 && rows.offsets) rows.offsets[p] = (p < last ? p : last) * k;
    if (p >= last || p >= rows.n_rows) continue;
    const int64_t i = rows.vertices ? rows.vertices[p] : rows.begin + p;
    gattn_warp_random_row(key, i, rows.n_kv, k, numbers[warp],
                          (Column *)rows.columns + p * k, lane);
  }
}

extern "C" int gattn_random_rows_launch(const gattn_random_rows *rows,
                                        void *stream) {
  const int64_t most = 1 << 16; /* blocks */
  const int64_t blocks = rows->n_rows / warps + 1;
  const dim3 grid((unsigned)(blocks < most ? blocks : most));
  const int64_t k = rows->k < rows->n_kv ? rows->k : rows->n_kv;
  if (rows->narrow)
    random_rows<int32_t>
        <<<grid, 32 * warps, 0, (cudaStream_t)stream>>>(*rows, k);
  else
    random_rows<int64_t>
        <<<grid, 32 * warps, 0, (cudaStream_t)stream>>>(*rows, k);
  return (int)cudaGetLastError();
}
