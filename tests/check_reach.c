/* Frontiers from graphs. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

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

/* The search may end early, but not before every key is reached. */
START_TEST(one_run_is_not_all) {
  matrix edges = {0};
  for (int j = 0; j < N_KV; j++) edges.edge[j < 5 ? 9 : 2][j] = true;
  edges.edge[9][4] = false;
  gattn_graph *graph = graph_of(&edges);
  gattn_frontier *out;
  assert_success(gattn_frontier_neighbors(context, GATTN_ALL, graph, &out));
  ck_assert_int_eq(gattn_frontier_size(out), N_KV - 1);
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
  gattn_generator generator = {
      .struct_size = sizeof generator, .state = (void *)&n, .next = empty_next};
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

static Suite *make_reach_suite(void) {
  Suite *suite = suite_create("reach");
  TCase *tcase = tcase_create("reach");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, reach_is_what_the_edges_say);
  tcase_add_test(tcase, a_null_frontier_is_every_row);
  tcase_add_test(tcase, one_run_is_not_all);
  tcase_add_test(tcase, many_scattered_keys);
  tcase_add_test(tcase, a_vast_graph);
  tcase_add_test(tcase, reach_refuses);
  tcase_add_test(tcase, reach_can_be_cancelled);
  tcase_add_test(tcase, reach_survives_failing_allocations);
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
