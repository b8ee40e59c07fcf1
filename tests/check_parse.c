/* The grammar of mask expressions: what is accepted, what is refused and in
 * which words. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "masks/table.h"

static gattn_context *context;

static void create_context(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void destroy_context(void) { gattn_context_destroy(context); }

static gattn_graph *parse(const char *expression, int64_t n) {
  gattn_graph *graph = NULL;
  gattn_status status = gattn_mask_parse(context, expression, n, n, &graph);
  ck_assert_msg(!status, "%.200s: %s", expression,
                gattn_context_message(context));
  return graph;
}

/* ------------------------------------------------------------ integers */

static const struct {
  const char *text;
  gattn_status status;
  int64_t value;
} integers[] = {
    {"0", GATTN_SUCCESS, 0},
    {"00012", GATTN_SUCCESS, 12},
    {"12k", GATTN_SUCCESS, 12 * 1024},
    {"3m", GATTN_SUCCESS, 3 * 1048576},
    {"5g", GATTN_SUCCESS, 5368709120},
    {"1t", GATTN_SUCCESS, 1099511627776},
    {"0t", GATTN_SUCCESS, 0},
    {"8388607t", GATTN_SUCCESS, 9223370937343148032},
    {"8388608t", GATTN_ERROR_OVERFLOW, 0},
    {"9223372036854775807", GATTN_SUCCESS, INT64_MAX},
    {"9223372036854775808", GATTN_ERROR_OVERFLOW, 0},
    {"99999999999999999999999999", GATTN_ERROR_OVERFLOW, 0},
    {"", GATTN_ERROR_SYNTAX, 0},
    {"k", GATTN_ERROR_SYNTAX, 0},
    {"1K", GATTN_ERROR_SYNTAX, 0},
    {"1kk", GATTN_ERROR_SYNTAX, 0},
    {"1p", GATTN_ERROR_SYNTAX, 0},
    {"1 k", GATTN_ERROR_SYNTAX, 0},
    {" 1", GATTN_ERROR_SYNTAX, 0},
    {"1 ", GATTN_ERROR_SYNTAX, 0},
    {"-1", GATTN_ERROR_SYNTAX, 0},
    {"+1", GATTN_ERROR_SYNTAX, 0},
    {"0x10", GATTN_ERROR_SYNTAX, 0},
    {"1.5", GATTN_ERROR_SYNTAX, 0},
    {"1e3", GATTN_ERROR_SYNTAX, 0},
};

START_TEST(reads_integers) {
  int64_t value = -7;
  ck_assert_int_eq(gattn_parse_integer(context, integers[_i].text, &value),
                   integers[_i].status);
  ck_assert_int_eq(value, integers[_i].status ? -7 : integers[_i].value);
}
END_TEST

START_TEST(describes_bad_integers) {
  int64_t value;
  gattn_parse_integer(context, "1kk\n", &value);
  ck_assert_str_eq(gattn_context_message(context),
                   "text: \"1kk?\" is no integer: expected digits and an "
                   "optional suffix k, m, g or t");
  gattn_parse_integer(context, "9223372036854775808", &value);
  ck_assert_str_eq(gattn_context_message(context),
                   "text: integer 9223372036854775808 does not fit 63 bits");
  ck_assert_int_eq(gattn_parse_integer(NULL, "1", &value), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_parse_integer(context, NULL, &value),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_parse_integer(context, "1", NULL), GATTN_ERROR_NULL);
}
END_TEST

/* ------------------------------------------------------------ accepted */

enum { N = 16 };

#define RULE(name, condition)              \
  static bool name(int64_t i, int64_t j) { \
    (void)i, (void)j;                      \
    return condition;                      \
  }
RULE(always, true)
RULE(never, false)
RULE(causal, j <= i)
RULE(local1, llabs(i - j) <= 1)
RULE(local21, -2 <= j - i && j - i <= 1)
RULE(dilated32, llabs(i - j) <= 6 && (i - j) % 2 == 0)
RULE(rows_set, i == 3 || (5 <= i && i < 7))
RULE(rows_3, i == 3)
RULE(cols_57, 5 <= j && j < 7)
RULE(acausal, j > i)
RULE(causal_minus_local, j <= i && llabs(i - j) > 1)
RULE(causal_minus_local_or_rows, (j <= i && llabs(i - j) > 1) || i == 3)
RULE(causal_minus_local_and_rows, j <= i && !(llabs(i - j) <= 1 && i == 3))
RULE(rows_or_causal_and_local, i == 3 || (j <= i && llabs(i - j) <= 1))
RULE(rows_or_causal_in_local, (i == 3 || j <= i) && llabs(i - j) <= 1)
RULE(causal_without_both, j <= i && i != 3 && llabs(i - j) > 1)
RULE(in_turns, (((j <= i && i != 3) || j == 5) && i != 5) || j == 6)
RULE(documents, (i < 5) == (j < 5) && (i < 9) == (j < 9))
RULE(longnet, (i / 4 == j / 4) || (i / 8 == j / 8 && i % 2 == 0 && j % 2 == 0))

static const struct {
  const char *expression;
  bool (*rule)(int64_t i, int64_t j);
} accepted[] = {
    {"full", always},
    {"full()", always},
    {" \t\r\n\v\f full \n ( ) ", always},
    {"causal", causal},
    {"((causal))", causal},
    {"local(1)", local1},
    {"local(w=1)", local1},
    {"local(2,1)", local21},
    {"local(2,right=1)", local21},
    {"local(left=2,right=1)", local21},
    {" local ( right = 1 , left = 2 ) ", local21},
    {"dilated(3,2)", dilated32},
    {"dilated(r=2,w=3)", dilated32},
    {"dilated(3,r=2)", dilated32},
    {"rows(3,5:7)", rows_set},
    {"rows( 5 : 7 , 3 )", rows_set},
    {"rows(5:7,3,3,5:6,6)", rows_set},
    {"rows(set=3)", rows_3},
    {"cols(set=5:7)", cols_57},
    {"local(1k)", always},
    {"local(1t, 9g)", always},
    {"documents(0,5,9)", documents},
    {"documents(s0=0,s1=5,s2=9)", documents},
    {"documents(0,s2=9,s1=5)", documents},
    {"longnet(4,1,8,2)", longnet},
    {"longnet(4,1,r2=2,w2=8)", longnet},
    {"full-causal", acausal},
    {"causal-full", never},
    {"causal - local(1)", causal_minus_local},
    {"causal - local(1) | rows(3)", causal_minus_local_or_rows},
    {"(causal - local(1)) | rows(3)", causal_minus_local_or_rows},
    {"rows(3) | causal - local(1) | rows(3)", causal_minus_local_or_rows},
    {"causal - local(1) & rows(3)", causal_minus_local_and_rows},
    {"causal - (local(1) & rows(3))", causal_minus_local_and_rows},
    {"rows(3) | causal & local(1)", rows_or_causal_and_local},
    {"causal & local(1) | rows(3)", rows_or_causal_and_local},
    {"(rows(3) | causal) & local(1)", rows_or_causal_in_local},
    {"local(1) & (causal | rows(3))", rows_or_causal_in_local},
    {"causal - rows(3) - local(1)", causal_without_both},
    {"causal - (rows(3) | local(1))", causal_without_both},
    {"causal - rows(3) | cols(5) - rows(5) | cols(6)", in_turns},
    {"causal & causal & causal & causal & causal", causal},
    {"causal | causal | causal | causal | causal", causal},
    {"full - causal - causal - causal - causal", acausal},
};

START_TEST(accepts) {
  gattn_graph *graph = parse(accepted[_i].expression, N);
  ck_assert_int_eq(gattn_graph_queries(graph), N);
  ck_assert_int_eq(gattn_graph_keys(graph), N);
  for (int64_t i = 0; i < N; i++)
    for (int64_t j = 0; j < N; j++) {
      int contains = -1;
      ck_assert_int_eq(gattn_graph_contains(context, graph, i, j, &contains),
                       GATTN_SUCCESS);
      ck_assert_msg(contains == accepted[_i].rule(i, j), "%s: %d, %d",
                    accepted[_i].expression, (int)i, (int)j);
    }
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ refused */

#define SYNTAX   GATTN_ERROR_SYNTAX
#define NAME     GATTN_ERROR_NAME
#define ARGUMENT GATTN_ERROR_ARGUMENT

static const struct {
  const char *expression;
  gattn_status status;
  const char *message; /* where it ends in "…", the beginning */
} refused[] = {
    /* the grammar */
    {"", SYNTAX, "column 1: expected a mask or \"(\", found the end"},
    {"  ", SYNTAX, "column 3: expected a mask or \"(\", found the end"},
    {"()", SYNTAX, "column 2: expected a mask or \"(\", found \")\""},
    {"(full", SYNTAX, "column 6: expected |, -, & or \")\", found the end"},
    {"full)", SYNTAX, "column 5: expected |, -, & or the end, found \")\""},
    {"full full", SYNTAX,
     "column 6: expected |, -, & or the end, found name \"full\""},
    {"full |", SYNTAX, "column 7: expected a mask or \"(\", found the end"},
    {"full || full", SYNTAX, "column 7: expected a mask or \"(\", found \"|\""},
    {"- full", SYNTAX, "column 1: expected a mask or \"(\", found \"-\""},
    {"full & | causal", SYNTAX,
     "column 8: expected a mask or \"(\", found \"|\""},
    {"3", SYNTAX, "column 1: expected a mask or \"(\", found integer 3"},
    {"\"g.mtx\"", SYNTAX,
     "column 1: expected a mask or \"(\", found string \"g.mtx\""},
    {"full + causal", SYNTAX,
     "column 6: found \"+\", expected a mask, an argument, or one of | - & ( "
     ") , = :"},
    {"full | \xC3\xA9 | x", SYNTAX,
     "column 8: found \"\xC3\xA9\", expected a mask, an argument, or one of "
     "| - & ( ) , = :"},
    {"full\x01", SYNTAX,
     "column 5: found \"?\", expected a mask, an argument, or one of | - & ( "
     ") , = :"},
    /* arguments */
    {"local(", SYNTAX,
     "column 7: expected an integer, a range, a \"string\" or name=value, "
     "found the end"},
    {"local(4", SYNTAX, "column 8: expected \",\" or \")\", found the end"},
    {"local(4,)", SYNTAX,
     "column 9: expected an integer, a range, a \"string\" or name=value, "
     "found \")\""},
    {"local(4 4)", SYNTAX,
     "column 9: expected \",\" or \")\", found integer 4"},
    {"local(-4)", SYNTAX,
     "column 7: expected an integer, a range, a \"string\" or name=value, "
     "found \"-\""},
    {"local(full)", SYNTAX,
     "column 7: expected an integer, a range, a \"string\" or name=value, "
     "found name \"full\""},
    {"local(w=)", SYNTAX,
     "column 9: expected an integer, a range or a \"string\", found \")\""},
    {"local(w=w)", SYNTAX,
     "column 9: expected an integer, a range or a \"string\", found name "
     "\"w\""},
    {"local(left=1, 2)", SYNTAX,
     "column 15: expected name=value behind an argument given by name, found "
     "integer 2"},
    {"local(4x)", SYNTAX,
     "column 7: found \"4x\", expected an integer: digits and an optional "
     "suffix k, m, g or t"},
    {"local(4K)", SYNTAX,
     "column 7: found \"4K\", expected an integer: digits and an optional "
     "suffix k, m, g or t"},
    {"local(9223372036854775808)", GATTN_ERROR_OVERFLOW,
     "column 7: integer 9223372036854775808 is too large; expected one below "
     "2^63"},
    {"rows(3:)", SYNTAX,
     "column 8: expected the end of the range, an integer, found \")\""},
    {"rows(:3)", SYNTAX,
     "column 6: expected an integer, a range, a \"string\" or name=value, "
     "found \":\""},
    {"rows(1:2:3)", SYNTAX, "column 9: expected \",\" or \")\", found \":\""},
    {"rows(1, 5 : 3)", ARGUMENT,
     "column 9: found range 5 : 3, expected one that ascends"},
    {"rows(5:5)", ARGUMENT,
     "column 6: found range 5:5, expected one that ascends"},
    {"tree(\"x)", SYNTAX,
     "column 9: expected the closing quote of string \"x), found the end"},
    {"tree(\"x\ny\")", SYNTAX,
     "column 8: expected the closing quote of string \"x, found a control "
     "character"},
    {"edges(\"\xC3\xA9\", 3)", SYNTAX,
     "column 12: edges: surplus argument integer 3; expected "
     "edges(\"g.mtx\")"},
    /* names */
    {"lcoal(4)", NAME,
     "column 1: unknown mask \"lcoal\"; did you mean \"local\"?"},
    {"full | Local(4)", NAME,
     "column 8: unknown mask \"Local\"; did you mean \"local\"?"},
    {"bgibird", NAME,
     "column 1: unknown mask \"bgibird\"; did you mean \"bigbird\"?"},
    {"dilated_2d", NAME,
     "column 1: unknown mask \"dilated_2d\"; did you mean \"dilated2d\"?"},
    {"block(4", NAME,
     "column 1: unknown mask \"block\"; did you mean \"blocks\"?"},
    {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee", NAME,
     "column 1: unknown mask \"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...\"; "
     "did you mean …"},
    {"local(x=4)", NAME,
     "column 7: local: unknown argument \"x\"; did you mean \"w\"?"},
    {"local(lfet=4, right=2)", NAME,
     "column 7: local: unknown argument \"lfet\"; did you mean \"left\"?"},
    {"documents(s0=0, t1=5)", NAME,
     "column 17: documents: unknown argument \"t1\"; did you mean \"s0\"?"},
    {"documents(s00=0)", NAME,
     "column 11: documents: unknown argument \"s00\"; did you mean \"s0\"?"},
    /* forms */
    {"full(3)", SYNTAX,
     "column 6: full: surplus argument integer 3; expected full"},
    {"full(w=3)", SYNTAX,
     "column 6: full: surplus argument name \"w\"; expected full"},
    {"local", SYNTAX,
     "column 6: local: missing argument w; expected local(w) or local(left, "
     "right)"},
    {"local() | full", SYNTAX,
     "column 7: local: missing argument w; expected local(w) or local(left, "
     "right)"},
    {"local(left=3)", SYNTAX,
     "column 13: local: missing argument right; expected local(w) or "
     "local(left, right)"},
    {"local(right=3)", SYNTAX,
     "column 14: local: missing argument left; expected local(w) or "
     "local(left, right)"},
    {"local(1, 2, 3)", SYNTAX,
     "column 13: local: surplus argument integer 3; expected local(w) or "
     "local(left, right)"},
    {"local(w=1, w=2)", SYNTAX,
     "column 12: local: a second value for argument w; expected local(w) or "
     "local(left, right)"},
    {"local(3, left=2)", SYNTAX,
     "column 10: local: a second value for argument left; expected local(w) "
     "or local(left, right)"},
    {"local(w=3, left=2)", SYNTAX,
     "column 12: local: another way to write it has argument left; expected "
     "local(w) or local(left, right)"},
    {"local(left=3, w=2)", SYNTAX,
     "column 15: local: another way to write it has argument w; expected "
     "local(w) or local(left, right)"},
    {"dilated(3)", SYNTAX,
     "column 10: dilated: missing argument r; expected dilated(w, r)"},
    {"rows", SYNTAX,
     "column 5: rows: missing argument set; expected rows(set...)"},
    {"rows(3, set=4)", SYNTAX,
     "column 9: rows: a second value for argument set; expected "
     "rows(set...)"},
    {"documents", SYNTAX,
     "column 10: documents: missing argument s0; expected documents(s0, s1, "
     "...) or documents(\"starts.npy\")"},
    {"documents(s0=0, s2=9)", SYNTAX,
     "column 21: documents: missing argument s1; expected documents(s0, s1, "
     "...) or documents(\"starts.npy\")"},
    {"longnet(4, 1, 8)", SYNTAX,
     "column 16: longnet: missing argument r2; expected longnet(w1, r1, w2, "
     "r2, ...)"},
    {"longnet(r1=4)", SYNTAX,
     "column 13: longnet: missing argument w1; expected longnet(w1, r1, w2, "
     "r2, ...)"},
    /* kinds */
    {"local(1:4)", SYNTAX,
     "column 7: local: argument w: expected an integer, found range 1:4"},
    {"dilated(3, r=\"x\")", SYNTAX,
     "column 14: dilated: argument r: expected an integer, found string "
     "\"x\""},
    {"rows(3, \"x\")", SYNTAX,
     "column 9: rows: argument set: expected an integer or a range, found "
     "string \"x\""},
    {"tree(3)", SYNTAX,
     "column 6: tree: argument parents: expected a \"string\", found integer "
     "3"},
    {"documents(0, \"x\")", SYNTAX,
     "column 14: documents: argument s1: expected an integer, found string "
     "\"x\""},
    {"documents(\"x\", 5)", SYNTAX,
     "column 16: documents: surplus argument integer 5; expected "
     "documents(s0, s1, ...) or documents(\"starts.npy\")"},
    /* what the masks say */
    {"full | dilated(3, 0)", ARGUMENT, "column 8: dilated: r: …"},
    {"blocks(0)", ARGUMENT, "column 1: blocks: b: …"},
    {"fixed(4, 5)", ARGUMENT, "column 1: fixed: c: …"},
    {"rows(3, 99)", GATTN_ERROR_INDEX, "column 1: rows: …"},
    {"rows(9223372036854775807)", GATTN_ERROR_INDEX,
     "column 6: rows: position 9223372036854775807 is outside the graph"},
};

START_TEST(refuses) {
  gattn_graph *graph = NULL;
  const char *expected = refused[_i].message;
  size_t length = strlen(expected), mark = strlen("…");
  gattn_status status =
      gattn_mask_parse(context, refused[_i].expression, N, N, &graph);
  const char *message = gattn_context_message(context);
  if (strcmp(expected + length - mark, "…"))
    ck_assert_str_eq(message, expected);
  else
    ck_assert_msg(!strncmp(message, expected, length - mark), "%s", message);
  ck_assert_int_eq(status, refused[_i].status);
  ck_assert_ptr_null(graph);
}
END_TEST

START_TEST(edit_distances) {
  static const struct {
    const char *name, *known;
    int distance;
  } distances[] = {
      {"", "", 0},           {"", "full", 4},          {"full", "", 4},
      {"full", "full", 0},   {"FULL", "full", 0},      {"ful", "full", 1},
      {"fulll", "full", 1},  {"fall", "full", 1},      {"lcoal", "local", 1},
      {"loacl", "local", 1}, {"olcla", "local", 2},    {"clo", "cols", 2},
      {"abc", "xyz", 3},     {"kitten", "sitting", 3},
  };
  for (size_t d = 0; d < sizeof distances / sizeof *distances; d++)
    ck_assert_msg(
        gattn_edit_distance(distances[d].name, strlen(distances[d].name),
                            distances[d].known) == distances[d].distance,
        "%s %s", distances[d].name, distances[d].known);
}
END_TEST

START_TEST(refuses_null_and_sizes) {
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_mask_parse(NULL, "full", 1, 1, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_mask_parse(context, NULL, 1, 1, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_mask_parse(context, "full", 1, 1, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_mask_parse(context, "full", -1, 1, &graph),
                   GATTN_ERROR_SIZE);
  ck_assert_int_eq(
      gattn_mask_parse(context, "full", 1, GATTN_MAX_VERTICES + 1, &graph),
      GATTN_ERROR_SIZE);
  ck_assert_ptr_null(graph);
}
END_TEST

/* ------------------------------------------------------------ memory */

static gattn_status parse_once(gattn_context *brutal, void *expression) {
  gattn_graph *graph = NULL;
  gattn_status status = gattn_mask_parse(brutal, expression, 64, 64, &graph);
  if (status) ck_assert_ptr_null(graph);
  gattn_graph_release(graph);
  return status;
}

START_TEST(survives_failing_allocations) {
  static const char *const expressions[] = {
      "local(4) | (rows(3, 5:7) & causal - strided(3)) | cols(1) | cols(2)",
      "documents(0, 5) - random(3, 7) - longnet(4, 1, 8, 2)",
  };
  ck_assert_int_ge(brutal_run(parse_once, (void *)expressions[_i]), 10);
}
END_TEST

static Suite *make_parse_suite(void) {
  Suite *suite = suite_create("parse");
  TCase *tcase = tcase_create("grammar");
  tcase_add_checked_fixture(tcase, create_context, destroy_context);
  tcase_add_loop_test(tcase, reads_integers, 0,
                      sizeof integers / sizeof *integers);
  tcase_add_test(tcase, describes_bad_integers);
  tcase_add_loop_test(tcase, accepts, 0, sizeof accepted / sizeof *accepted);
  tcase_add_loop_test(tcase, refuses, 0, sizeof refused / sizeof *refused);
  tcase_add_test(tcase, edit_distances);
  tcase_add_test(tcase, refuses_null_and_sizes);
  tcase_add_loop_test(tcase, survives_failing_allocations, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_parse_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
