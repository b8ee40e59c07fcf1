/* Score functions: their definitions, and what the check refuses.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include <gattn.h>

#include "operators/score.h"

static gattn_context *context;

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

static const float slopes[] = {0.5f, 0.25f};
static const float biases[] = {1, 2, 3, 4, 5, 10, 20, 30, 40, 50};

static float twice_plus_head(float dot, const gattn_edge *edge,
                             const void *parameters) {
  return 2 * dot + (float)edge->head + *(const float *)parameters;
}

START_TEST(built_ins_are_their_definitions) {
  const float parameter = 100;
  const struct {
    gattn_score score;
    float dot;
    gattn_edge edge;
    float expected;
  } rows[] = {
      {{.kind = GATTN_SCORE_IDENTITY}, 3, {.value = 9}, 3},
      {{.kind = GATTN_SCORE_FUNCTION,
        .function = twice_plus_head,
        .parameters = &parameter},
       3,
       {.head = 7},
       113},
      {{.kind = GATTN_SCORE_ALIBI, .table = slopes, .count = 2},
       3,
       {.i = 2, .j = 8, .head = 1},
       1.5f},
      {{.kind = GATTN_SCORE_ALIBI, .table = slopes, .count = 2},
       3,
       {.i = 8, .j = 2, .head = 0},
       0},
      {{.kind = GATTN_SCORE_ALIBI, .table = slopes, .count = 2},
       3,
       {.i = (int64_t)1 << 62, .j = 0},
       -0.5f * 0x1p62f},
      {{.kind = GATTN_SCORE_SOFTCAP, .cap = 2}, 3, {.i = 0}, 2 * tanhf(1.5f)},
      {{.kind = GATTN_SCORE_SOFTCAP, .cap = 2}, INFINITY, {.i = 0}, 2},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 5},
       0,
       {.i = 4, .j = 4},
       3},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 5},
       0,
       {.i = 4, .j = 5},
       4},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 5},
       0,
       {.i = 4, .j = 400},
       5},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 5},
       1,
       {.i = 4, .j = 2, .head = 1},
       11},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 5},
       1,
       {.i = (int64_t)1 << 62, .j = 0, .head = 1},
       11},
      {{.kind = GATTN_SCORE_RELATIVE, .table = biases, .count = 1},
       1,
       {.i = 4, .j = 2},
       2},
      {{.kind = GATTN_SCORE_EDGE_BIAS}, 3, {.value = -INFINITY}, -INFINITY},
      {{.kind = GATTN_SCORE_EDGE_BIAS}, 3, {.value = 4}, 7},
      {{.kind = GATTN_SCORE_EDGE_SCALE}, 3, {.value = 4}, 12},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    float got = gattn_score_apply(&rows[r].score, rows[r].dot, &rows[r].edge);
    ck_assert_msg(got == rows[r].expected, "row %zu: %g, not %g", r,
                  (double)got, (double)rows[r].expected);
  }
}
END_TEST

static gattn_status check(gattn_score score, int64_t heads) {
  score.struct_size = sizeof score;
  return gattn_score_check(context, &score, heads);
}

#define ASSERT_CHECK(expected, heads, ...) \
  ck_assert_int_eq(check((gattn_score){__VA_ARGS__}, heads), expected)

START_TEST(good_scores_pass) {
  ck_assert_int_eq(gattn_score_check(context, NULL, 2), GATTN_SUCCESS);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_IDENTITY);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_FUNCTION,
               .function = twice_plus_head);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_ALIBI, .table = slopes,
               .count = 2);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_SOFTCAP, .cap = 1);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_RELATIVE, .table = biases,
               .count = 5);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_EDGE_BIAS);
  ASSERT_CHECK(GATTN_SUCCESS, 2, .kind = GATTN_SCORE_EDGE_SCALE);
}
END_TEST

START_TEST(bad_scores_are_refused) {
  gattn_score wrong_size = {.struct_size = 5};
  ck_assert_int_eq(gattn_score_check(context, &wrong_size, 2),
                   GATTN_ERROR_STRUCT_SIZE);
  ck_assert_int_eq(gattn_score_check(NULL, NULL, 2), GATTN_ERROR_NULL);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = (gattn_score_kind)7);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = (gattn_score_kind)-1);
  ASSERT_CHECK(GATTN_ERROR_NULL, 2, .kind = GATTN_SCORE_FUNCTION);
  ASSERT_CHECK(GATTN_ERROR_NULL, 2, .kind = GATTN_SCORE_ALIBI, .count = 2);
  ASSERT_CHECK(GATTN_ERROR_SHAPE, 3, .kind = GATTN_SCORE_ALIBI, .table = slopes,
               .count = 2);
  ck_assert_str_eq(gattn_context_message(context),
                   "score.count: 2 slopes for 3 query heads");
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_ALIBI,
               .table = slopes, .count = 0);
  ASSERT_CHECK(GATTN_ERROR_NULL, 2, .kind = GATTN_SCORE_RELATIVE, .count = 5);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_RELATIVE,
               .table = biases, .count = 4);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_RELATIVE,
               .table = biases, .count = -5);
  ASSERT_CHECK(GATTN_ERROR_SHAPE, INT64_MAX, .kind = GATTN_SCORE_RELATIVE,
               .table = biases, .count = 5);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_SOFTCAP, .cap = 0);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_SOFTCAP, .cap = -1);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_SOFTCAP,
               .cap = NAN);
  ASSERT_CHECK(GATTN_ERROR_ARGUMENT, 2, .kind = GATTN_SCORE_SOFTCAP,
               .cap = INFINITY);
}
END_TEST

START_TEST(scores_have_names_and_say_what_they_read) {
  gattn_score named = {.kind = GATTN_SCORE_SOFTCAP, .name = "gemma"};
  ck_assert_str_eq(gattn_score_name(NULL), "identity");
  ck_assert_str_eq(gattn_score_name(&named), "gemma");
  named.name = NULL;
  ck_assert_str_eq(gattn_score_name(&named), "softcap");
  ck_assert_int_eq(gattn_score_reads(&named), GATTN_VALUES_UNUSED);
  ck_assert_int_eq(gattn_score_reads(NULL), GATTN_VALUES_UNUSED);
  named.kind = GATTN_SCORE_EDGE_SCALE;
  ck_assert_int_eq(gattn_score_reads(&named), GATTN_VALUES_REQUIRED);
  named.kind = GATTN_SCORE_FUNCTION;
  ck_assert_int_eq(gattn_score_reads(&named), GATTN_VALUES_OPTIONAL);
}
END_TEST

static Suite *make_score_suite(void) {
  Suite *suite = suite_create("score");
  TCase *tcase = tcase_create("score");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, built_ins_are_their_definitions);
  tcase_add_test(tcase, good_scores_pass);
  tcase_add_test(tcase, bad_scores_are_refused);
  tcase_add_test(tcase, scores_have_names_and_say_what_they_read);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_score_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
