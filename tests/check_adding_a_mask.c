/* The mask that doc/adding-a-mask.md adds: its code, taken out of the page
 * into mirror.c, against its rule. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdbool.h>
#include <stdlib.h>

gattn_status gattn_mask_mirror(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t w, gattn_graph **graph);

static gattn_context *context;

static void create(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void destroy(void) { gattn_context_destroy(context); }

static const int64_t sizes[][3] = {
    {7, 7, 0}, {7, 7, 2}, {7, 12, 3},   {12, 7, 3},         {1, 1, 0},
    {0, 5, 1}, {5, 0, 1}, {13, 13, 99}, {13, 13, INT64_MAX}};

START_TEST(follows_its_rule) {
  int64_t n_q = sizes[_i][0], n_kv = sizes[_i][1], w = sizes[_i][2];
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_mask_mirror(context, n_q, n_kv, w, &graph),
                   GATTN_SUCCESS);
  for (int64_t i = 0; i < n_q; i++) {
    int64_t degree = 0, told = -1;
    for (int64_t j = 0; j < n_kv; j++) {
      int contains = -1;
      bool expected = llabs(i + j - (n_kv - 1)) <= w;
      ck_assert_int_eq(gattn_graph_contains(context, graph, i, j, &contains),
                       GATTN_SUCCESS);
      ck_assert_int_eq(contains, expected);
      degree += expected;
    }
    ck_assert_int_eq(gattn_graph_degree(context, graph, i, &told),
                     GATTN_SUCCESS);
    ck_assert_int_eq(told, degree);
  }
  gattn_graph_release(graph);
}
END_TEST

START_TEST(refuses_a_negative_width) {
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_mask_mirror(context, 5, 5, -1, &graph),
                   GATTN_ERROR_ARGUMENT);
  ck_assert_ptr_null(graph);
}
END_TEST

static Suite *make_adding_a_mask_suite(void) {
  Suite *suite = suite_create("adding a mask");
  TCase *tcase = tcase_create("mirror");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, follows_its_rule, 0, sizeof sizes / sizeof *sizes);
  tcase_add_test(tcase, refuses_a_negative_width);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_adding_a_mask_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
