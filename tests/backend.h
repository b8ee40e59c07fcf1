/* The backend of a test program: one table of cases, two backends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The contexts of a program are the CPU's, unless its main begins with
 * test_device_begin; suites are written for either. */
#ifndef GATTN_TESTS_BACKEND_H
#define GATTN_TESTS_BACKEND_H

#include <check.h>
#include <gattn.h>

#include <stdbool.h>

/* The exit status that the harness takes for SKIP. */
enum { TEST_SKIPPED = 77 };

/* Fails the running test with the context's message unless a call succeeds. */
#define ck_success(context, call)                                              \
  do {                                                                         \
    gattn_status status_ = (call);                                             \
    ck_assert_msg(status_ == GATTN_SUCCESS, "%s: %s: %s", #call,               \
                  gattn_status_name(status_), gattn_context_message(context)); \
  } while (0)

/* A context of the program's backend; what options leave open, and its device,
 * is the program's. Fails the running test where there is none. */
gattn_context *test_context(const gattn_context_options *options);

/* Whether contexts are a CUDA device's. */
bool test_on_device(void);

/* From now on contexts are CUDA device 0's. False where there is no device:
 * then main returns TEST_SKIPPED. With GATTN_TEST_DEVICE=cpu in the environment
 * they are the CPU's, which tests the tests. */
bool test_device_begin(void);

/* Runs suites[n] and returns main's exit status. On a device without forks,
 * which a CUDA context does not survive. */
int test_run(Suite *const *suites, int n);

/* The main of a device program: suites of makers[n], or TEST_SKIPPED. */
int test_device_main(Suite *(*const *makers)(void), int n);

/* Tensor cores take weights in the type of v: half a unit in the last place of
 * it, relative to the largest v. 0 on the CPU and for float32. */
double test_weight_error(gattn_type type);

/* On a device a failing case is reported and the test goes on, so that one run
 * of a scarce device tells of every failure; test_settle fails the test that
 * had some. On the CPU the first failure ends the test. */
void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_settle(void);

#endif
