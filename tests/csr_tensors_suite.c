/* Graphs of edges in tensors, where the context computes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/attend_case.h"
#include "tests/edge_list.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) {
  context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 2});
}

static void teardown(void) { gattn_context_destroy(context); }

/* ------------------------------------------------------------ making */

/* Dense ids are copied as they are: doubles would round large ones. */
static oracle_array ids_of(const int64_t *ids, int64_t n,
                           oracle_layout layout) {
  const int64_t shape[] = {n};
  oracle_array array = oracle_array_make(GATTN_INT64, 1, shape, layout, 1);
  if (layout == ORACLE_DENSE && n)
    memcpy(array.memory, ids, (size_t)n * sizeof *ids);
  else
    for (int64_t e = 0; e < n; e++)
      oracle_array_set(&array, e, (double)ids[e]);
  oracle_array_place(&array, context);
  return array;
}

static gattn_status from_csr(int64_t n_q, int64_t n_kv, const int64_t *offsets,
                             const int64_t *columns, int64_t n,
                             oracle_layout layout, gattn_graph **graph) {
  oracle_array o = ids_of(offsets, n_q + 1, layout);
  oracle_array c = ids_of(columns, n, layout);
  gattn_status status = gattn_graph_from_csr_tensors(
      context, n_q, n_kv, &o.tensor, &c.tensor, graph);
  oracle_array_free(&o);
  oracle_array_free(&c);
  return status;
}

static gattn_status from_coo(int64_t n_q, int64_t n_kv, const int64_t *rows,
                             const int64_t *columns, int64_t n,
                             oracle_layout layout, gattn_graph **graph) {
  oracle_array r = ids_of(rows, n, layout);
  oracle_array c = ids_of(columns, n, layout);
  gattn_status status = gattn_graph_from_coo_tensors(
      context, n_q, n_kv, &r.tensor, &c.tensor, graph);
  oracle_array_free(&r);
  oracle_array_free(&c);
  return status;
}

/* The same edges in order and once each: what needs no sorting. */
static void sort_edges(edge_list *list) {
  list->n = 0;
  for (int64_t i = 0; i < list->truth.n_q; i++) {
    for (int64_t j = 0; j < list->truth.n_kv; j++)
      if (*dense_at(&list->truth, i, j)) {
        list->rows[list->n] = i;
        list->columns[list->n++] = j;
      }
    list->offsets[i + 1] = list->n;
  }
}

static void check_both(edge_list *list, oracle_layout layout,
                       const char *what) {
  const int64_t n_q = list->truth.n_q, n_kv = list->truth.n_kv;
  gattn_graph *graph = NULL;
  ck_success(context, from_csr(n_q, n_kv, list->offsets, list->columns,
                               list->n, layout, &graph));
  dense_check(context, graph, &list->truth, what);
  dense_check_derived(context, graph, &list->truth, what);
  gattn_graph_release(graph);
  ck_success(context, from_coo(n_q, n_kv, list->rows, list->columns, list->n,
                               layout, &graph));
  dense_check(context, graph, &list->truth, what);
  gattn_graph_release(graph);
}

START_TEST(edges_make_sets) {
  static const int64_t sizes[][3] = {{0, 0, 3},  {0, 4, 3},    {4, 0, 3},
                                     {1, 1, 4},  {1, 19, 9},   {19, 1, 3},
                                     {9, 14, 9}, {40, 70, 90}, {3, 700, 900}};
  uint64_t state = (uint64_t)_i + 5;
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++) {
    edge_list list =
        edge_list_random(&state, sizes[_i][0], sizes[_i][1], sizes[_i][2]);
    check_both(&list, (oracle_layout)layout, "unsorted");
    edge_list_shuffle(&state, &list);
    gattn_graph *graph = NULL;
    ck_success(context, from_coo(list.truth.n_q, list.truth.n_kv, list.rows,
                                 list.columns, list.n, (oracle_layout)layout,
                                 &graph));
    dense_check(context, graph, &list.truth, "shuffled");
    gattn_graph_release(graph);
    sort_edges(&list);
    check_both(&list, (oracle_layout)layout, "sorted");
    edge_list_free(&list);
  }
}
END_TEST

/* Columns that need 62 bits, beside rows that need three: 65 in all. */
START_TEST(many_keys) {
  const int64_t n_kv = INT64_C(1) << 62, big = n_kv - 1;
  const int64_t rows[] = {4, 0, 4, 2, 4, 0, 4};
  const int64_t columns[] = {big, 7, 0, big, big, 5, INT64_C(1) << 40};
  const int64_t wanted_offsets[] = {0, 2, 2, 3, 3, 6};
  const int64_t wanted[] = {5, 7, big, 0, INT64_C(1) << 40, big};
  int64_t offsets[6], got[6];
  gattn_graph *graph = NULL;
  ck_success(context,
             from_coo(5, n_kv, rows, columns, 7, ORACLE_DENSE, &graph));
  ck_success(context, gattn_graph_csr(context, graph, offsets, got));
  for (int i = 0; i < 6; i++) {
    ck_assert_int_eq(offsets[i], wanted_offsets[i]);
    ck_assert_int_eq(got[i], wanted[i]);
  }
  gattn_graph_release(graph);
}
END_TEST

/* Columns past the last offset are no edges, whatever they say. */
START_TEST(columns_may_be_longer) {
  const int64_t offsets[] = {0, 2, 3}, columns[] = {3, 1, 2, -9, 99};
  int64_t got[3], edges;
  char text[64];
  gattn_graph *graph = NULL;
  ck_success(context,
             from_csr(2, 4, offsets, columns, 5, ORACLE_DENSE, &graph));
  ck_success(context, gattn_graph_describe(context, graph, text, sizeof text));
  ck_assert_str_eq(text, "csr(3 edges)");
  ck_success(context, gattn_graph_edges(context, graph, &edges));
  ck_assert_int_eq(edges, 3);
  ck_success(context, gattn_graph_csr(context, graph, NULL, got));
  ck_assert(got[0] == 1 && got[1] == 3 && got[2] == 2);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ errors */

typedef struct bad_csr {
  int64_t offsets[4], columns[5], n;
  gattn_status status;
  const char *part;
} bad_csr;

static const bad_csr bad_csrs[] = {
    {{1, 2, 3, 4}, {0, 0, 0, 0}, 4, GATTN_ERROR_OFFSETS, "offsets[0]: is 1"},
    {{0, 3, 2, 4}, {0, 0, 0, 0}, 4, GATTN_ERROR_OFFSETS,
     "offsets[2]: 2 is below offsets[1] = 3"},
    {{0, 3, 2, 1}, {9, 9, 9, 9}, 4, GATTN_ERROR_OFFSETS, "offsets[2]"},
    {{0, -3, 2, 4}, {0, 0, 0, 0}, 4, GATTN_ERROR_OFFSETS, "offsets[1]: -3"},
    {{0, 1, 2, 5}, {0, 0, 0, 0}, 4, GATTN_ERROR_SHAPE, "offsets end at 5"},
    {{0, 1, 1, 4}, {0, 2, 7, -1}, 4, GATTN_ERROR_INDEX,
     "columns[2]: 7 in row 2 is outside the 7 key vertices"},
    {{0, 1, 1, 4}, {-1, 2, 3, 7}, 4, GATTN_ERROR_INDEX,
     "columns[0]: -1 in row 0"},
};

START_TEST(bad_rows_are_named) {
  const bad_csr *bad = &bad_csrs[_i];
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++) {
    gattn_graph *graph = NULL;
    expect_failure(context,
                   from_csr(3, 7, bad->offsets, bad->columns, bad->n,
                            (oracle_layout)layout, &graph),
                   bad->status, bad->part);
    ck_assert_ptr_null(graph);
  }
}
END_TEST

START_TEST(bad_coordinates_are_named) {
  const int64_t rows[] = {0, 2, 3, -1}, columns[] = {0, 4, 5, 1};
  const int64_t good[] = {1, 1, 1, 1};
  gattn_graph *graph = NULL;
  expect_failure(context,
                 from_coo(3, 5, rows, columns, 4, ORACLE_DENSE, &graph),
                 GATTN_ERROR_INDEX,
                 "rows[2]: 3 is outside the 3 query vertices");
  expect_failure(context,
                 from_coo(3, 5, good, columns, 4, ORACLE_DENSE, &graph),
                 GATTN_ERROR_INDEX,
                 "columns[2]: 5 is outside the 5 key vertices");
  expect_failure(context,
                 from_coo(0, 5, good, good, 1, ORACLE_DENSE, &graph),
                 GATTN_ERROR_INDEX, "rows[0]: 1");
  ck_assert_ptr_null(graph);
}
END_TEST

START_TEST(bad_tensors_are_refused) {
  const int64_t ids[] = {0, 1, 1, 1};
  oracle_array good = ids_of(ids, 4, ORACLE_DENSE);
  gattn_graph *graph = NULL;
  gattn_tensor odd = good.tensor;
  expect_failure(context,
                 gattn_graph_from_csr_tensors(context, 2, 5, &good.tensor,
                                              &good.tensor, &graph),
                 GATTN_ERROR_SHAPE, "offsets: has 4 entries");
  odd.type = GATTN_FLOAT32;
  expect_failure(context,
                 gattn_graph_from_csr_tensors(context, 3, 5, &odd,
                                              &good.tensor, &graph),
                 GATTN_ERROR_TYPE, "offsets: is float32");
  odd = good.tensor;
  odd.device = test_on_device() ? GATTN_CPU : GATTN_CUDA(0);
  expect_failure(context,
                 gattn_graph_from_coo_tensors(context, 3, 5, &good.tensor,
                                              &odd, &graph),
                 GATTN_ERROR_DEVICE, "columns: is on device");
  odd = good.tensor;
  odd.shape[0] = 3;
  expect_failure(context,
                 gattn_graph_from_coo_tensors(context, 3, 5, &good.tensor,
                                              &odd, &graph),
                 GATTN_ERROR_SHAPE, "columns: has 3 entries");
  expect_failure(context,
                 gattn_graph_from_coo_tensors(context, -3, 5, &good.tensor,
                                              &good.tensor, &graph),
                 GATTN_ERROR_SIZE, "n_q: -3");
  expect_failure(context,
                 gattn_graph_from_csr_tensors(context, 3, 5, NULL,
                                              &good.tensor, &graph),
                 GATTN_ERROR_NULL, "offsets");
  expect_failure(context,
                 gattn_graph_from_coo_tensors(context, 3, 5, &good.tensor,
                                              NULL, &graph),
                 GATTN_ERROR_NULL, "columns");
  expect_failure(context,
                 gattn_graph_from_coo_tensors(context, 3, 5, &good.tensor,
                                              &good.tensor, NULL),
                 GATTN_ERROR_NULL, "graph");
  ck_assert_int_eq(gattn_graph_from_coo_tensors(NULL, 3, 5, &good.tensor,
                                                &good.tensor, &graph),
                   GATTN_ERROR_NULL);
  ck_assert_ptr_null(graph);
  oracle_array_free(&good);
}
END_TEST

/* ------------------------------------------------------------ attention */

START_TEST(attention_takes_them) {
  static const char *const frontiers[] = {NULL, "range:3:31", "last:1",
                                          "list:39,2,17,0"};
  uint64_t state = 77;
  edge_list list = edge_list_random(&state, 40, 70, 90);
  gattn_graph *graph = NULL;
  ck_success(context, from_csr(40, 70, list.offsets, list.columns, list.n,
                               ORACLE_DENSE, &graph));
  for (size_t f = 0; f < sizeof frontiers / sizeof *frontiers; f++)
    for (int type = 0; type < GATTN_INT64; type++) {
      const attend_case c = {.mask = "csr of tensors",
                             .graph = graph,
                             .n_q = 40,
                             .n_kv = 70,
                             .dim = 24,
                             .dim_v = 40,
                             .heads = 4,
                             .kv_heads = 2,
                             .batch = 2,
                             .type = (gattn_type)type,
                             .frontier = frontiers[f]};
      attend_compare(context, &c);
    }
  gattn_graph_release(graph);
  edge_list_free(&list);
  test_settle();
}
END_TEST

Suite *make_csr_tensors_suite(void) {
  Suite *suite = suite_create("csr tensors");
  TCase *tcase = tcase_create("edges");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, edges_make_sets, 0, 9);
  tcase_add_test(tcase, many_keys);
  tcase_add_test(tcase, columns_may_be_longer);
  tcase_add_loop_test(tcase, bad_rows_are_named, 0,
                      sizeof bad_csrs / sizeof *bad_csrs);
  tcase_add_test(tcase, bad_coordinates_are_named);
  tcase_add_test(tcase, bad_tensors_are_refused);
  tcase_add_test(tcase, attention_takes_them);
  suite_add_tcase(suite, tcase);
  return suite;
}
