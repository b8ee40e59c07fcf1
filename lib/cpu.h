/* What the processor has. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_CPU_H
#define GATTN_LIB_CPU_H

#include <gattn/context.h>

/* The widest instruction set that library and processor both have. */
gattn_isa gattn_isa_best(void);

/* Threads that OpenMP would start. */
int32_t gattn_threads_default(void);

/* As many of 1 <= wanted <= GATTN_MAX_THREADS as the system lets run at once,
 * the calling thread among them. OpenMP ends a process that it refuses one. */
int32_t gattn_threads_granted(int32_t wanted);

#endif
