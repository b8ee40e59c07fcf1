/* What the device's matrix units reach in float16.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Operands are random, because zeros cost less power and run at a higher
 * clock than any real product. */
#include "operators/limits/device.h"

#include <cuda_runtime_api.h>

/* ------------------------------------------------------------ mma.sync */

enum { MMA_THREADS = 256, MMA_BLOCKS = 2, MMA_CHAINS = 8 };

/* Every lane of the warp: d += a · b, of 16 x 16 and 16 x 8. */
static __device__ __forceinline__ void mma(float d[4], const uint32_t a[4],
                                           const uint32_t b[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __global__ void multiply_in_registers(int64_t iterations,
                                             const uint32_t *numbers,
                                             float *sink) {
  uint32_t a[4], b[MMA_CHAINS][2];
  float d[MMA_CHAINS][4] = {};
  numbers += threadIdx.x;
  for (int r = 0; r < 4; r++) a[r] = numbers[r * MMA_THREADS];
#pragma unroll
  for (int c = 0; c < MMA_CHAINS; c++) {
    b[c][0] = numbers[(4 + 2 * c) * MMA_THREADS];
    b[c][1] = numbers[(5 + 2 * c) * MMA_THREADS];
  }
  for (int64_t n = 0; n < iterations; n++) {
#pragma unroll
    for (int c = 0; c < MMA_CHAINS; c++) mma(d[c], a, b[c]);
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < MMA_CHAINS; c++)
    sum += d[c][0] + d[c][1] + d[c][2] + d[c][3];
  if (sum == 12345.f) sink[1] = sum;
}

extern "C" int gattn_limits_mma_launch(int32_t multiprocessors,
                                       int64_t iterations, const void *numbers,
                                       float *sink, double *operations,
                                       void *stream) {
  const int blocks = multiprocessors * MMA_BLOCKS;
  *operations = 2.0 * 16 * 8 * 16 * MMA_CHAINS * (MMA_THREADS / 32) * blocks *
                (double)iterations;
  multiply_in_registers<<<blocks, MMA_THREADS, 0, (cudaStream_t)stream>>>(
      iterations, (const uint32_t *)numbers, sink);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ wgmma */

enum {
  WGMMA_THREADS = 256,                 /* two warp groups */
  WGMMA_STEPS = 4,                     /* 16 columns of A and B each */
  WGMMA_A_BYTES = 64 * 16 * 2,         /* a step */
  WGMMA_B_BYTES = 256 * 16 * 2,
  WGMMA_BYTES = WGMMA_STEPS * (WGMMA_A_BYTES + WGMMA_B_BYTES)
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL

/* A matrix of 8 x 8 blocks without swizzle, in shared memory: neighbours along
 * k lie 128 bytes apart, along the other axis 256. */
static __device__ uint64_t describe(const void *shared) {
  const uint64_t address = (uint32_t)__cvta_generic_to_shared(shared);
  return (address & 0x3ffff) >> 4 | (uint64_t)(128 >> 4) << 16 |
         (uint64_t)(256 >> 4) << 32;
}

#define HOLD4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define HOLD16(i) HOLD4(i), HOLD4(i + 4), HOLD4(i + 8), HOLD4(i + 12)

/* Every thread of the warp group: d += a · b, of 64 x 16 and 16 x 256. */
static __device__ __forceinline__ void wgmma(float d[128], uint64_t a,
                                             uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, "
      "%12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, "
      "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, "
      "%60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, "
      "%72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, "
      "%84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, "
      "%108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, "
      "%120, %121, %122, %123, %124, %125, %126, %127}, "
      "%128, %129, 1, 1, 1, 0, 0;"
      : HOLD16(0), HOLD16(16), HOLD16(32), HOLD16(48),
        HOLD16(64), HOLD16(80), HOLD16(96), HOLD16(112)
      : "l"(a), "l"(b));
}

#endif

static __global__ void __launch_bounds__(WGMMA_THREADS)
    multiply_in_shared(int64_t iterations, const uint4 *numbers, float *sink) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  __shared__ __align__(128) char memory[WGMMA_BYTES];
  float d[128] = {};
  for (int v = threadIdx.x; v < WGMMA_BYTES / 16; v += WGMMA_THREADS)
    ((uint4 *)memory)[v] = numbers[v];
  asm volatile("fence.proxy.async;" ::: "memory");
  __syncthreads();
  const uint64_t a = describe(memory);
  const uint64_t b = describe(memory + WGMMA_STEPS * WGMMA_A_BYTES);
  for (int64_t n = 0; n < iterations; n++) {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int step = 0; step < WGMMA_STEPS; step++)
      wgmma(d, a + step * (WGMMA_A_BYTES >> 4),
            b + step * (WGMMA_B_BYTES >> 4));
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 128; i++) sum += d[i];
  if (sum == 12345.f) sink[1] = sum;
  if (blockIdx.x == 0 && threadIdx.x == 0) sink[0] = 1.f;
#else
  (void)iterations, (void)numbers;
  if (blockIdx.x == 0 && threadIdx.x == 0) sink[0] = 0.f;
#endif
}

extern "C" int gattn_limits_wgmma_launch(int32_t multiprocessors,
                                         int64_t iterations,
                                         const void *numbers, float *sink,
                                         double *operations, void *stream) {
  *operations = 2.0 * 64 * 256 * 16 * WGMMA_STEPS * (WGMMA_THREADS / 128) *
                multiprocessors * (double)iterations;
  multiply_in_shared<<<multiprocessors, WGMMA_THREADS, 0,
                       (cudaStream_t)stream>>>(
      iterations, (const uint4 *)numbers, sink);
  return cudaGetLastError();
}
