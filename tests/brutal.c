/* Brutal allocation. SPDX-License-Identifier: Apache-2.0 */
#include "brutal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
  FILL = 0xA5,
  GUARD = 0x5C,
  GUARD_BYTES = 64,
  LIVE_MARK = 0x6C697665,
  DEAD_MARK = 0x64656164,
  RUNS_MAX = 100000
};

/* Stands directly before the memory handed out, in a prefix of one alignment
 * (which is at least 64 bytes). */
typedef struct block_head {
  size_t bytes;
  void *start;
  int mark;
} block_head;

static block_head *head_of(void *memory) {
  return (block_head *)((char *)memory - sizeof(block_head));
}

static bool refuses(brutal_heap *heap) {
  int64_t number = atomic_fetch_add(&heap->asked, 1);
  if (heap->fail_at < 0) return false;
  return heap->and_later ? number >= heap->fail_at : number == heap->fail_at;
}

static void count_block(brutal_heap *heap, int64_t bytes) {
  atomic_fetch_add(&heap->live, 1);
  long long now = atomic_fetch_add(&heap->bytes, bytes) + bytes;
  long long peak = atomic_load(&heap->peak);
  while (now > peak && !atomic_compare_exchange_weak(&heap->peak, &peak, now)) {
  }
}

static void *brutal_allocate(void *user, size_t bytes, size_t alignment) {
  brutal_heap *heap = user;
  ck_assert_msg(alignment >= 64 && !(alignment & (alignment - 1)),
                "alignment %zu asked for", alignment);
  if (refuses(heap)) {
    atomic_fetch_add(&heap->refused, 1);
    return NULL;
  }
  size_t total = alignment + bytes + GUARD_BYTES;
  if (total < bytes) return NULL;
  void *start = aligned_alloc(alignment,
                              (total + alignment - 1) / alignment * alignment);
  if (!start) return NULL;
  char *memory = (char *)start + alignment;
  memset(memory, FILL, bytes);
  memset(memory + bytes, GUARD, GUARD_BYTES);
  *head_of(memory) =
      (block_head){.bytes = bytes, .start = start, .mark = LIVE_MARK};
  count_block(heap, (int64_t)bytes);
  return memory;
}

static void brutal_release(void *user, void *memory, size_t bytes) {
  brutal_heap *heap = user;
  ck_assert_ptr_nonnull(memory);
  block_head *head = head_of(memory);
  ck_assert_msg(head->mark == LIVE_MARK, "released what is not alive");
  ck_assert_msg(head->bytes == bytes, "allocated %zu bytes, released %zu",
                head->bytes, bytes);
  for (size_t b = 0; b < GUARD_BYTES; b++)
    if (((char *)memory)[bytes + b] != GUARD)
      ck_abort_msg("written %zu bytes past the end of %zu", b, bytes);
  head->mark = DEAD_MARK;
  memset(memory, FILL, bytes);
  atomic_fetch_sub(&heap->live, 1);
  atomic_fetch_sub(&heap->bytes, (long long)bytes);
  free(head->start);
}

void brutal_heap_init(brutal_heap *heap, int64_t fail_at, bool and_later) {
  memset(heap, 0, sizeof *heap);
  heap->fail_at = fail_at;
  heap->and_later = and_later;
}

gattn_allocator brutal_allocator(brutal_heap *heap) {
  return (gattn_allocator){.user = heap,
                           .allocate = brutal_allocate,
                           .release = brutal_release};
}

/* One run; its status. Where the body failed, its message was not empty. */
static gattn_status run_once(brutal_heap *heap,
                             const gattn_context_options *given,
                             brutal_body body, void *user) {
  gattn_context_options options = {.struct_size = sizeof options};
  if (given) options = *given;
  options.allocator = brutal_allocator(heap);
  gattn_context *context = NULL;
  gattn_status status = gattn_context_create(&options, &context);
  if (status) {
    ck_assert_ptr_null(context);
    return status;
  }
  status = body(context, user);
  if (status < 0) ck_assert_str_ne(gattn_context_message(context), "");
  gattn_context_destroy(context);
  return status;
}

/* Whether the run was refused something; what must hold after it does. */
static bool refused_once(int64_t fail_at, bool and_later,
                         const gattn_context_options *options,
                         brutal_body body, void *user, int64_t *asked) {
  brutal_heap heap;
  brutal_heap_init(&heap, fail_at, and_later);
  gattn_status status = run_once(&heap, options, body, user);
  bool refused = atomic_load(&heap.refused) > 0;
  if (refused)
    ck_assert_msg(status == GATTN_ERROR_MEMORY,
                  "allocation %lld refused, status %s", (long long)fail_at,
                  gattn_status_name(status));
  else
    ck_assert_msg(status >= 0, "nothing refused, status %s",
                  gattn_status_name(status));
  ck_assert_msg(atomic_load(&heap.live) == 0,
                "allocation %lld refused%s: %lld blocks of %lld bytes leaked",
                (long long)fail_at, and_later ? " and all later" : "",
                atomic_load(&heap.live), atomic_load(&heap.bytes));
  *asked = atomic_load(&heap.asked);
  return refused;
}

int64_t brutal_run_with(const gattn_context_options *options, brutal_body body,
                        void *user) {
  for (int64_t fail_at = 0; fail_at < RUNS_MAX; fail_at++) {
    int64_t asked;
    refused_once(fail_at, true, options, body, user, &asked);
    if (!refused_once(fail_at, false, options, body, user, &asked))
      return asked;
  }
  ck_abort_msg("refused after %d allocations", RUNS_MAX);
  return -1;
}

int64_t brutal_run(brutal_body body, void *user) {
  return brutal_run_with(NULL, body, user);
}
