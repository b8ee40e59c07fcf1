/* Memory through the context's allocator. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/context.h"

enum { ALIGNMENT = 64 };

bool gattn_multiply(int64_t a, int64_t b, int64_t *out) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return false;
  *out = product;
  return true;
}

bool gattn_add(int64_t a, int64_t b, int64_t *out) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return false;
  *out = sum;
  return true;
}

/* An empty array still has an address, so that null means failure alone. */
static size_t bytes_of(int64_t count, size_t size) {
  size_t bytes = (size_t)count * size;
  return bytes ? bytes : 1;
}

gattn_status gattn_allocate(gattn_context *context, const char *what,
                            int64_t count, size_t size, void **memory) {
  int64_t bytes;
  if (!gattn_multiply(count, (int64_t)size, &bytes))
    return gattn_fail(context, GATTN_ERROR_OVERFLOW,
                      "%s: %lld elements of %zu bytes overflow", what,
                      (long long)count, size);
  gattn_allocator *allocator = &context->options.allocator;
  void *got = allocator->allocate(allocator->user, bytes_of(count, size),
                                  ALIGNMENT);
  if (!got)
    return gattn_fail(context, GATTN_ERROR_MEMORY,
                      "%s: no memory for %lld bytes", what, (long long)bytes);
  *memory = got;
  return GATTN_SUCCESS;
}

void gattn_free(gattn_context *context, void *memory, int64_t count,
                size_t size) {
  gattn_allocator *allocator = &context->options.allocator;
  if (memory)
    allocator->release(allocator->user, memory, bytes_of(count, size));
}
