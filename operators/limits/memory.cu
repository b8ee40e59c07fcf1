/* What the device's memory and float32 units reach.
 * SPDX-License-Identifier: Apache-2.0 */
#include "operators/limits/device.h"

#include <cuda_runtime_api.h>

enum { THREADS = 256, MOST_BLOCKS = 1 << 20 };

/* ------------------------------------------------------------ copy */

enum { COPY_VECTORS = 4 }; /* 16 bytes each, in flight a thread */

static __global__ void copy(const uint4 *from, uint4 *to, int64_t vectors) {
  const int64_t chunk = (int64_t)THREADS * COPY_VECTORS;
  for (int64_t first = blockIdx.x * chunk + threadIdx.x; first < vectors;
       first += gridDim.x * chunk) {
    uint4 held[COPY_VECTORS];
#pragma unroll
    for (int v = 0; v < COPY_VECTORS; v++)
      if (first + v * THREADS < vectors)
        held[v] = __ldcs(from + first + v * THREADS);
#pragma unroll
    for (int v = 0; v < COPY_VECTORS; v++)
      if (first + v * THREADS < vectors)
        __stcs(to + first + v * THREADS, held[v]);
  }
}

extern "C" int gattn_limits_copy_launch(const void *from, void *to,
                                        int64_t bytes, void *stream) {
  const int64_t vectors = bytes / 16;
  const int64_t chunk = (int64_t)THREADS * COPY_VECTORS;
  const int64_t blocks = (vectors + chunk - 1) / chunk;
  copy<<<(unsigned)(blocks < MOST_BLOCKS ? blocks : (int64_t)MOST_BLOCKS), THREADS, 0,
         (cudaStream_t)stream>>>((const uint4 *)from, (uint4 *)to, vectors);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ multiply-add */

enum { CHAINS = 16, BLOCKS_PER_MULTIPROCESSOR = 8 };

static __global__ void multiply_add(int64_t iterations, float factor,
                                    float *sink) {
  float x[CHAINS];
#pragma unroll
  for (int c = 0; c < CHAINS; c++) x[c] = (float)(threadIdx.x + c);
  for (int64_t n = 0; n < iterations; n++) {
#pragma unroll
    for (int c = 0; c < CHAINS; c++) x[c] = fmaf(x[c], factor, 1.f);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < CHAINS; c++) sum += x[c];
  if (sum == -1.f) sink[threadIdx.x % GATTN_LIMITS_SINK] = sum;
}

extern "C" int gattn_limits_multiply_add_launch(int32_t multiprocessors,
                                                int64_t iterations,
                                                float *sink,
                                                double *operations,
                                                void *stream) {
  const int blocks = multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  *operations = 2.0 * CHAINS * THREADS * blocks * (double)iterations;
  multiply_add<<<blocks, THREADS, 0, (cudaStream_t)stream>>>(iterations, 0.5f,
                                                             sink);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ random rows */

enum { ROWS_IN_FLIGHT = 8 };

/* A row is read by `lanes` neighbouring threads, 16 bytes each at a time. */
static __global__ void read_rows(const uint4 *table, uint32_t rows,
                                 int vectors, int lanes, int64_t groups,
                                 float *sink) {
  const int64_t thread = blockIdx.x * (int64_t)THREADS + threadIdx.x;
  const int64_t step = (int64_t)gridDim.x * THREADS / lanes;
  const int lane = (int)(thread % lanes);
  uint4 sum = make_uint4(0, 0, 0, 0);
  for (int64_t group = thread / lanes; group < groups; group += step) {
    uint32_t state = (uint32_t)group * 2654435761u + 88172645u;
    const uint4 *row[ROWS_IN_FLIGHT];
#pragma unroll
    for (int r = 0; r < ROWS_IN_FLIGHT; r++) {
      state = state * 1664525u + 1013904223u;
      row[r] = table + (int64_t)__umulhi(state, rows) * vectors;
    }
    for (int v = lane; v < vectors; v += lanes) {
#pragma unroll
      for (int r = 0; r < ROWS_IN_FLIGHT; r++) {
        const uint4 x = __ldg(row[r] + v);
        sum.x ^= x.x;
        sum.y ^= x.y;
        sum.z ^= x.z;
        sum.w ^= x.w;
      }
    }
  }
  if ((sum.x ^ sum.y ^ sum.z ^ sum.w) == 0x9e3779b9u)
    sink[lane] = (float)sum.x;
}

extern "C" int gattn_limits_rows_launch(const void *table, int64_t rows,
                                        int64_t row_bytes, int64_t reads,
                                        float *sink, void *stream) {
  const int vectors = (int)(row_bytes / 16);
  int lanes = 4;
  while (lanes < 32 && 2 * lanes <= vectors) lanes *= 2;
  const int64_t groups = (reads + ROWS_IN_FLIGHT - 1) / ROWS_IN_FLIGHT;
  const int64_t blocks = (groups * lanes + THREADS - 1) / THREADS;
  read_rows<<<(unsigned)(blocks < MOST_BLOCKS ? blocks : (int64_t)MOST_BLOCKS), THREADS,
              0, (cudaStream_t)stream>>>((const uint4 *)table, (uint32_t)rows,
                                         vectors, lanes, groups, sink);
  return cudaGetLastError();
}
