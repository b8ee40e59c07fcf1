/* The backend of a test program. SPDX-License-Identifier: Apache-2.0 */
#include "tests/backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gattn_device device = GATTN_CPU;
static int failures;

bool test_on_device(void) { return device != GATTN_CPU; }

gattn_context *test_context(const gattn_context_options *given) {
  gattn_context_options options = {.struct_size = sizeof options};
  gattn_context *context = NULL;
  if (given) options = *given;
  options.device = device;
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  return context;
}

/* No device, or one older than any that is supported: nothing to test. A device
 * that ought to work and does not is no reason to skip. */
static bool device_lacks(void) {
  gattn_device_description it = {.struct_size = sizeof it};
  if (gattn_device_count() == 0) return true;
  return !gattn_device_describe(GATTN_CUDA(0), &it) && it.capability > 0 &&
         it.capability < 80;
}

bool test_device_begin(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = GATTN_CUDA(0)};
  const char *wanted = getenv("GATTN_TEST_DEVICE");
  gattn_context *context = NULL;
  if (wanted && strcmp(wanted, "cpu") == 0) return true;
  gattn_status status = gattn_context_create(&options, &context);
  if (status == GATTN_ERROR_DEVICE && device_lacks()) {
    printf("SKIP: no CUDA device\n");
    return false;
  }
  if (status) {
    printf("a context on cuda:0: %s\n", gattn_status_name(status));
    exit(EXIT_FAILURE);
  }
  gattn_context_destroy(context);
  device = GATTN_CUDA(0);
  return true;
}

int test_run(Suite *const *suites, int n) {
  SRunner *runner = srunner_create(suites[0]);
  for (int s = 1; s < n; s++) srunner_add_suite(runner, suites[s]);
  if (test_on_device()) srunner_set_fork_status(runner, CK_NOFORK);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  /* A suite that forgets to settle does not pass for that. */
  if (failures) printf("%d cases failed and were not settled\n", failures);
  return failed || failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int test_device_main(Suite *(*const *makers)(void), int n) {
  enum { MOST = 8 };
  Suite *suites[MOST];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (n > MOST) abort();
  if (!test_device_begin()) return TEST_SKIPPED;
  for (int s = 0; s < n; s++) suites[s] = makers[s]();
  return test_run(suites, n);
}

double test_weight_error(gattn_type type) {
  if (!test_on_device() || type == GATTN_FLOAT32) return 0;
  return type == GATTN_FLOAT16 ? 1.0 / 2048 : 1.0 / 256;
}

void test_fail(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (!test_on_device()) ck_abort_msg("%s", text);
  printf("FAILED %s\n", text);
  failures++;
}

void test_settle(void) {
  const int found = failures;
  failures = 0;
  ck_assert_msg(found == 0, "%d cases failed", found);
}
