/* A heap of device memory for tests. SPDX-License-Identifier: Apache-2.0 */
#include "tests/device_heap.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/backend.h"

static void *allocate(void *user, size_t bytes, size_t alignment) {
  device_heap *heap = user;
  const int64_t number = heap->asked++;
  void *memory = NULL;
  int b = 0;
  ck_assert_uint_le(alignment, 256);
  if (heap->fail_at >= 0 &&
      (heap->and_later ? number >= heap->fail_at : number == heap->fail_at)) {
    heap->refused++;
    return NULL;
  }
  while (b < DEVICE_BLOCKS && heap->blocks[b].memory) b++;
  ck_assert_msg(b < DEVICE_BLOCKS, "%d blocks live", b);
  if (gattn_memory_allocate(heap->backing, bytes, &memory)) return NULL;
  heap->blocks[b].memory = memory;
  heap->blocks[b].bytes = bytes;
  heap->live++;
  heap->bytes += (int64_t)bytes;
  if (heap->bytes > heap->peak) heap->peak = heap->bytes;
  return memory;
}

static void release(void *user, void *memory, size_t bytes) {
  device_heap *heap = user;
  int b = 0;
  while (b < DEVICE_BLOCKS && heap->blocks[b].memory != memory) b++;
  ck_assert_msg(b < DEVICE_BLOCKS, "released what is not alive");
  ck_assert_msg(heap->blocks[b].bytes == bytes,
                "allocated %zu bytes, released %zu", heap->blocks[b].bytes,
                bytes);
  gattn_memory_release(heap->backing, memory, bytes);
  heap->blocks[b].memory = NULL;
  heap->live--;
  heap->bytes -= (int64_t)bytes;
}

device_heap *device_heap_create(void) {
  device_heap *heap = calloc(1, sizeof *heap);
  ck_assert_ptr_nonnull(heap);
  heap->backing = test_context(NULL);
  heap->fail_at = -1;
  return heap;
}

void device_heap_destroy(device_heap *heap) {
  ck_assert_msg(heap->live == 0, "%lld blocks of %lld bytes leaked",
                (long long)heap->live, (long long)heap->bytes);
  gattn_context_destroy(heap->backing);
  free(heap);
}

void device_heap_arm(device_heap *heap, int64_t fail_at, bool and_later) {
  heap->fail_at = fail_at;
  heap->and_later = and_later;
  heap->asked = heap->refused = 0;
  heap->peak = heap->bytes;
}

gattn_allocator device_heap_allocator(device_heap *heap) {
  return (gattn_allocator){
      .user = heap, .allocate = allocate, .release = release};
}

/* ------------------------------------------------------------ brutal runs */

static gattn_status run_once(device_heap *heap, brutal_heap *host,
                             brutal_body body, void *user) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .allocator = brutal_allocator(host)};
  if (test_on_device()) options.device_allocator = device_heap_allocator(heap);
  gattn_context *context = test_context(&options);
  gattn_status status = body(context, user);
  if (status < 0) ck_assert_str_ne(gattn_context_message(context), "");
  gattn_context_destroy(context);
  return status;
}

/* Whether something was refused; what must hold then and otherwise does. */
static bool refused_once(device_heap *heap, int64_t fail_at, bool and_later,
                         brutal_body body, void *user) {
  brutal_heap host;
  brutal_heap_init(&host, -1, false);
  device_heap_arm(heap, fail_at, and_later);
  gattn_status status = run_once(heap, &host, body, user);
  const bool refused = heap->refused > 0;
  ck_assert_msg(refused ? status == GATTN_ERROR_MEMORY : status >= 0,
                "device allocation %lld %srefused%s, status %s",
                (long long)fail_at, refused ? "" : "not ",
                and_later ? " and all later" : "", gattn_status_name(status));
  ck_assert_msg(heap->live == 0 && atomic_load(&host.live) == 0,
                "device allocation %lld refused%s: %lld blocks of the device, "
                "%lld of the host leaked",
                (long long)fail_at, and_later ? " and all later" : "",
                (long long)heap->live, atomic_load(&host.live));
  return refused;
}

int64_t device_brutal_run(brutal_body body, void *user) {
  device_heap *heap = device_heap_create();
  int64_t fail_at = 0, asked;
  for (bool refused = true; refused; fail_at++) {
    refused_once(heap, fail_at, true, body, user);
    refused = refused_once(heap, fail_at, false, body, user);
  }
  asked = heap->asked;
  device_heap_destroy(heap);
  return asked;
}
