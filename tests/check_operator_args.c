/* The operators alone: what they refuse, and sizes beyond memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdlib.h>

enum { N = 6, M = 5, DIM = 3, EDGES = N * M };

static gattn_context *context;
static gattn_graph *graph, *stack;
static gattn_frontier *other;
static float q[2 * N * DIM], k[2 * M * DIM], o[2 * N * DIM], s[2 * EDGES],
    w[2 * EDGES], rows[2 * N];
static int64_t counts[2 * N];
static gattn_tensor tq, tk, to, ts, tw, tr, tc;

static gattn_tensor dense(void *data, gattn_type type, int rank, int64_t a,
                          int64_t b, int64_t c) {
  gattn_tensor tensor;
  ck_assert_int_eq(gattn_tensor_dense(context, data, type, rank,
                                      (int64_t[]){a, b, c}, &tensor),
                   GATTN_SUCCESS);
  return tensor;
}

static void setup(void) {
  gattn_graph *three[3];
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_mask_full(context, N, M, &graph), GATTN_SUCCESS);
  three[0] = three[1] = three[2] = graph;
  ck_assert_int_eq(gattn_graph_stack(context, three, 3, &stack), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_frontier_all(context, N + 1, &other), GATTN_SUCCESS);
  tq = dense(q, GATTN_FLOAT32, 3, 2, N, DIM);
  tk = dense(k, GATTN_FLOAT32, 3, 2, M, DIM);
  to = dense(o, GATTN_FLOAT32, 3, 2, N, DIM);
  ts = dense(s, GATTN_FLOAT32, 2, 2, EDGES, 1);
  tw = dense(w, GATTN_FLOAT32, 2, 2, EDGES, 1);
  tr = dense(rows, GATTN_FLOAT32, 2, 2, N, 1);
  tc = dense(counts, GATTN_INT64, 2, 2, N, 1);
}

static void teardown(void) {
  gattn_frontier_release(other);
  gattn_graph_release(stack);
  gattn_graph_release(graph);
  gattn_context_destroy(context);
}

typedef struct refusal {
  gattn_status got, expected;
} refusal;

static void check_refusals(const refusal *cases, size_t n) {
  for (size_t c = 0; c < n; c++)
    ck_assert_msg(cases[c].got == cases[c].expected, "case %zu: %s: %s", c,
                  gattn_status_name(cases[c].got),
                  gattn_context_message(context));
}
#define CHECK(cases) check_refusals(cases, sizeof cases / sizeof *cases)

/* Variations of a tensor, alive to the end of the test. */
static gattn_tensor fewer(gattn_tensor t, int axis) {
  t.shape[axis]--;
  return t;
}
static gattn_tensor typed(gattn_tensor t, gattn_type type) {
  t.type = type;
  return t;
}
static gattn_tensor flat(gattn_tensor t) {
  t.strides[t.rank - 1] = 0;
  return t;
}
static gattn_tensor at(gattn_tensor t, void *data) {
  t.data = data;
  return t;
}

START_TEST(advance_refuses) {
  gattn_tensor short_q = fewer(tq, 1), short_k = fewer(tk, 2),
               half_k = typed(tk, GATTN_FLOAT16), short_s = fewer(ts, 1),
               heads_s = fewer(ts, 0), half_s = typed(ts, GATTN_FLOAT16),
               flat_s = flat(ts), on_q = at(ts, q), on_k = at(ts, k);
  gattn_score bias = {.struct_size = sizeof bias,
                      .kind = GATTN_SCORE_EDGE_BIAS};
  gattn_score none = {.struct_size = 1};
  const double scale = INFINITY;
#define ADVANCE(...) gattn_advance(context, __VA_ARGS__)
#define PLAIN        NULL, NULL, NULL
  const refusal cases[] = {
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &ts), GATTN_SUCCESS},
      {ADVANCE(graph, NULL, &tq, &tk, NULL, &bias, &ts, &ts), GATTN_SUCCESS},
      {gattn_advance(NULL, graph, NULL, &tq, &tk, PLAIN, &ts),
       GATTN_ERROR_NULL},
      {ADVANCE(NULL, NULL, &tq, &tk, PLAIN, &ts), GATTN_ERROR_NULL},
      {ADVANCE(graph, NULL, NULL, &tk, PLAIN, &ts), GATTN_ERROR_NULL},
      {ADVANCE(graph, NULL, &tq, NULL, PLAIN, &ts), GATTN_ERROR_NULL},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, NULL), GATTN_ERROR_NULL},
      {ADVANCE(graph, other, &tq, &tk, PLAIN, &ts), GATTN_ERROR_SHAPE},
      {ADVANCE(stack, NULL, &tq, &tk, PLAIN, &ts), GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &short_q, &tk, PLAIN, &ts), GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &tq, &short_k, PLAIN, &ts), GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &tq, &half_k, PLAIN, &ts), GATTN_ERROR_TYPE},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &short_s), GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &heads_s), GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &half_s), GATTN_ERROR_TYPE},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &flat_s), GATTN_ERROR_STRIDE},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &on_q), GATTN_ERROR_ARGUMENT},
      {ADVANCE(graph, NULL, &tq, &tk, PLAIN, &on_k), GATTN_ERROR_ARGUMENT},
      {ADVANCE(graph, NULL, &tq, &tk, &scale, NULL, NULL, &ts),
       GATTN_ERROR_ARGUMENT},
      {ADVANCE(graph, NULL, &tq, &tk, NULL, &none, NULL, &ts),
       GATTN_ERROR_STRUCT_SIZE},
      {ADVANCE(graph, NULL, &tq, &tk, NULL, &bias, NULL, &ts),
       GATTN_ERROR_NULL},
      {ADVANCE(graph, NULL, &tq, &tk, NULL, &bias, &short_s, &tw),
       GATTN_ERROR_SHAPE},
      {ADVANCE(graph, NULL, &tq, &tk, NULL, NULL, &ts, &tw),
       GATTN_ERROR_ARGUMENT},
  };
  CHECK(cases);
}
END_TEST

START_TEST(reduce_refuses) {
  gattn_tensor short_s = fewer(ts, 1), short_r = fewer(tr, 1),
               flat_r = flat(tr), on_s = at(tr, s),
               half_s = typed(ts, GATTN_FLOAT16);
#define REDUCE(graph, frontier, monoid, values, out) \
  gattn_segmented_reduce(context, graph, frontier, monoid, values, out)
  const refusal cases[] = {
      {REDUCE(graph, NULL, GATTN_SUM, &ts, &tr), GATTN_SUCCESS},
      {REDUCE(graph, NULL, GATTN_COUNT, &ts, &tc), GATTN_SUCCESS},
      {gattn_segmented_reduce(NULL, graph, NULL, GATTN_SUM, &ts, &tr),
       GATTN_ERROR_NULL},
      {REDUCE(NULL, NULL, GATTN_SUM, &ts, &tr), GATTN_ERROR_NULL},
      {REDUCE(graph, NULL, GATTN_SUM, NULL, &tr), GATTN_ERROR_NULL},
      {REDUCE(graph, NULL, GATTN_SUM, &ts, NULL), GATTN_ERROR_NULL},
      {REDUCE(graph, NULL, (gattn_monoid)6, &ts, &tr), GATTN_ERROR_ARGUMENT},
      {REDUCE(graph, NULL, (gattn_monoid)-1, &ts, &tr), GATTN_ERROR_ARGUMENT},
      {REDUCE(graph, other, GATTN_SUM, &ts, &tr), GATTN_ERROR_SHAPE},
      {REDUCE(stack, NULL, GATTN_SUM, &ts, &tr), GATTN_ERROR_SHAPE},
      {REDUCE(graph, NULL, GATTN_SUM, &short_s, &tr), GATTN_ERROR_SHAPE},
      {REDUCE(graph, NULL, GATTN_SUM, &ts, &short_r), GATTN_ERROR_SHAPE},
      {REDUCE(graph, NULL, GATTN_SUM, &ts, &tc), GATTN_ERROR_TYPE},
      {REDUCE(graph, NULL, GATTN_ARG_MAX, &ts, &tr), GATTN_ERROR_TYPE},
      {REDUCE(graph, NULL, GATTN_SUM, &half_s, &tr), GATTN_ERROR_TYPE},
      {REDUCE(graph, NULL, GATTN_SUM, &ts, &flat_r), GATTN_ERROR_STRIDE},
      {REDUCE(graph, NULL, GATTN_SUM, &ts, &on_s), GATTN_ERROR_ARGUMENT},
  };
  CHECK(cases);
}
END_TEST

START_TEST(softmax_refuses) {
  gattn_tensor short_s = fewer(ts, 1), heads_w = fewer(tw, 0),
               short_r = fewer(tr, 1), flat_w = flat(tw), flat_r = flat(tr),
               beside = at(tw, s + 1), on_s = at(tr, s), on_w = at(tr, w);
#define SOFTMAX(graph, frontier, scores, weights, lse) \
  gattn_segmented_softmax(context, graph, frontier, scores, weights, lse)
  const refusal cases[] = {
      {SOFTMAX(graph, NULL, &ts, &tw, &tr), GATTN_SUCCESS},
      {SOFTMAX(graph, NULL, &ts, &ts, NULL), GATTN_SUCCESS},
      {gattn_segmented_softmax(NULL, graph, NULL, &ts, &tw, &tr),
       GATTN_ERROR_NULL},
      {SOFTMAX(NULL, NULL, &ts, &tw, &tr), GATTN_ERROR_NULL},
      {SOFTMAX(graph, NULL, NULL, &tw, &tr), GATTN_ERROR_NULL},
      {SOFTMAX(graph, NULL, &ts, NULL, &tr), GATTN_ERROR_NULL},
      {SOFTMAX(graph, other, &ts, &tw, &tr), GATTN_ERROR_SHAPE},
      {SOFTMAX(stack, NULL, &ts, &tw, &tr), GATTN_ERROR_SHAPE},
      {SOFTMAX(graph, NULL, &short_s, &tw, &tr), GATTN_ERROR_SHAPE},
      {SOFTMAX(graph, NULL, &ts, &heads_w, &tr), GATTN_ERROR_SHAPE},
      {SOFTMAX(graph, NULL, &ts, &tw, &short_r), GATTN_ERROR_SHAPE},
      {SOFTMAX(graph, NULL, &ts, &tw, &tc), GATTN_ERROR_TYPE},
      {SOFTMAX(graph, NULL, &ts, &flat_w, &tr), GATTN_ERROR_STRIDE},
      {SOFTMAX(graph, NULL, &ts, &tw, &flat_r), GATTN_ERROR_STRIDE},
      {SOFTMAX(graph, NULL, &ts, &beside, &tr), GATTN_ERROR_ARGUMENT},
      {SOFTMAX(graph, NULL, &ts, &tw, &on_s), GATTN_ERROR_ARGUMENT},
      {SOFTMAX(graph, NULL, &ts, &tw, &on_w), GATTN_ERROR_ARGUMENT},
  };
  CHECK(cases);
}
END_TEST

START_TEST(gather_refuses) {
  gattn_tensor short_w = fewer(tw, 1), short_v = fewer(tk, 1),
               half_v = typed(tk, GATTN_BFLOAT16), long_v = tk,
               short_o = fewer(to, 2), flat_o = flat(to), on_v = at(to, k),
               on_w = at(to, w);
  long_v.type = GATTN_INT64;
  long_v.data = counts;
#define GATHER(graph, frontier, weights, v, o) \
  gattn_gather(context, graph, frontier, weights, v, o)
  const refusal cases[] = {
      {GATHER(graph, NULL, &tw, &tk, &to), GATTN_SUCCESS},
      {gattn_gather(NULL, graph, NULL, &tw, &tk, &to), GATTN_ERROR_NULL},
      {GATHER(NULL, NULL, &tw, &tk, &to), GATTN_ERROR_NULL},
      {GATHER(graph, NULL, NULL, &tk, &to), GATTN_ERROR_NULL},
      {GATHER(graph, NULL, &tw, NULL, &to), GATTN_ERROR_NULL},
      {GATHER(graph, NULL, &tw, &tk, NULL), GATTN_ERROR_NULL},
      {GATHER(graph, other, &tw, &tk, &to), GATTN_ERROR_SHAPE},
      {GATHER(stack, NULL, &tw, &tk, &to), GATTN_ERROR_SHAPE},
      {GATHER(graph, NULL, &short_w, &tk, &to), GATTN_ERROR_SHAPE},
      {GATHER(graph, NULL, &tw, &short_v, &to), GATTN_ERROR_SHAPE},
      {GATHER(graph, NULL, &tw, &half_v, &to), GATTN_ERROR_TYPE},
      {GATHER(graph, NULL, &tw, &long_v, &to), GATTN_ERROR_TYPE},
      {GATHER(graph, NULL, &tw, &tk, &short_o), GATTN_ERROR_SHAPE},
      {GATHER(graph, NULL, &tw, &tk, &flat_o), GATTN_ERROR_STRIDE},
      {GATHER(graph, NULL, &tw, &tk, &on_v), GATTN_ERROR_ARGUMENT},
      {GATHER(graph, NULL, &tw, &tk, &on_w), GATTN_ERROR_ARGUMENT},
  };
  CHECK(cases);
}
END_TEST

START_TEST(edges_refuse) {
  int64_t edges = -7, offsets[N + 1] = {-7};
  const refusal cases[] = {
      {gattn_edge_count(NULL, graph, NULL, &edges), GATTN_ERROR_NULL},
      {gattn_edge_count(context, NULL, NULL, &edges), GATTN_ERROR_NULL},
      {gattn_edge_count(context, graph, NULL, NULL), GATTN_ERROR_NULL},
      {gattn_edge_count(context, graph, other, &edges), GATTN_ERROR_SHAPE},
      {gattn_edge_offsets(NULL, graph, NULL, 0, offsets), GATTN_ERROR_NULL},
      {gattn_edge_offsets(context, NULL, NULL, 0, offsets), GATTN_ERROR_NULL},
      {gattn_edge_offsets(context, graph, NULL, 0, NULL), GATTN_ERROR_NULL},
      {gattn_edge_offsets(context, graph, other, 0, offsets),
       GATTN_ERROR_SHAPE},
      {gattn_edge_offsets(context, stack, NULL, 3, offsets), GATTN_ERROR_INDEX},
      {gattn_edge_offsets(context, stack, NULL, -1, offsets),
       GATTN_ERROR_INDEX},
  };
  CHECK(cases);
  ck_assert_int_eq(edges, -7);
  ck_assert_int_eq(offsets[0], -7);
  ck_assert_int_eq(gattn_edge_offsets(context, graph, NULL, 99, offsets),
                   GATTN_SUCCESS);
  ck_assert_int_eq(offsets[N], EDGES);
}
END_TEST

/* Closed forms are counted at any size, and only as far as an array of edge
 * values could go. */
START_TEST(edges_beyond_memory) {
  const int64_t n = (int64_t)1 << 40;
  gattn_graph *band, *full;
  gattn_frontier *last, *list;
  int64_t edges = 0;
  ck_assert_int_eq(gattn_mask_local(context, n, n, 8, 8, &band), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_mask_full(context, n, n, &full), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_frontier_range(context, n, n - 2, n, &last),
                   GATTN_SUCCESS);
  ck_assert_int_eq(
      gattn_frontier_list(context, n, (int64_t[]){n / 2, n - 1, 0}, 3, &list),
      GATTN_SUCCESS);
  ck_assert_int_eq(gattn_edge_count(context, band, NULL, &edges),
                   GATTN_SUCCESS);
  ck_assert_int_eq(edges, 17 * n - 72);
  ck_assert_int_eq(gattn_edge_count(context, band, last, &edges),
                   GATTN_SUCCESS);
  ck_assert_int_eq(edges, 9 + 10);
  ck_assert_int_eq(gattn_edge_count(context, band, list, &edges),
                   GATTN_SUCCESS);
  ck_assert_int_eq(edges, 17 + 9 + 9);
  ck_assert_int_eq(gattn_edge_count(context, full, last, &edges),
                   GATTN_SUCCESS);
  ck_assert_int_eq(edges, 2 * n);
  ck_assert_int_eq(gattn_edge_count(context, full, NULL, &edges),
                   GATTN_ERROR_TOO_LARGE);
  ck_assert_int_eq(edges, 2 * n);
  gattn_frontier_release(list);
  gattn_frontier_release(last);
  gattn_graph_release(full);
  gattn_graph_release(band);
}
END_TEST

/* Rows that a list names twice are computed twice. */
START_TEST(frontiers_may_repeat) {
  gattn_frontier *twice;
  gattn_tensor q3 = dense(q, GATTN_FLOAT32, 2, 3, DIM, 1),
               k1 = dense(k, GATTN_FLOAT32, 2, M, DIM, 1),
               s3 = dense(s, GATTN_FLOAT32, 1, 3 * M, 1, 1);
  ck_assert_int_eq(
      gattn_frontier_list(context, N, (int64_t[]){4, 1, 4}, 3, &twice),
      GATTN_SUCCESS);
  for (int c = 0; c < DIM; c++) q[c] = q[2 * DIM + c] = (float)c;
  for (int e = 0; e < M * DIM; e++) k[e] = (float)(e % 4);
  ck_assert_int_eq(
      gattn_advance(context, graph, twice, &q3, &k1, NULL, NULL, NULL, &s3),
      GATTN_SUCCESS);
  ck_assert_mem_eq(s, s + 2 * M, M * sizeof(float));
  ck_assert_float_eq_tol(s[0], (float)((k[1] + 2 * k[2]) / sqrt(3)), 1e-6);
  gattn_frontier_release(twice);
}
END_TEST

static Suite *make_operator_args_suite(void) {
  Suite *suite = suite_create("operator_args");
  TCase *tcase = tcase_create("arguments");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, advance_refuses);
  tcase_add_test(tcase, reduce_refuses);
  tcase_add_test(tcase, softmax_refuses);
  tcase_add_test(tcase, gather_refuses);
  tcase_add_test(tcase, edges_refuse);
  tcase_add_test(tcase, edges_beyond_memory);
  tcase_add_test(tcase, frontiers_may_repeat);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_operator_args_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
