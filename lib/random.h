/* Pseudo-random numbers as pure functions of a key.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_RANDOM_H
#define GATTN_LIB_RANDOM_H

#include <stdint.h>

#ifdef __CUDACC__
#define GATTN_RANDOM static __host__ __device__ __forceinline__
#else
#define GATTN_RANDOM static inline
#endif

/* The odd number nearest 2^64 / golden ratio: multiples of it are spread. */
#define GATTN_RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

/* A bijection of 64 bits that scatters them: the output function of SplitMix64
 * (Steele, Lea, Flood 2014; constants by Stafford, public domain). */
GATTN_RANDOM uint64_t gattn_random_mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

/* Draw number t of the sequence of a key. */
GATTN_RANDOM uint64_t gattn_random_draw(uint64_t key, uint64_t t) {
  return gattn_random_mix(key + (t + 1) * GATTN_RANDOM_STEP);
}

/* A key for `index` under a parent's key. */
GATTN_RANDOM uint64_t gattn_random_key(uint64_t parent, uint64_t index) {
  return gattn_random_mix(gattn_random_mix(parent + GATTN_RANDOM_STEP) ^
                          (index + 1) * UINT64_C(0xd1342543de82ef95));
}

/* A number in [0, n), n >= 1, from 64 random bits; monotone in them. */
GATTN_RANDOM int64_t gattn_random_below(uint64_t bits, int64_t n) {
  return (int64_t)((unsigned __int128)bits * (uint64_t)n >> 64);
}

/* The sum of four uniform numbers, of mean 0 and variance 1, from 64 random
 * bits. Every step but the last is exact, so all machines agree. */
GATTN_RANDOM float gattn_random_normal(uint64_t bits) {
  const int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) +
                      (int32_t)(bits >> 32 & 0xffff) + (int32_t)(bits >> 48);
  return ((float)sum / 65536.0f - 2.0f) * 1.7320508f;
}

#endif
