/* Graphs stored on a CUDA device, and the rows of frontiers there.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "frontier/frontier.h"
#include "lib/device.h"
#include "masks/device_csr.h"
#include "operators/cuda/rows.h"
#include "tests/attend_case.h"
#include "tests/device_heap.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) { context = test_context(NULL); }
static void teardown(void) { gattn_context_destroy(context); }

static void *upload(gattn_context *on, const void *data, size_t bytes) {
  void *memory;
  ck_success(on, gattn_memory_allocate(on, bytes, &memory));
  ck_success(on, gattn_memory_upload(on, memory, data, bytes));
  return memory;
}

static gattn_tensor tensor_of(void *data, int64_t n, int64_t stride) {
  return (gattn_tensor){.data = data,
                        .device = gattn_context_device(context),
                        .type = GATTN_INT64,
                        .rank = 1,
                        .shape = {n},
                        .strides = {stride}};
}

/* The edges of any graph, stored on the device. */
static gattn_graph *stored(gattn_graph *graph) {
  int64_t edges;
  ck_success(context, gattn_graph_edges(context, graph, &edges));
  gattn_graph *csr = NULL, *on_device = NULL;
  int64_t *offsets = calloc((size_t)graph->n_q + 1, 8);
  int64_t *columns = calloc((size_t)edges + 1, 8);
  ck_success(context, gattn_graph_materialize(context, graph, &csr));
  ck_success(context, gattn_graph_csr(context, csr, offsets, columns));
  void *o = upload(context, offsets, (size_t)(graph->n_q + 1) * 8);
  void *c = upload(context, columns, (size_t)edges * 8);
  const gattn_tensor ot = tensor_of(o, graph->n_q + 1, 1);
  const gattn_tensor ct = tensor_of(c, edges, 1);
  ck_success(context,
             gattn_graph_from_csr_tensors(context, graph->n_q, graph->n_kv,
                                          &ot, &ct, &on_device));
  gattn_memory_release(context, o, (size_t)(graph->n_q + 1) * 8);
  gattn_memory_release(context, c, (size_t)edges * 8);
  gattn_graph_release(csr);
  free(offsets);
  free(columns);
  return on_device;
}

/* ------------------------------------------------------------ rows */

static int64_t column_at(const void *columns, bool narrow, int64_t e) {
  return narrow ? ((const int32_t *)columns)[e]
                : ((const int64_t *)columns)[e];
}

/* Rows on the device against what the graph says of each vertex. */
static void check_rows(const char *what, gattn_graph *graph,
                       gattn_frontier *frontier) {
  gattn_device_rows rows;
  ck_success(context,
             gattn_device_rows_make(context, graph, frontier, &rows));
  const int64_t n_f = frontier ? gattn_frontier_size(frontier) : graph->n_q;
  const size_t size = rows.narrow ? 4 : 8;
  int64_t *offsets = calloc((size_t)n_f + 1, 8), *row = NULL, count;
  ck_success(context, gattn_device_download(context, offsets, rows.offsets,
                                            (size_t)(n_f + 1) * 8));
  ck_assert_int_le(offsets[n_f] - offsets[0], rows.edges);
  void *columns = calloc((size_t)offsets[n_f] + 1, 8);
  ck_success(context, gattn_device_download(context, columns, rows.columns,
                                            (size_t)offsets[n_f] * size));
  row = calloc((size_t)graph->n_kv + 1, 8);
  for (int64_t p = 0; p < n_f; p++) {
    const int64_t i = frontier ? gattn_frontier_vertex(frontier, p) : p;
    if (gattn_graph_row(context, graph, i, 0, graph->n_kv, row, &count))
      ck_abort_msg("%s: %s", what, gattn_context_message(context));
    if (offsets[p + 1] - offsets[p] != count)
      ck_abort_msg("%s: row %lld has %lld edges, not %lld", what, (long long)p,
                   (long long)(offsets[p + 1] - offsets[p]), (long long)count);
    for (int64_t e = 0; e < count; e++)
      if (column_at(columns, rows.narrow, offsets[p] + e) != row[e])
        ck_abort_msg("%s: row %lld, edge %lld", what, (long long)p,
                     (long long)e);
  }
  gattn_device_rows_free(context, &rows);
  ck_assert_ptr_null(rows.offsets);
  free(offsets);
  free(columns);
  free(row);
}

static const char *const masks[] = {
    "random(7, 3)", "random(900, 3)", "local(5) | global(0:2)",
    "full",         "full - full"};

START_TEST(rows_are_the_graphs) {
  static const char *const frontiers[] = {NULL, "range:11:300", "last:1",
                                          "list:700,3,4,0,999"};
  gattn_graph *graph = NULL;
  ck_success(context,
             gattn_mask_parse(context, masks[_i], 1000, 1000, &graph));
  gattn_graph *csr = stored(graph);
  for (size_t f = 0; f < sizeof frontiers / sizeof *frontiers; f++) {
    gattn_frontier *frontier = NULL;
    if (frontiers[f])
      ck_success(context, gattn_frontier_parse(context, frontiers[f], 1000,
                                               &frontier));
    check_rows(masks[_i], graph, frontier);
    check_rows(masks[_i], csr, frontier);
    gattn_frontier_release(frontier);
  }
  gattn_graph_release(csr);
  gattn_graph_release(graph);
}
END_TEST

/* Longer than what the host puts together at once, in a row and in rows. */
START_TEST(long_rows) {
  const int64_t n = INT64_C(5) << 20;
  gattn_graph *graph = NULL;
  gattn_frontier *frontier = NULL;
  gattn_device_rows rows;
  ck_success(context,
             gattn_mask_parse(context, "local(2) | rows(3)", n, n, &graph));
  ck_success(context, gattn_frontier_range(context, n, 1, 1 << 20, &frontier));
  ck_success(context,
             gattn_device_rows_make(context, graph, frontier, &rows));
  int32_t *columns = calloc((size_t)rows.edges, 4);
  ck_success(context, gattn_device_download(context, columns, rows.columns,
                                            (size_t)rows.edges * 4));
  int64_t e = 0, wrong = 0; /* an assertion writes a file: one for all */
  for (int64_t i = 1; i < 1 << 20; i++) {
    const int64_t begin = i == 3 ? 0 : i < 2 ? 0 : i - 2;
    const int64_t end = i == 3 ? n : i + 3;
    for (int64_t j = begin; j < end; j++) wrong += columns[e++] != j;
  }
  ck_assert_int_eq(e, rows.edges);
  ck_assert_int_eq(wrong, 0);
  free(columns);
  gattn_device_rows_free(context, &rows);
  gattn_frontier_release(frontier);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ graphs */

/* An adopted graph may have room for more edges than it has. */
START_TEST(room_to_spare) {
  const int64_t offsets[] = {0, 1, 3}, columns[] = {2, 0, 1, -7, -7};
  void *o, *c;
  gattn_graph *graph = NULL;
  ck_success(context, gattn_device_allocate(context, "o", 3, 8, &o));
  ck_success(context, gattn_device_allocate(context, "c", 5, 8, &c));
  ck_success(context, gattn_device_upload(context, o, offsets, 24));
  ck_success(context, gattn_device_upload(context, c, columns, 40));
  ck_success(context, gattn_device_csr_adopt(context, 2, 3, o, c, false, 5,
                                             &graph));
  int64_t edges;
  ck_success(context, gattn_graph_edges(context, graph, &edges));
  ck_assert_int_eq(edges, 3);
  check_rows("room to spare", graph, NULL);
  gattn_graph_release(graph);
}
END_TEST

static gattn_status make_both(gattn_context *on, void *user) {
  const int64_t ids[] = {0, 2, 3, 1, 1, 3};
  (void)user;
  void *memory;
  gattn_status status = gattn_memory_allocate(on, sizeof ids, &memory);
  if (status) return status;
  status = gattn_memory_upload(on, memory, ids, sizeof ids);
  const gattn_device device = gattn_context_device(on);
  gattn_tensor o = {.data = memory, .device = device, .type = GATTN_INT64,
                    .rank = 1, .shape = {3}, .strides = {1}};
  gattn_tensor c = o;
  c.data = (int64_t *)memory + 3;
  gattn_graph *graph = NULL;
  int64_t edges = 0;
  if (!status)
    status = gattn_graph_from_csr_tensors(on, 2, 4, &o, &c, &graph);
  if (!status) status = gattn_graph_edges(on, graph, &edges);
  gattn_graph_release(graph);
  graph = NULL;
  if (!status)
    status = gattn_graph_from_coo_tensors(on, 4, 4, &o, &c, &graph);
  gattn_device_rows rows = {0};
  if (!status) status = gattn_device_rows_make(on, graph, NULL, &rows);
  if (!status) gattn_device_rows_free(on, &rows);
  gattn_graph_release(graph);
  gattn_memory_release(on, memory, sizeof ids);
  return status;
}

START_TEST(memory_may_fail) {
  ck_assert_int_gt(device_brutal_run(make_both, NULL), 6);
}
END_TEST

static Suite *make_device_csr_suite(void) {
  Suite *suite = suite_create("device csr");
  TCase *tcase = tcase_create("rows");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, rows_are_the_graphs, 0,
                      sizeof masks / sizeof *masks);
  tcase_add_test(tcase, long_rows);
  tcase_add_test(tcase, room_to_spare);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("memory");
  tcase_add_test(tcase, memory_may_fail);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_csr_tensors_suite,
                                           make_device_csr_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
