/* Score functions, edge values and stacks of graphs through the fused path.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdlib.h>

#include "tests/attend_case.h"
#include "tests/suites.h"

enum { HEADS = 2, REACH = 7 };
static const float slopes[HEADS] = {0.25f, 0.0625f};
static float biases[HEADS * REACH];

static void fill_biases(void) {
  for (int e = 0; e < HEADS * REACH; e++)
    biases[e] = (float)(e * 5 % 9) / 4 - 1;
}

/* ------------------------------------------------------------ definitions */

static double alibi(double dot, int64_t i, int64_t j, int64_t head,
                    int64_t batch, double value, const void *parameters) {
  (void)batch, (void)value, (void)parameters;
  return dot - (double)slopes[head] * (double)llabs(i - j);
}

static double softcap(double dot, int64_t i, int64_t j, int64_t head,
                      int64_t batch, double value, const void *parameters) {
  (void)i, (void)j, (void)head, (void)batch, (void)value, (void)parameters;
  return 1.5 * tanh(dot / 1.5);
}

static double relative(double dot, int64_t i, int64_t j, int64_t head,
                       int64_t batch, double value, const void *parameters) {
  (void)batch, (void)value, (void)parameters;
  int64_t half = REACH / 2, c = j - i;
  c = c < -half ? -half : c > half ? half : c;
  return dot + (double)biases[head * REACH + c + half];
}

static double edge_bias(double dot, int64_t i, int64_t j, int64_t head,
                        int64_t batch, double value, const void *parameters) {
  (void)i, (void)j, (void)head, (void)batch, (void)parameters;
  return dot + value;
}

static double edge_scale(double dot, int64_t i, int64_t j, int64_t head,
                         int64_t batch, double value, const void *parameters) {
  (void)i, (void)j, (void)head, (void)batch, (void)parameters;
  return dot * value;
}

/* Tells every argument apart; removes a third of the edges and every edge of
 * each fifth row. */
static double mix(double dot, int64_t i, int64_t j, int64_t head,
                  int64_t batch, double value, const void *parameters) {
  if ((i + j) % 3 == 0 || i % 5 == 0) return -INFINITY;
  return dot * *(const double *)parameters + (double)(i % 4) / 8 -
         (double)(j % 7) / 4 + (double)head / 2 - (double)batch + value;
}

static float mix_float(float dot, const gattn_edge *edge,
                       const void *parameters) {
  return (float)mix((double)dot, edge->i, edge->j, edge->head, edge->batch,
                    (double)edge->value, parameters);
}

static const double half = 0.5;
static const gattn_score scores[] = {
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_ALIBI,
     .table = slopes, .count = HEADS},
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_SOFTCAP,
     .cap = 1.5f},
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_RELATIVE,
     .table = biases, .count = REACH},
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_FUNCTION,
     .function = mix_float, .parameters = &half},
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_EDGE_BIAS},
    {.struct_size = sizeof(gattn_score), .kind = GATTN_SCORE_EDGE_SCALE},
};
static const oracle_score oracles[] = {alibi, softcap,   relative,
                                       mix,   edge_bias, edge_scale};
enum { SCORES = 6, MAY_READ_VALUES = 3, NEEDS_VALUES = 4 };

/* Rounds of a test that loops over the scores of a backend: on a device each
 * type has kernels of its own. */
static int rounds(int scores_looped) {
  return test_on_device() ? scores_looped * GATTN_INT64 : scores_looped;
}

static attend_case scored(int score, bool edge_values) {
  return (attend_case){.dim = 12, .dim_v = 20, .batch = 2, .heads = HEADS,
                       .kv_heads = 1, .score = &scores[score],
                       .oracle = oracles[score], .parameters = &half,
                       .edge_values = edge_values};
}

/* ------------------------------------------------------------ the tests */

/* Every score on tiles, classes, patches, edge lists, and lists of rows. */
START_TEST(scores_on_every_form) {
  static const struct {
    const char *mask, *frontier;
  } forms[] = {{"local(9)", NULL},
               {"local(9)", "range:11:50"},
               {"dilated(4, 5)", NULL},
               {"dilated(4, 5) | local(2)", "range:7:64"},
               {"neighborhood2d(8, 8, 5, 5)", NULL},
               {"random(5, 3)", "list:63,1,40,7"},
               {"blocks(16) | random(2, 2)", NULL}};
  attend_case cases[sizeof forms / sizeof *forms];
  fill_biases();
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
    cases[f] = scored(_i % SCORES, _i % SCORES >= NEEDS_VALUES);
    cases[f].type = (gattn_type)(_i / SCORES);
    cases[f].mask = forms[f].mask;
    cases[f].frontier = forms[f].frontier;
    cases[f].n_q = cases[f].n_kv = 64;
  }
  attend_compare_all(cases, sizeof forms / sizeof *forms);
}
END_TEST

/* Hub rows and decode steps: pieces of keys see the same scores. */
START_TEST(scores_on_split_rows) {
  attend_case cases[3];
  fill_biases();
  for (int e = 0; e < 3; e++) {
    cases[e] = scored(_i % NEEDS_VALUES, false);
    cases[e].type = (gattn_type)(_i / NEEDS_VALUES);
    cases[e].n_kv = 2060;
  }
  cases[0].mask = "rows(0, 3:9) | local(2)", cases[0].n_q = 260;
  cases[1].mask = "full", cases[1].n_q = 20, cases[1].frontier = "last:1";
  cases[2].mask = "full", cases[2].n_q = 20, cases[2].frontier = "last:6";
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  for (int e = 0; e < 3; e++) attend_compare(context, &cases[e]);
  gattn_context_destroy(context);
}
END_TEST

/* A function may read edge values or do without. */
START_TEST(values_of_a_function) {
  attend_case cases[] = {scored(MAY_READ_VALUES, true),
                         scored(MAY_READ_VALUES, true),
                         scored(MAY_READ_VALUES, true)};
  cases[0].mask = "local(40) | dilated(2, 9)";
  cases[1].mask = "random(70, 2)", cases[1].frontier = "list:99,5,6";
  cases[2].mask = "rows(2:5) | cols(1)", cases[2].frontier = "range:1:90";
  for (int e = 0; e < 3; e++) cases[e].n_q = cases[e].n_kv = 100;
  cases[1].layout = ORACLE_PADDED;
  attend_compare_all(cases, 3);
}
END_TEST

/* Every score −inf: no NaN, whatever the values hold there. */
static float remove_all(float dot, const gattn_edge *edge,
                        const void *parameters) {
  (void)dot, (void)edge, (void)parameters;
  return -INFINITY;
}
static double remove_all_too(double dot, int64_t i, int64_t j, int64_t head,
                             int64_t batch, double value,
                             const void *parameters) {
  (void)dot, (void)i, (void)j, (void)head, (void)batch, (void)value;
  (void)parameters;
  return -INFINITY;
}

START_TEST(every_score_removed) {
  static const gattn_score removed = {.struct_size = sizeof removed,
                                      .kind = GATTN_SCORE_FUNCTION,
                                      .function = remove_all};
  static const char *const masks[] = {"local(5)", "random(4, 1)",
                                      "dilated(2, 4)", "full"};
  attend_case cases[8];
  for (int e = 0; e < 8; e++)
    cases[e] = (attend_case){.mask = masks[e % 4], .n_q = 64, .n_kv = 64,
                             .dim = 8, .dim_v = 8, .score = &removed,
                             .oracle = remove_all_too,
                             .poison = e < 4 ? NULL : "v"};
  attend_compare_all(cases, 8);
}
END_TEST

/* A removed edge keeps the NaN of its value to itself. */
START_TEST(removed_edges_and_poison) {
  static const char *const masks[] = {"local(9)", "random(9, 1)",
                                      "dilated(6, 4)"};
  attend_case cases[6];
  for (int e = 0; e < 6; e++) {
    cases[e] = scored(3, false);
    cases[e].mask = masks[e % 3];
    cases[e].n_q = cases[e].n_kv = 64;
    cases[e].poison = e < 3 ? "v" : "k";
  }
  attend_compare_all(cases, 6);
}
END_TEST

/* ------------------------------------------------------------ stacks */

/* Heads that the planner treats alike in nothing: spans, orders, split rows,
 * rows without an edge. */
START_TEST(heads_of_every_form) {
  static const char *const heads[] = {
      "local(3) | dilated(4, 3)", "full",    "random(3, 9)",
      "rows(5)",                   "cols(2)", "local(0) - local(0)",
      "rows(0:2, 70) | local(1)",  "strided(9)"};
  attend_case cases[] = {
      {.stack = heads, .n_q = 80, .n_kv = 2060, .frontier = "range:4:76"},
      {.stack = heads, .n_q = 80, .n_kv = 2060, .frontier = "list:5,0,79"},
      {.stack = heads, .n_q = 140, .n_kv = 2060}};
  for (int e = 0; e < 3; e++) {
    cases[e].heads = 8;
    cases[e].kv_heads = 4;
    cases[e].dim = cases[e].dim_v = 4;
  }
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  for (int e = 0; e < 3; e++) attend_compare(context, &cases[e]);
  gattn_context_destroy(context);
}
END_TEST

START_TEST(stacks_with_edge_values) {
  static const char *const heads[] = {"local(2)", "random(5, 1)"};
  attend_case cases[] = {scored(4, true), scored(5, true)};
  for (int e = 0; e < 2; e++) {
    cases[e].stack = heads;
    cases[e].n_q = cases[e].n_kv = 50;
  }
  cases[1].frontier = "range:9:31";
  attend_compare_all(cases, 2);
}
END_TEST

Suite *make_attend_scores_suite(void) {
  Suite *suite = suite_create("attend scores");
  TCase *all = tcase_create("scores");
  tcase_set_timeout(all, 120);
  tcase_add_checked_fixture(all, NULL, test_settle);
  tcase_add_loop_test(all, scores_on_every_form, 0, rounds(SCORES));
  tcase_add_loop_test(all, scores_on_split_rows, 0,
                      rounds(NEEDS_VALUES));
  tcase_add_test(all, values_of_a_function);
  tcase_add_test(all, every_score_removed);
  tcase_add_test(all, removed_edges_and_poison);
  tcase_add_test(all, heads_of_every_form);
  tcase_add_test(all, stacks_with_edge_values);
  suite_add_tcase(suite, all);
  return suite;
}
