/* Matrix Market text and files. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "brutal.h"
#include "masks/mtx.h"

#define BANNER "%%MatrixMarket matrix coordinate "

static gattn_context *context;

static void create_context(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void destroy_context(void) { gattn_context_destroy(context); }

/* ------------------------------------------------------------ accepted */

/* edges: the matrix as rows of '.' and 'x', each ended by '/'. */
static const struct {
  const char *text, *edges;
} accepted[] = {
    {BANNER "pattern general\n2 3 2\n1 1\n2 3\n", "x../..x/"},
    {BANNER "pattern general\n2 3 2\n2 3\n1 1", "x../..x/"},
    {BANNER "pattern general\r\n2 3 2\r\n1 1\r\n2 3\r\n", "x../..x/"},
    {"%%matrixmarket MATRIX Coordinate PATTERN General\n2 2 1\n1 2\n",
     ".x/../"},
    {BANNER "pattern general\n% a comment\n%\n\n \t \n2 2 1\n\n1 2\n \n\n",
     ".x/../"},
    {BANNER "pattern general\n%not the size: 9 9 9\n  2\t2  1 \n\t1   2 \t\n",
     ".x/../"},
    {BANNER "pattern general\n2 2 4\n1 2\n1 2\n2 1\n1 2\n", ".x/x./"},
    {BANNER "pattern general\n2 2 0\n", "../../"},
    {BANNER "pattern general\n2 2 0", "../../"},
    {BANNER "pattern general\n0 0 0\n", ""},
    {BANNER "pattern general\n0 5 0\n", ""},
    {BANNER "pattern symmetric\n3 3 3\n2 1\n3 3\n3 1\n", ".xx/x../x.x/"},
    {BANNER "pattern symmetric\n2 2 1\n1 2\n", ".x/x./"},
    {BANNER "pattern symmetric\n2 2 2\n1 2\n2 1\n", ".x/x./"},
    {BANNER
     "integer general\n2 2 3\n1 1 0\n1 2 -7\n2 2 +99999999999999999999\n",
     "xx/.x/"},
    {BANNER "real general\n1 9 9\n1 1 0\n1 2 1.5\n1 3 -.5e-3\n1 4 +2.E+9\n"
            "1 5 1e400\n1 6 inf\n1 7 -Infinity\n1 8 NaN\n1 9 7\n",
     "xxxxxxxxx/"},
    {BANNER "real symmetric\n2 2 1\n2 1 0.1\n", ".x/x./"},
};

static void draw(gattn_graph *graph, char *text) {
  for (int64_t i = 0; i < gattn_graph_queries(graph); i++) {
    for (int64_t j = 0; j < gattn_graph_keys(graph); j++) {
      int contains;
      ck_assert_int_eq(gattn_graph_contains(context, graph, i, j, &contains),
                       GATTN_SUCCESS);
      *text++ = contains ? 'x' : '.';
    }
    *text++ = '/';
  }
  *text = '\0';
}

START_TEST(accepts) {
  const char *text = accepted[_i].text;
  gattn_graph *graph = NULL;
  char drawing[256];
  gattn_status status =
      gattn_graph_from_mtx_text(context, "g", text, strlen(text), &graph);
  ck_assert_msg(!status, "%s\n%s", text, gattn_context_message(context));
  draw(graph, drawing);
  ck_assert_str_eq(drawing, accepted[_i].edges);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ refused */

#define GENERAL BANNER "pattern general\n"

static const struct {
  const char *text;
  gattn_status status;
  const char *message;
} refused[] = {
    {"", GATTN_ERROR_FORMAT,
     "line 1: expected the banner %%MatrixMarket, found the file's end"},
    {"\n", GATTN_ERROR_FORMAT,
     "line 1: expected the banner %%MatrixMarket, found the line's end"},
    {"%MatrixMarket matrix", GATTN_ERROR_FORMAT,
     "line 1: expected the banner %%MatrixMarket, found \"%MatrixMarket\""},
    {"\x93NUMPY\1", GATTN_ERROR_FORMAT,
     "line 1: expected the banner %%MatrixMarket, found \"?NUMPY?\""},
    {"%%MatrixMarket tensor", GATTN_ERROR_FORMAT,
     "line 1: expected matrix, found \"tensor\""},
    {"%%MatrixMarket matrix array real general\n1 1\n1\n", GATTN_ERROR_FORMAT,
     "line 1: expected coordinate, found \"array\""},
    {BANNER "complex general\n1 1 1\n1 1 1 1\n", GATTN_ERROR_FORMAT,
     "line 1: expected pattern, integer or real, found \"complex\""},
    {BANNER "real hermitian\n", GATTN_ERROR_FORMAT,
     "line 1: expected general or symmetric, found \"hermitian\""},
    {BANNER "real skew-symmetric\n", GATTN_ERROR_FORMAT,
     "line 1: expected general or symmetric, found \"skew-symmetric\""},
    {BANNER "real\n", GATTN_ERROR_FORMAT,
     "line 1: expected general or symmetric, found the line's end"},
    {BANNER "real general extra\n", GATTN_ERROR_FORMAT,
     "line 1: expected the end of the banner, found \"extra\""},
    {GENERAL, GATTN_ERROR_FORMAT,
     "line 2: expected the size line: rows, columns, entries, found the "
     "file's end"},
    {GENERAL "% only\n\n", GATTN_ERROR_FORMAT,
     "line 4: expected the size line: rows, columns, entries, found the "
     "file's end"},
    {GENERAL "2 2\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: expected the size line: rows, columns, entries, found the "
     "line's end"},
    {GENERAL "2 -2 1\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: expected the size line: rows, columns, entries, found \"-2\""},
    {GENERAL "2 2 1 0\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: expected the end of the size line, found \"0\""},
    {GENERAL "9223372036854775807 2 1\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: expected the size line: rows, columns, entries, found "
     "\"9223372036854775807\""},
    {GENERAL "99999999999999999999 2 1\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: expected the size line: rows, columns, entries, found "
     "\"99999999999999999999\""},
    {BANNER "pattern symmetric\n2 3 0\n", GATTN_ERROR_FORMAT,
     "line 2: expected a square matrix because it is symmetric, found 2 × 3"},
    {GENERAL "2 2 1000000000000\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: states 1000000000000 entries, but only 4 bytes follow"},
    {GENERAL "2 2 4611686018427387904\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: states 4611686018427387904 entries, but only 4 bytes follow"},
    {BANNER "real general\n2 2 2\n1 1 1\n1 1\n", GATTN_ERROR_FORMAT,
     "line 2: states 2 entries, but only 10 bytes follow"},
    {GENERAL "2 2 2\n1 1\n\n\n\n\n", GATTN_ERROR_FORMAT,
     "line 8: expected one more entry, found the file's end"},
    {GENERAL "2 2 1\n1 1\n2 2\n", GATTN_ERROR_FORMAT,
     "line 4: expected the file's end after all stated entries, found \"2\""},
    {GENERAL "2 2 1\n0 1\n", GATTN_ERROR_INDEX,
     "line 3: expected a row in 1 … 2, found 0"},
    {GENERAL "2 2 1\n3 1\n", GATTN_ERROR_INDEX,
     "line 3: expected a row in 1 … 2, found 3"},
    {GENERAL "2 2 1\n1 3\n", GATTN_ERROR_INDEX,
     "line 3: expected a column in 1 … 2, found 3"},
    {GENERAL "2 2 1\n1.0 1\n", GATTN_ERROR_FORMAT,
     "line 3: expected a row, found \"1.0\""},
    {GENERAL "2 2 1\n1 -1\n", GATTN_ERROR_FORMAT,
     "line 3: expected a column, found \"-1\""},
    {GENERAL "2 2 1\n1   \n", GATTN_ERROR_FORMAT,
     "line 3: expected a column, found the line's end"},
    {GENERAL "2 2 1\n1 18446744073709551617\n", GATTN_ERROR_FORMAT,
     "line 3: expected a column, found \"18446744073709551617\""},
    {GENERAL "2 2 1\n1 1 1\n", GATTN_ERROR_FORMAT,
     "line 3: expected the end of the entry, found \"1\""},
    {GENERAL "2 2 1\n% late\n1 1\n", GATTN_ERROR_FORMAT,
     "line 3: expected a row, found \"%\""},
    {BANNER "integer general\n2 2 1\n1 1 1.5\n", GATTN_ERROR_FORMAT,
     "line 3: expected an integer, found \"1.5\""},
    {BANNER "integer general\n2 2 1\n1 1 +\n", GATTN_ERROR_FORMAT,
     "line 3: expected an integer, found \"+\""},
    {BANNER "integer general\n2 2 1\n1 1    \n", GATTN_ERROR_FORMAT,
     "line 3: expected an integer, found the line's end"},
    {BANNER "real general\n2 2 1\n1 1 x\n", GATTN_ERROR_FORMAT,
     "line 3: expected a real number, found \"x\""},
    {BANNER "real general\n2 2 1\n1 1 1,5\n", GATTN_ERROR_FORMAT,
     "line 3: expected a real number, found \"1,5\""},
    {BANNER "real general\n2 2 1\n1 1 .\n", GATTN_ERROR_FORMAT,
     "line 3: expected a real number, found \".\""},
    {BANNER "real general\n2 2 1\n1 1 1e\n", GATTN_ERROR_FORMAT,
     "line 3: expected a real number, found \"1e\""},
    {BANNER "real general\n2 2 1\n1 1 1e5x\n", GATTN_ERROR_FORMAT,
     "line 3: expected a real number, found \"1e5x\""},
    {BANNER "real general\n2 2 1\n1 1 1.5 2\n", GATTN_ERROR_FORMAT,
     "line 3: expected the end of the entry, found \"2\""},
};

START_TEST(refuses) {
  const char *text = refused[_i].text;
  char message[512];
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_graph_from_mtx_text(context, "g.mtx", text, strlen(text), &graph);
  snprintf(message, sizeof message, "g.mtx: %s", refused[_i].message);
  ck_assert_str_eq(gattn_context_message(context), message);
  ck_assert_int_eq(status, refused[_i].status);
  ck_assert_ptr_null(graph);
}
END_TEST

START_TEST(refuses_nul_bytes) {
  static const char text[] = GENERAL
      "2 2 1\n1 \0"
      "1\n";
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_graph_from_mtx_text(context, "g.mtx", text,
                                             sizeof text - 1, &graph),
                   GATTN_ERROR_FORMAT);
  ck_assert_ptr_null(graph);
}
END_TEST

START_TEST(refuses_null) {
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_graph_from_mtx_text(NULL, "g", "", 0, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx_text(context, NULL, "", 0, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx_text(context, "g", NULL, 1, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx_text(context, "g", NULL, 0, &graph),
                   GATTN_ERROR_FORMAT);
  ck_assert_int_eq(gattn_graph_from_mtx_text(context, "g", "", 0, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx(NULL, "g", &graph), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx(context, NULL, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_from_mtx(context, "g", NULL), GATTN_ERROR_NULL);
  ck_assert_ptr_null(graph);
}
END_TEST

/* ------------------------------------------------------------ files */

static char directory[64], path[80];

static void write_file(const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

static void create_directory(void) {
  create_context();
  strcpy(directory, "/tmp/check_mtx.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/g.mtx", directory);
}

static void destroy_directory(void) {
  unlink(path);
  rmdir(directory);
  destroy_context();
}

START_TEST(reads_a_file) {
  gattn_graph *graph = NULL;
  char drawing[256];
  write_file(accepted[0].text);
  ck_assert_int_eq(gattn_graph_from_mtx(context, path, &graph), GATTN_SUCCESS);
  draw(graph, drawing);
  ck_assert_str_eq(drawing, accepted[0].edges);
  gattn_graph_release(graph);
}
END_TEST

/* More than the first buffer takes, from something without a size. */
START_TEST(reads_a_pipe) {
  gattn_graph *graph = NULL;
  ck_assert_int_eq(mkfifo(path, 0600), 0);
  pid_t writer = fork();
  if (writer == 0) {
    FILE *file = fopen(path, "w");
    fputs(GENERAL "1000 1000 100000\n", file);
    for (int e = 0; e < 100000; e++)
      fprintf(file, "%d %d\n", e % 1000 + 1, e / 1000 + 1);
    _exit(fclose(file));
  }
  gattn_status status = gattn_graph_from_mtx(context, path, &graph);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  for (int64_t i = 0; i < 1000; i++) {
    int64_t degree;
    ck_assert_int_eq(gattn_graph_degree(context, graph, i, &degree),
                     GATTN_SUCCESS);
    ck_assert_int_eq(degree, 100);
  }
  gattn_graph_release(graph);
}
END_TEST

START_TEST(refuses_a_missing_file) {
  gattn_graph *graph = NULL;
  char message[512];
  ck_assert_int_eq(gattn_graph_from_mtx(context, path, &graph),
                   GATTN_ERROR_FILE);
  snprintf(message, sizeof message, "%s: No such file or directory", path);
  ck_assert_str_eq(gattn_context_message(context), message);
  ck_assert_int_eq(gattn_graph_from_mtx(context, directory, &graph),
                   GATTN_ERROR_FILE);
  ck_assert_ptr_null(graph);
}
END_TEST

/* A size that is not the wanted one is refused before memory is taken. */
START_TEST(refuses_another_size) {
  static const char text[] = GENERAL "1000000000000 5 0\n";
  gattn_graph *graph = NULL;
  ck_assert_int_eq(
      gattn_mtx_parse(context, "g.mtx", text, strlen(text), 5, 5, &graph),
      GATTN_ERROR_SHAPE);
  ck_assert_str_eq(gattn_context_message(context),
                   "g.mtx: line 2: expected a matrix of 5 × 5, found "
                   "1000000000000 × 5");
  ck_assert_ptr_null(graph);
}
END_TEST

static gattn_status read_file(gattn_context *brutal, void *user) {
  (void)user;
  gattn_graph *graph = NULL;
  gattn_status status = gattn_graph_from_mtx(brutal, path, &graph);
  if (status) ck_assert_ptr_null(graph);
  gattn_graph_release(graph);
  return status;
}

START_TEST(survives_failing_allocations) {
  write_file(BANNER "real symmetric\n3 3 3\n2 1 1\n3 3 1\n3 1 1\n");
  ck_assert_int_ge(brutal_run(read_file, NULL), 5);
}
END_TEST

static Suite *make_mtx_suite(void) {
  Suite *suite = suite_create("mtx");
  TCase *text = tcase_create("text");
  tcase_add_checked_fixture(text, create_context, destroy_context);
  tcase_add_loop_test(text, accepts, 0, sizeof accepted / sizeof *accepted);
  tcase_add_loop_test(text, refuses, 0, sizeof refused / sizeof *refused);
  tcase_add_test(text, refuses_nul_bytes);
  tcase_add_test(text, refuses_null);
  tcase_add_test(text, refuses_another_size);
  suite_add_tcase(suite, text);
  TCase *files = tcase_create("files");
  tcase_add_checked_fixture(files, create_directory, destroy_directory);
  tcase_add_test(files, reads_a_file);
  tcase_add_test(files, reads_a_pipe);
  tcase_add_test(files, refuses_a_missing_file);
  tcase_add_test(files, survives_failing_allocations);
  suite_add_tcase(suite, files);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_mtx_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
