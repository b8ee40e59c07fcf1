/* Users' generators, honest and broken. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "dense.h"
#include "masks/graph.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

/* ------------------------------------------------------------ honest ones */

/* Row i has the keys i, i + 1, i + 2, as far as there are keys. */
enum { N_Q = 13, N_KV = 10, WIDTH = 3 };

static int64_t three_next(const void *state, int64_t i, int64_t j) {
  (void)state;
  if (j < i) j = i;
  return j < i + WIDTH && j < N_KV ? j : N_KV;
}

static int64_t three_stretch(const void *state, int64_t i, int64_t j) {
  (void)state, (void)j;
  return i + WIDTH < N_KV ? i + WIDTH : N_KV;
}

static int64_t three_degree(const void *state, int64_t i) {
  (void)state;
  return i < N_KV ? three_stretch(NULL, i, i) - i : 0;
}

static int64_t three_edges_before(const void *state, int64_t i) {
  int64_t edges = 0;
  while (i-- > 0) edges += three_degree(state, i);
  return edges;
}

static void count_release(void *state) { ++*(int *)state; }

static gattn_graph *generated(const gattn_generator *generator) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_graph_from_generator(context, N_Q, N_KV, generator, &graph);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  return graph;
}

static dense three_truth(void) {
  dense truth = dense_new(N_Q, N_KV);
  for (int64_t i = 0; i < N_Q; i++)
    for (int64_t j = i; j < i + WIDTH && j < N_KV; j++)
      *dense_at(&truth, i, j) = true;
  return truth;
}

START_TEST(honest_generators) {
  dense truth = three_truth();
  for (int optional = 0; optional < 8; optional++) {
    gattn_generator generator = {
        .struct_size = sizeof generator,
        .next = three_next,
        .stretch = optional & 1 ? three_stretch : NULL,
        .degree = optional & 2 ? three_degree : NULL,
        .edges_before = optional & 4 ? three_edges_before : NULL};
    gattn_graph *graph = generated(&generator);
    dense_check(context, graph, &truth, "generator");
    dense_check_derived(context, graph, &truth, "generator, derived");
    ck_assert(!gattn_graph_broken(graph));
    gattn_graph_release(graph);
  }
  dense_free(&truth);
}
END_TEST

START_TEST(named_and_released_once) {
  int released = 0;
  char name[] = "three", text[32];
  gattn_generator generator = {.struct_size = sizeof generator,
                               .name = name,
                               .state = &released,
                               .next = three_next,
                               .release = count_release};
  gattn_graph *graph = generated(&generator), *pair = NULL;
  name[0] = 'x';
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text), 0);
  ck_assert_str_eq(text, "three");
  ck_assert_int_eq(gattn_graph_union(context, graph, graph, &pair), 0);
  gattn_graph_release(graph);
  ck_assert_int_eq(released, 0);
  gattn_graph_release(pair);
  ck_assert_int_eq(released, 1);
  generator.name = NULL;
  graph = generated(&generator);
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text), 0);
  ck_assert_str_eq(text, "generator");
  gattn_graph_release(graph);
  ck_assert_int_eq(released, 2);
}
END_TEST

/* edges_before answers at sizes that no walk could. */
static int64_t one_next(const void *state, int64_t i, int64_t j) {
  return j <= i ? i : *(const int64_t *)state;
}
static int64_t one_edges_before(const void *state, int64_t i) {
  (void)state;
  return i;
}

START_TEST(edges_without_walking) {
  int64_t n = (int64_t)1 << 50, edges = 0;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = &n,
                               .next = one_next,
                               .edges_before = one_edges_before};
  gattn_graph *graph = NULL;
  ck_assert_int_eq(
      gattn_graph_from_generator(context, n, n, &generator, &graph), 0);
  ck_assert_int_eq(gattn_graph_edges(context, graph, &edges), GATTN_SUCCESS);
  ck_assert_int_eq(edges, n);
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  expect_failure(context, gattn_graph_count(context, graph, 0, n, &stats),
                 GATTN_ERROR_TOO_LARGE, "counting would walk about");
  gattn_graph_release(graph);
}
END_TEST

START_TEST(refused_generators) {
  int released = 0;
  gattn_graph *graph = NULL;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = &released,
                               .next = three_next,
                               .release = count_release};
  ck_assert_int_eq(gattn_graph_from_generator(NULL, 1, 1, &generator, &graph),
                   GATTN_ERROR_NULL);
  expect_failure(context,
                 gattn_graph_from_generator(context, 1, 1, NULL, &graph),
                 GATTN_ERROR_NULL, "generator: is null");
  expect_failure(context,
                 gattn_graph_from_generator(context, 1, 1, &generator, NULL),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(
      context, gattn_graph_from_generator(context, -1, 1, &generator, &graph),
      GATTN_ERROR_SIZE, "n_q: -1 is negative");
  generator.next = NULL;
  expect_failure(
      context, gattn_graph_from_generator(context, 1, 1, &generator, &graph),
      GATTN_ERROR_NULL, "generator.next: is null");
  generator.struct_size = 8;
  expect_failure(
      context, gattn_graph_from_generator(context, 1, 1, &generator, &graph),
      GATTN_ERROR_STRUCT_SIZE, "generator.struct_size: 8 is not");
  ck_assert_ptr_null(graph);
  ck_assert_int_eq(released, 0);
}
END_TEST

/* ------------------------------------------------------------ broken ones */

static int64_t answer(const void *state, int64_t i, int64_t j) {
  (void)i, (void)j;
  return *(const int64_t *)state;
}
static int64_t answer_row(const void *state, int64_t i) {
  (void)i;
  return *(const int64_t *)state;
}
static int64_t next_back(const void *state, int64_t i, int64_t j) {
  (void)state, (void)i;
  return j > 0 ? j - 1 : 0;
}
static int64_t stretch_empty(const void *state, int64_t i, int64_t j) {
  (void)state, (void)i;
  return j;
}

/* Each entry point that could meet the breach answers CALLBACK, and leaves
 * its outputs alone. */
static void meet_breach(gattn_graph *graph, bool in_rows) {
  int64_t columns[N_KV], count = -7;
  gattn_graph *out = NULL;
  for (int64_t j = 0; j < N_KV; j++) columns[j] = -7;
  if (in_rows) {
    gattn_status status =
        gattn_graph_row(context, graph, 5, 0, N_KV, columns, &count);
    expect_failure(context, status, GATTN_ERROR_CALLBACK, "graph: a callback");
    ck_assert_int_eq(count, -7);
    for (int64_t j = 0; j < N_KV; j++) ck_assert_int_eq(columns[j], -7);
  }
  expect_failure(context, gattn_graph_materialize(context, graph, &out),
                 GATTN_ERROR_CALLBACK, "outside its contract");
  if (in_rows)
    expect_failure(context, gattn_graph_transpose(context, graph, &out),
                   GATTN_ERROR_CALLBACK, "outside its contract");
  gattn_graph_stats stats = {.struct_size = sizeof stats, .keys = -7};
  expect_failure(context, gattn_graph_count(context, graph, 0, N_Q, &stats),
                 GATTN_ERROR_CALLBACK, "outside its contract");
  ck_assert_int_eq(stats.keys, -7);
  expect_failure(context, gattn_graph_degree(context, graph, 5, &count),
                 GATTN_ERROR_CALLBACK, "outside its contract");
  ck_assert_int_eq(count, -7);
  ck_assert(gattn_graph_broken(graph));
  ck_assert_ptr_null(out);
}

/* The same through everything that graphs are made of. */
static void meet_breach_below(const gattn_generator *generator) {
  for (int op = 0; op < 4; op++) {
    gattn_graph *graph = generated(generator), *full = NULL, *all = NULL;
    ck_assert_int_eq(gattn_mask_full(context, N_Q, N_KV, &full), 0);
    gattn_status status =
        op == 0   ? gattn_graph_union(context, graph, full, &all)
        : op == 1 ? gattn_graph_intersection(context, full, graph, &all)
        : op == 2 ? gattn_graph_difference(context, full, graph, &all)
                  : gattn_graph_stack(context, &graph, 1, &all);
    ck_assert_int_eq(status, 0);
    ck_assert(!gattn_graph_broken(all));
    for (int64_t i = 0; i < N_Q; i++) {
      gattn_run runs[N_KV];
      int64_t upto = 0, calls = 0;
      const gattn_graph *asked = op == 3 ? graph : all;
      while (upto < N_KV && ++calls < 100)
        gattn_runs(asked, i, 1, upto, N_KV, runs, 2, &upto);
      ck_assert_int_eq(upto, N_KV);
    }
    ck_assert(gattn_graph_broken(all));
    gattn_graph_release(all);
    gattn_graph_release(full);
    gattn_graph_release(graph);
  }
}

START_TEST(broken_next) {
  static const int64_t answers[] = {-1, 2, N_KV + 1, INT64_MAX, INT64_MIN};
  int64_t state = answers[_i];
  gattn_generator generator = {
      .struct_size = sizeof generator, .state = &state, .next = answer};
  gattn_graph *graph = generated(&generator);
  int64_t next = -7;
  int contains = -7;
  expect_failure(context, gattn_graph_next(context, graph, 0, 5, &next),
                 GATTN_ERROR_CALLBACK, "generator answered outside");
  expect_failure(context, gattn_graph_contains(context, graph, 0, 5, &contains),
                 GATTN_ERROR_CALLBACK, "generator answered outside");
  expect_failure(context, gattn_graph_stretch(context, graph, 0, 5, &next),
                 GATTN_ERROR_CALLBACK, "generator answered outside");
  ck_assert(next == -7 && contains == -7);
  gattn_graph_release(graph);
  graph = generated(&generator);
  meet_breach(graph, true);
  gattn_graph_release(graph);
  meet_breach_below(&generator);
}
END_TEST

START_TEST(next_never_ends) {
  gattn_generator generator = {.struct_size = sizeof generator,
                               .next = next_back};
  gattn_graph *graph = generated(&generator);
  meet_breach(graph, true);
  gattn_graph_release(graph);
  meet_breach_below(&generator);
}
END_TEST

START_TEST(broken_stretch) {
  static const int64_t answers[] = {-1, 0, N_KV + 1, INT64_MAX, INT64_MIN};
  int64_t state = answers[_i % 5], end = -7;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = &state,
                               .next = three_next,
                               .stretch = _i < 5 ? answer : stretch_empty};
  gattn_graph *graph = generated(&generator);
  expect_failure(context, gattn_graph_stretch(context, graph, 4, 5, &end),
                 GATTN_ERROR_CALLBACK, "generator answered outside");
  ck_assert_int_eq(end, -7);
  gattn_graph_release(graph);
  graph = generated(&generator);
  meet_breach(graph, true);
  gattn_graph_release(graph);
  meet_breach_below(&generator);
}
END_TEST

START_TEST(broken_degree) {
  static const int64_t answers[] = {-1, N_KV + 1, INT64_MAX, INT64_MIN};
  int64_t state = answers[_i];
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = &state,
                               .next = three_next,
                               .degree = answer_row};
  gattn_graph *graph = generated(&generator);
  meet_breach(graph, false);
  gattn_graph_release(graph);
}
END_TEST

/* In range, but not the number of neighbours: storing notices. */
START_TEST(wrong_degree) {
  for (int64_t state = 0; state <= N_KV; state++) {
    gattn_generator generator = {.struct_size = sizeof generator,
                                 .state = &state,
                                 .next = three_next,
                                 .degree = answer_row};
    gattn_graph *graph = generated(&generator), *out = NULL;
    expect_failure(context, gattn_graph_materialize(context, graph, &out),
                   GATTN_ERROR_CALLBACK, "outside its contract");
    ck_assert_ptr_null(out);
    gattn_graph_release(graph);
  }
}
END_TEST

static int64_t edges_fall(const void *state, int64_t i) {
  (void)state;
  return -i;
}

START_TEST(broken_edges_before) {
  int64_t state = N_Q * N_KV + 1, edges = -7;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = &state,
                               .next = three_next,
                               .edges_before = edges_fall};
  gattn_graph *graph = generated(&generator);
  expect_failure(context, gattn_graph_edges(context, graph, &edges),
                 GATTN_ERROR_CALLBACK, "outside its contract");
  gattn_graph_release(graph);
  ck_assert_int_eq(edges, -7);
}
END_TEST

/* Answers that are each in range, and different every time. */
static int64_t impure_next(const void *state, int64_t i, int64_t j) {
  (void)i;
  atomic_llong *calls = (atomic_llong *)(uintptr_t)state;
  uint64_t seed = (uint64_t)atomic_fetch_add(calls, 1) * 77 + 1;
  return j + dense_below(&seed, N_KV - j + 1);
}

START_TEST(impure_generators) {
  brutal_heap heap; /* whose guards see a write past the end */
  brutal_heap_init(&heap, -1, false);
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 1,
                                   .allocator = brutal_allocator(&heap)};
  gattn_context *guarded = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &guarded), 0);
  for (int round = 0; round < 200; round++) {
    atomic_llong calls;
    atomic_init(&calls, round);
    gattn_generator generator = {
        .struct_size = sizeof generator, .state = &calls, .next = impure_next};
    gattn_graph *graph = generated(&generator), *out = NULL;
    for (int turn = 0; turn < 2; turn++) {
      gattn_status status = turn
                                ? gattn_graph_transpose(guarded, graph, &out)
                                : gattn_graph_materialize(guarded, graph, &out);
      if (status) {
        ck_assert_int_eq(status, GATTN_ERROR_CALLBACK);
        continue;
      }
      gattn_graph_stats stats = {.struct_size = sizeof stats};
      ck_assert_int_eq(
          gattn_graph_count(context, out, 0, turn ? N_KV : N_Q, &stats), 0);
      gattn_graph_release(out);
    }
    gattn_graph_release(graph);
  }
  gattn_context_destroy(guarded);
  ck_assert_int_eq(heap.live, 0);
}
END_TEST

static gattn_status build(gattn_context *brutal, void *user) {
  (void)user;
  gattn_generator generator = {.struct_size = sizeof generator,
                               .name = "three",
                               .next = three_next,
                               .stretch = three_stretch};
  gattn_graph *graph = NULL, *out = NULL;
  gattn_status status =
      gattn_graph_from_generator(brutal, N_Q, N_KV, &generator, &graph);
  if (status) return status;
  status = gattn_graph_transpose(brutal, graph, &out);
  gattn_graph_release(out);
  gattn_graph_release(graph);
  return status;
}

START_TEST(allocations_fail) { ck_assert_int_ge(brutal_run(build, NULL), 5); }
END_TEST

static Suite *make_generator_suite(void) {
  Suite *suite = suite_create("generator");
  TCase *tcase = tcase_create("generator");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, honest_generators);
  tcase_add_test(tcase, named_and_released_once);
  tcase_add_test(tcase, edges_without_walking);
  tcase_add_test(tcase, refused_generators);
  tcase_add_loop_test(tcase, broken_next, 0, 5);
  tcase_add_test(tcase, next_never_ends);
  tcase_add_loop_test(tcase, broken_stretch, 0, 6);
  tcase_add_loop_test(tcase, broken_degree, 0, 4);
  tcase_add_test(tcase, wrong_degree);
  tcase_add_test(tcase, broken_edges_before);
  tcase_add_test(tcase, impure_generators);
  tcase_add_test(tcase, allocations_fail);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_generator_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
