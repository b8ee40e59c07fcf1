/* Effort and wisdom: plans that time their choices, and what is kept of that.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "tests/chain.h"
#include "tests/suites.h"

enum { TEXT = 1 << 16 };

static gattn_context *context;
static void setup(void) { context = test_context(NULL); }
static void teardown(void) {
  gattn_context_destroy(context);
  test_settle();
}

static test_problem_options options_of_mask(test_mask mask) {
  return (test_problem_options){.mask = mask,
                                .rank = 3,
                                .heads = 2,
                                .kv_heads = 1,
                                .n_q = 70,
                                .n_kv = 70,
                                .dim = 8,
                                .dim_v = 8};
}

static gattn_plan *plan_with(gattn_context *any, const test_chain *chain,
                             const gattn_plan_options *options) {
  gattn_plan *plan = NULL;
  gattn_status status = gattn_plan_create(chain->program, options, &plan);
  ck_assert_msg(!status, "%s", gattn_context_message(any));
  return plan;
}

static gattn_plan *plan_of(const test_chain *chain, gattn_effort effort) {
  const gattn_plan_options options = {.struct_size = sizeof options,
                                      .effort = effort};
  return plan_with(context, chain, &options);
}

static bool explains(const gattn_plan *plan, const char *words) {
  char text[8192];
  ck_assert_int_ge(gattn_plan_explain(plan, text, sizeof text), 0);
  return strstr(text, words) != NULL;
}

/* The plan's answer is the oracle's. */
static void check_answer(const test_problem *problem, const test_chain *chain,
                         gattn_plan *plan) {
  oracle_array o = test_problem_output(problem, ORACLE_DENSE);
  oracle_array lse = test_problem_rows(problem, GATTN_FLOAT32, ORACLE_DENSE);
  const gattn_binding bindings[] = {{chain->q, &problem->q.tensor},
                                    {chain->k, &problem->k.tensor},
                                    {chain->v, &problem->v.tensor},
                                    {chain->o, &o.tensor},
                                    {chain->lse, &lse.tensor}};
  ck_success(context, test_plan_execute(context, plan, bindings, 5));
  oracle_assert_close("o", &o, problem->o, 4);
  oracle_array_free(&o);
  oracle_array_free(&lse);
}

static char *exported(gattn_context *any) {
  static char text[TEXT];
  size_t length = 0;
  ck_assert_int_eq(gattn_wisdom_export(any, text, sizeof text, &length),
                   GATTN_SUCCESS);
  ck_assert_uint_eq(length, strlen(text));
  return text;
}

static gattn_status import(const char *text) {
  return gattn_wisdom_import(context, text, strlen(text));
}

/* ------------------------------------------------------------ effort */

START_TEST(measuring_learns) {
  const test_problem_options options = options_of_mask((test_mask)_i);
  test_problem problem = test_problem_make(context, &options);
  test_chain chain = test_chain_make(&problem, NULL, NULL);
  ck_assert_str_eq(exported(context), "");
  gattn_plan *plan = plan_of(&chain, GATTN_EFFORT_MEASURE);
  ck_assert(explains(plan, "chosen by timing"));
  check_answer(&problem, &chain, plan);
  gattn_plan_destroy(plan);
  /* Another plan of the same work knows it, whatever its effort. */
  char *first = strdup(exported(context));
  ck_assert_ptr_nonnull(strstr(first, " ways "));
  ck_assert_ptr_eq(strchr(first, '\n'), first + strlen(first) - 1);
  for (int effort = 0; effort < 2; effort++) {
    plan = plan_of(&chain, (gattn_effort)effort);
    ck_assert(explains(plan, "chosen by timing"));
    check_answer(&problem, &chain, plan);
    gattn_plan_destroy(plan);
    ck_assert_str_eq(exported(context), first);
  }
  ck_success(context, gattn_wisdom_forget(context));
  ck_assert_str_eq(exported(context), "");
  plan = plan_of(&chain, GATTN_EFFORT_ESTIMATE);
  ck_assert(!explains(plan, "chosen by timing"));
  gattn_plan_destroy(plan);
  free(first);
  gattn_program_destroy(chain.program);
  test_problem_free(&problem);
  test_settle();
}
END_TEST

/* Frontiers, a graph a head, layouts: each is work of its own. */
START_TEST(other_work_is_not_known) {
  test_problem_options options = options_of_mask(MASK_BAND);
  options.stack = _i == 3;
  options.frontier = (test_frontier)(_i % 3);
  test_problem problem = test_problem_make(context, &options);
  test_chain chain = test_chain_make(&problem, NULL, NULL);
  gattn_plan *plan = plan_of(&chain, GATTN_EFFORT_MEASURE);
  check_answer(&problem, &chain, plan);
  gattn_plan_destroy(plan);
  test_problem_options other = options;
  other.dim_v = 9;
  test_problem wider = test_problem_make(context, &other);
  test_chain wide = test_chain_make(&wider, NULL, NULL);
  plan = plan_of(&wide, GATTN_EFFORT_ESTIMATE);
  ck_assert(!explains(plan, "chosen by timing"));
  gattn_plan_destroy(plan);
  gattn_program_destroy(wide.program);
  gattn_program_destroy(chain.program);
  test_problem_free(&wider);
  test_problem_free(&problem);
  test_settle();
}
END_TEST

/* Nothing to choose, or nothing there: nothing is timed, and nothing fails. */
START_TEST(nothing_is_measured) {
  test_problem_options options = options_of_mask(MASK_BAND);
  gattn_score bias = {.struct_size = sizeof bias,
                      .kind = GATTN_SCORE_EDGE_BIAS};
  if (_i == 1) options.n_q = 0;
  test_problem problem = test_problem_make(context, &options);
  oracle_array values = test_problem_edges(&problem, ORACLE_DENSE, 1);
  test_chain chain = test_chain_make(&problem, _i ? NULL : &bias,
                                     _i ? NULL : &values);
  gattn_plan_destroy(plan_of(&chain, GATTN_EFFORT_MEASURE));
  ck_assert_str_eq(exported(context), "");
  gattn_program_destroy(chain.program);
  oracle_array_free(&values);
  test_problem_free(&problem);
}
END_TEST

START_TEST(memory_is_bounded) {
  const test_problem_options options = options_of_mask(MASK_BAND);
  test_problem problem = test_problem_make(context, &options);
  test_chain chain = test_chain_make(&problem, NULL, NULL);
  gattn_plan *plan = NULL;
  gattn_plan_options request = {.struct_size = sizeof request,
                                .effort = GATTN_EFFORT_MEASURE,
                                .effort_bytes = 5000};
  ck_assert_int_eq(gattn_plan_create(chain.program, &request, &plan),
                   GATTN_ERROR_MEMORY);
  ck_assert_ptr_nonnull(
      strstr(gattn_context_message(context), "options.effort_bytes"));
  ck_assert_ptr_null(plan);
  ck_assert_str_eq(exported(context), "");
  request.effort_bytes = 1 << 26;
  gattn_plan_destroy(plan_with(context, &chain, &request));
  ck_assert_str_ne(exported(context), "");
  gattn_program_destroy(chain.program);
  test_problem_free(&problem);
}
END_TEST

START_TEST(options_are_checked) {
  const test_problem_options options = options_of_mask(MASK_BAND);
  test_problem problem = test_problem_make(context, &options);
  test_chain chain = test_chain_make(&problem, NULL, NULL);
  gattn_limits limits = {.struct_size = sizeof limits,
                         .copy_bytes = 1e10,
                         .multiply_add = 1e11,
                         .random_row_bytes = 1e10};
  const gattn_plan_options good = {.struct_size = sizeof good,
                                   .limits = &limits};
  gattn_plan_options bad = good;
  gattn_plan *plan = plan_with(context, &chain, &good);
  ck_assert(explains(plan, " ms"));
  gattn_plan_destroy(plan);
  plan = NULL;
  bad.effort = (gattn_effort)2;
  ck_assert_int_eq(gattn_plan_create(chain.program, &bad, &plan),
                   GATTN_ERROR_ARGUMENT);
  bad = good;
  bad.effort_bytes = -1;
  ck_assert_int_eq(gattn_plan_create(chain.program, &bad, &plan),
                   GATTN_ERROR_ARGUMENT);
  limits.copy_bytes = 0;
  ck_assert_int_eq(gattn_plan_create(chain.program, &good, &plan),
                   GATTN_ERROR_ARGUMENT);
  limits.struct_size = 1;
  ck_assert_int_eq(gattn_plan_create(chain.program, &good, &plan),
                   GATTN_ERROR_STRUCT_SIZE);
  ck_assert_ptr_null(plan);
  /* As before there were limits and effort: what follows is not read. */
  bad = good;
  bad.struct_size = offsetof(gattn_plan_options, limits);
  bad.effort = (gattn_effort)77;
  gattn_plan_destroy(plan_with(context, &chain, &bad));
  gattn_program_destroy(chain.program);
  test_problem_free(&problem);
}
END_TEST

/* ------------------------------------------------------------ wisdom */

/* The one line of a plan that was timed, with other ways. */
static void with_ways(const char *line, const char *ways, const char *lanes,
                      char *text) {
  const char *at = strstr(line, " ways ");
  const char *pieces = strstr(line, " pieces ");
  ck_assert(at && pieces);
  snprintf(text, TEXT, "%.*s ways %s lanes %s%s", (int)(at - line), line, ways,
           lanes, pieces);
}

/* Whatever wisdom says, also what cannot be, the answer is right. */
START_TEST(any_choice_is_right) {
  static const char *const ways[] = {"any",   "band", "renumbered", "list",
                                     "edges", "hubs", "joined", "split"};
  static const char *const lanes[] = {"any", "8", "16", "32", "64", "128"};
  static char text[TEXT];
  const test_problem_options options = options_of_mask((test_mask)_i);
  test_problem problem = test_problem_make(context, &options);
  test_chain chain = test_chain_make(&problem, NULL, NULL);
  gattn_plan_destroy(plan_of(&chain, GATTN_EFFORT_MEASURE));
  char *line = strdup(exported(context));
  for (int w = 0; w < 8; w++) {
    with_ways(line, ways[w], lanes[w % 6], text);
    ck_success(context, import(text));
    ck_assert_str_eq(exported(context), text);
    gattn_plan *plan = plan_of(&chain, GATTN_EFFORT_ESTIMATE);
    check_answer(&problem, &chain, plan);
    if (!strcmp(ways[w], "edges")) ck_assert(explains(plan, ": edge list,"));
    gattn_plan_destroy(plan);
  }
  free(line);
  gattn_program_destroy(chain.program);
  test_problem_free(&problem);
  test_settle();
}
END_TEST

#define KEY                                                                   \
  "device \"cpu, avx2, 2 threads\" version \"0.1.0\" type float16 batch 1 "   \
  "heads 8 kv_heads 8 rows 100 queries 100 keys 100 dim 64 dim_v 64 score 0 " \
  "frontier 0000000000000000 mask 0123456789abcdef"
#define CHOICE " ways band,edges lanes any pieces 4 nanoseconds 761000"
#define NOTE " note \"local(256) | random(3, 7)\""

START_TEST(round_trip) {
  static char text[TEXT], cut[TEXT];
  size_t length = 0;
  char *at = text;
  for (int e = 0; e < 40; e++)
    at += sprintf(at, "device \"card %d\" %s%s%s\n", e,
                  strstr(KEY, "version"), CHOICE, NOTE);
  ck_success(context, import(text));
  ck_assert_str_eq(exported(context), text);
  /* Comments, blank lines, other spaces, no last newline; again: no change. */
  char *other = malloc(2 * TEXT);
  snprintf(other, 2 * TEXT, "# wisdom\r\n\n  \t%s # no\n", "");
  ck_success(context, import(other));
  snprintf(other, 2 * TEXT, "\n#x\n%.*s\r", (int)strlen(text) - 1, text);
  ck_success(context, import(other));
  ck_assert_str_eq(exported(context), text);
  /* Whole lines alone, and how many bytes the whole would take. */
  ck_assert_int_eq(gattn_wisdom_export(context, NULL, 0, &length),
                   GATTN_NOTE_TRUNCATED);
  ck_assert_uint_eq(length, strlen(text));
  for (size_t size = 1; size <= length; size += 97) {
    ck_assert_int_eq(gattn_wisdom_export(context, cut, size, NULL),
                     GATTN_NOTE_TRUNCATED);
    ck_assert_uint_lt(strlen(cut), size);
    ck_assert(!strncmp(cut, text, strlen(cut)));
    ck_assert(!*cut || cut[strlen(cut) - 1] == '\n');
  }
  ck_assert_int_eq(gattn_wisdom_export(context, cut, length + 1, &length),
                   GATTN_SUCCESS);
  ck_assert_str_eq(cut, text);
  free(other);
}
END_TEST

/* What lines cannot hold is read as it is written. */
START_TEST(texts_are_plain) {
  const char *key = strstr(KEY, " version");
  char text[2048], plain[2048];
  snprintf(text, sizeof text, "device \"\x80\ta\"%s%s note \"\x7f\r.\"\n", key,
           CHOICE);
  snprintf(plain, sizeof plain, "device \"??a\"%s%s note \"??.\"\n", key,
           CHOICE);
  ck_success(context, import(text));
  ck_assert_str_eq(exported(context), plain);
  ck_success(context, import(plain));
  ck_assert_str_eq(exported(context), plain);
}
END_TEST

/* The later of two entries of one key holds, in its place. */
START_TEST(later_entries_replace) {
  ck_success(context, import(KEY CHOICE NOTE "\n"));
  ck_success(
      context,
      import(KEY " ways list lanes 64 pieces any nanoseconds 5 note \"\"\n"));
  ck_assert_str_eq(exported(context),
                   KEY " ways list lanes 64 pieces any nanoseconds 5 note "
                       "\"\"\n");
}
END_TEST

static const struct {
  const char *text, *says;
} malformed[] = {
    {"rubbish\n", "line 1 of wisdom: expected 'device', found 'rubbish'"},
    {"\n\n# x\n" KEY " way band\n", "line 4 of wisdom: expected 'ways'"},
    {KEY CHOICE NOTE "\n" KEY CHOICE NOTE " more\n",
     "line 2 of wisdom: expected the end of the line, found 'more'"},
    {KEY CHOICE "\n", "expected 'note'"},
    {KEY CHOICE " note \"open\n", "a text in quotes"},
    {KEY CHOICE " note open\n", "a text in quotes"},
    {KEY " ways band,tiles lanes any pieces 4 nanoseconds 7 note \"\"",
     "ways, as 'band,edges'"},
    {KEY " ways band, lanes any pieces 4 nanoseconds 7 note \"\"",
     "ways, as 'band,edges'"},
    {KEY " ways any,any,any,any,any,any,any,any,any,any,any,any,any,any,any,"
         "any,any lanes any pieces 4 nanoseconds 7 note \"\"",
     "ways, as"},
    {KEY " ways band lanes -1 pieces 4 nanoseconds 7 note \"\"",
     "'any' or a number as lanes, found '-1'"},
    {KEY " ways band lanes -18446744073709551615 pieces 4 nanoseconds 7 note "
         "\"\"",
     "as lanes"},
    {KEY " ways band lanes 99999999999999999999 pieces 4 nanoseconds 7 note "
         "\"\"",
     "as lanes"},
    {KEY " ways band lanes 9 pieces 65537 nanoseconds 7 note \"\"",
     "as pieces"},
    {KEY " ways band lanes 9 pieces 6 nanoseconds 0.5 note \"\"",
     "a number as nanoseconds, found '0.5'"},
    {KEY " ways band lanes 9 pieces 6 nanoseconds 3883139815726120959 note "
         "\"\"",
     "a number as nanoseconds, found '3883139815726120959'"},
    {"device \"a\" version \"1\" type float99", "an element type"},
    {"device \"a\" version \"1\" type int64", "an element type"},
    {"device \"a\" version \"a version that is far longer than any\"",
     "as version"},
    {"device \"a\" version \"1\" type float16 batch x", "a number as batch"},
    {"device \"a\" version \"1\" type float16 batch 9223372036854775808",
     "a number as batch"},
    {"device \"a\" version \"1\" type float16 batch 1 heads 8 kv_heads 8 rows "
     "100 queries 100 keys 100 dim 64 dim_v 64 score 0 frontier 12",
     "sixteen hexadecimal digits as frontier, found '12'"},
    {"device \"a\" version \"1\" type float16 batch 1 heads 8 kv_heads 8 rows "
     "100 queries 100 keys 100 dim 64 dim_v 64 score 0 frontier "
     "0x00000000000012",
     "sixteen hexadecimal digits as frontier, found '0x00000000000012'"},
    {"device \"a\" version \"1\" type float16 batch \v1", "a number as batch"},
};
enum { MALFORMED = sizeof malformed / sizeof *malformed };

START_TEST(malformed_wisdom) {
  ck_success(context, import(KEY CHOICE NOTE "\n"));
  char *before = strdup(exported(context));
  ck_assert_int_eq(import(malformed[_i].text), GATTN_ERROR_FORMAT);
  const char *message = gattn_context_message(context);
  ck_assert_msg(strstr(message, malformed[_i].says), "%s", message);
  ck_assert_str_eq(exported(context), before);
  free(before);
}
END_TEST

START_TEST(null_and_nothing) {
  char text[8] = "x";
  ck_assert_int_eq(gattn_wisdom_export(NULL, text, 8, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_wisdom_export(context, NULL, 8, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_wisdom_import(NULL, text, 1), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_wisdom_import(context, NULL, 1), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_wisdom_forget(NULL), GATTN_ERROR_NULL);
  ck_assert_str_eq(text, "x");
  ck_success(context, gattn_wisdom_import(context, NULL, 0));
  ck_success(context, import("\n# nothing\n"));
  ck_assert_int_eq(gattn_wisdom_import(context, "\0\n", 2),
                   GATTN_ERROR_FORMAT);
  ck_success(context, gattn_wisdom_forget(context));
}
END_TEST

/* ------------------------------------------------- threads, allocations */

static void *import_and_export(void *line) {
  char text[4096];
  for (int turn = 0; turn < 200; turn++) {
    gattn_wisdom_import(context, line, strlen(line));
    gattn_wisdom_export(context, text, sizeof text, NULL);
  }
  return NULL;
}

START_TEST(many_threads) {
  enum { THREADS = 4 };
  static char lines[THREADS][1024];
  pthread_t threads[THREADS];
  for (int t = 0; t < THREADS; t++) {
    sprintf(lines[t], "device \"%d\" %s%s%s\n", t, strstr(KEY, "version"),
            CHOICE, NOTE);
    pthread_create(&threads[t], NULL, import_and_export, lines[t]);
  }
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
  size_t length = 0;
  gattn_wisdom_export(context, NULL, 0, &length);
  ck_assert_uint_eq(length, THREADS * strlen(lines[0]));
}
END_TEST

static gattn_status import_some(gattn_context *brutal, void *text) {
  return gattn_wisdom_import(brutal, text, strlen(text));
}

static gattn_status measure(gattn_context *brutal) {
  static const int64_t shape[] = {40, 4};
  gattn_graph *graph = NULL;
  gattn_program *p = NULL;
  gattn_plan *plan = NULL;
  const gattn_plan_options options = {.struct_size = sizeof options,
                                      .effort = GATTN_EFFORT_MEASURE};
  gattn_value q, s, w, o;
  gattn_status status =
      gattn_mask_parse(brutal, "local(3) | dilated(2, 9)", 40, 40, &graph);
  if (!status) status = gattn_program_create(brutal, &p);
  if (!status)
    status = gattn_program_input(p, "q", GATTN_FLOAT32, 2, shape, &q);
  if (!status)
    status = gattn_program_advance(p, graph, NULL, q, q, NULL, NULL,
                                   GATTN_NO_VALUE, &s);
  if (!status) status = gattn_program_segmented_softmax(p, s, &w, NULL);
  if (!status) status = gattn_program_gather(p, w, q, &o);
  if (!status) status = gattn_program_output(p, "o", o);
  if (!status) status = gattn_plan_create(p, &options, &plan);
  gattn_plan_destroy(plan);
  gattn_program_destroy(p);
  gattn_graph_release(graph);
  return status;
}

/* A candidate that finds no memory is none: only leaks would be wrong. */
START_TEST(measuring_without_memory) {
  brutal_heap heap;
  for (int64_t at = 0;; at++) {
    gattn_context *brutal = NULL;
    brutal_heap_init(&heap, at, _i);
    gattn_context_options options = {.struct_size = sizeof options,
                                     .threads = 1,
                                     .allocator = brutal_allocator(&heap)};
    gattn_status status = gattn_context_create(&options, &brutal);
    if (!status) status = measure(brutal);
    gattn_context_destroy(brutal);
    ck_assert_int_eq(heap.live, 0);
    ck_assert_msg(!status || (status == GATTN_ERROR_MEMORY && heap.refused),
                  "allocation %lld: %s", (long long)at,
                  gattn_status_name(status));
    if (!heap.refused) break;
  }
}
END_TEST

START_TEST(importing_without_memory) {
  brutal_run(import_some, KEY CHOICE NOTE "\n" KEY CHOICE NOTE "\n");
}
END_TEST

Suite *make_wisdom_suite(void) {
  Suite *suite = suite_create("wisdom");
  TCase *wisdom = tcase_create("wisdom");
  suite_add_tcase(suite, wisdom);
  tcase_add_checked_fixture(wisdom, setup, teardown);
  tcase_add_loop_test(wisdom, measuring_learns, 0, MASKS);
  tcase_add_loop_test(wisdom, other_work_is_not_known, 0, 4);
  tcase_add_loop_test(wisdom, nothing_is_measured, 0, 2);
  tcase_add_test(wisdom, memory_is_bounded);
  tcase_add_test(wisdom, options_are_checked);
  tcase_add_loop_test(wisdom, any_choice_is_right, 0, MASKS);
  tcase_add_test(wisdom, round_trip);
  tcase_add_test(wisdom, texts_are_plain);
  tcase_add_test(wisdom, later_entries_replace);
  tcase_add_loop_test(wisdom, malformed_wisdom, 0, MALFORMED);
  tcase_add_test(wisdom, null_and_nothing);
  tcase_add_test(wisdom, many_threads);
  if (test_on_device()) return suite;
  tcase_add_test(wisdom, importing_without_memory);
  tcase_add_loop_test(wisdom, measuring_without_memory, 0, 2);
  return suite;
}
