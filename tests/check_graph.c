/* Graphs: lifetime, inquiry, counting, stacks, threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <pthread.h>

#include "brutal.h"
#include "dense.h"
#include "masks/graph.h"
#include "masks/walk.h"
#include "tests/backend.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

static gattn_graph *parsed(const char *expression, int64_t n_q, int64_t n_kv) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_mask_parse(context, expression, n_q, n_kv, &graph);
  ck_assert_msg(!status, "%s: %s", expression, gattn_context_message(context));
  return graph;
}

/* ------------------------------------------------------------ lifetime */

START_TEST(null_graphs) {
  ck_assert_ptr_null(gattn_graph_retain(NULL));
  gattn_graph_release(NULL);
  ck_assert_int_eq(gattn_graph_queries(NULL), 0);
  ck_assert_int_eq(gattn_graph_keys(NULL), 0);
  ck_assert_int_eq(gattn_graph_heads(NULL), 0);
}
END_TEST

/* A graph outlives its context's handle, and its own first reference. */
START_TEST(graphs_outlive_their_context) {
  brutal_heap heap;
  brutal_heap_init(&heap, -1, false);
  gattn_context_options options = {.struct_size = sizeof options,
                                   .allocator = brutal_allocator(&heap)};
  gattn_context *other = NULL;
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &other), 0);
  ck_assert_int_eq(gattn_mask_local(other, 9, 9, 1, 1, &graph), 0);
  gattn_context_destroy(other);
  ck_assert_ptr_eq(gattn_graph_retain(graph), graph);
  gattn_graph_release(graph);
  ck_assert_int_eq(gattn_next(graph, 5, 0), 4);
  gattn_graph_release(graph);
  ck_assert_int_eq(heap.live, 0);
}
END_TEST

START_TEST(sizes_are_checked) {
  ck_assert_int_eq(gattn_graph_check_size(context, 0, GATTN_MAX_VERTICES), 0);
  expect_failure(context, gattn_graph_check_size(context, -3, 1),
                 GATTN_ERROR_SIZE, "n_q: -3 is negative");
  expect_failure(context,
                 gattn_graph_check_size(context, 1, GATTN_MAX_VERTICES + 1),
                 GATTN_ERROR_SIZE,
                 "n_kv: 4611686018427387905 is more than 2^62");
}
END_TEST

/* ------------------------------------------------------------ inquiry */

START_TEST(refused_questions) {
  gattn_graph *g = parsed("local(1)", 6, 4);
  int64_t out = -7, columns[2];
  int yes = -7;
  ck_assert_int_eq(gattn_graph_next(NULL, g, 0, 0, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_stretch(NULL, g, 0, 0, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_contains(NULL, g, 0, 0, &yes),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_degree(NULL, g, 0, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_row(NULL, g, 0, 0, 2, columns, &out),
                   GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_next(context, NULL, 0, 0, &out),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_next(context, g, 0, 0, NULL),
                 GATTN_ERROR_NULL, "next: is null");
  expect_failure(context, gattn_graph_stretch(context, g, 0, 0, NULL),
                 GATTN_ERROR_NULL, "end: is null");
  expect_failure(context, gattn_graph_contains(context, g, 0, 0, NULL),
                 GATTN_ERROR_NULL, "contains: is null");
  expect_failure(context, gattn_graph_degree(context, g, 0, NULL),
                 GATTN_ERROR_NULL, "degree: is null");
  expect_failure(context, gattn_graph_row(context, g, 0, 0, 2, NULL, &out),
                 GATTN_ERROR_NULL, "columns: is null");
  expect_failure(context, gattn_graph_row(context, g, 0, 0, 2, columns, NULL),
                 GATTN_ERROR_NULL, "count: is null");
  expect_failure(context, gattn_graph_row(context, g, 0, 0, -1, columns, &out),
                 GATTN_ERROR_SIZE, "capacity: -1 is negative");
  ck_assert_int_eq(gattn_graph_row(context, g, 0, 0, 0, NULL, &out), 0);
  ck_assert_int_eq(out, 0);
  gattn_graph_release(g);
}
END_TEST

START_TEST(positions_out_of_range) {
  gattn_graph *g = parsed("local(1)", 6, 4);
  int64_t out = -7, columns[2];
  int yes = -7;
  expect_failure(context, gattn_graph_next(context, g, -1, 0, &out),
                 GATTN_ERROR_INDEX, "i: -1 is outside the 6 query vertices");
  expect_failure(context, gattn_graph_next(context, g, 6, 0, &out),
                 GATTN_ERROR_INDEX, "i: 6 is outside the 6 query vertices");
  expect_failure(context, gattn_graph_next(context, g, 0, 5, &out),
                 GATTN_ERROR_INDEX, "j: 5 is outside the 4 key vertices");
  expect_failure(context, gattn_graph_next(context, g, 0, -1, &out),
                 GATTN_ERROR_INDEX, "j: -1 is outside the 4 key vertices");
  expect_failure(context, gattn_graph_stretch(context, g, 0, 4, &out),
                 GATTN_ERROR_INDEX, "j: 4 is outside the 4 key vertices");
  expect_failure(context, gattn_graph_stretch(context, g, 0, 2, &out),
                 GATTN_ERROR_INDEX, "j: 2 is no neighbour of row 0");
  expect_failure(context, gattn_graph_contains(context, g, 0, 4, &yes),
                 GATTN_ERROR_INDEX, "j: 4 is outside the 4 key vertices");
  expect_failure(context, gattn_graph_degree(context, g, 6, &out),
                 GATTN_ERROR_INDEX, "i: 6 is outside the 6 query vertices");
  expect_failure(context, gattn_graph_row(context, g, 0, 5, 2, columns, &out),
                 GATTN_ERROR_INDEX, "from: 5 is outside the 4 key vertices");
  ck_assert(out == -7 && yes == -7);
  ck_assert_int_eq(gattn_graph_next(context, g, 0, 4, &out), 0);
  ck_assert_int_eq(out, 4);
  gattn_graph_release(g);
}
END_TEST

START_TEST(refused_counts) {
  gattn_graph *g = parsed("causal", 6, 6);
  gattn_graph_stats stats = {.struct_size = sizeof stats, .keys = -7};
  int64_t edges = -7;
  ck_assert_int_eq(gattn_graph_count(NULL, g, 0, 6, &stats), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_graph_edges(NULL, g, &edges), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_count(context, NULL, 0, 6, &stats),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_count(context, g, 0, 6, NULL),
                 GATTN_ERROR_NULL, "stats: is null");
  expect_failure(context, gattn_graph_edges(context, NULL, &edges),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_edges(context, g, NULL),
                 GATTN_ERROR_NULL, "edges: is null");
  expect_failure(context, gattn_graph_count(context, g, -1, 6, &stats),
                 GATTN_ERROR_INDEX, "row_begin: -1 is outside");
  expect_failure(context, gattn_graph_count(context, g, 7, 7, &stats),
                 GATTN_ERROR_INDEX, "row_begin: 7 is outside");
  expect_failure(context, gattn_graph_count(context, g, 4, 3, &stats),
                 GATTN_ERROR_INDEX, "row_end: 3 is not in 4 … 6");
  expect_failure(context, gattn_graph_count(context, g, 4, 7, &stats),
                 GATTN_ERROR_INDEX, "row_end: 7 is not in 4 … 6");
  stats.struct_size = 4;
  expect_failure(context, gattn_graph_count(context, g, 0, 6, &stats),
                 GATTN_ERROR_STRUCT_SIZE, "stats.struct_size: 4 is not");
  ck_assert(stats.keys == -7 && edges == -7);
  ck_assert_int_eq(gattn_graph_describe(NULL, g, NULL, 0), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_describe(context, g, NULL, 1),
                 GATTN_ERROR_NULL, "text: is null");
  gattn_graph_release(g);
}
END_TEST

/* ------------------------------------------------------------ sizes */

START_TEST(counts_past_64_bits) {
  int64_t n = (int64_t)1 << 40, edges = -7, degree = 0;
  gattn_graph *full = parsed("full", n, n), *causal = parsed("causal", n, n);
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  ck_assert_int_eq(gattn_graph_count(context, full, 0, n, &stats), 0);
  ck_assert_uint_eq(stats.edges_high, (uint64_t)1 << 16);
  ck_assert_uint_eq(stats.edges_low, 0);
  ck_assert_int_eq(stats.min_degree, n);
  expect_failure(context, gattn_graph_edges(context, full, &edges),
                 GATTN_ERROR_OVERFLOW, "graph: has 1.21e+24 edges");
  ck_assert_int_eq(edges, -7);
  ck_assert_int_eq(gattn_graph_count(context, causal, 0, n, &stats), 0);
  unsigned __int128 all = (unsigned __int128)n * (n + 1) / 2;
  ck_assert_uint_eq(stats.edges_high, (uint64_t)(all >> 64));
  ck_assert_uint_eq(stats.edges_low, (uint64_t)all);
  ck_assert_int_eq(gattn_graph_degree(context, causal, n - 1, &degree), 0);
  ck_assert_int_eq(degree, n);
  gattn_graph_release(full);
  gattn_graph_release(causal);
}
END_TEST

/* What has no closed form is refused at once, however it is hidden. */
START_TEST(endless_walks_are_refused) {
  static const char *const expressions[] = {
      "longformer(256, 64) - random(8, 1)", "strided(1) - random(8, 1)",
      "strided(2) - random(8, 1)", "rows(5) & strided(2) - random(8, 1)"};
  for (size_t e = 0; e < sizeof expressions / sizeof *expressions; e++) {
    int64_t n = e < 1 ? (int64_t)1 << 40 : (int64_t)1 << 35;
    gattn_graph *graph = parsed(expressions[e], n, n);
    gattn_graph_stats stats = {.struct_size = sizeof stats};
    expect_failure(context, gattn_graph_count(context, graph, 0, n, &stats),
                   GATTN_ERROR_TOO_LARGE, "counting would walk about");
    gattn_graph_release(graph);
  }
  gattn_graph *hub = parsed("rows(5) & strided(2) - random(8, 1)", 1000,
                            (int64_t)1 << 60);
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  expect_failure(context, gattn_graph_count(context, hub, 0, 1000, &stats),
                 GATTN_ERROR_TOO_LARGE, "counting would walk about");
  ck_assert_int_eq(gattn_graph_count(context, hub, 6, 1000, &stats), 0);
  ck_assert_int_eq(stats.empty_rows, 994);
  gattn_graph_release(hub);
}
END_TEST

/* Dense in one place is not endless. */
START_TEST(dense_places_are_walked) {
  int64_t n = (int64_t)1 << 40, degree = 0;
  gattn_graph *graph = parsed("local(256k) & strided(2) - random(8, 1)", n, n);
  ck_assert_int_eq(gattn_graph_degree(context, graph, n / 2, &degree), 0);
  ck_assert_int_ge(degree, (1 << 18) + 1 - 8);
  ck_assert_int_le(degree, (1 << 18) + 1);
  gattn_graph_release(graph);
}
END_TEST

/* Where walking is the only way but short enough, it agrees with the sum of
 * the rows, whatever the number of threads. */
START_TEST(walked_counts) {
  gattn_graph *graph = parsed("longformer(9, 3) - random(2, 1)", 3000, 3000);
  unsigned __int128 edges = 0;
  int64_t most = 0, least = INT64_MAX;
  for (int64_t i = 0; i < 3000; i++) {
    int64_t degree = 0;
    for (int64_t j = 0; (j = gattn_next(graph, i, j)) < 3000; j++) degree++;
    edges += (unsigned __int128)degree;
    if (degree > most) most = degree;
    if (degree < least) least = degree;
  }
  for (int32_t threads = 1; threads <= 4; threads++) {
    gattn_context_options options = {.struct_size = sizeof options,
                                     .threads = threads};
    gattn_context *other = NULL;
    gattn_graph_stats stats = {.struct_size = sizeof stats};
    ck_assert_int_eq(gattn_context_create(&options, &other), 0);
    ck_assert_int_eq(gattn_graph_count(other, graph, 0, 3000, &stats), 0);
    ck_assert(stats.edges_low == (uint64_t)edges && !stats.edges_high);
    ck_assert(stats.min_degree == least && stats.max_degree == most);
    gattn_context_destroy(other);
  }
  gattn_graph_release(graph);
}
END_TEST

static int stop_at_once(void *user, int64_t done, int64_t total) {
  (void)done, (void)total;
  return ++*(int *)user;
}

START_TEST(counting_is_cancelled) {
  int calls = 0;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .progress = stop_at_once,
                                   .progress_user = &calls};
  gattn_context *other = NULL;
  gattn_graph_stats stats = {.struct_size = sizeof stats, .keys = -7};
  gattn_graph *graph = parsed("causal - random(2, 1)", 300, 300);
  ck_assert_int_eq(gattn_context_create(&options, &other), 0);
  expect_failure(other, gattn_graph_count(other, graph, 0, 300, &stats),
                 GATTN_ERROR_CANCELLED, "progress: the callback stopped");
  ck_assert(calls == 1 && stats.keys == -7);
  gattn_context_destroy(other);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ runs */

START_TEST(intervals_in_class_space) {
  for (int64_t stride = 1; stride <= 4; stride++)
    for (int64_t i = 0; i < 6; i++)
      for (int64_t begin = -2; begin < 9; begin++)
        for (int64_t end = begin; end < 11; end++) {
          int64_t hi = gattn_class_keys(8, i % stride, stride);
          gattn_run run = {0, 0};
          int64_t n =
              gattn_runs_interval(i, stride, begin, end, 1, hi, &run);
          for (int64_t t = 1; t < hi; t++) {
            int64_t key = i % stride + stride * t;
            bool got = n && run.begin <= t && t < run.end;
            if (got != (begin <= key && key < end))
              ck_abort_msg("stride %d, row %d, [%d, %d): key %d", (int)stride,
                           (int)i, (int)begin, (int)end, (int)key);
          }
          if (n && (run.begin < 1 || run.end > hi || run.begin >= run.end))
            ck_abort_msg("the run leaves [1, hi)");
        }
}
END_TEST

START_TEST(empty_questions) {
  gattn_graph *graph = parsed("full | strided(2)", 4, 4);
  gattn_run run;
  int64_t upto = -1;
  ck_assert_int_eq(gattn_runs(graph, 0, 1, 3, 3, &run, 1, &upto), 0);
  ck_assert_int_eq(upto, 3);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ stacks */

START_TEST(stacks) {
  gattn_graph *a = parsed("causal", 5, 5), *b = parsed("local(1)", 5, 5);
  gattn_graph *heads[] = {a, b, a}, *stack = NULL, *head = NULL;
  ck_assert_int_eq(gattn_graph_stack(context, heads, 3, &stack), 0);
  gattn_graph_release(a);
  gattn_graph_release(b);
  ck_assert_int_eq(gattn_graph_heads(stack), 3);
  ck_assert_int_eq(gattn_graph_queries(stack), 5);
  ck_assert_int_eq(gattn_graph_keys(stack), 5);
  for (int64_t h = 0; h < 3; h++) {
    ck_assert_int_eq(gattn_graph_head(context, stack, h, &head), 0);
    ck_assert_ptr_eq(head, heads[h]);
    gattn_graph_release(head);
  }
  ck_assert_int_eq(gattn_graph_head(context, a, 100, &head), 0);
  ck_assert_ptr_eq(head, a);
  gattn_graph_release(head);
  ck_assert(!gattn_graph_broken(stack));
  gattn_graph_release(stack);
}
END_TEST

START_TEST(stacks_have_no_rows) {
  gattn_graph *a = parsed("causal", 5, 5), *stack = NULL, *out = NULL;
  ck_assert_int_eq(gattn_graph_stack(context, &a, 1, &stack), 0);
  int64_t number = -7, columns[1];
  int yes = -7;
  char text[64];
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  const gattn_status got[] = {
      gattn_graph_next(context, stack, 0, 0, &number),
      gattn_graph_stretch(context, stack, 0, 0, &number),
      gattn_graph_contains(context, stack, 0, 0, &yes),
      gattn_graph_degree(context, stack, 0, &number),
      gattn_graph_row(context, stack, 0, 0, 1, columns, &number),
      gattn_graph_count(context, stack, 0, 1, &stats),
      gattn_graph_edges(context, stack, &number),
      gattn_graph_describe(context, stack, text, sizeof text),
      gattn_graph_transpose(context, stack, &out),
      gattn_graph_materialize(context, stack, &out)};
  for (size_t k = 0; k < sizeof got / sizeof *got; k++)
    ck_assert_int_eq(got[k], GATTN_ERROR_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(gattn_context_message(context),
                               "graph: is a stack of 1 graphs"));
  ck_assert(number == -7 && yes == -7 && !out);
  gattn_text written = gattn_text_start(text, sizeof text);
  stack->class_->describe(stack, &written);
  ck_assert_str_eq(text, "stack of 1: causal");
  gattn_graph_release(stack);
  gattn_graph_release(a);
}
END_TEST

START_TEST(refused_stacks) {
  gattn_graph *a = parsed("causal", 5, 5), *b = parsed("causal", 5, 6);
  gattn_graph *stack = NULL, *out = NULL;
  ck_assert_int_eq(gattn_graph_stack(context, &a, 1, &stack), 0);
  gattn_graph *sizes[] = {a, b}, *null[] = {a, NULL}, *nested[] = {a, stack};
  ck_assert_int_eq(gattn_graph_stack(NULL, sizes, 2, &out), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_stack(context, NULL, 2, &out),
                 GATTN_ERROR_NULL, "graphs: is null");
  expect_failure(context, gattn_graph_stack(context, sizes, 2, NULL),
                 GATTN_ERROR_NULL, "stack: is null");
  expect_failure(context, gattn_graph_stack(context, sizes, 0, &out),
                 GATTN_ERROR_SIZE, "n_heads: 0 is below 1");
  expect_failure(context, gattn_graph_stack(context, sizes, 2, &out),
                 GATTN_ERROR_SHAPE,
                 "graphs[1]: is 5 × 6, but graphs[0] is 5 × 5");
  expect_failure(context, gattn_graph_stack(context, null, 2, &out),
                 GATTN_ERROR_NULL, "graphs[1]: is null");
  expect_failure(context, gattn_graph_stack(context, nested, 2, &out),
                 GATTN_ERROR_UNSUPPORTED, "graphs[1]: is itself a stack");
  ck_assert_int_eq(gattn_graph_head(NULL, stack, 0, &out), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_head(context, NULL, 0, &out),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_head(context, stack, 0, NULL),
                 GATTN_ERROR_NULL, "out: is null");
  expect_failure(context, gattn_graph_head(context, stack, 1, &out),
                 GATTN_ERROR_INDEX, "head: 1 is outside the stack of 1");
  expect_failure(context, gattn_graph_head(context, a, -1, &out),
                 GATTN_ERROR_INDEX, "head: -1 is outside");
  ck_assert_ptr_null(out);
  gattn_graph_release(stack);
  gattn_graph_release(a);
  gattn_graph_release(b);
}
END_TEST

/* ------------------------------------------------------------ threads */

/* One graph, asked from threads with contexts of their own, which also take
 * and give references and make graphs of it. */
typedef struct asker {
  pthread_t thread;
  gattn_graph *graph;
  int64_t sum;
  bool failed;
} asker;

static void *ask(void *user) {
  asker *me = user;
  gattn_context *own = NULL;
  if (gattn_context_create(NULL, &own)) me->failed = true;
  for (int64_t i = 0; i < 400 && !me->failed; i++) {
    int64_t degree = 0, next = 0;
    gattn_graph *pair = NULL;
    me->failed = gattn_graph_degree(own, me->graph, i, &degree) ||
                 gattn_graph_next(own, me->graph, i, i / 2, &next) ||
                 gattn_graph_union(own, me->graph, me->graph, &pair);
    me->sum += degree * 1000003 + next;
    gattn_graph_release(gattn_graph_retain(pair));
    gattn_graph_release(pair);
  }
  gattn_graph_release(me->graph);
  gattn_context_destroy(own);
  return NULL;
}

START_TEST(one_graph_many_threads) {
  enum { THREADS = 4 };
  gattn_graph *graph =
      parsed("(local(20) | random(6, 3)) - strided(5)", 400, 400);
  asker askers[THREADS];
  for (int t = 0; t < THREADS; t++) {
    askers[t] = (asker){.graph = gattn_graph_retain(graph)};
    ck_assert(!pthread_create(&askers[t].thread, NULL, ask, &askers[t]));
  }
  gattn_graph_release(graph);
  for (int t = 0; t < THREADS; t++) {
    pthread_join(askers[t].thread, NULL);
    ck_assert(!askers[t].failed);
    ck_assert_int_eq(askers[t].sum, askers[0].sum);
  }
  ck_assert_int_gt(askers[0].sum, 0);
}
END_TEST

static gattn_status build_stack(gattn_context *brutal, void *user) {
  gattn_graph *a = NULL, *stack = NULL;
  gattn_status status = gattn_mask_parse(brutal, user, 9, 9, &a);
  if (status) return status;
  gattn_graph *heads[] = {a, a};
  status = gattn_graph_stack(brutal, heads, 2, &stack);
  gattn_graph_release(stack);
  if (!status) {
    gattn_graph_stats stats = {.struct_size = sizeof stats};
    status = gattn_graph_count(brutal, a, 0, 9, &stats);
  }
  gattn_graph_release(a);
  return status;
}

START_TEST(allocations_fail) {
  ck_assert_int_ge(brutal_run(build_stack, "local(2) - random(1, 1)"), 5);
}
END_TEST

static Suite *make_graph_suite(void) {
  Suite *suite = suite_create("graph");
  TCase *tcase = tcase_create("graph");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, null_graphs);
  tcase_add_test(tcase, graphs_outlive_their_context);
  tcase_add_test(tcase, sizes_are_checked);
  tcase_add_test(tcase, refused_questions);
  tcase_add_test(tcase, positions_out_of_range);
  tcase_add_test(tcase, refused_counts);
  tcase_add_test(tcase, counts_past_64_bits);
  tcase_add_test(tcase, endless_walks_are_refused);
  tcase_add_test(tcase, dense_places_are_walked);
  tcase_add_test(tcase, walked_counts);
  tcase_add_test(tcase, counting_is_cancelled);
  tcase_add_test(tcase, intervals_in_class_space);
  tcase_add_test(tcase, empty_questions);
  tcase_add_test(tcase, stacks);
  tcase_add_test(tcase, stacks_have_no_rows);
  tcase_add_test(tcase, refused_stacks);
  tcase_add_test(tcase, one_graph_many_threads);
  tcase_add_test(tcase, allocations_fail);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *suite = make_graph_suite();
  return test_run(&suite, 1);
}
