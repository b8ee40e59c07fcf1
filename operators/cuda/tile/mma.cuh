/* Tensor-core and asynchronous-copy instructions of sm_80 and up, one a
 * function. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_MMA_CUH
#define GATTN_OPERATORS_CUDA_TILE_MMA_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#define GATTN_DEVICE static __device__ __forceinline__

GATTN_DEVICE uint32_t gattn_shared_address(const void *shared) {
  return (uint32_t)__cvta_generic_to_shared(shared);
}

/* 16 bytes to shared memory of which the first `bytes` are read, the others
 * zero. Both addresses are aligned to 16. */
GATTN_DEVICE void gattn_copy_16(uint32_t shared, const void *global,
                                int bytes) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(
                   shared),
               "l"(global), "r"(bytes)
               : "memory");
}

GATTN_DEVICE void gattn_copy_8(uint32_t shared, const void *global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(shared),
               "l"(global)
               : "memory");
}

GATTN_DEVICE void gattn_copy_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most N of the thread's latest groups are under way. */
template <int N>
GATTN_DEVICE void gattn_copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* Until all that the thread has started is there. */
GATTN_DEVICE void gattn_copy_wait_all() {
  asm volatile("cp.async.wait_all;" ::: "memory");
}

/* Four 8 x 8 matrices of 16-bit elements: the lanes of a warp give the
 * addresses of their rows, lane 8n + r that of row r of matrix n. */
GATTN_DEVICE void gattn_load_matrices(uint32_t (&x)[4], uint32_t shared) {
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
      : "r"(shared)
      : "memory");
}

GATTN_DEVICE void gattn_load_transposed(uint32_t (&x)[4], uint32_t shared) {
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
      : "r"(shared)
      : "memory");
}

/* c += a·b: a 16 x 16, b 16 x 8, c 16 x 8. Lane l has the elements of c in rows
 * l / 4 (c[0], c[1]) and l / 4 + 8, columns 2·(l mod 4) and the next. */
GATTN_DEVICE void gattn_multiply(float (&c)[4], const uint32_t (&a)[4],
                                 uint32_t b0, uint32_t b1, __half) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

GATTN_DEVICE void gattn_multiply(float (&c)[4], const uint32_t (&a)[4],
                                 uint32_t b0, uint32_t b1, __nv_bfloat16) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* Two numbers rounded to the type, the first in the low half. */
GATTN_DEVICE uint32_t gattn_pack(float low, float high, __half) {
  uint32_t x;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
  return x;
}

GATTN_DEVICE uint32_t gattn_pack(float low, float high, __nv_bfloat16) {
  uint32_t x;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
  return x;
}

GATTN_DEVICE float gattn_to_float(uint16_t bits, __half) {
  return __half2float(__ushort_as_half(bits));
}

GATTN_DEVICE float gattn_to_float(uint16_t bits, __nv_bfloat16) {
  return __uint_as_float((uint32_t)bits << 16);
}

/* 2^x; 0 for −inf. */
GATTN_DEVICE float gattn_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

#endif
