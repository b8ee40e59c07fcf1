/* Which kernels an instruction set has. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cpu/kernels.h"

const gattn_kernels *gattn_kernels_for(gattn_isa isa) {
#ifdef GATTN_HAVE_X86_KERNELS
  if (isa == GATTN_ISA_AVX512) return &gattn_kernels_avx512;
  if (isa == GATTN_ISA_AVX2) return &gattn_kernels_avx2;
#endif
  (void)isa;
  return &gattn_kernels_portable;
}
