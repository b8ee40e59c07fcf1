/* A heap for a context's device allocator that fails on demand and counts what
 * lives: brutal.h for device memory. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_DEVICE_HEAP_H
#define GATTN_TESTS_DEVICE_HEAP_H

#include <gattn.h>
#include <stdbool.h>

#include "tests/brutal.h"

enum { DEVICE_BLOCKS = 4096 }; /* most that may live at once */

/* Its memory is that of a context of its own. A release of what does not live
 * or with another size fails the running test. For one thread. */
typedef struct device_heap {
  gattn_context *backing;
  int64_t fail_at; /* the allocation, from 0, that fails; -1: none */
  bool and_later;  /* also all those after it */
  int64_t asked, refused, live, bytes, peak;
  struct {
    void *memory;
    size_t bytes;
  } blocks[DEVICE_BLOCKS];
} device_heap;

/* Of the program's backend. */
device_heap *device_heap_create(void);
/* Fails the running test unless everything was released. */
void device_heap_destroy(device_heap *heap);
/* What fails from now on; counts begin again, but for what lives. */
void device_heap_arm(device_heap *heap, int64_t fail_at, bool and_later);
gattn_allocator device_heap_allocator(device_heap *heap);

/* As brutal_run, but it is device memory that is refused, and only what asked
 * for none of it may succeed at once. Returns the allocations of the last run;
 * on the CPU always 0. */
int64_t device_brutal_run(brutal_body body, void *user);

#endif
