/* The mask table: its rows, what they make, files, long expressions.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "brutal.h"

enum { N = 64 };

static gattn_context *context;
static char directory[64];

/* Files are named in expressions relative to the working directory. */
static void enter_directory(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  strcpy(directory, "/tmp/check_mask_table.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_int_eq(chdir(directory), 0);
}

static void leave_directory(void) {
  static const char *const names[] = {
      "starts.npy", "parents.npy", "ids.npy",  "lo.npy",     "hi.npy", "g.mtx",
      "blocks.mtx", "short.npy",   "real.npy", "square.npy", "bad.npy"};
  for (size_t f = 0; f < sizeof names / sizeof *names; f++) unlink(names[f]);
  ck_assert_int_eq(chdir("/"), 0);
  rmdir(directory);
  gattn_context_destroy(context);
}

static gattn_graph *parse(const char *expression, int64_t n_q, int64_t n_kv) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_mask_parse(context, expression, n_q, n_kv, &graph);
  ck_assert_msg(!status, "%.200s: %s", expression,
                gattn_context_message(context));
  return graph;
}

static int contains(gattn_graph *graph, int64_t i, int64_t j) {
  int answer = -1;
  ck_assert_int_eq(gattn_graph_contains(context, graph, i, j, &answer),
                   GATTN_SUCCESS);
  return answer;
}

static void expect_equal(gattn_graph *a, gattn_graph *b, const char *what) {
  ck_assert_int_eq(gattn_graph_queries(a), gattn_graph_queries(b));
  ck_assert_int_eq(gattn_graph_keys(a), gattn_graph_keys(b));
  for (int64_t i = 0; i < gattn_graph_queries(a); i++)
    for (int64_t j = 0; j < gattn_graph_keys(a); j++)
      ck_assert_msg(contains(a, i, j) == contains(b, i, j),
                    "%.200s: %" PRId64 ", %" PRId64, what, i, j);
}

/* ------------------------------------------------------------ rows */

START_TEST(every_row_is_whole) {
  int64_t rows = 0;
  for (const gattn_mask_info *row; (row = gattn_mask_table(rows)); rows++) {
    ck_assert(row->name && row->arguments && row->rule);
    ck_assert(row->preset == 0 || row->preset == 1);
    if (row->example) {
      size_t length = strlen(row->name);
      ck_assert_int_eq(strncmp(row->example, row->name, length), 0);
      ck_assert(strchr("(", row->example[length])); /* or the end */
      gattn_graph_release(parse(row->example, N, N));
    }
    for (int64_t other = 0; other < rows; other++)
      ck_assert_str_ne(gattn_mask_table(other)->name, row->name);
  }
  ck_assert_int_eq(rows, 28);
  ck_assert_ptr_null(gattn_mask_table(rows));
  ck_assert_ptr_null(gattn_mask_table(-1));
}
END_TEST

/* Each mask begins a row of the table in doc/masks.md. */
START_TEST(every_row_is_documented) {
  const char *srcdir = getenv("srcdir");
  char path[4096], row[64];
  static char page[1 << 16];
  snprintf(path, sizeof path, "%s/doc/masks.md", srcdir ? srcdir : ".");
  FILE *file = fopen(path, "r");
  ck_assert_msg(file, "%s", path);
  size_t length = fread(page, 1, sizeof page - 1, file);
  fclose(file);
  page[length] = '\0';
  for (int64_t r = 0; gattn_mask_table(r); r++) {
    const gattn_mask_info *mask = gattn_mask_table(r);
    snprintf(row, sizeof row, "\n| `%s%s", mask->name,
             *mask->arguments ? "(" : "`");
    ck_assert_msg(strstr(page, row), "%s: no row for %s", path, mask->name);
  }
}
END_TEST

/* What the expression parses to is what the C function makes. */
#define MADE(name, ...)                                   \
  static gattn_status make_##name(gattn_graph **graph) {  \
    return gattn_mask_##name(context, N, N, __VA_ARGS__); \
  }
static const gattn_range set[] = {{3, 4}, {10, 12}};
static const int64_t starts[] = {0, 10, 40}, w[] = {8, 32}, r[] = {1, 4};

MADE(full, graph)
MADE(causal, graph)
MADE(local, 4, 7, graph)
MADE(dilated, 3, 2, graph)
MADE(dilated2d, 16, 3, graph)
MADE(strided, 7, graph)
MADE(fixed, 8, 2, graph)
MADE(blocks, 10, graph)
MADE(blocklocal, 10, 1, graph)
MADE(rows, set, 2, graph)
MADE(cols, set, 2, graph)
MADE(global, set, 2, graph)
MADE(random, 5, 7, graph)
MADE(randomblocks, 10, 2, 7, graph)
MADE(documents, starts, 3, graph)
MADE(prefix, 10, graph)
MADE(neighborhood2d, 4, 16, 3, 5, graph)
MADE(blocks2d, 4, 16, 3, 5, graph)
MADE(longformer, 4, 2, graph)
MADE(bigbird, 8, 1, 2, 3, 7, graph)
MADE(longnet, w, r, 2, graph)
MADE(streaming, 4, 8, graph)
MADE(sparsetransformer, 8, graph)

static const struct {
  const char *expression, *named;
  gattn_status (*make)(gattn_graph **graph);
} made[] = {
    {"full", "full()", make_full},
    {"causal", "causal()", make_causal},
    {"local(4, 7)", "local(left=4, right=7)", make_local},
    {"dilated(3, 2)", "dilated(w=3, r=2)", make_dilated},
    {"dilated2d(16, 3)", "dilated2d(b=16, r=3)", make_dilated2d},
    {"strided(7)", "strided(s=7)", make_strided},
    {"fixed(8, 2)", "fixed(s=8, c=2)", make_fixed},
    {"blocks(10)", "blocks(b=10)", make_blocks},
    {"blocklocal(10, 1)", "blocklocal(b=10, w=1)", make_blocklocal},
    {"rows(3, 10:12)", "rows(set=3) | rows(set=10:12)", make_rows},
    {"cols(3, 10:12)", "cols(set=3) | cols(set=10:12)", make_cols},
    {"global(3, 10:12)", "global(set=3) | global(set=10:12)", make_global},
    {"random(5, 7)", "random(k=5, seed=7)", make_random},
    {"randomblocks(10, 2, 7)", "randomblocks(b=10, k=2, seed=7)",
     make_randomblocks},
    {"documents(0, 10, 40)", "documents(s1=10, s2=40, s0=0)", make_documents},
    {"prefix(10)", "prefix(p=10)", make_prefix},
    {"neighborhood2d(4, 16, 3, 5)", "neighborhood2d(kw=5, kh=3, w=16, h=4)",
     make_neighborhood2d},
    {"blocks2d(4, 16, 3, 5)", "blocks2d(bw=5, bh=3, w=16, h=4)", make_blocks2d},
    {"longformer(4, 2)", "longformer(w=4, g=2)", make_longformer},
    {"bigbird(8, 1, 2, 3, 7)", "bigbird(b=8, w=1, g=2, r=3, seed=7)",
     make_bigbird},
    {"longnet(8, 1, 32, 4)", "longnet(w1=8, w2=32, r1=1, r2=4)", make_longnet},
    {"streaming(4, 8)", "streaming(s=4, w=8)", make_streaming},
    {"sparsetransformer(8)", "sparsetransformer(s=8)", make_sparsetransformer},
};

START_TEST(makes_what_the_function_makes) {
  gattn_graph *expected = NULL;
  ck_assert_int_eq(made[_i].make(&expected), GATTN_SUCCESS);
  gattn_graph *graph = parse(made[_i].expression, N, N);
  gattn_graph *named = parse(made[_i].named, N, N);
  expect_equal(graph, expected, made[_i].expression);
  expect_equal(named, expected, made[_i].named);
  gattn_graph_release(named);
  gattn_graph_release(graph);
  gattn_graph_release(expected);
}
END_TEST

/* ------------------------------------------------------------ files */

static void write_array(const char *path, gattn_type type, int32_t rank,
                        const void *values, int64_t n) {
  int64_t shape[2] = {n, 1};
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(
      gattn_npy_create(context, path, type, rank, shape, &tensor, &npy),
      GATTN_SUCCESS);
  memcpy(tensor.data, values, (size_t)n * gattn_type_size(type));
  ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
  gattn_npy_close(npy);
}

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

/* Arrays for 5 × 5 vertices. */
static void write_files(void) {
  write_array("starts.npy", GATTN_INT64, 1, (int64_t[]){0, 2, 3}, 3);
  write_array("parents.npy", GATTN_INT64, 1, (int64_t[]){-1, 0, 1, 0, -1}, 5);
  write_array("ids.npy", GATTN_INT64, 1, (int64_t[]){7, -2, 7, 7, -2}, 5);
  write_array("lo.npy", GATTN_INT64, 1, (int64_t[]){0, 1, 5, 2, 0}, 5);
  write_array("hi.npy", GATTN_INT64, 1, (int64_t[]){0, 3, 5, 5, 5}, 5);
  write_array("short.npy", GATTN_INT64, 1, (int64_t[]){0, 0, 0, 0}, 4);
  write_array("square.npy", GATTN_INT64, 2, (int64_t[]){0, 0, 0, 0, 0}, 5);
  write_array("real.npy", GATTN_FLOAT32, 1, (float[]){0, 0, 0, 0, 0}, 5);
  write_text("bad.npy", "no array");
  write_text("g.mtx",
             "%%MatrixMarket matrix coordinate pattern general\n"
             "5 5 3\n1 1\n2 5\n5 2\n");
  write_text("blocks.mtx",
             "%%MatrixMarket matrix coordinate pattern general\n"
             "3 3 2\n1 2\n3 3\n");
}

static const struct {
  const char *expression, *edges;
} of_files[] = {
    {"documents(\"starts.npy\")", "xx.../xx.../..x../...xx/...xx/"},
    {"documents(starts=\"starts.npy\")", "xx.../xx.../..x../...xx/...xx/"},
    {"tree(\"parents.npy\")", "x..../xx.../xxx../x..x./....x/"},
    {"buckets(\"./ids.npy\")", "x.xx./.x..x/x.xx./x.xx./.x..x/"},
    {"intervals(\"lo.npy\", \"hi.npy\")", "...../.xx../...../..xxx/xxxxx/"},
    {"intervals(hi=\"hi.npy\", lo=\"lo.npy\")",
     "...../.xx../...../..xxx/xxxxx/"},
    {"edges(\"g.mtx\")", "x..../....x/...../...../.x.../"},
    {"blockmask(\"blocks.mtx\", 2)", "..xx./..xx./...../...../....x/"},
    {"blockmask(b=2, g=\"blocks.mtx\")", "..xx./..xx./...../...../....x/"},
};

START_TEST(reads_files) {
  write_files();
  gattn_graph *graph = parse(of_files[_i].expression, 5, 5);
  char drawing[64], *text = drawing;
  for (int64_t i = 0; i < 5; i++, *text++ = '/')
    for (int64_t j = 0; j < 5; j++) *text++ = contains(graph, i, j) ? 'x' : '.';
  *text = '\0';
  ck_assert_str_eq(drawing, of_files[_i].edges);
  gattn_graph_release(graph);
}
END_TEST

/* message: where it ends in "…", the beginning. */
static const struct {
  const char *expression;
  gattn_status status;
  const char *message;
} bad_files[] = {
    {"full | tree(\"none.npy\")", GATTN_ERROR_FILE,
     "column 8: tree: none.npy: No such file or directory"},
    {"edges(\"none.mtx\")", GATTN_ERROR_FILE,
     "column 1: edges: none.mtx: No such file or directory"},
    {"documents(\"\")", GATTN_ERROR_FILE, "column 1: documents: …"},
    {"tree(\"bad.npy\")", GATTN_ERROR_FORMAT, "column 1: tree: bad.npy: …"},
    {"edges(\"bad.npy\")", GATTN_ERROR_FORMAT,
     "column 1: edges: bad.npy: line 1: expected the banner %%MatrixMarket, "
     "found \"no\""},
    {"buckets(\"real.npy\")", GATTN_ERROR_TYPE,
     "column 1: buckets: real.npy: expected int64, found float32"},
    {"buckets(\"square.npy\")", GATTN_ERROR_SHAPE,
     "column 1: buckets: square.npy: expected one axis, found 2"},
    {"intervals(\"lo.npy\", \"short.npy\")", GATTN_ERROR_SHAPE,
     "column 1: intervals: hi: has 4 values, but lo has 5"},
    {"intervals(\"lo.npy\", \"none.npy\")", GATTN_ERROR_FILE,
     "column 1: intervals: none.npy: No such file or directory"},
    {"edges(\"blocks.mtx\")", GATTN_ERROR_SHAPE,
     "column 1: edges: blocks.mtx: line 2: expected a matrix of 5 × 5, found "
     "3 × 3"},
    {"blockmask(\"blocks.mtx\", 1)", GATTN_ERROR_SHAPE,
     "column 1: blockmask: blocks.mtx: line 2: expected a matrix of 5 × 5, "
     "found 3 × 3"},
    {"blockmask(\"blocks.mtx\", 0)", GATTN_ERROR_ARGUMENT,
     "column 1: blockmask: b: 0 is below 1"},
};

START_TEST(refuses_bad_files) {
  write_files();
  gattn_graph *graph = NULL;
  const char *expected = bad_files[_i].message;
  size_t length = strlen(expected), mark = strlen("…");
  gattn_status status =
      gattn_mask_parse(context, bad_files[_i].expression, 5, 5, &graph);
  const char *message = gattn_context_message(context);
  if (strcmp(expected + length - mark, "…"))
    ck_assert_str_eq(message, expected);
  else
    ck_assert_msg(!strncmp(message, expected, length - mark), "%s", message);
  ck_assert_int_eq(status, bad_files[_i].status);
  ck_assert_ptr_null(graph);
}
END_TEST

/* Arrays of another length are refused by the masks. */
START_TEST(refuses_wrong_lengths) {
  static const char *const expressions[] = {
      "tree(\"short.npy\")", "buckets(\"short.npy\")",
      "intervals(\"short.npy\", \"short.npy\")"};
  write_files();
  for (size_t e = 0; e < 3; e++) {
    gattn_graph *graph = NULL;
    ck_assert_int_lt(gattn_mask_parse(context, expressions[e], 5, 5, &graph),
                     0);
    ck_assert_ptr_null(graph);
  }
}
END_TEST

static gattn_status parse_files(gattn_context *brutal, void *user) {
  (void)user;
  gattn_graph *graph = NULL;
  gattn_status status = gattn_mask_parse(
      brutal,
      "documents(\"starts.npy\") | tree(\"parents.npy\") & buckets(\"ids.npy\")"
      " - intervals(\"lo.npy\", \"hi.npy\") | edges(\"g.mtx\")"
      " - blockmask(\"blocks.mtx\", 2)",
      5, 5, &graph);
  if (status) ck_assert_ptr_null(graph);
  gattn_graph_release(graph);
  return status;
}

START_TEST(files_survive_failing_allocations) {
  write_files();
  ck_assert_int_ge(brutal_run(parse_files, NULL), 10);
}
END_TEST

START_TEST(files_describe_themselves) {
  write_files();
  char text[256];
  gattn_graph *graph =
      parse("edges( \"g.mtx\")|blockmask(\"blocks.mtx\",2)", 5, 5);
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text),
                   GATTN_SUCCESS);
  ck_assert_str_eq(text, "edges(\"g.mtx\") | blockmask(\"blocks.mtx\", 2)");
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_mask_table_suite(void) {
  Suite *suite = suite_create("mask table");
  TCase *page = tcase_create("documentation");
  tcase_add_test(page, every_row_is_documented);
  suite_add_tcase(suite, page);
  TCase *tcase = tcase_create("rows and files");
  tcase_add_checked_fixture(tcase, enter_directory, leave_directory);
  tcase_add_test(tcase, every_row_is_whole);
  tcase_add_loop_test(tcase, makes_what_the_function_makes, 0,
                      sizeof made / sizeof *made);
  tcase_add_loop_test(tcase, reads_files, 0,
                      sizeof of_files / sizeof *of_files);
  tcase_add_loop_test(tcase, refuses_bad_files, 0,
                      sizeof bad_files / sizeof *bad_files);
  tcase_add_test(tcase, refuses_wrong_lengths);
  tcase_add_test(tcase, files_survive_failing_allocations);
  tcase_add_test(tcase, files_describe_themselves);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_mask_table_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
