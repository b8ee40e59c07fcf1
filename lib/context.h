/* The context from inside: errors, memory, references.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_CONTEXT_H
#define GATTN_LIB_CONTEXT_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <gattn/context.h>

#define GATTN_MESSAGE_SIZE 512

/* What plans have found out; plan/wisdom.h knows what entries are. */
typedef struct gattn_context_wisdom {
  pthread_mutex_t lock;
  void *entries; /* [count], `size` bytes each, room for capacity */
  int64_t count, capacity;
  size_t size;
} gattn_context_wisdom;

struct gattn_context {
  atomic_llong references; /* the user's, and one a live handle */
  gattn_context_options options;
  int32_t threads;
  atomic_int team; /* of these, how many start; 0: none were tried yet */
  gattn_isa isa;
  struct gattn_device_facts *device_facts; /* null on the CPU */
  /* Null until a plan wants some; plans are made in several threads at once. */
  _Atomic(struct gattn_device_branch *) branches;
  atomic_flag recording; /* plans may fail in several threads at once */
  char message[GATTN_MESSAGE_SIZE];
  gattn_context_wisdom wisdom;
};

/* Records a failure where it is found and returns its status:
 *     return gattn_fail(ctx, GATTN_ERROR_SHAPE, "q: has %lld rows, …", …);
 * context may be null (then only the status is left). Messages begin with the
 * argument at fault and name the offending value. */
gattn_status gattn_fail(gattn_context *context, gattn_status status,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The common first lines of a public function. */
gattn_status gattn_fail_null(gattn_context *context, const char *argument);

/* One line to the logger, if any, at NOTE or DEBUG. */
void gattn_log(gattn_context *context, gattn_log_level level,
               const char *format, ...) __attribute__((format(printf, 3, 4)));

/* count · size bytes through the context's allocator, aligned to 64, not
 * cleared. On failure records GATTN_ERROR_MEMORY or GATTN_ERROR_OVERFLOW,
 * naming `what`. count = 0 gives a valid pointer. */
gattn_status gattn_allocate(gattn_context *context, const char *what,
                            int64_t count, size_t size, void **memory);
/* Null is allowed. count and size as at allocation. */
void gattn_free(gattn_context *context, void *memory, int64_t count,
                size_t size);

/* Handles keep their context alive with these. */
gattn_context *gattn_context_retain(gattn_context *context);
void gattn_context_unref(gattn_context *context);

/* Overflow-checked arithmetic on sizes: false (and *out untouched) when the
 * result does not fit int64_t. */
bool gattn_multiply(int64_t a, int64_t b, int64_t *out);
bool gattn_add(int64_t a, int64_t b, int64_t *out);

/* Threads for a parallel region: the context's, or as many as the system grants
 * when the first region begins, since memory may have gone meanwhile. */
int32_t gattn_team(gattn_context *context);

/* Reports progress from the calling thread; true when the call is to stop. */
bool gattn_progress_report(gattn_context *context, int64_t done,
                           int64_t total);

#endif
