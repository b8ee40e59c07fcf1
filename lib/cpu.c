/* What the processor has. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/cpu.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static const struct {
  gattn_isa isa;
  const char *name;
} isa_table[] = {
    {GATTN_ISA_AUTO, "auto"},
    {GATTN_ISA_PORTABLE, "portable"},
    {GATTN_ISA_AVX2, "avx2"},
    {GATTN_ISA_AVX512, "avx512"},
};

const char *gattn_isa_name(gattn_isa isa) {
  for (size_t r = 0; r < sizeof isa_table / sizeof *isa_table; r++)
    if (isa_table[r].isa == isa) return isa_table[r].name;
  return "unknown";
}

int gattn_isa_available(gattn_isa isa) {
  switch (isa) {
    case GATTN_ISA_AUTO:
    case GATTN_ISA_PORTABLE:
      return 1;
#ifdef GATTN_HAVE_X86_KERNELS
    case GATTN_ISA_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case GATTN_ISA_AVX512:
      return __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("fma");
#endif
    default:
      return 0;
  }
}

gattn_isa gattn_isa_best(void) {
  if (gattn_isa_available(GATTN_ISA_AVX512)) return GATTN_ISA_AVX512;
  if (gattn_isa_available(GATTN_ISA_AVX2)) return GATTN_ISA_AVX2;
  return GATTN_ISA_PORTABLE;
}

int32_t gattn_threads_default(void) {
#ifdef _OPENMP
  int threads = omp_get_max_threads();
  if (threads > GATTN_MAX_THREADS) return GATTN_MAX_THREADS;
  return threads > 0 ? (int32_t)threads : 1;
#else
  return 1;
#endif
}
