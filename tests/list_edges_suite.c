/* Edges that a device puts together, or leaves where they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdlib.h>
#include <string.h>

#include "masks/device_csr.h"
#include "operators/cuda/rows.h"
#include "plan/device/lists.h"
#include "tests/backend.h"
#include "tests/list_scene.h"
#include "tests/suites.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static gattn_context *context;

static void setup(void) { context = test_context(NULL); }
static void teardown(void) { gattn_context_destroy(context); }

/* Plans fused attention on the mask. */
static void plan_once(gattn_graph *graph, gattn_frontier *frontier) {
  gattn_program *program;
  gattn_plan *plan;
  gattn_value q, k, s, w, o;
  const int64_t keys[] = {2, gattn_graph_keys(graph), 64};
  const int64_t rows[] = {
      2, frontier ? gattn_frontier_size(frontier) : gattn_graph_queries(graph),
      64};
  ck_success(context, gattn_program_create(context, &program));
  ck_success(context,
             gattn_program_input(program, "q", GATTN_FLOAT16, 3, rows, &q));
  ck_success(context,
             gattn_program_input(program, "k", GATTN_FLOAT16, 3, keys, &k));
  ck_success(context, gattn_program_advance(program, graph, frontier, q, k,
                                            NULL, NULL, GATTN_NO_VALUE, &s));
  ck_success(context, gattn_program_segmented_softmax(program, s, &w, NULL));
  ck_success(context, gattn_program_gather(program, w, k, &o));
  ck_success(context, gattn_program_output(program, "o", o));
  ck_success(context, gattn_plan_create(program, NULL, &plan));
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
}

static bool on_host(const gattn_graph *graph) {
  return gattn_is_device_csr(graph) &&
         atomic_load(&gattn_device_csr_of(graph)->mirror);
}

/* Edges that lie on the device are not copied from there. */
START_TEST(edges_stay) {
  gattn_graph *rows = scene_stored(context, N, 40),
              *blocks = scene_stored(context, 77, 9);
  gattn_graph *band, *mask, *both, *cut;
  ck_success(context, gattn_mask_blockmask(context, N, N, blocks, 16, &mask));
  ck_success(context,
             gattn_mask_parse(context, "local(40) | global(0:3)", N, N, &band));
  ck_success(context, gattn_graph_union(context, rows, mask, &both));
  ck_success(context, gattn_graph_difference(context, both, band, &cut));
  gattn_graph *wider;
  ck_success(context, gattn_graph_union(context, band, both, &wider));
  gattn_graph *const all[] = {rows, mask, both, cut, wider, blocks, band};
  for (int g = 0; g < 5; g++)
    for (int kind = 0; kind < SKIP; kind++) {
      gattn_frontier *frontier = scene_frontier(context, N, kind);
      plan_once(all[g], frontier);
      gattn_frontier_release(frontier);
      if (on_host(rows) || on_host(blocks))
        test_fail("graph %d, rows %d: edges were copied", g, kind);
    }
  for (int g = 0; g < COUNT(all); g++) gattn_graph_release(all[g]);
  test_settle();
}
END_TEST

/* ------------------------------------------------------------ rows */

/* Row by row the graph's neighbours, without those that are listed. */
static void check_row(gattn_graph *graph, int64_t vertex, const bool *listed,
                      const int32_t *columns, int64_t n, const char *name) {
  gattn_run runs[16];
  int64_t e = 0;
  const int64_t n_kv = gattn_graph_keys(graph);
  for (int64_t lo = 0; lo < n_kv;) {
    const int64_t found = gattn_runs(graph, vertex, 1, lo, n_kv, runs, 16, &lo);
    for (int64_t r = 0; r < found; r++)
      for (int64_t j = runs[r].begin; j < runs[r].end; j++) {
        if (listed && listed[j / GATTN_TILE_KEYS]) continue;
        if (e >= n || columns[e++] != j) {
          test_fail("%s: row %lld: entry %lld of %lld is not %lld", name,
                    (long long)vertex, (long long)e, (long long)n,
                    (long long)j);
          return;
        }
      }
  }
  if (e != n)
    test_fail("%s: row %lld: %lld entries of %lld", name, (long long)vertex,
              (long long)n, (long long)e);
}

static bool check_edges(gattn_graph *graph, gattn_frontier *frontier,
                        const char *name) {
  gattn_device_rows rows = {0};
  bool made;
  ck_success(context,
             gattn_list_edges(context, graph, frontier, NULL, &rows, &made));
  if (!made) return false;
  int64_t *offsets =
      scene_fetch(context, rows.offsets, rows.n_f + 1, sizeof *offsets);
  int32_t *columns =
      scene_fetch(context, rows.columns, rows.edges, sizeof *columns);
  ck_assert_int_eq(rows.narrow, 1);
  ck_assert_int_eq(offsets[rows.n_f], rows.edges);
  for (int64_t p = 0; p < rows.n_f; p++)
    check_row(graph, frontier ? gattn_frontier_vertex(frontier, p) : p, NULL,
              columns + offsets[p], offsets[p + 1] - offsets[p], name);
  free(offsets);
  free(columns);
  gattn_device_rows_free(context, &rows);
  return true;
}

START_TEST(edges) {
  int made = 0;
  for (int m = 0; m < LIST_MASKS; m++) {
    gattn_graph *graph;
    ck_success(context,
               gattn_mask_parse(context, list_masks[m].mask, list_masks[m].n_q,
                                list_masks[m].n_kv, &graph));
    for (int rows = 0; rows < SKIP; rows++) {
      gattn_frontier *frontier =
          scene_frontier(context, list_masks[m].n_q, rows);
      made += check_edges(graph, frontier, list_masks[m].mask);
      gattn_frontier_release(frontier);
    }
    gattn_graph_release(graph);
  }
  ck_assert_int_gt(made, 3 * 8);
  test_settle();
}
END_TEST

/* The edges that a list of dense tiles leaves over. */
static void check_rest(gattn_graph *graph, int kind, int32_t lanes) {
  scene at = scene_of(context, N, N, kind, GATTN_NUMBER_LINEAR, lanes);
  gattn_device_part part = {.tiles = at.pass};
  gattn_device_rows rows = {0};
  bool made, listed[(N + 63) / 64];
  ck_success(context, gattn_list_build(context, at.frontier, &at.geometry,
                                       &at.pass, graph, 70, &part.list));
  ck_assert_int_gt(part.list.n_entries, 0);
  ck_success(context, gattn_list_edges(context, graph, at.frontier, &part,
                                       &rows, &made));
  ck_assert(made);
  int64_t *starts = scene_fetch(context, part.list.list.offsets,
                                at.pass.n_tiles + 1, sizeof *starts);
  int64_t *entries = scene_fetch(context, part.list.list.entries,
                                 part.list.n_entries, sizeof *entries);
  int64_t *offsets =
      scene_fetch(context, rows.offsets, rows.n_f + 1, sizeof *offsets);
  int32_t *columns =
      scene_fetch(context, rows.columns, rows.edges, sizeof *columns);
  ck_assert_int_gt(rows.edges, 0);
  for (int64_t t = 0; t < at.pass.n_tiles; t++) {
    memset(listed, 0, sizeof listed);
    for (int64_t e = starts[t]; e < starts[t + 1]; e++)
      listed[entries[e]] = true;
    for (int lane = 0; lane < lanes; lane++) {
      const gattn_query_lane query =
          gattn_query_lane_at(&at.geometry, &at.pass, t, lane);
      const int64_t p = query.position;
      if (p >= 0)
        check_row(graph, query.vertex, listed, columns + offsets[p],
                  offsets[p + 1] - offsets[p], "the rest");
    }
  }
  free(starts);
  free(entries);
  free(offsets);
  free(columns);
  gattn_device_rows_free(context, &rows);
  part.list.release(context, &part.list);
  scene_free(&at);
}

START_TEST(rests) {
  static const char *const rest_masks[] = {
      "random(16, 3)", "(random(40, 3) | random(9, 1)) - local(100)"};
  for (int m = 0; m < COUNT(rest_masks); m++) {
    gattn_graph *graph;
    ck_success(context, gattn_mask_parse(context, rest_masks[m], N, N, &graph));
    for (int kind = 0; kind < SKIP; kind++)
      for (int32_t lanes = 64; lanes <= 128; lanes += 64)
        check_rest(graph, kind, lanes);
    gattn_graph_release(graph);
  }
  test_settle();
}
END_TEST

Suite *make_list_edges_suite(void) {
  Suite *suite = suite_create("edges of lists");
  TCase *tcase = tcase_create("edges");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, edges_stay);
  tcase_add_test(tcase, edges);
  tcase_add_test(tcase, rests);
  suite_add_tcase(suite, tcase);
  return suite;
}
