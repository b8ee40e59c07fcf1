/* Contexts, statuses, versions. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdlib.h>

START_TEST(create_and_destroy) {
  gattn_context *context = NULL;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  ck_assert_int_ge(gattn_context_threads(context), 1);
  ck_assert_str_eq(gattn_context_message(context), "");
  gattn_context_destroy(context);
}
END_TEST

static Suite *make_context_suite(void) {
  Suite *suite = suite_create("context");
  TCase *tcase = tcase_create("context");
  tcase_add_test(tcase, create_and_destroy);
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
