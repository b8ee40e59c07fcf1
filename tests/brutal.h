/* Brutal allocation: a heap that fails on demand and counts what lives.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_BRUTAL_H
#define GATTN_TESTS_BRUTAL_H

#include <gattn/context.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A heap for a context's allocator. Memory comes filled with 0xA5 and is
 * guarded: a write past its end, a second release and a release with another
 * size fail the running test. Usable from many threads. */
typedef struct brutal_heap {
  int64_t fail_at;       /* the allocation, from 0, that fails; -1: none */
  bool and_later;        /* also all those after it */
  atomic_llong asked;    /* allocations asked for so far */
  atomic_llong refused;  /* of those, refused */
  atomic_llong live;     /* blocks not yet released */
  atomic_llong bytes;    /* in those blocks */
  atomic_llong peak;     /* the largest value of bytes so far */
} brutal_heap;

void brutal_heap_init(brutal_heap *heap, int64_t fail_at, bool and_later);
gattn_allocator brutal_allocator(brutal_heap *heap);

/* Does something with the context, cleans up after itself, and returns the
 * first status that was not success:
 *
 *     static gattn_status parse_and_count(gattn_context *context, void *user) {
 *       gattn_graph *graph = NULL;
 *       gattn_status status = gattn_mask_parse(context, user, 64, 64, &graph);
 *       gattn_graph_release(graph);
 *       return status;
 *     }
 *     brutal_run(parse_and_count, "local(4) | global(0:2)");            */
typedef gattn_status (*brutal_body)(gattn_context *context, void *user);

/* Runs body with the 0th, 1st, 2nd … allocation failing, alone and with all
 * later ones, until a run is refused nothing. A refused run must return
 * GATTN_ERROR_MEMORY and leave a message; the last must return success (or a
 * note); after each, nothing may be alive. The context's own creation is part
 * of it. Returns the number of allocations of the last run. options may be
 * null; its allocator is replaced. */
int64_t brutal_run_with(const gattn_context_options *options, brutal_body body,
                        void *user);
int64_t brutal_run(brutal_body body, void *user);

#endif
