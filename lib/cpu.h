/* What the processor has. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_CPU_H
#define GATTN_LIB_CPU_H

#include <gattn/context.h>

/* The widest instruction set that library and processor both have. */
gattn_isa gattn_isa_best(void);

/* Threads that OpenMP would start. */
int32_t gattn_threads_default(void);

#endif
