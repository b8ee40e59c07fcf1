/* Hopper's asynchronous matrix instructions, one a function.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All four warps of a warpgroup call these together. Operands in shared memory
 * are tiles of 16-bit elements in atoms of 8 rows x 128 bytes, whose 16-byte
 * chunk c of row r lies at place c XOR r (gattn_chunk_at): the 128-byte swizzle
 * of PTX's matrix descriptors. Shared addresses of atoms are multiples of
 * 1024. */
#ifndef GATTN_OPERATORS_CUDA_TILE_WGMMA_CUH
#define GATTN_OPERATORS_CUDA_TILE_WGMMA_CUH

#include "operators/cuda/tile/mma.cuh"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define GATTN_WGMMA 1
#endif

/* Descriptor of a matrix that begins `units` of 16 bytes after `low`: 8-row
 * groups of atoms 1024 bytes apart, atoms along a row ATOM bytes. */
template <int ATOM>
GATTN_DEVICE uint64_t gattn_matrix(uint32_t low, int units) {
  return (uint64_t)(low + units) | (uint64_t)(ATOM >> 4) << 16 |
         (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

/* Before the first product of a group: registers are as written. */
GATTN_DEVICE void gattn_group_begin() {
#ifdef GATTN_WGMMA
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

GATTN_DEVICE void gattn_group_commit() {
#ifdef GATTN_WGMMA
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/* Until at most N groups are under way. */
template <int N>
GATTN_DEVICE void gattn_group_wait() {
#ifdef GATTN_WGMMA
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
#endif
}

/* What threads have put into shared memory is seen by later products. */
GATTN_DEVICE void gattn_show_shared() {
#ifdef GATTN_WGMMA
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/* One thread: a barrier in shared memory for `count` arrivals a phase; a later
 * barrier of the block must follow. */
GATTN_DEVICE void gattn_arrival_create(uint32_t barrier, int count) {
#ifdef GATTN_WGMMA
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier),
               "r"(count)
               : "memory");
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

/* One thread: arrives; what it has written before is seen by who waits. */
GATTN_DEVICE void gattn_arrive(uint32_t barrier) {
#ifdef GATTN_WGMMA
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier)
               : "memory");
#endif
}

/* One thread: arrives, and `bytes` are to follow. */
GATTN_DEVICE void gattn_arrival_expect(uint32_t barrier, uint32_t bytes) {
#ifdef GATTN_WGMMA
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                   barrier),
               "r"(bytes)
               : "memory");
#endif
}

/* Until the phase of that parity is over. */
GATTN_DEVICE void gattn_arrival_wait(uint32_t barrier, int parity) {
#ifdef GATTN_WGMMA
  asm volatile(
      "{\n.reg .pred p;\nwait:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@!p bra wait;\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
#endif
}

/* One thread: starts the copy of the box of a tensor map at these coordinates
 * to shared memory, which `barrier` is told of. */
GATTN_DEVICE void gattn_copy_box(uint32_t shared, const void *map,
                                 uint32_t barrier, const int32_t (&at)[5]) {
#ifdef GATTN_WGMMA
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::"
      "complete_tx::bytes [%0], [%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(
          shared),
      "l"(map), "r"(barrier), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]),
      "r"(at[4])
      : "memory");
#endif
}

/* One thread: starts the copy of `bytes`, a multiple of 16 as both addresses
 * are, to shared memory, which `barrier` is told of. */
GATTN_DEVICE void gattn_copy_bytes(uint32_t shared, const void *global,
                                   uint32_t bytes, uint32_t barrier) {
#ifdef GATTN_WGMMA
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1], %2, [%3];" ::"r"(shared),
      "l"(global), "r"(bytes), "r"(barrier)
      : "memory");
#endif
}

/* One thread: starts the copy of a box of shared memory to a tensor map's at
 * these coordinates; whatever lies outside stays. */
GATTN_DEVICE void gattn_send_box(const void *map, uint32_t shared,
                                 const int32_t (&at)[5]) {
#ifdef GATTN_WGMMA
  asm volatile(
      "cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group "
      "[%0, {%2, %3, %4, %5, %6}], [%1];" ::"l"(map),
      "r"(shared), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4])
      : "memory");
#endif
}

GATTN_DEVICE void gattn_send_commit() {
#ifdef GATTN_WGMMA
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#endif
}

/* The thread that sent: until what it sent has been read. */
GATTN_DEVICE void gattn_send_read() {
#ifdef GATTN_WGMMA
  asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
#endif
}

/* All lanes of a warp: four 8 x 8 matrices of 16-bit elements to shared memory,
 * lane 8n + r giving the address of row r of matrix n. */
GATTN_DEVICE void gattn_store_matrices(uint32_t shared,
                                       const uint32_t (&x)[4]) {
#ifdef GATTN_WGMMA
  asm volatile(
      "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(
          shared),
      "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3])
      : "memory");
#endif
}

/* All threads of three warps wait for one another. */
GATTN_DEVICE void gattn_layers_barrier() {
#ifdef GATTN_WGMMA
  asm volatile("bar.sync 3, 96;" ::: "memory");
#endif
}

/* All threads of warpgroup `group`, 0 or 1, wait for one another. */
GATTN_DEVICE void gattn_group_barrier(int group) {
#ifdef GATTN_WGMMA
  if (group)
    asm volatile("bar.sync 2, 128;" ::: "memory");
  else
    asm volatile("bar.sync 1, 128;" ::: "memory");
#endif
}

/* All warps of a warpgroup: N registers a thread from now on, fewer or more than
 * before. */
template <int N>
GATTN_DEVICE void gattn_give_registers() {
#ifdef GATTN_WGMMA
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
#endif
}

template <int N>
GATTN_DEVICE void gattn_take_registers() {
#ifdef GATTN_WGMMA
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
#endif
}

/* Keeps the compiler from moving uses of x across. */
template <int N>
GATTN_DEVICE void gattn_hold(float (&x)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) asm volatile("" : "+f"(x[n][e])::"memory");
}

#define GATTN_C4(c, n) "+f"(c[n][0]), "+f"(c[n][1]), "+f"(c[n][2]), "+f"(c[n][3])
#define GATTN_C32(c, n)                                              \
  GATTN_C4(c, n), GATTN_C4(c, n + 1), GATTN_C4(c, n + 2),            \
      GATTN_C4(c, n + 3), GATTN_C4(c, n + 4), GATTN_C4(c, n + 5),    \
      GATTN_C4(c, n + 6), GATTN_C4(c, n + 7)
#define GATTN_R32                                                      \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, "  \
  "%15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, "  \
  "%28, %29, %30, %31"
#define GATTN_R64                                                       \
  GATTN_R32                                                             \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, " \
  "%45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, "   \
  "%58, %59, %60, %61, %62, %63"

/* c = (add ? c : 0) + a·bᵀ: a [64 rows, 16], b [64 rows, 16]. */
#define GATTN_WGMMA_KEYS(type, name)                                        \
  GATTN_DEVICE void gattn_group_multiply_keys(float (&c)[8][4], uint64_t a, \
                                              uint64_t b, int add, type) {  \
    asm volatile(                                                           \
        "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"                        \
        "wgmma.mma_async.sync.aligned.m64n64k16.f32." name "." name         \
        " {" GATTN_R32 "}, %32, %33, p, 1, 1, 0, 0;\n}"                     \
        : GATTN_C32(c, 0)                                                   \
        : "l"(a), "l"(b), "r"(add));                                        \
  }

/* c += a·b: a, of the warpgroup's rows, in registers [64 rows, 16]; b [16 keys,
 * 64 or 128 elements]. */
#define GATTN_WGMMA_VALUES_64(type, name)                                      \
  GATTN_DEVICE void gattn_group_multiply_values(                               \
      float (&c)[8][4], const uint32_t (&a)[4], uint64_t b, type) {            \
    asm volatile(                                                              \
        "wgmma.mma_async.sync.aligned.m64n64k16.f32." name "." name            \
        " {" GATTN_R32 "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"             \
        : GATTN_C32(c, 0)                                                      \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                 \
  }
#define GATTN_WGMMA_VALUES_128(type, name)                                     \
  GATTN_DEVICE void gattn_group_multiply_values(                               \
      float (&c)[16][4], const uint32_t (&a)[4], uint64_t b, type) {           \
    asm volatile(                                                              \
        "wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name           \
        " {" GATTN_R64 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"             \
        : GATTN_C32(c, 0), GATTN_C32(c, 8)                                     \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                 \
  }

#ifdef GATTN_WGMMA
GATTN_WGMMA_KEYS(__half, "f16")
GATTN_WGMMA_KEYS(__nv_bfloat16, "bf16")
GATTN_WGMMA_VALUES_64(__half, "f16")
GATTN_WGMMA_VALUES_64(__nv_bfloat16, "bf16")
GATTN_WGMMA_VALUES_128(__half, "f16")
GATTN_WGMMA_VALUES_128(__nv_bfloat16, "bf16")
#endif

#endif
