/* Explicit edges, materialised graphs, transposes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "edge_list.h"
#include "masks/csr.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

/* ------------------------------------------------------------ building */

static gattn_graph *csr_of(int64_t n_q, int64_t n_kv, const int64_t *offsets,
                           const int64_t *columns) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_graph_from_csr(context, n_q, n_kv, offsets, columns, &graph);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  return graph;
}

START_TEST(random_rows) {
  static const int64_t sizes[][3] = {{0, 0, 3}, {0, 4, 3},  {4, 0, 3},
                                     {1, 1, 2}, {1, 19, 9}, {19, 1, 2},
                                     {9, 14, 9}};
  uint64_t state = (uint64_t)_i + 11;
  for (int round = 0; round < 4; round++) {
    edge_list list =
        edge_list_random(&state, sizes[_i][0], sizes[_i][1], sizes[_i][2]);
    gattn_graph *graph = csr_of(list.truth.n_q, list.truth.n_kv, list.offsets,
                                list.columns);
    dense_check(context, graph, &list.truth, "from_csr");
    dense_check_derived(context, graph, &list.truth, "from_csr, derived");
    gattn_graph_release(graph);
    edge_list_shuffle(&state, &list);
    ck_assert_int_eq(gattn_graph_from_coo(context, list.truth.n_q,
                                          list.truth.n_kv, list.n, list.rows,
                                          list.columns, &graph),
                     GATTN_SUCCESS);
    dense_check(context, graph, &list.truth, "from_coo");
    gattn_graph_release(graph);
    edge_list_free(&list);
  }
}
END_TEST

/* Rows long enough for the counting sort, columns of one and of two digits. */
START_TEST(long_rows_are_sorted) {
  uint64_t state = 3;
  for (int64_t n_kv = 200; n_kv <= 3000; n_kv += 1400) {
    edge_list list = edge_list_random(&state, 6, n_kv, 400);
    gattn_graph *graph = csr_of(6, n_kv, list.offsets, list.columns);
    const gattn_csr *csr = gattn_csr_of(graph);
    int64_t at = 0;
    for (int64_t i = 0; i < 6; i++)
      for (int64_t j = 0; j < n_kv; j++)
        if (*dense_at(&list.truth, i, j) && gattn_csr_column(csr, at++) != j)
          ck_abort_msg("row %d lost column %d", (int)i, (int)j);
    ck_assert_int_eq(at, gattn_csr_edges(csr));
    gattn_graph_release(graph);
    edge_list_free(&list);
  }
}
END_TEST

/* Columns past 2^31 are stored wide, and rows too long to insert are sorted
 * over all their digits. */
START_TEST(wide_columns) {
  enum { DEGREE = 100 };
  int64_t n_kv = (int64_t)1 << 62, offsets[] = {0, DEGREE, DEGREE + 2};
  int64_t columns[DEGREE + 2];
  for (int64_t e = 0; e < DEGREE; e++)
    columns[e] = (DEGREE - 1 - e) * ((int64_t)1 << 55) + e % 3;
  columns[DEGREE] = n_kv - 1;
  columns[DEGREE + 1] = n_kv - 2;
  gattn_graph *graph = csr_of(2, n_kv, offsets, columns);
  int64_t next = -1, at = 0, count = 0, sorted[DEGREE + 2];
  ck_assert_ptr_null(gattn_csr_of(graph)->narrow);
  ck_assert_int_eq(gattn_graph_row(context, graph, 0, 0, DEGREE, sorted, &count),
                   0);
  ck_assert_int_eq(count, DEGREE);
  for (int64_t e = 0; e < DEGREE; e++, at++)
    ck_assert_int_eq(sorted[e], columns[DEGREE - 1 - e]);
  ck_assert_int_eq(gattn_graph_next(context, graph, 1, 0, &next), 0);
  ck_assert_int_eq(next, n_kv - 2);
  ck_assert_int_eq(gattn_stretch(graph, 1, n_kv - 2), n_kv);
  gattn_run runs[3];
  int64_t upto = 0, keys = gattn_class_keys(n_kv, 1, 2);
  ck_assert_int_eq(gattn_runs(graph, 1, 2, 0, keys, runs, 3, &upto), 1);
  ck_assert_int_eq(runs[0].begin, (n_kv - 1) / 2);
  ck_assert_int_eq(upto, keys);
  ck_assert(gattn_same_row(graph, 0, 0));
  ck_assert(!gattn_same_row(graph, 0, 1));
  gattn_graph_release(graph);
}
END_TEST

START_TEST(narrow_limit) {
  int64_t offsets[] = {0, 1}, column = INT32_MAX - 1;
  gattn_graph *graph = csr_of(1, INT32_MAX, offsets, &column);
  ck_assert_ptr_nonnull(gattn_csr_of(graph)->narrow);
  ck_assert_int_eq(gattn_next(graph, 0, 5), INT32_MAX - 1);
  gattn_graph_release(graph);
  column = INT32_MAX;
  graph = csr_of(1, (int64_t)INT32_MAX + 1, offsets, &column);
  ck_assert_ptr_null(gattn_csr_of(graph)->narrow);
  ck_assert_int_eq(gattn_next(graph, 0, 5), INT32_MAX);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(arrays_come_back) {
  int64_t offsets[] = {0, 3, 3, 7}, columns[] = {4, 0, 4, 2, 1, 0, 1};
  int64_t got_offsets[4], got_columns[5];
  gattn_graph *graph = csr_of(3, 5, offsets, columns), *causal = NULL;
  ck_assert_int_eq(gattn_graph_csr(context, graph, got_offsets, got_columns),
                   GATTN_SUCCESS);
  ck_assert_mem_eq(got_offsets, ((int64_t[]){0, 2, 2, 5}), sizeof got_offsets);
  ck_assert_mem_eq(got_columns, ((int64_t[]){0, 4, 0, 1, 2}),
                   sizeof got_columns);
  ck_assert_int_eq(gattn_graph_csr(context, graph, NULL, NULL), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_graph_csr(NULL, graph, NULL, NULL), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_csr(context, NULL, NULL, NULL),
                 GATTN_ERROR_NULL, "graph: is null");
  ck_assert_int_eq(gattn_mask_causal(context, 3, 3, &causal), 0);
  expect_failure(context,
                 gattn_graph_csr(context, causal, got_offsets, got_columns),
                 GATTN_ERROR_UNSUPPORTED, "graph: is a ");
  gattn_graph_release(causal);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(described) {
  int64_t offsets[] = {0, 2}, columns[] = {1, 0};
  gattn_graph *graph = csr_of(1, 2, offsets, columns);
  char text[32];
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text), 0);
  ck_assert_str_eq(text, "csr(2 edges)");
  ck_assert_int_eq(gattn_csr_label(context, graph, "edges(\"g.mtx\")"), 0);
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text), 0);
  ck_assert_str_eq(text, "edges(\"g.mtx\")");
  ck_assert_int_eq(gattn_shape_of(graph).form, GATTN_FORM_LIST);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ refusals */

static void refuse_csr(int64_t n_q, int64_t n_kv, const int64_t *offsets,
                       const int64_t *columns, gattn_status wanted,
                       const char *part) {
  gattn_graph *graph = NULL;
  expect_failure(
      context,
      gattn_graph_from_csr(context, n_q, n_kv, offsets, columns, &graph),
      wanted, part);
  ck_assert_ptr_null(graph);
}

START_TEST(refused_csr) {
  int64_t offsets[] = {0, 1, 3}, columns[] = {0, 1, 2};
  int64_t first[] = {1, 1, 3}, falling[] = {0, 2, 1}, negative[] = {0, -1, 3};
  int64_t low[] = {0, 1, -1}, high[] = {0, 3, 2};
  refuse_csr(-1, 3, offsets, columns, GATTN_ERROR_SIZE, "n_q: -1 is negative");
  refuse_csr(2, -7, offsets, columns, GATTN_ERROR_SIZE, "n_kv: -7 is negative");
  refuse_csr(2, INT64_MAX, offsets, columns, GATTN_ERROR_SIZE,
             "n_kv: 9223372036854775807 is more than 2^62");
  refuse_csr(2, 3, NULL, columns, GATTN_ERROR_NULL, "offsets: is null");
  refuse_csr(2, 3, offsets, NULL, GATTN_ERROR_NULL, "columns: is null");
  refuse_csr(2, 3, first, columns, GATTN_ERROR_OFFSETS, "offsets[0]: is 1");
  refuse_csr(2, 3, falling, columns, GATTN_ERROR_OFFSETS,
             "offsets[2]: 1 is below offsets[1] = 2");
  refuse_csr(2, 3, negative, columns, GATTN_ERROR_OFFSETS,
             "offsets[1]: -1 is below offsets[0] = 0");
  refuse_csr(2, 3, offsets, low, GATTN_ERROR_INDEX,
             "columns[2]: -1 in row 1 is outside the 3 key vertices");
  refuse_csr(2, 3, offsets, high, GATTN_ERROR_INDEX,
             "columns[1]: 3 in row 1 is outside the 3 key vertices");
  refuse_csr(2, 3, (int64_t *)((char *)offsets + 4), columns,
             GATTN_ERROR_STRIDE, "offsets: is not aligned");
  refuse_csr(2, 3, offsets, (int64_t *)((char *)columns + 1),
             GATTN_ERROR_STRIDE, "columns: is not aligned");
  ck_assert_int_eq(
      gattn_graph_from_csr(NULL, 2, 3, offsets, columns, &(gattn_graph *){0}),
      GATTN_ERROR_NULL);
  expect_failure(context,
                 gattn_graph_from_csr(context, 2, 3, offsets, columns, NULL),
                 GATTN_ERROR_NULL, "graph: is null");
}
END_TEST

static void refuse_coo(int64_t n_q, int64_t n_edges, const int64_t *rows,
                       const int64_t *columns, gattn_status wanted,
                       const char *part) {
  gattn_graph *graph = NULL;
  expect_failure(context,
                 gattn_graph_from_coo(context, n_q, 3, n_edges, rows, columns,
                                      &graph),
                 wanted, part);
  ck_assert_ptr_null(graph);
}

START_TEST(refused_coo) {
  int64_t ids[] = {0, 1, 2}, low[] = {0, -5, 2}, high[] = {0, 1, 3};
  refuse_coo(-1, 3, ids, ids, GATTN_ERROR_SIZE, "n_q: -1 is negative");
  refuse_coo(3, -2, ids, ids, GATTN_ERROR_SIZE, "n_edges: -2 is negative");
  refuse_coo(3, 3, NULL, ids, GATTN_ERROR_NULL, "rows: is null");
  refuse_coo(3, 3, ids, NULL, GATTN_ERROR_NULL, "columns: is null");
  refuse_coo(3, 3, low, ids, GATTN_ERROR_INDEX,
             "rows[1]: -5 is outside the 3 query vertices");
  refuse_coo(3, 3, ids, high, GATTN_ERROR_INDEX,
             "columns[2]: 3 is outside the 3 key vertices");
  refuse_coo(3, 1, (int64_t *)((char *)ids + 2), ids, GATTN_ERROR_STRIDE,
             "rows: is not aligned");
  ck_assert_int_eq(
      gattn_graph_from_coo(NULL, 3, 3, 3, ids, ids, &(gattn_graph *){0}),
      GATTN_ERROR_NULL);
  expect_failure(context,
                 gattn_graph_from_coo(context, 3, 3, 3, ids, ids, NULL),
                 GATTN_ERROR_NULL, "graph: is null");
  gattn_graph *empty = NULL;
  ck_assert_int_eq(gattn_graph_from_coo(context, 3, 3, 0, NULL, NULL, &empty),
                   GATTN_SUCCESS);
  gattn_graph_release(empty);
}
END_TEST

START_TEST(storing_too_much) {
  gattn_graph *graph = NULL, *out = NULL;
  int64_t n = (int64_t)1 << 40;
  ck_assert_int_eq(gattn_mask_causal(context, n, n, &graph), 0);
  expect_failure(context, gattn_graph_materialize(context, graph, &out),
                 GATTN_ERROR_TOO_LARGE, "storing would walk about");
  gattn_graph_release(graph);
  /* Few rows and keys enough that only its edges are too many. */
  ck_assert_int_eq(gattn_mask_random(context, 1 << 20, 1 << 20, 1 << 19, 1,
                                     &graph),
                   0);
  expect_failure(context, gattn_graph_materialize(context, graph, &out),
                 GATTN_ERROR_TOO_LARGE, "storing would walk about");
  expect_failure(context, gattn_graph_transpose(context, graph, &out),
                 GATTN_ERROR_TOO_LARGE, "transposing would walk about");
  ck_assert_ptr_null(out);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(null_arguments) {
  gattn_graph *graph = NULL, *out = NULL;
  ck_assert_int_eq(gattn_mask_causal(context, 3, 3, &graph), 0);
  ck_assert_int_eq(gattn_graph_materialize(NULL, graph, &out),
                   GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_materialize(context, NULL, &out),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_materialize(context, graph, NULL),
                 GATTN_ERROR_NULL, "csr: is null");
  ck_assert_int_eq(gattn_graph_transpose(NULL, graph, &out), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_transpose(context, NULL, &out),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_transpose(context, graph, NULL),
                 GATTN_ERROR_NULL, "transpose: is null");
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ progress */

typedef struct stop {
  int calls, at;
} stop;

static int stop_at(void *user, int64_t done, int64_t total) {
  stop *s = user;
  ck_assert(0 <= done && done <= total);
  return ++s->calls == s->at;
}

/* A stored graph is asked for the work; random has no closed transpose. */
static gattn_status store_with(stop *s, gattn_status (*work)(gattn_context *,
                                                             gattn_graph *,
                                                             gattn_graph **)) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2,
                                   .progress = stop_at,
                                   .progress_user = s};
  gattn_context *watched = NULL;
  gattn_graph *graph = NULL, *out = NULL;
  ck_assert_int_eq(gattn_context_create(&options, &watched), 0);
  ck_assert_int_eq(gattn_mask_random(watched, 1 << 15, 1 << 15, 100, 1,
                                     &graph),
                   0);
  gattn_status status = work(watched, graph, &out);
  if (status) {
    ck_assert_ptr_null(out);
    ck_assert_ptr_nonnull(
        strstr(gattn_context_message(watched), "progress: the callback"));
  }
  gattn_graph_release(out);
  gattn_graph_release(graph);
  gattn_context_destroy(watched);
  return status;
}

START_TEST(cancelled) {
  stop never = {0, -1}, first = {0, 1}, second = {0, 2};
  ck_assert_int_eq(store_with(&never, gattn_graph_materialize), 0);
  ck_assert_int_ge(never.calls, 2);
  ck_assert_int_eq(store_with(&first, gattn_graph_materialize),
                   GATTN_ERROR_CANCELLED);
  ck_assert_int_eq(store_with(&second, gattn_graph_materialize),
                   GATTN_ERROR_CANCELLED);
  first.calls = 0;
  ck_assert_int_eq(store_with(&first, gattn_graph_transpose),
                   GATTN_ERROR_CANCELLED);
}
END_TEST

/* ------------------------------------------------------------ memory */

static gattn_status build_all(gattn_context *brutal, void *user) {
  (void)user;
  int64_t offsets[] = {0, 60, 62}, columns[62], rows[62];
  for (int64_t e = 0; e < 62; e++) {
    columns[e] = (61 - e) % 40;
    rows[e] = e % 2;
  }
  gattn_graph *graph = NULL, *out = NULL;
  gattn_status status =
      gattn_graph_from_csr(brutal, 2, 70, offsets, columns, &graph);
  if (status) return status;
  status = gattn_csr_label(brutal, graph, "edges(\"g.mtx\")");
  if (!status) status = gattn_graph_transpose(brutal, graph, &out);
  gattn_graph_release(out);
  gattn_graph_release(graph);
  if (status) return status;
  status = gattn_graph_from_coo(brutal, 2, 70, 62, rows, columns, &graph);
  if (status) return status;
  gattn_graph_release(graph);
  status = gattn_mask_random(brutal, 5, 7, 3, 1, &graph);
  if (status) return status;
  out = NULL;
  status = gattn_graph_materialize(brutal, graph, &out);
  gattn_graph_release(out);
  gattn_graph_release(graph);
  return status;
}

START_TEST(allocations_fail) {
  ck_assert_int_gt(brutal_run(build_all, NULL), 15);
}
END_TEST

static Suite *make_csr_suite(void) {
  Suite *suite = suite_create("csr");
  TCase *tcase = tcase_create("csr");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, random_rows, 0, 7);
  tcase_add_test(tcase, long_rows_are_sorted);
  tcase_add_test(tcase, wide_columns);
  tcase_add_test(tcase, narrow_limit);
  tcase_add_test(tcase, arrays_come_back);
  tcase_add_test(tcase, described);
  tcase_add_test(tcase, refused_csr);
  tcase_add_test(tcase, refused_coo);
  tcase_add_test(tcase, storing_too_much);
  tcase_add_test(tcase, null_arguments);
  tcase_add_test(tcase, cancelled);
  tcase_add_test(tcase, allocations_fail);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_csr_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
