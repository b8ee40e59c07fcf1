/* The brutal heap itself: what it refuses, counts and catches.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdlib.h>

#include "brutal.h"
#include "lib/context.h"

enum { BLOCKS = 5 };

/* Five blocks; what is not freed on the way out is the user's wish. */
static gattn_status allocate_blocks(gattn_context *context, void *user) {
  int leaked = user ? *(int *)user : 0;
  void *blocks[BLOCKS] = {NULL};
  gattn_status status = GATTN_SUCCESS;
  for (int b = 0; b < BLOCKS && !status; b++)
    status = gattn_allocate(context, "block", b, 8, &blocks[b]);
  for (int b = 0; b < BLOCKS - leaked; b++)
    gattn_free(context, blocks[b], b, 8);
  return status;
}

START_TEST(every_allocation_is_refused_once) {
  ck_assert_int_eq(brutal_run(allocate_blocks, NULL), BLOCKS + 1);
}
END_TEST

START_TEST(one_refusal_or_all_later) {
  brutal_heap heap;
  for (int later = 0; later < 2; later++) {
    brutal_heap_init(&heap, 1, later);
    gattn_allocator allocator = brutal_allocator(&heap);
    void *first = allocator.allocate(&heap, 1, 64);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(allocator.allocate(&heap, 1, 64));
    void *third = allocator.allocate(&heap, 1, 64);
    ck_assert_int_eq(third == NULL, later);
    ck_assert_int_eq(heap.refused, 1 + later);
    if (third) allocator.release(&heap, third, 1);
    allocator.release(&heap, first, 1);
    ck_assert_int_eq(heap.live, 0);
  }
}
END_TEST

START_TEST(counts_what_lives) {
  brutal_heap heap;
  brutal_heap_init(&heap, -1, false);
  gattn_allocator allocator = brutal_allocator(&heap);
  void *small = allocator.allocate(&heap, 3, 64);
  void *large = allocator.allocate(&heap, 1000, 4096);
  ck_assert_int_eq((uintptr_t)small % 64, 0);
  ck_assert_int_eq((uintptr_t)large % 4096, 0);
  ck_assert_int_eq(heap.live, 2);
  ck_assert_int_eq(heap.bytes, 1003);
  allocator.release(&heap, large, 1000);
  allocator.release(&heap, small, 3);
  ck_assert_int_eq(heap.bytes, 0);
  ck_assert_int_eq(heap.peak, 1003);
}
END_TEST

/* Each of these is a fault of the code under test that the heap must catch:
 * the tests pass by failing (see make_brutal_suite). */
static gattn_status forget_status(gattn_context *context, void *user) {
  allocate_blocks(context, user);
  return GATTN_SUCCESS;
}

static gattn_status write_past_the_end(gattn_context *context, void *user) {
  (void)user;
  void *block = NULL;
  gattn_status status = gattn_allocate(context, "block", 3, 1, &block);
  if (status) return status;
  ((char *)block)[3] = 0;
  gattn_free(context, block, 3, 1);
  return GATTN_SUCCESS;
}

static gattn_status free_another_size(gattn_context *context, void *user) {
  (void)user;
  void *block = NULL;
  gattn_status status = gattn_allocate(context, "block", 3, 1, &block);
  if (status) return status;
  gattn_free(context, block, 4, 1);
  return GATTN_SUCCESS;
}

static int leaked_blocks = 1;
static const struct {
  brutal_body body;
  void *user;
} faults[] = {
    {allocate_blocks, &leaked_blocks},
    {forget_status, NULL},
    {write_past_the_end, NULL},
    {free_another_size, NULL},
};
enum { FAULTS = sizeof faults / sizeof *faults };

START_TEST(catches_the_fault) { brutal_run(faults[_i].body, faults[_i].user); }
END_TEST

static Suite *make_brutal_suite(void) {
  Suite *suite = suite_create("brutal");
  TCase *tcase = tcase_create("brutal");
  tcase_add_test(tcase, every_allocation_is_refused_once);
  tcase_add_test(tcase, one_refusal_or_all_later);
  tcase_add_test(tcase, counts_what_lives);
  suite_add_tcase(suite, tcase);
  return suite;
}

static Suite *make_faults_suite(void) {
  Suite *suite = suite_create("faults, all to be caught");
  TCase *tcase = tcase_create("faults");
  tcase_add_loop_test(tcase, catches_the_fault, 0, FAULTS);
  suite_add_tcase(suite, tcase);
  return suite;
}

static int failures_of(Suite *suite, enum print_output print) {
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, print);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed;
}

int main(void) {
  int failed = failures_of(make_brutal_suite(), CK_NORMAL);
  int caught = failures_of(make_faults_suite(), CK_SILENT);
  return failed || caught != FAULTS ? EXIT_FAILURE : EXIT_SUCCESS;
}
