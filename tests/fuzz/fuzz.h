/* What the fuzz targets share. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_FUZZ_H
#define GATTN_TESTS_FUZZ_H

#include <gattn.h>
#include <stddef.h>
#include <stdint.h>

/* The entry point of libFuzzer, and of replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Ends the process with a line when a promise of the library is broken. */
#define FUZZ_HOLDS(condition) \
  ((condition) ? (void)0 : fuzz_broken(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_broken(const char *condition, const char *file, int line);

/* A context on one thread whose heap refuses to grow beyond 64 MiB; its end
 * checks that nothing is alive. One at a time. */
gattn_context *fuzz_context(void);
void fuzz_context_end(gattn_context *context);

/* After a call that failed: a sentence was left, and no note is an error. */
void fuzz_expect_message(gattn_context *context, gattn_status status);

/* Asks the first and last rows of a graph and holds the answers against the
 * graph contract. */
void fuzz_walk(gattn_context *context, gattn_graph *graph);

#endif
