/* Memory refused to the operators standing alone and to frontiers, the
 * device's and the host's: a status each time, and nothing leaks.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "tests/chain.h"
#include "tests/device_heap.h"
#include "tests/suites.h"

enum { N = 64, DIM = 4, HEADS = 2, SIZE = 5 };

/* Operands in a context that nothing is refused. */
static gattn_context *context;
static oracle_array list, words, q, values, o, lse;

static oracle_array numbers(int rank, const int64_t *shape, gattn_type type,
                            const double *given) {
  oracle_array array = oracle_array_make(type, rank, shape, ORACLE_DENSE, 1);
  if (given) oracle_array_fill(&array, given);
  oracle_array_place(&array, context);
  return array;
}

static void create(void) {
  static const double vertices[SIZE] = {5, 2, 40, 7, 1}, bits[1] = {0x1f3};
  /* local(1) over N vertices, and of every vertex and of SIZE of them. */
  const int64_t edges = 3 * N - 2;
  context = test_context(NULL);
  list = numbers(1, (const int64_t[]){SIZE}, GATTN_INT64, vertices);
  words = numbers(1, (const int64_t[]){1}, GATTN_INT64, bits);
  q = numbers(3, (const int64_t[]){HEADS, N, DIM}, GATTN_FLOAT32, NULL);
  o = numbers(3, (const int64_t[]){HEADS, N, DIM}, GATTN_FLOAT32, NULL);
  values = numbers(2, (const int64_t[]){HEADS, edges}, GATTN_FLOAT32, NULL);
  lse = numbers(2, (const int64_t[]){HEADS, N}, GATTN_FLOAT32, NULL);
}

static void destroy(void) {
  oracle_array *arrays[] = {&list, &words, &q, &values, &o, &lse};
  for (int n = 0; n < 6; n++) oracle_array_free(arrays[n]);
  gattn_context_destroy(context);
}

static int keep(void *user, const gattn_edge *edge) {
  (void)user;
  return edge->j % 2 == 0;
}

static gattn_status operate(gattn_context *brutal, void *user) {
  static const float slopes[HEADS] = {0.5f, 0.25f};
  const gattn_score score = {.struct_size = sizeof score,
                             .kind = GATTN_SCORE_ALIBI, .table = slopes,
                             .count = HEADS};
  gattn_graph *graph = NULL, *top = NULL, *kept = NULL, *reached = NULL;
  (void)user;
  gattn_status status = gattn_mask_local(brutal, N, N, 1, 1, &graph);
  if (!status)
    status = gattn_advance(brutal, graph, NULL, &q.tensor, &q.tensor, NULL,
                           &score, NULL, &values.tensor);
  if (!status)
    status = gattn_top_k(brutal, graph, NULL, &values.tensor, 2, &top);
  if (!status)
    status = gattn_filter_threshold(brutal, graph, NULL, &values.tensor, 0,
                                    &reached);
  if (!status)
    status = gattn_filter(brutal, graph, NULL, &values.tensor, keep, NULL,
                          &kept);
  if (!status)
    status = gattn_segmented_reduce(brutal, graph, NULL, GATTN_MAX,
                                    &values.tensor, &lse.tensor);
  if (!status)
    status = gattn_segmented_softmax(brutal, graph, NULL, &values.tensor,
                                     &values.tensor, &lse.tensor);
  if (!status)
    status = gattn_gather(brutal, graph, NULL, &values.tensor, &q.tensor,
                          &o.tensor);
  if (!status)
    status = gattn_merge_states(brutal, &o.tensor, &lse.tensor, &o.tensor,
                                &lse.tensor, &o.tensor, &lse.tensor);
  if (!status) status = gattn_synchronize(brutal);
  gattn_graph_release(reached);
  gattn_graph_release(kept);
  gattn_graph_release(top);
  gattn_graph_release(graph);
  return status;
}

static int even(void *user, int64_t vertex) {
  (void)user;
  return vertex % 2 == 0;
}

static gattn_status change_frontiers(gattn_context *brutal, void *user) {
  enum { MADE = 7 };
  gattn_frontier *f[MADE] = {NULL};
  gattn_graph *graph = NULL;
  int64_t vertices[N], count, edges, offsets[SIZE + 1];
  (void)user;
  gattn_status status = gattn_mask_local(brutal, N, N, 1, 1, &graph);
  if (!status)
    status = gattn_frontier_from_list_tensor(brutal, N, &list.tensor, NULL,
                                             &f[0]);
  if (!status)
    status =
        gattn_frontier_from_bitmap_tensor(brutal, N, &words.tensor, &f[1]);
  if (!status) status = gattn_frontier_uniquify(brutal, f[0], &f[2]);
  if (!status) status = gattn_frontier_union(brutal, f[0], f[1], &f[3]);
  if (!status) status = gattn_frontier_filter(brutal, f[0], even, NULL, &f[4]);
  if (!status) status = gattn_frontier_compact(brutal, f[0], graph, &f[5]);
  if (!status) status = gattn_frontier_neighbors(brutal, f[0], graph, &f[6]);
  if (!status) status = gattn_frontier_vertices(brutal, f[3], 0, N, vertices,
                                                &count);
  if (!status) status = gattn_edge_count(brutal, graph, f[0], &edges);
  if (!status) status = gattn_edge_offsets(brutal, graph, f[0], 0, offsets);
  for (int n = 0; n < MADE; n++) gattn_frontier_release(f[n]);
  gattn_graph_release(graph);
  return status;
}

static const brutal_body bodies[] = {operate, change_frontiers};

START_TEST(device_memory_is_refused) { device_brutal_run(bodies[_i], NULL); }
END_TEST

START_TEST(host_memory_is_refused) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = gattn_context_device(context)};
  brutal_run_with(&options, bodies[_i], NULL);
}
END_TEST

Suite *make_operators_brutal_suite(void) {
  Suite *suite = suite_create("operators without memory");
  TCase *tcase = tcase_create("refused");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, device_memory_is_refused, 0, 2);
  tcase_add_loop_test(tcase, host_memory_is_refused, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}
