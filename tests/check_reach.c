/* Frontiers from graphs, and from text. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gattn.h>

#include "brutal.h"
#include "frontier/frontier.h"
#include "oracle.h"

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

/* ------------------------------------------------------------ graphs */

enum { N_Q = 19, N_KV = 150 };

/* Edges as a dense matrix. */
typedef struct matrix {
  bool edge[N_Q][N_KV];
} matrix;

static int64_t matrix_next(const void *state, int64_t i, int64_t j) {
  const matrix *edges = state;
  while (j < N_KV && !edges->edge[i][j]) j++;
  return j;
}

static int64_t matrix_stretch(const void *state, int64_t i, int64_t j) {
  const matrix *edges = state;
  while (j < N_KV && edges->edge[i][j]) j++;
  return j;
}

/* Rows of runs of random length, some of them empty or whole. */
static void draw(matrix *edges, uint64_t *state) {
  memset(edges, 0, sizeof *edges);
  for (int i = 0; i < N_Q; i++) {
    uint64_t kind = oracle_random(state) % 8;
    if (kind == 0) continue;
    for (int64_t j = 0; j < N_KV;) {
      int64_t end = j + 1 + (int64_t)(oracle_random(state) % (4 * kind));
      bool in = kind == 7 || oracle_random(state) % 4 == 0;
      for (; j < end && j < N_KV; j++) edges->edge[i][j] = in;
    }
  }
}

static gattn_graph *graph_of(const matrix *edges) {
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = (void *)edges,
                               .next = matrix_next,
                               .stretch = matrix_stretch};
  gattn_graph *graph;
  assert_success(
      gattn_graph_from_generator(context, N_Q, N_KV, &generator, &graph));
  return graph;
}

START_TEST(reach_is_what_the_edges_say) {
  uint64_t state = 41;
  for (int round = 0; round < 60; round++) {
    matrix edges;
    draw(&edges, &state);
    gattn_graph *graph = graph_of(&edges);
    int64_t rows[N_Q], occupied[N_Q], reached[N_KV];
    int64_t n_occupied = 0, n_reached = 0;
    int64_t size = (int64_t)(oracle_random(&state) % (N_Q + 1));
    for (int64_t p = 0; p < size; p++) {
      rows[p] = (int64_t)(oracle_random(&state) % N_Q);
      bool any = false;
      for (int j = 0; j < N_KV; j++) any = any || edges.edge[rows[p]][j];
      if (any) occupied[n_occupied++] = rows[p];
    }
    for (int64_t j = 0; j < N_KV; j++) {
      bool any = false;
      for (int64_t p = 0; p < size; p++) any = any || edges.edge[rows[p]][j];
      if (any) reached[n_reached++] = j;
    }
    gattn_frontier *frontier, *out;
    assert_success(gattn_frontier_list(context, N_Q, rows, size, &frontier));
    assert_success(gattn_frontier_compact(context, frontier, graph, &out));
    assert_is(out, N_Q, occupied, n_occupied);
    gattn_frontier_release(out);
    assert_success(gattn_frontier_neighbors(context, frontier, graph, &out));
    assert_is(out, N_KV, reached, n_reached);
    ck_assert(out->unique && out->ascending);
    gattn_frontier_release(out);
    gattn_frontier_release(frontier);
    gattn_graph_release(graph);
  }
}
END_TEST

START_TEST(a_null_frontier_is_every_row) {
  matrix edges = {0};
  edges.edge[2][7] = edges.edge[11][9] = edges.edge[18][7] = true;
  gattn_graph *graph = graph_of(&edges);
  gattn_frontier *out;
  assert_success(gattn_frontier_compact(context, GATTN_ALL, graph, &out));
  assert_is(out, N_Q, (int64_t[]){2, 11, 18}, 3);
  gattn_frontier_release(out);
  assert_success(gattn_frontier_neighbors(context, GATTN_ALL, graph, &out));
  assert_is(out, N_KV, (int64_t[]){7, 9}, 2);
  gattn_frontier_release(out);
  gattn_graph_release(graph);
}
END_TEST

/* Scattered single keys from many rows: the runs are joined again and again
 * within the room for a few. */
static int64_t scattered_next(const void *state, int64_t i, int64_t j) {
  (void)state;
  for (; j < 5000; j++)
    if ((j * 7919 + i * 104729) % 5000 < 40) return j;
  return 5000;
}

START_TEST(many_scattered_keys) {
  gattn_generator generator = {.struct_size = sizeof generator,
                               .next = scattered_next};
  gattn_graph *graph;
  assert_success(
      gattn_graph_from_generator(context, 50, 5000, &generator, &graph));
  static bool reached[5000];
  for (int64_t i = 0; i < 50; i++)
    for (int64_t j = 0; j < 5000; j++)
      reached[j] = reached[j] || (j * 7919 + i * 104729) % 5000 < 40;
  gattn_frontier *out;
  assert_success(gattn_frontier_neighbors(context, GATTN_ALL, graph, &out));
  int64_t p = 0;
  for (int64_t j = 0; j < 5000; j++)
    if (reached[j]) ck_assert_int_eq(gattn_frontier_vertex(out, p++), j);
  ck_assert_int_eq(gattn_frontier_size(out), p);
  ck_assert_int_lt(p, 5000);
  gattn_frontier_release(out);
  gattn_graph_release(graph);
}
END_TEST

static int64_t whole_next(const void *state, int64_t i, int64_t j) {
  (void)state;
  (void)i;
  return j;
}
static int64_t whole_stretch(const void *state, int64_t i, int64_t j) {
  (void)i;
  (void)j;
  return *(const int64_t *)state;
}

/* Nothing is stored, and the first row ends the search. */
START_TEST(a_vast_graph) {
  static const int64_t n = (int64_t)1 << 40;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = (void *)&n,
                               .next = whole_next,
                               .stretch = whole_stretch};
  gattn_graph *graph;
  assert_success(gattn_graph_from_generator(context, n, n, &generator, &graph));
  gattn_frontier *out;
  assert_success(gattn_frontier_neighbors(context, GATTN_ALL, graph, &out));
  ck_assert_int_eq(gattn_frontier_size(out), n);
  ck_assert_ptr_null(out->vertices);
  gattn_frontier_release(out);
  gattn_graph_release(graph);
}
END_TEST

/* Answers that go backwards. */
static int64_t broken_next(const void *state, int64_t i, int64_t j) {
  (void)state;
  (void)i;
  return j - 5;
}

START_TEST(reach_refuses) {
  matrix edges = {0};
  gattn_graph *graph = graph_of(&edges), *stack;
  gattn_frontier *frontier, *out = NULL;
  assert_success(gattn_frontier_all(context, N_Q + 1, &frontier));
  assert_failed(gattn_frontier_compact(context, frontier, graph, &out),
                GATTN_ERROR_SHAPE,
                "draws from 20 vertices, the graph has 19 queries");
  assert_failed(gattn_frontier_neighbors(context, frontier, graph, &out),
                GATTN_ERROR_SHAPE, "20");
  assert_failed(gattn_frontier_compact(context, NULL, NULL, &out),
                GATTN_ERROR_NULL, "graph");
  assert_failed(gattn_frontier_neighbors(context, NULL, NULL, &out),
                GATTN_ERROR_NULL, "graph");
  assert_failed(gattn_frontier_compact(context, NULL, graph, NULL),
                GATTN_ERROR_NULL, "out");
  ck_assert_int_eq(gattn_frontier_neighbors(NULL, NULL, graph, &out),
                   GATTN_ERROR_NULL);
  assert_success(
      gattn_graph_stack(context, (gattn_graph *[]){graph, graph}, 2, &stack));
  assert_failed(gattn_frontier_compact(context, NULL, stack, &out),
                GATTN_ERROR_UNSUPPORTED, "graph");
  gattn_graph_release(stack);
  gattn_graph_release(graph);
  gattn_generator generator = {.struct_size = sizeof generator,
                               .next = broken_next};
  assert_success(
      gattn_graph_from_generator(context, N_Q, N_KV, &generator, &graph));
  assert_failed(gattn_frontier_neighbors(context, NULL, graph, &out),
                GATTN_ERROR_CALLBACK, "");
  assert_failed(gattn_frontier_compact(context, NULL, graph, &out),
                GATTN_ERROR_CALLBACK, "");
  ck_assert_ptr_null(out);
  gattn_graph_release(graph);
  gattn_frontier_release(frontier);
}
END_TEST

static int stop_later(void *user, int64_t done, int64_t total) {
  ck_assert(0 <= done && done <= total);
  return ++*(int *)user == 3;
}

static int64_t empty_next(const void *state, int64_t i, int64_t j) {
  (void)i;
  (void)j;
  return *(const int64_t *)state;
}

START_TEST(reach_can_be_cancelled) {
  static const int64_t n = (int64_t)1 << 40;
  int calls = 0;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .progress = stop_later,
                                   .progress_user = &calls};
  gattn_context_destroy(context);
  assert_success(gattn_context_create(&options, &context));
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = (void *)&n,
                               .next = empty_next};
  gattn_graph *graph;
  assert_success(gattn_graph_from_generator(context, n, n, &generator, &graph));
  gattn_frontier *out = NULL;
  assert_failed(gattn_frontier_compact(context, NULL, graph, &out),
                GATTN_ERROR_CANCELLED, "of 1099511627776 rows");
  calls = 0;
  assert_failed(gattn_frontier_neighbors(context, NULL, graph, &out),
                GATTN_ERROR_CANCELLED, "of 1099511627776 rows");
  ck_assert_ptr_null(out);
  gattn_graph_release(graph);
}
END_TEST

static gattn_status reach_both_ways(gattn_context *brutal, void *user) {
  (void)user;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .next = scattered_next};
  gattn_graph *graph = NULL;
  gattn_frontier *rows = NULL, *keys = NULL;
  gattn_status status =
      gattn_graph_from_generator(brutal, 20, 5000, &generator, &graph);
  if (!status) status = gattn_frontier_compact(brutal, NULL, graph, &rows);
  if (!status) status = gattn_frontier_neighbors(brutal, rows, graph, &keys);
  gattn_frontier_release(keys);
  gattn_frontier_release(rows);
  gattn_graph_release(graph);
  return status;
}

START_TEST(reach_survives_failing_allocations) {
  ck_assert_int_ge(brutal_run(reach_both_ways, NULL), 6);
}
END_TEST

/* ------------------------------------------------------------ text */

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
  assert_success(
      gattn_frontier_parse(context, "range:1k:2t", (int64_t)2 << 40, &frontier));
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
    {"rang:1:2", GATTN_ERROR_NAME, "\"rang\""},
    {"ALL", GATTN_ERROR_NAME, "\"ALL\""},
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
static gattn_status parse_ids(gattn_type type, int32_t rank,
                              const int64_t *ids, int64_t size,
                              gattn_frontier **frontier) {
  char path[] = "check_reach.XXXXXX", text[64];
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
  assert_failed(
      parse_ids(GATTN_INT64, 1, (int64_t[]){3, 9, 3}, 3, &frontier),
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
  char text[1000] = "list:999";
  for (int v = 0; v < 200; v += 2)
    snprintf(text + strlen(text), 8, ",%d", v);
  ck_assert_int_ge(brutal_run(parse_list, text), 4);
}
END_TEST

static Suite *make_reach_suite(void) {
  Suite *suite = suite_create("reach");
  TCase *tcase = tcase_create("reach");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, reach_is_what_the_edges_say);
  tcase_add_test(tcase, a_null_frontier_is_every_row);
  tcase_add_test(tcase, many_scattered_keys);
  tcase_add_test(tcase, a_vast_graph);
  tcase_add_test(tcase, reach_refuses);
  tcase_add_test(tcase, reach_can_be_cancelled);
  tcase_add_test(tcase, reach_survives_failing_allocations);
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
  SRunner *runner = srunner_create(make_reach_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
