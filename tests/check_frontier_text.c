/* Frontiers from text. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gattn.h>

#include "brutal.h"
#include "frontier/frontier.h"

static gattn_context *context;

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

static void assert_failed(gattn_status got, gattn_status expected,
                          const char *words) {
  const char *message = gattn_context_message(context);
  if (got != expected || !strstr(message, words))
    ck_abort_msg("got %s: \"%s\"; expected %s: \"…%s…\"",
                 gattn_status_name(got), message, gattn_status_name(expected),
                 words);
}

static void assert_success(gattn_status status) {
  ck_assert_msg(!status, "%s: %s", gattn_status_name(status),
                gattn_context_message(context));
}

static void assert_is(const gattn_frontier *frontier, int64_t n,
                      const int64_t *vertices, int64_t size) {
  ck_assert_int_eq(gattn_frontier_universe(frontier), n);
  ck_assert_int_eq(gattn_frontier_size(frontier), size);
  for (int64_t p = 0; p < size; p++)
    ck_assert_int_eq(gattn_frontier_vertex(frontier, p), vertices[p]);
}

static const struct good_text {
  const char *text;
  int64_t size, vertices[4];
} good_texts[] = {
    {"all", 100, {0, 1, 2, 3}},
    {" all ", 100, {0, 1, 2, 3}},
    {"range:3:7", 4, {3, 4, 5, 6}},
    {"range : 3 : 7", 4, {3, 4, 5, 6}},
    {"range:0:100", 100, {0, 1, 2, 3}},
    {"range:100:100", 0, {0}},
    {"last:1", 1, {99}},
    {"last:100", 100, {0, 1, 2, 3}},
    {"last:0", 0, {0}},
    {"list:5", 1, {5}},
    {"list:5, 0,99,7", 4, {5, 0, 99, 7}},
    {"list:3,4,5,6", 4, {3, 4, 5, 6}},
};

START_TEST(parses) {
  const struct good_text *row = &good_texts[_i];
  gattn_frontier *frontier;
  assert_success(gattn_frontier_parse(context, row->text, 100, &frontier));
  ck_assert_int_eq(gattn_frontier_universe(frontier), 100);
  ck_assert_int_eq(gattn_frontier_size(frontier), row->size);
  for (int64_t p = 0; p < row->size && p < 4; p++)
    ck_assert_int_eq(gattn_frontier_vertex(frontier, p), row->vertices[p]);
  gattn_frontier_release(frontier);
}
END_TEST

START_TEST(suffixes) {
  gattn_frontier *frontier;
  assert_success(gattn_frontier_parse(context, "range:1k:2t", (int64_t)2 << 40,
                                      &frontier));
  ck_assert_int_eq(gattn_frontier_vertex(frontier, 0), 1024);
  ck_assert_int_eq(gattn_frontier_size(frontier), ((int64_t)2 << 40) - 1024);
  gattn_frontier_release(frontier);
}
END_TEST

static const struct bad_text {
  const char *text;
  gattn_status status;
  const char *words;
} bad_texts[] = {
    {"", GATTN_ERROR_SYNTAX, "column 1: expected all, range:a:b, last:k"},
    {"5", GATTN_ERROR_SYNTAX, "found integer 5"},
    {"rang:1:2", GATTN_ERROR_NAME, "\"rang\"; did you mean \"range\"?"},
    {"lsat:1", GATTN_ERROR_NAME,
     "column 1: unknown frontier \"lsat\"; did you mean \"last\"?"},
    {"ALL", GATTN_ERROR_NAME, "did you mean \"all\"?"},
    {"all:", GATTN_ERROR_SYNTAX, "column 4: expected the end, found \":\""},
    {"all all", GATTN_ERROR_SYNTAX, "column 5"},
    {"range", GATTN_ERROR_SYNTAX, "column 6: expected \":\", found the end"},
    {"range:", GATTN_ERROR_SYNTAX, "the beginning of a range, found the end"},
    {"range:1", GATTN_ERROR_SYNTAX, "column 8: expected \":\""},
    {"range:1:", GATTN_ERROR_SYNTAX, "the end of a range, found the end"},
    {"range:1:x", GATTN_ERROR_SYNTAX, "column 9"},
    {"range:1:2:3", GATTN_ERROR_SYNTAX, "expected the end, found \":\""},
    {"range:-1:2", GATTN_ERROR_SYNTAX, "found \"-\""},
    {"range:7:6", GATTN_ERROR_INDEX, "from 7 to 100, found 6"},
    {"range:0:101", GATTN_ERROR_INDEX, "from 0 to 100, found 101"},
    {"range:101:101", GATTN_ERROR_INDEX, "column 7"},
    {"last:101", GATTN_ERROR_INDEX, "from 0 to 100, found 101"},
    {"last:1k", GATTN_ERROR_INDEX, "found 1024"},
    {"last", GATTN_ERROR_SYNTAX, "expected \":\""},
    {"last:99999999999999999999", GATTN_ERROR_OVERFLOW, "column 6"},
    {"list:", GATTN_ERROR_SYNTAX, "expected a vertex, found the end"},
    {"list:1,", GATTN_ERROR_SYNTAX, "column 8"},
    {"list:1,,2", GATTN_ERROR_SYNTAX, "column 8"},
    {"list:1 2", GATTN_ERROR_SYNTAX, "column 8"},
    {"list:1,9x", GATTN_ERROR_SYNTAX, "column 8"},
    {"list:100", GATTN_ERROR_INDEX, "from 0 to 99, found 100"},
    {"list:5,3,5", GATTN_ERROR_DUPLICATE, "column 10: vertex 5"},
    {"list:5,6,6", GATTN_ERROR_DUPLICATE, "column 10: vertex 6"},
    {"list:1?", GATTN_ERROR_SYNTAX, "column 7"},
    {"file", GATTN_ERROR_SYNTAX, "expected \":\""},
    {"file:", GATTN_ERROR_SYNTAX, "the path of a .npy file"},
    {"file:/nope/ids.npy", GATTN_ERROR_FILE, "/nope/ids.npy: No such file"},
};

START_TEST(parse_refuses) {
  const struct bad_text *row = &bad_texts[_i];
  gattn_frontier *frontier = NULL;
  assert_failed(gattn_frontier_parse(context, row->text, 100, &frontier),
                row->status, row->words);
  ck_assert_ptr_null(frontier);
}
END_TEST

START_TEST(parse_refuses_arguments) {
  gattn_frontier *frontier = NULL;
  assert_failed(gattn_frontier_parse(context, NULL, 100, &frontier),
                GATTN_ERROR_NULL, "text");
  assert_failed(gattn_frontier_parse(context, "all", 100, NULL),
                GATTN_ERROR_NULL, "frontier");
  assert_failed(gattn_frontier_parse(context, "all", -1, &frontier),
                GATTN_ERROR_SIZE, "n: -1");
  ck_assert_int_eq(gattn_frontier_parse(NULL, "all", 1, &frontier),
                   GATTN_ERROR_NULL);
  char *huge = malloc(70000);
  memset(huge, ' ', 69999);
  huge[69999] = '\0';
  assert_failed(gattn_frontier_parse(context, huge, 1, &frontier),
                GATTN_ERROR_SYNTAX, "longer than");
  free(huge);
  ck_assert_ptr_null(frontier);
}
END_TEST

/* ids as a file, then "file:" and its path. */
static gattn_status parse_ids(gattn_type type, int32_t rank, const int64_t *ids,
                              int64_t size, gattn_frontier **frontier) {
  char path[] = "check_frontier_text.XXXXXX", text[64];
  int file = mkstemp(path);
  ck_assert_int_ge(file, 0);
  close(file);
  gattn_tensor tensor;
  gattn_npy *npy;
  assert_success(gattn_npy_create(context, path, type, rank,
                                  (int64_t[]){size, 1}, &tensor, &npy));
  if (type == GATTN_INT64 && size) memcpy(tensor.data, ids, (size_t)size * 8);
  assert_success(gattn_npy_commit(context, npy));
  gattn_npy_close(npy);
  snprintf(text, sizeof text, "file:%s", path);
  gattn_status status = gattn_frontier_parse(context, text, 100, frontier);
  ck_assert_int_eq(remove(path), 0);
  return status;
}

START_TEST(files) {
  int64_t ids[] = {40, 41, 7, 99};
  gattn_frontier *frontier;
  assert_success(parse_ids(GATTN_INT64, 1, ids, 4, &frontier));
  assert_is(frontier, 100, ids, 4);
  gattn_frontier_release(frontier);
  assert_success(parse_ids(GATTN_INT64, 1, ids, 0, &frontier));
  assert_is(frontier, 100, NULL, 0);
  gattn_frontier_release(frontier);
}
END_TEST

START_TEST(files_refuse) {
  gattn_frontier *frontier = NULL;
  assert_failed(parse_ids(GATTN_INT64, 1, (int64_t[]){3, 100}, 2, &frontier),
                GATTN_ERROR_INDEX, ": vertex 100 at position 1");
  assert_failed(parse_ids(GATTN_INT64, 1, (int64_t[]){-1}, 1, &frontier),
                GATTN_ERROR_INDEX, ": vertex -1 at position 0");
  assert_failed(parse_ids(GATTN_INT64, 1, (int64_t[]){3, 9, 3}, 3, &frontier),
                GATTN_ERROR_DUPLICATE, ": vertex 3 is named twice");
  assert_failed(parse_ids(GATTN_INT64, 2, (int64_t[]){3}, 1, &frontier),
                GATTN_ERROR_FORMAT, "2 axes");
  assert_failed(parse_ids(GATTN_FLOAT32, 1, NULL, 2, &frontier),
                GATTN_ERROR_FORMAT, "float32");
  ck_assert_ptr_null(frontier);
}
END_TEST

static gattn_status parse_list(gattn_context *brutal, void *text) {
  gattn_frontier *frontier = NULL;
  gattn_status status = gattn_frontier_parse(brutal, text, 1000, &frontier);
  gattn_frontier_release(frontier);
  return status;
}

START_TEST(parse_survives_failing_allocations) {
  char text[2000] = "list:999";
  for (int v = 0; v < 200; v += 2) snprintf(text + strlen(text), 16, ",%d", v);
  ck_assert_int_ge(brutal_run(parse_list, text), 4);
}
END_TEST

static Suite *make_frontier_text_suite(void) {
  Suite *suite = suite_create("frontier_text");
  TCase *tcase = tcase_create("frontier_text");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, parses, 0, sizeof good_texts / sizeof *good_texts);
  tcase_add_test(tcase, suffixes);
  tcase_add_loop_test(tcase, parse_refuses, 0,
                      sizeof bad_texts / sizeof *bad_texts);
  tcase_add_test(tcase, parse_refuses_arguments);
  tcase_add_test(tcase, files);
  tcase_add_test(tcase, files_refuse);
  tcase_add_test(tcase, parse_survives_failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_frontier_text_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
