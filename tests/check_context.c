/* Contexts: options, allocators, logger, progress, memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "brutal.h"
#include "lib/context.h"
#include "lib/cpu.h"

/* Receives the lines of a logger. */
typedef struct log_lines {
  int count;
  gattn_log_level level;
  char last[GATTN_MESSAGE_SIZE];
} log_lines;

static void keep_line(void *user, gattn_log_level level, const char *line) {
  log_lines *lines = user;
  lines->count++;
  lines->level = level;
  snprintf(lines->last, sizeof lines->last, "%s", line);
}

static gattn_context *default_context(void) {
  gattn_context *context = NULL;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  return context;
}

START_TEST(create_and_destroy) {
  gattn_context *context = default_context();
  ck_assert_int_eq(gattn_context_threads(context), gattn_threads_default());
  ck_assert_int_ge(gattn_context_threads(context), 1);
  ck_assert_int_eq(gattn_context_isa(context), gattn_isa_best());
  ck_assert_int_eq(gattn_context_device(context), GATTN_CPU);
  ck_assert_str_eq(gattn_context_message(context), "");
  gattn_context_destroy(context);
}
END_TEST

START_TEST(null_arguments) {
  ck_assert_int_eq(gattn_context_create(NULL, NULL), GATTN_ERROR_NULL);
  gattn_context_destroy(NULL);
  ck_assert_str_eq(gattn_context_message(NULL), "");
  ck_assert_int_eq(gattn_context_device(NULL), 0);
  ck_assert_int_eq(gattn_context_threads(NULL), 0);
  ck_assert_int_eq(gattn_context_isa(NULL), 0);
}
END_TEST

START_TEST(options_are_taken) {
  for (int isa = GATTN_ISA_PORTABLE; isa <= GATTN_ISA_AVX512; isa++) {
    gattn_context_options options = {
        .struct_size = sizeof options, .threads = 3, .isa = (gattn_isa)isa};
    gattn_context *context = NULL;
    gattn_status status = gattn_context_create(&options, &context);
    if (!gattn_isa_available((gattn_isa)isa)) {
      ck_assert_int_eq(status, GATTN_ERROR_DEVICE);
      continue;
    }
    ck_assert_int_eq(status, GATTN_SUCCESS);
    ck_assert_int_eq(gattn_context_threads(context), 3);
    ck_assert_int_eq(gattn_context_isa(context), isa);
    gattn_context_destroy(context);
  }
}
END_TEST

static void *no_memory(void *user, size_t bytes, size_t alignment) {
  (void)user, (void)bytes, (void)alignment;
  return NULL;
}

static void no_release(void *user, void *memory, size_t bytes) {
  (void)user, (void)memory, (void)bytes;
}

static char refused_stream[1];

/* Options that are refused, with their status and the message's parts. */
static const struct {
  gattn_context_options options;
  gattn_status status;
  const char *argument, *value;
} refused[] = {
    {{.threads = -7}, GATTN_ERROR_ARGUMENT, "options.threads", "-7"},
    {{.threads = 1025}, GATTN_ERROR_ARGUMENT, "options.threads", "1025"},
    {{.isa = (gattn_isa)4}, GATTN_ERROR_ARGUMENT, "options.isa", "4"},
    {{.isa = (gattn_isa)-1}, GATTN_ERROR_ARGUMENT, "options.isa", "-1"},
    {{.device = -2}, GATTN_ERROR_ARGUMENT, "options.device", "-2"},
    {{.device = GATTN_CUDA(65535)},
     GATTN_ERROR_DEVICE,
     "options.device",
     "cuda:65535"},
    {{.stream = refused_stream}, GATTN_ERROR_ARGUMENT, "options.stream", "CPU"},
    {{.device_allocator = {.allocate = no_memory}},
     GATTN_ERROR_ARGUMENT,
     "options.device_allocator",
     "release"},
    {{.device_allocator = {.release = no_release}},
     GATTN_ERROR_ARGUMENT,
     "options.device_allocator",
     "allocate"},
    {{.allocator = {.allocate = no_memory}},
     GATTN_ERROR_ARGUMENT,
     "options.allocator",
     "release"},
    {{.allocator = {.release = no_release}},
     GATTN_ERROR_ARGUMENT,
     "options.allocator",
     "allocate"},
    {{.allocator = {.allocate = no_memory, .release = no_release}},
     GATTN_ERROR_MEMORY,
     "context",
     "bytes"},
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(options_are_refused) {
  gattn_context_options options = refused[_i].options;
  log_lines lines = {0};
  gattn_context untouched, *context = &untouched;
  options.struct_size = sizeof options;
  options.logger = keep_line;
  options.logger_user = &lines;
  ck_assert_int_eq(gattn_context_create(&options, &context),
                   refused[_i].status);
  ck_assert_ptr_eq(context, &untouched);
  ck_assert_int_eq(lines.count, 1);
  ck_assert_int_eq(lines.level, GATTN_LOG_ERROR);
  ck_assert_msg(
      !strncmp(lines.last, refused[_i].argument, strlen(refused[_i].argument)),
      "\"%s\" does not begin with %s", lines.last, refused[_i].argument);
  ck_assert_msg(strstr(lines.last, refused[_i].value) != NULL,
                "\"%s\" does not name %s", lines.last, refused[_i].value);
}
END_TEST

/* Sanitizers reserve more than any limit leaves. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#ifndef SANITIZED
/* 0 when threads that find no memory are an error where they were asked for,
 * and are left out where they were not. */
static int create_within_limits(void) {
  struct rlimit limit = {256 << 20, 256 << 20};
  log_lines lines = {0};
  gattn_context *context = NULL;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = GATTN_MAX_THREADS,
                                   .logger = keep_line,
                                   .logger_user = &lines};
  if (setrlimit(RLIMIT_AS, &limit)) return 1;
  if (gattn_context_create(&options, &context) != GATTN_ERROR_MEMORY) return 2;
  if (context || !strstr(lines.last, "options.threads: ")) return 3;
  if (!strstr(lines.last, "1024")) return 4;
  options.threads = 0;
  if (gattn_context_create(&options, &context)) return 5;
  if (gattn_context_threads(context) < 1) return 6;
  /* Memory that was there when the context was made, and went. */
  context->threads = GATTN_MAX_THREADS;
  int32_t team = gattn_team(context);
  if (team < 1 || team >= GATTN_MAX_THREADS) return 7;
  if (gattn_team(context) != team) return 8;
  gattn_context_destroy(context);
  return 0;
}

START_TEST(threads_that_the_system_refuses) {
  pid_t child = fork();
  if (!child) _exit(create_within_limits());
  int ended = -1;
  ck_assert_int_eq(waitpid(child, &ended, 0), child);
  ck_assert_int_eq(ended, 0);
  ck_assert_int_eq(gattn_threads_granted(1), 1);
  ck_assert_int_eq(gattn_threads_granted(7), 7);
}
END_TEST
#endif

START_TEST(options_of_another_size) {
  log_lines lines = {0};
  gattn_context_options options = {.logger = keep_line, .logger_user = &lines};
  const size_t first = offsetof(gattn_context_options, stream);
  size_t sizes[] = {0,         1,
                    first - 1, first + 1,
                    sizeof options - 1, sizeof options + 1,
                    SIZE_MAX};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    gattn_context *context = NULL;
    options.struct_size = sizes[s];
    ck_assert_int_eq(gattn_context_create(&options, &context),
                     GATTN_ERROR_STRUCT_SIZE);
    ck_assert_ptr_null(context);
  }
}
END_TEST

/* Version 0.1's structure ended before the stream: what lies behind it is not
 * looked at. */
START_TEST(options_of_version_0_1) {
  gattn_context_options options = {
      .struct_size = offsetof(gattn_context_options, stream),
      .threads = 2,
      .stream = refused_stream,
      .device_allocator = {.allocate = no_memory}};
  gattn_context *context = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_context_threads(context), 2);
  ck_assert_ptr_null(context->options.stream);
  ck_assert_ptr_null(context->options.device_allocator.allocate);
  gattn_context_destroy(context);
}
END_TEST

START_TEST(failure_is_kept_and_logged) {
  log_lines lines = {0};
  gattn_context *context = NULL;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .logger = keep_line,
                                   .logger_user = &lines};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  ck_assert_int_eq(lines.count, 0);
  ck_assert_int_eq(gattn_fail(context, GATTN_ERROR_SHAPE, "q: has %d rows", 3),
                   GATTN_ERROR_SHAPE);
  ck_assert_str_eq(gattn_context_message(context), "q: has 3 rows");
  ck_assert_str_eq(lines.last, "q: has 3 rows");
  ck_assert_int_eq(lines.level, GATTN_LOG_ERROR);
  ck_assert_int_eq(gattn_fail_null(context, "graph"), GATTN_ERROR_NULL);
  ck_assert_str_eq(gattn_context_message(context), "graph: is null");
  gattn_log(context, GATTN_LOG_DEBUG, "part %d", 1);
  ck_assert_int_eq(lines.count, 3);
  ck_assert_int_eq(lines.level, GATTN_LOG_DEBUG);
  ck_assert_str_eq(lines.last, "part 1");
  ck_assert_str_eq(gattn_context_message(context), "graph: is null");
  gattn_context_destroy(context);
}
END_TEST

START_TEST(failure_without_context_or_logger) {
  ck_assert_int_eq(gattn_fail(NULL, GATTN_ERROR_SHAPE, "q"), GATTN_ERROR_SHAPE);
  ck_assert_int_eq(gattn_fail_null(NULL, "q"), GATTN_ERROR_NULL);
  gattn_context *context = default_context();
  gattn_log(context, GATTN_LOG_NOTE, "nobody listens");
  char long_text[4 * GATTN_MESSAGE_SIZE];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  gattn_fail(context, GATTN_ERROR_SYNTAX, "%s", long_text);
  ck_assert_int_eq(strlen(gattn_context_message(context)),
                   GATTN_MESSAGE_SIZE - 1);
  gattn_context_destroy(context);
}
END_TEST

static int stop_at_half(void *user, int64_t done, int64_t total) {
  ++*(int *)user;
  return done >= total / 2;
}

START_TEST(progress_is_reported_and_stops) {
  int calls = 0;
  gattn_context *context = NULL;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .progress = stop_at_half,
                                   .progress_user = &calls};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  ck_assert(!gattn_progress_report(context, 1, 10));
  ck_assert(gattn_progress_report(context, 5, 10));
  ck_assert_int_eq(calls, 2);
  gattn_context_destroy(context);
  context = default_context();
  ck_assert(!gattn_progress_report(context, 10, 10));
  gattn_context_destroy(context);
}
END_TEST

START_TEST(memory_is_aligned_and_given_back) {
  brutal_heap heap;
  brutal_heap_init(&heap, -1, false);
  gattn_context *context = NULL;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .allocator = brutal_allocator(&heap)};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  const int64_t counts[] = {0, 1, 63, 64, 65, 1000};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    void *memory = NULL;
    ck_assert_int_eq(gattn_allocate(context, "row", counts[c], 8, &memory), 0);
    ck_assert_ptr_nonnull(memory);
    ck_assert_int_eq((uintptr_t)memory % 64, 0);
    ck_assert_int_eq(heap.live, 2);
    gattn_free(context, memory, counts[c], 8);
    ck_assert_int_eq(heap.live, 1);
  }
  gattn_free(context, NULL, 5, 8);
  gattn_context_destroy(context);
  ck_assert_int_eq(heap.live, 0);
}
END_TEST

START_TEST(memory_of_the_c_library) {
  gattn_context *context = default_context();
  void *memory = NULL;
  ck_assert_int_eq(gattn_allocate(context, "row", 1000, 4, &memory), 0);
  ck_assert_int_eq((uintptr_t)memory % 64, 0);
  memset(memory, 1, 4000);
  gattn_free(context, memory, 1000, 4);
  void *untouched = &memory;
  memory = untouched;
  ck_assert_int_eq(gattn_allocate(context, "row", INT64_MAX, 1, &memory),
                   GATTN_ERROR_MEMORY);
  ck_assert_ptr_eq(memory, untouched);
  ck_assert_ptr_nonnull(strstr(gattn_context_message(context), "row: "));
  ck_assert_ptr_nonnull(
      strstr(gattn_context_message(context), "9223372036854775807"));
  gattn_context_destroy(context);
}
END_TEST

START_TEST(memory_overflows) {
  gattn_context *context = default_context();
  void *memory = context;
  ck_assert_int_eq(
      gattn_allocate(context, "edges", INT64_MAX / 8 + 1, 8, &memory),
      GATTN_ERROR_OVERFLOW);
  ck_assert_ptr_eq(memory, context);
  ck_assert_str_eq(gattn_context_message(context),
                   "edges: 1152921504606846976 elements of 8 bytes overflow");
  gattn_context_destroy(context);
}
END_TEST

START_TEST(products_and_sums_are_checked) {
  int64_t out = 42;
  ck_assert(gattn_multiply(INT64_C(1) << 31, INT64_C(1) << 31, &out));
  ck_assert_int_eq(out, INT64_C(1) << 62);
  ck_assert(!gattn_multiply(INT64_C(1) << 32, INT64_C(1) << 31, &out));
  ck_assert_int_eq(out, INT64_C(1) << 62);
  ck_assert(gattn_multiply(INT64_MIN, 1, &out));
  ck_assert(!gattn_multiply(INT64_MIN, -1, &out));
  ck_assert(gattn_add(INT64_MAX - 1, 1, &out));
  ck_assert_int_eq(out, INT64_MAX);
  ck_assert(!gattn_add(INT64_MAX, 1, &out));
  ck_assert_int_eq(out, INT64_MAX);
  ck_assert(!gattn_add(INT64_MIN, -1, &out));
}
END_TEST

START_TEST(handles_keep_the_context) {
  brutal_heap heap;
  brutal_heap_init(&heap, -1, false);
  gattn_context *context = NULL;
  gattn_frontier *frontier = NULL;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .allocator = brutal_allocator(&heap)};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_frontier_all(context, 9, &frontier), GATTN_SUCCESS);
  gattn_context_destroy(context);
  ck_assert_int_eq(gattn_frontier_size(frontier), 9);
  ck_assert_int_gt(heap.live, 0);
  gattn_frontier_release(frontier);
  ck_assert_int_eq(heap.live, 0);
}
END_TEST

static gattn_status do_nothing(gattn_context *context, void *user) {
  (void)user;
  return context ? GATTN_SUCCESS : GATTN_ERROR_NULL;
}

START_TEST(creation_survives_refusal) {
  ck_assert_int_eq(brutal_run(do_nothing, NULL), 1);
}
END_TEST

static Suite *make_context_suite(void) {
  Suite *suite = suite_create("context");
  TCase *tcase = tcase_create("context");
  tcase_add_test(tcase, create_and_destroy);
  tcase_add_test(tcase, null_arguments);
  tcase_add_test(tcase, options_are_taken);
  tcase_add_loop_test(tcase, options_are_refused, 0, REFUSED);
#ifndef SANITIZED
  tcase_add_test(tcase, threads_that_the_system_refuses);
#endif
  tcase_add_test(tcase, options_of_another_size);
  tcase_add_test(tcase, options_of_version_0_1);
  tcase_add_test(tcase, failure_is_kept_and_logged);
  tcase_add_test(tcase, failure_without_context_or_logger);
  tcase_add_test(tcase, progress_is_reported_and_stops);
  tcase_add_test(tcase, memory_is_aligned_and_given_back);
  tcase_add_test(tcase, memory_of_the_c_library);
  tcase_add_test(tcase, memory_overflows);
  tcase_add_test(tcase, products_and_sums_are_checked);
  tcase_add_test(tcase, handles_keep_the_context);
  tcase_add_test(tcase, creation_survives_refusal);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_context_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
