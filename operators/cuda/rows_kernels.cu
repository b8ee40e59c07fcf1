/* Rows of a graph that is stored on the device, in a frontier's order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/rows_kernels.h"

#include <cub/device/device_scan.cuh>

static_assert(CUB_VERSION >= 200800, "CUB counts in int before");

enum { THREADS = 256 };
constexpr int64_t most_blocks = 1 << 16;

static unsigned blocks_of(int64_t items) {
  const int64_t blocks = (items + THREADS - 1) / THREADS;
  return (unsigned)(blocks < 1 ? 1 : blocks < most_blocks ? blocks
                                                          : most_blocks);
}

int gattn_rows_scratch(int64_t n, size_t *bytes) {
  *bytes = 0;
  return cub::DeviceScan::InclusiveSum(nullptr, *bytes, (int64_t *)nullptr,
                                       (int64_t *)nullptr, n);
}

int gattn_rows_scan(int64_t *offsets, int64_t n, void *scratch, size_t bytes,
                    void *stream) {
  cudaError_t error =
      cudaMemsetAsync(offsets, 0, sizeof *offsets, (cudaStream_t)stream);
  if (error || !n) return error;
  return cub::DeviceScan::InclusiveSum(scratch, bytes, offsets + 1,
                                       offsets + 1, n, (cudaStream_t)stream);
}

/* offsets[p + 1] = the degree of row p. A vertex outside the graph, or a row
 * past the frontier's size, has none. */
static __global__ void take_degrees(gattn_rows_gather gather) {
  const int64_t size = gather.size ? *gather.size : gather.n_f;
  for (int64_t p = (int64_t)blockIdx.x * THREADS + threadIdx.x; p < gather.n_f;
       p += (int64_t)gridDim.x * THREADS) {
    const int64_t v = p < size ? gather.vertices[p] : -1;
    gather.offsets[p + 1] =
        v >= 0 && v < gather.n_q
            ? gather.from_offsets[v + 1] - gather.from_offsets[v]
            : 0;
  }
}

int gattn_rows_gather_offsets(const gattn_rows_gather *gather, void *scratch,
                              size_t bytes, void *stream) {
  if (gather->n_f)
    take_degrees<<<blocks_of(gather->n_f), THREADS, 0, (cudaStream_t)stream>>>(
        *gather);
  const cudaError_t error = cudaGetLastError();
  if (error) return error;
  return gattn_rows_scan(gather->offsets, gather->n_f, scratch, bytes, stream);
}

/* The last row p with offsets[p] <= e; rows without edges are passed over. */
static __device__ int64_t row_of(const int64_t *offsets, int64_t n,
                                 int64_t e) {
  int64_t lo = 0, hi = n;
  while (hi - lo > 1) {
    const int64_t middle = lo + (hi - lo) / 2;
    if (offsets[middle] <= e)
      lo = middle;
    else
      hi = middle;
  }
  return lo;
}

template <typename T>
static __global__ void take_columns(gattn_rows_gather gather) {
  const int64_t end = gather.offsets[gather.n_f];
  const int64_t edges = end < gather.capacity ? end : gather.capacity;
  for (int64_t e = (int64_t)blockIdx.x * THREADS + threadIdx.x; e < edges;
       e += (int64_t)gridDim.x * THREADS) {
    const int64_t p = row_of(gather.offsets, gather.n_f, e);
    ((T *)gather.columns)[e] =
        ((const T *)gather.from_columns)[gather.from_offsets[gather.vertices[p]] +
                                         (e - gather.offsets[p])];
  }
}

int gattn_rows_gather_columns(const gattn_rows_gather *gather, void *stream) {
  if (!gather->n_f || !gather->capacity) return cudaSuccess;
  const unsigned blocks = blocks_of(gather->capacity);
  if (gather->narrow)
    take_columns<int32_t>
        <<<blocks, THREADS, 0, (cudaStream_t)stream>>>(*gather);
  else
    take_columns<int64_t>
        <<<blocks, THREADS, 0, (cudaStream_t)stream>>>(*gather);
  return cudaGetLastError();
}
