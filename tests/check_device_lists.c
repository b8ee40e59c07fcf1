/* Tile lists made on a device, against lists put together in the plainest way:
 * masks, numberings, rows. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontier/frontier.h"
#include "lib/device.h"
#include "masks/device_csr.h"
#include "operators/cuda/rows.h"
#include "operators/cuda/tile/sequence.h"
#include "plan/device/lists.h"
#include "tests/backend.h"
#include "tests/device_heap.h"
#include "tests/tile_list.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static gattn_context *context;

static void setup(void) { context = test_context(NULL); }
static void teardown(void) { gattn_context_destroy(context); }

#define ck_ok(call)                                                           \
  do {                                                                        \
    gattn_status status_ = (call);                                            \
    ck_assert_msg(!status_, "%s: %s", #call, gattn_context_message(context)); \
  } while (0)

/* ------------------------------------------------------------ rows */

enum { GRID_H = 30, GRID_W = 41, N = GRID_H * GRID_W };

/* A pass over some rows in some numbering, and the geometry of its rows; both
 * have their arrays on the host. */
typedef struct scene {
  gattn_device_attention geometry;
  gattn_tile_pass pass;
  gattn_frontier *frontier;
  int64_t *table, *rows;
  gattn_device_range skip[2];
} scene;

enum { ALL, RANGE, LIST, SKIP, ROWS, SCENES };

/* Every third vertex or so, or vertices in no order. */
static gattn_frontier *list_of(int64_t n, bool ascending) {
  gattn_frontier *frontier;
  int64_t *list = malloc((size_t)(n + 1) * sizeof *list), size = 0;
  for (int64_t i = 0; i < n; i += 1 + i % 3)
    list[size++] = ascending ? i : (i * 131 + 17) % n;
  ck_ok(gattn_frontier_list(context, n, list, size, &frontier));
  free(list);
  return frontier;
}

static gattn_frontier *frontier_of(int64_t n, int kind) {
  gattn_frontier *frontier = NULL;
  if (kind == RANGE)
    ck_ok(gattn_frontier_range(context, n, n / 5, n - n / 7, &frontier));
  if (kind == LIST || kind == ROWS) frontier = list_of(n, kind == LIST);
  return frontier;
}

static int64_t *order_of(int64_t n) {
  int64_t *table = malloc((size_t)n * sizeof *table);
  for (int64_t p = 0; p < n; p++) table[p] = (p * 997 + 5) % n;
  return table;
}

static gattn_numbering numbering_of(int kind, const int64_t *table) {
  return (gattn_numbering){.kind = kind,
                           .stride = kind == GATTN_NUMBER_CLASSES ? 7 : 0,
                           .grid_h = kind == GATTN_NUMBER_PATCHES ? GRID_H : 0,
                           .grid_w = kind == GATTN_NUMBER_PATCHES ? GRID_W : 0,
                           .table = table};
}

static void place_pass(scene *at, int kind, int32_t lanes) {
  gattn_tile_pass *pass = &at->pass;
  const gattn_device_attention *geometry = &at->geometry;
  if (kind == ROWS) {
    /* The frontier's positions in the order of their vertices, but a few. */
    at->rows = malloc((size_t)(geometry->n_f + 1) * sizeof *at->rows);
    for (int64_t p = 0; p < geometry->n_f; p++)
      if (p % 11) at->rows[pass->n_rows++] = geometry->n_f - 1 - p;
    pass->rows = at->rows;
    pass->n_tiles = (pass->n_rows + lanes - 1) / lanes;
  } else if (kind == LIST) {
    pass->row_all = 1;
    pass->n_tiles = (geometry->n_f + lanes - 1) / lanes;
  } else if (pass->numbering.kind == GATTN_NUMBER_LINEAR) {
    pass->first_tile = geometry->begin / lanes;
    pass->n_tiles = (geometry->begin + geometry->n_f + lanes - 1) / lanes -
                    pass->first_tile;
  } else {
    pass->n_tiles = gattn_tiles_of(&pass->numbering, lanes, geometry->n_q);
  }
}

static scene scene_of(int64_t n_q, int64_t n_kv, int rows, int numbering,
                      int32_t lanes) {
  scene at = {.frontier = frontier_of(n_q, rows)};
  if (numbering == GATTN_NUMBER_TABLE) at.table = order_of(n_q);
  at.geometry = (gattn_device_attention){
      .n_f = at.frontier ? gattn_frontier_size(at.frontier) : n_q,
      .n_q = n_q,
      .n_kv = n_kv,
      .begin = at.frontier && !at.frontier->vertices ? at.frontier->begin : 0,
      .vertices = at.frontier ? at.frontier->vertices : NULL};
  at.pass = (gattn_tile_pass){.numbering = numbering_of(numbering, at.table),
                              .lanes = lanes,
                              .pieces = 1};
  place_pass(&at, rows, lanes);
  return at;
}

static void skip_some(scene *at) {
  const int64_t n = at->geometry.n_q;
  at->skip[0] = (gattn_device_range){n / 8, n / 4};
  at->skip[1] = (gattn_device_range){n / 2, n / 2 + 1};
  at->pass.skip = at->skip;
  at->pass.n_skip = 2;
}

static void scene_free(scene *at) {
  gattn_frontier_release(at->frontier);
  free(at->table);
  free(at->rows);
}

/* ------------------------------------------------------------ comparing */

/* count·size bytes of the device's. */
static void *fetched(const void *device, int64_t count, size_t size) {
  void *host = malloc((size_t)count * size + 1);
  if (count)
    ck_ok(gattn_device_download(context, host, device, (size_t)count * size));
  return host;
}

static bool same(const void *device, const void *expected, int64_t count,
                 size_t size) {
  void *got = fetched(device, count, size);
  const bool equal = !count || !memcmp(got, expected, (size_t)count * size);
  free(got);
  return equal;
}

static const char *difference(const gattn_tile_store *got,
                              const gattn_tile_store *expected) {
  const int64_t n = expected->n_entries;
  if (got->n_entries != n) return "entries in number";
  if (got->n_patterns != expected->n_patterns) return "patterns in number";
  if (got->most != expected->most) return "the most entries of a tile";
  if (!same(got->list.offsets, expected->list.offsets, got->n_tiles + 1,
            sizeof *got->list.offsets))
    return "offsets";
  if (!same(got->list.entries, expected->list.entries, n,
            sizeof *got->list.entries))
    return "entries";
  if (!same(got->list.words, expected->list.words, n, sizeof *got->list.words))
    return "words";
  if (!same(got->list.bits, expected->list.bits,
            expected->n_patterns * expected->lanes, sizeof *got->list.bits))
    return "bits";
  return NULL;
}

static void check_list(scene *at, gattn_graph *graph, int64_t least,
                       const char *name) {
  gattn_tile_store got, expected;
  ck_ok(tile_list_build(context, at->frontier, &at->geometry, &at->pass, graph,
                        least, &expected));
  const gattn_status status = gattn_list_build(
      context, at->frontier, &at->geometry, &at->pass, graph, least, &got);
  if (status) {
    test_fail("%s: %s", name, gattn_context_message(context));
  } else {
    const char *what = difference(&got, &expected);
    if (what)
      test_fail("%s: %s: %lld entries of %lld, %lld patterns of %lld", name,
                what, (long long)got.n_entries, (long long)expected.n_entries,
                (long long)got.n_patterns, (long long)expected.n_patterns);
    got.release(context, &got);
  }
  expected.release(context, &expected);
}

/* All numberings where queries and keys are the grid's vertices. */
static void check_graph(gattn_graph *graph, const char *mask) {
  const int64_t n_q = gattn_graph_queries(graph);
  const int64_t n_kv = gattn_graph_keys(graph);
  const bool square = n_q == N && n_kv == N;
  for (int32_t lanes = 64; lanes <= 128; lanes += 64)
    for (int numbering = 0; numbering <= GATTN_NUMBER_TABLE; numbering++)
      for (int rows = 0; rows < SCENES; rows++) {
        char name[512];
        if (numbering != GATTN_NUMBER_LINEAR && (!square || rows == LIST))
          continue;
        scene at = scene_of(n_q, n_kv, rows, numbering, lanes);
        if (rows == SKIP) skip_some(&at);
        snprintf(name, sizeof name,
                 "%s, %lld x %lld, %d lanes, numbering %d, rows %d", mask,
                 (long long)n_q, (long long)n_kv, (int)lanes, numbering, rows);
        check_list(&at, graph, 1, name);
        if (rows == ALL) check_list(&at, graph, 70, name);
        scene_free(&at);
      }
}

/* ------------------------------------------------------------ masks */

static const struct {
  const char *mask;
  int64_t n_q, n_kv;
} masks[] = {
    {"random(16, 3)", N, N},
    {"random(300, 3)", N, N},
    {"random(1, 3)", 700, 1500},
    {"random(16, 3) | local(10)", N, N},
    {"random(16, 3) - local(100)", N, N},
    {"random(40, 3) & causal", 1500, 700},
    {"random(30, 3) & random(200, 4)", N, N},
    {"random(16, 3) | random(100, 5) | local(10)", N, N},
    {"randomblocks(64, 4, 9)", N, N},
    {"randomblocks(64, 4, 9)", 700, 1500},
    {"randomblocks(128, 3, 1)", 1500, 1500},
    {"randomblocks(16, 4, 9) & causal", N, N},
    {"randomblocks(7, 5, 2)", N, N},
    {"randomblocks(200, 2, 2)", N, N},
    {"randomblocks(64, 3, 5) - (blocklocal(64, 1) | global(0:128))", N, N},
    {"random(16, 3) | (randomblocks(64, 3, 2) - local(20))", N, N},
    {"strided(5) - random(5, 5)", N, N},
    {"full - random(5, 5)", 300, 700},
    {"(local(20) | random(8, 8)) & (causal | cols(0:9))", N, N},
    {"(neighborhood2d(30, 41, 5, 5) - random(3, 3)) | random(2, 9)", N, N},
    {"(random(3, 1) & (random(90, 2) | (random(9, 3) - (random(8, 4) & "
     "(random(300, 5) | random(2, 6))))))",
     N, N},
    {"random(1, 1) | random(1, 2) | random(1, 3) | random(1, 4) | random(1, 5) "
     "| random(1, 6) | random(1, 7) | random(1, 8) | random(1, 9)",
     N, N},
    {"random(3, 3) - full", 200, 200},
    {"random(5, 2)", 1, 1},
    {"random(5, 2)", 129, 63},
};

START_TEST(every_numbering) {
  gattn_graph *graph;
  ck_ok(gattn_mask_parse(context, masks[_i].mask, masks[_i].n_q,
                         masks[_i].n_kv, &graph));
  check_graph(graph, masks[_i].mask);
  gattn_graph_release(graph);
  test_settle();
}
END_TEST

/* Rows and blocks that lie on the device. */
static gattn_graph *stored_graph(int64_t n, int64_t degree) {
  int64_t *offsets = malloc((size_t)(n + 1) * sizeof *offsets);
  int64_t *columns = malloc((size_t)(n * degree + 1) * sizeof *columns);
  int64_t edges = 0;
  gattn_graph *graph;
  void *device[2];
  for (int64_t i = 0; i < n; i++) {
    offsets[i] = edges;
    for (int64_t d = 0; d < i % (degree + 1); d++)
      columns[edges++] = (i * 31 + d * d * 7) % n;
  }
  offsets[n] = edges;
  const int64_t counts[2] = {n + 1, edges};
  const void *host[2] = {offsets, columns};
  gattn_tensor tensors[2];
  for (int a = 0; a < 2; a++) {
    const size_t bytes = (size_t)counts[a] * sizeof(int64_t);
    ck_ok(gattn_memory_allocate(context, bytes, &device[a]));
    ck_ok(gattn_memory_upload(context, device[a], host[a], bytes));
    tensors[a] = (gattn_tensor){.data = device[a],
                                .type = GATTN_INT64,
                                .device = gattn_context_device(context),
                                .rank = 1,
                                .shape = {counts[a]},
                                .strides = {1}};
  }
  ck_ok(gattn_graph_from_csr_tensors(context, n, n, &tensors[0], &tensors[1],
                                     &graph));
  for (int a = 0; a < 2; a++)
    gattn_memory_release(context, device[a],
                         (size_t)counts[a] * sizeof(int64_t));
  free(offsets);
  free(columns);
  return graph;
}

START_TEST(stored) {
  gattn_graph *rows = stored_graph(N, 40), *blocks = stored_graph(77, 9);
  gattn_graph *band, *mask, *both, *cut;
  ck_ok(gattn_mask_blockmask(context, N, N, blocks, 16, &mask));
  ck_ok(gattn_mask_parse(context, "local(40)", N, N, &band));
  ck_ok(gattn_graph_union(context, rows, mask, &both));
  ck_ok(gattn_graph_difference(context, both, band, &cut));
  check_graph(rows, "stored rows");
  check_graph(mask, "stored blocks");
  check_graph(cut, "(stored rows | stored blocks) - local");
  gattn_graph *const all[] = {rows, blocks, band, mask, both, cut};
  for (int g = 0; g < COUNT(all); g++) gattn_graph_release(all[g]);
  test_settle();
}
END_TEST

/* In the order of the buckets, in another, and by vertex. */
START_TEST(buckets) {
  int64_t ids[N], other_ids[N];
  gattn_graph *bucket, *other, *both, *cut, *random;
  for (int64_t i = 0; i < N; i++) {
    ids[i] = i * 7919 % 1000 / 90;
    other_ids[i] = i % 5;
  }
  ck_ok(gattn_mask_buckets(context, N, N, ids, N, &bucket));
  ck_ok(gattn_mask_buckets(context, N, N, other_ids, N, &other));
  ck_ok(gattn_mask_parse(context, "random(9, 3)", N, N, &random));
  ck_ok(gattn_graph_difference(context, bucket, random, &cut));
  ck_ok(gattn_graph_intersection(context, cut, other, &both));
  gattn_graph *const all[] = {bucket, cut, both};
  for (int g = 0; g < COUNT(all); g++) {
    check_graph(all[g], "buckets");
    scene at = scene_of(N, N, ALL, GATTN_NUMBER_TABLE, 64);
    at.pass.numbering.table = gattn_shape_of(bucket).order;
    check_list(&at, all[g], 1, "buckets in their order");
    scene_free(&at);
    gattn_graph_release(all[g]);
  }
  gattn_graph_release(other);
  gattn_graph_release(random);
  test_settle();
}
END_TEST

/* Plans fused attention on the mask. */
static void plan_once(gattn_graph *graph, gattn_frontier *frontier) {
  gattn_program *program;
  gattn_plan *plan;
  gattn_value q, k, s, w, o;
  const int64_t keys[] = {2, gattn_graph_keys(graph), 64};
  const int64_t rows[] = {
      2, frontier ? gattn_frontier_size(frontier) : gattn_graph_queries(graph),
      64};
  ck_ok(gattn_program_create(context, &program));
  ck_ok(gattn_program_input(program, "q", GATTN_FLOAT16, 3, rows, &q));
  ck_ok(gattn_program_input(program, "k", GATTN_FLOAT16, 3, keys, &k));
  ck_ok(gattn_program_advance(program, graph, frontier, q, k, NULL, NULL,
                              GATTN_NO_VALUE, &s));
  ck_ok(gattn_program_segmented_softmax(program, s, &w, NULL));
  ck_ok(gattn_program_gather(program, w, k, &o));
  ck_ok(gattn_program_output(program, "o", o));
  ck_ok(gattn_plan_create(program, NULL, &plan));
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
}

static bool on_host(const gattn_graph *graph) {
  return gattn_is_device_csr(graph) &&
         atomic_load(&gattn_device_csr_of(graph)->mirror);
}

/* Edges that lie on the device are not copied from there. */
START_TEST(edges_stay) {
  gattn_graph *rows = stored_graph(N, 40), *blocks = stored_graph(77, 9);
  gattn_graph *band, *mask, *both, *cut;
  ck_ok(gattn_mask_blockmask(context, N, N, blocks, 16, &mask));
  ck_ok(gattn_mask_parse(context, "local(40) | global(0:3)", N, N, &band));
  ck_ok(gattn_graph_union(context, rows, mask, &both));
  ck_ok(gattn_graph_difference(context, both, band, &cut));
  gattn_graph *wider;
  ck_ok(gattn_graph_union(context, band, both, &wider));
  gattn_graph *const all[] = {rows, mask, both, cut, wider, blocks, band};
  for (int g = 0; g < 5; g++)
    for (int kind = 0; kind < SKIP; kind++) {
      gattn_frontier *frontier = frontier_of(N, kind);
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
  ck_ok(gattn_list_edges(context, graph, frontier, NULL, &rows, &made));
  if (!made) return false;
  int64_t *offsets = fetched(rows.offsets, rows.n_f + 1, sizeof *offsets);
  int32_t *columns = fetched(rows.columns, rows.edges, sizeof *columns);
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
  for (int m = 0; m < COUNT(masks); m++) {
    gattn_graph *graph;
    ck_ok(gattn_mask_parse(context, masks[m].mask, masks[m].n_q, masks[m].n_kv,
                           &graph));
    for (int rows = 0; rows < SKIP; rows++) {
      gattn_frontier *frontier = frontier_of(masks[m].n_q, rows);
      made += check_edges(graph, frontier, masks[m].mask);
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
  scene at = scene_of(N, N, kind, GATTN_NUMBER_LINEAR, lanes);
  gattn_device_part part = {.tiles = at.pass};
  gattn_device_rows rows = {0};
  bool made, listed[(N + 63) / 64];
  ck_ok(gattn_list_build(context, at.frontier, &at.geometry, &at.pass, graph,
                         70, &part.list));
  ck_assert_int_gt(part.list.n_entries, 0);
  ck_ok(gattn_list_edges(context, graph, at.frontier, &part, &rows, &made));
  ck_assert(made);
  int64_t *starts = fetched(part.list.list.offsets, at.pass.n_tiles + 1,
                            sizeof *starts);
  int64_t *entries =
      fetched(part.list.list.entries, part.list.n_entries, sizeof *entries);
  int64_t *offsets = fetched(rows.offsets, rows.n_f + 1, sizeof *offsets);
  int32_t *columns = fetched(rows.columns, rows.edges, sizeof *columns);
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
    ck_ok(gattn_mask_parse(context, rest_masks[m], N, N, &graph));
    for (int kind = 0; kind < SKIP; kind++)
      for (int32_t lanes = 64; lanes <= 128; lanes += 64)
        check_rest(graph, kind, lanes);
    gattn_graph_release(graph);
  }
  test_settle();
}
END_TEST

/* ------------------------------------------------------------ samples */

/* A sample of all query tiles is exact. */
START_TEST(surveys) {
  int dense = 0;
  for (int m = 0; m < COUNT(masks); m++) {
    gattn_graph *graph;
    gattn_tile_sample got = {0}, expected = {0};
    if (masks[m].n_q != N) continue;
    ck_ok(gattn_mask_parse(context, masks[m].mask, N, N, &graph));
    for (int rows = 0; rows < SCENES; rows++) {
      scene at = scene_of(N, N, rows, GATTN_NUMBER_LINEAR, 64);
      if (rows == SKIP) skip_some(&at);
      ck_ok(tile_list_survey(context, at.frontier, &at.geometry, &at.pass,
                             graph, 70, &expected));
      ck_ok(gattn_list_survey(context, at.frontier, &at.geometry, &at.pass,
                              graph, 70, &got));
      if (got.dense_edges > 0 &&
          (got.dense_edges != expected.dense_edges ||
           got.dense_key_tiles != expected.dense_key_tiles))
        test_fail("%s, rows %d: %g edges in %g dense tiles, not %g in %g",
                  masks[m].mask, rows, got.dense_edges, got.dense_key_tiles,
                  expected.dense_edges, expected.dense_key_tiles);
      dense += got.dense_edges > 0;
      if (got.edges != expected.edges || got.slots != expected.slots ||
          got.rows != expected.rows || got.present != expected.present ||
          got.key_tiles != expected.key_tiles)
        test_fail("%s, rows %d: %g edges of %g, %g slots of %g, %g present of "
                  "%g, %g rows of %g",
                  masks[m].mask, rows, got.edges, expected.edges, got.slots,
                  expected.slots, got.present, expected.present, got.rows,
                  expected.rows);
      scene_free(&at);
    }
    gattn_graph_release(graph);
  }
  ck_assert_int_gt(dense, 10);
  test_settle();
}
END_TEST

/* Closed forms of so many tiles are thinned out; the density stays. */
START_TEST(thinned) {
  const int64_t n = INT64_C(1) << 22;
  gattn_graph *graph;
  gattn_tile_sample sample;
  ck_ok(gattn_mask_parse(context, "strided(4) - random(5, 5)", n, n, &graph));
  scene at = scene_of(n, n, ALL, GATTN_NUMBER_LINEAR, 64);
  ck_ok(gattn_list_survey(context, NULL, &at.geometry, &at.pass, graph, 1,
                          &sample));
  ck_assert_double_eq_tol(sample.edges / sample.slots, 0.25, 1e-4);
  ck_assert_double_eq_tol(sample.key_tiles, (double)n / 64, (double)n / 6400);
  scene_free(&at);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ others */

/* Patterns that share a hash are told apart: then each entry has its own. */
START_TEST(hashes) {
  static const uint64_t hash_masks[] = {0, 1, 7, UINT64_MAX};
  gattn_graph *graph;
  gattn_tile_store expected, got;
  scene at = scene_of(N, N, ALL, GATTN_NUMBER_LINEAR, 128);
  ck_ok(gattn_mask_parse(context, "randomblocks(40, 6, 3)", N, N, &graph));
  ck_ok(tile_list_build(context, NULL, &at.geometry, &at.pass, graph, 1,
                        &expected));
  for (int h = 0; h < COUNT(hash_masks); h++) {
    ck_ok(gattn_list_build_hashed(context, NULL, &at.geometry, &at.pass, graph,
                                  1, hash_masks[h], &got));
    int32_t *words =
        fetched(got.list.words, got.n_entries, sizeof *words);
    uint64_t *bits = fetched(got.list.bits, got.n_patterns * got.lanes,
                             sizeof *bits);
    ck_assert_int_eq(got.n_entries, expected.n_entries);
    ck_assert_int_eq(got.most, expected.most);
    for (int64_t e = 0; e < got.n_entries; e++) {
      const int32_t want = expected.list.words[e];
      ck_assert_int_eq(words[e] == GATTN_FULL_TILE, want == GATTN_FULL_TILE);
      if (want == GATTN_FULL_TILE) continue;
      ck_assert_int_lt(words[e], got.n_patterns);
      ck_assert_mem_eq(bits + words[e] * got.lanes,
                       expected.bits + want * got.lanes,
                       (size_t)got.lanes * sizeof *bits);
    }
    free(words);
    free(bits);
    got.release(context, &got);
  }
  expected.release(context, &expected);
  gattn_graph_release(graph);
  scene_free(&at);
}
END_TEST

static gattn_status build_once(gattn_context *brutal, void *mask) {
  gattn_graph *graph = NULL;
  gattn_tile_store store;
  gattn_tile_sample sample;
  const gattn_device_attention geometry = {.n_f = 300, .n_q = 300, .n_kv = 300};
  const gattn_tile_pass pass = {.lanes = 64, .n_tiles = 5, .pieces = 1};
  gattn_status status = gattn_mask_parse(brutal, mask, 300, 300, &graph);
  if (!status)
    status =
        gattn_list_survey(brutal, NULL, &geometry, &pass, graph, 1, &sample);
  if (!status)
    status = gattn_list_build(brutal, NULL, &geometry, &pass, graph, 1, &store);
  if (!status) store.release(brutal, &store);
  gattn_device_rows rows = {0};
  bool made;
  if (!status) status = gattn_list_edges(brutal, graph, NULL, NULL, &rows, &made);
  gattn_device_rows_free(brutal, &rows);
  gattn_graph_release(graph);
  return status;
}

START_TEST(memory_is_refused) {
  static char *const brutal_masks[] = {
      "randomblocks(16, 4, 9) - documents(0, 50, 90)",
      "random(20, 1) & random(100, 3)"};
  for (int m = 0; m < COUNT(brutal_masks); m++) {
    gattn_context_options options = {.struct_size = sizeof options,
                                     .device = gattn_context_device(context)};
    const int64_t asked = device_brutal_run(build_once, brutal_masks[m]);
    if (test_on_device()) ck_assert_int_gt(asked, 8);
    brutal_run_with(&options, build_once, brutal_masks[m]);
  }
}
END_TEST

/* ------------------------------------------------------------ times */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Not a test of anything but that it ends: what GATTN_TEST_TIMES asks for. */
START_TEST(times) {
  static const struct {
    const char *mask;
    int64_t n;
  } timed[] = {{"randomblocks(64, 3, 5) - (blocklocal(64, 1) | cols(0:128))",
                131072},
               {"randomblocks(128, 20, 5)", 131072},
               {"randomblocks(128, 164, 5)", 1048576},
               {"random(32, 7)", 131072}};
  if (!getenv("GATTN_TEST_TIMES")) return;
  for (int m = 0; m < COUNT(timed); m++) {
    gattn_graph *graph;
    double survey = 1e9, build = 1e9;
    gattn_tile_store store;
    gattn_tile_sample sample;
    const int64_t n = timed[m].n;
    scene at = scene_of(n, n, ALL, GATTN_NUMBER_LINEAR, 128);
    ck_ok(gattn_mask_parse(context, timed[m].mask, n, n, &graph));
    for (int turn = 0; turn < 5; turn++) {
      const double begin = seconds();
      ck_ok(gattn_list_survey(context, NULL, &at.geometry, &at.pass, graph, 1,
                              &sample));
      const double middle = seconds();
      ck_ok(gattn_list_build(context, NULL, &at.geometry, &at.pass, graph, 1,
                             &store));
      const double end = seconds();
      store.release(context, &store);
      if (middle - begin < survey) survey = middle - begin;
      if (end - middle < build) build = end - middle;
    }
    printf("TIME %-60s n = %lld: survey %.3f ms, list %.3f ms, %lld entries, "
           "%lld patterns\n",
           timed[m].mask, (long long)n, 1e3 * survey, 1e3 * build,
           (long long)store.n_entries, (long long)store.n_patterns);
    gattn_graph_release(graph);
    scene_free(&at);
  }
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
  TCase *tcase = tcase_create(name);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 300);
  suite_add_tcase(suite, tcase);
  return tcase;
}

static Suite *make_lists_suite(void) {
  Suite *suite = suite_create("tile lists");
  tcase_add_loop_test(add_case(suite, "masks"), every_numbering, 0,
                      COUNT(masks) / 2);
  tcase_add_loop_test(add_case(suite, "more masks"), every_numbering,
                      COUNT(masks) / 2, COUNT(masks));
  tcase_add_test(add_case(suite, "stored"), stored);
  tcase_add_test(add_case(suite, "edges stay"), edges_stay);
  tcase_add_test(add_case(suite, "buckets"), buckets);
  TCase *listed = add_case(suite, "edges");
  tcase_add_test(listed, edges);
  tcase_add_test(listed, rests);
  TCase *samples = add_case(suite, "samples");
  tcase_add_test(samples, surveys);
  tcase_add_test(samples, thinned);
  tcase_add_test(add_case(suite, "hashes"), hashes);
  tcase_add_test(add_case(suite, "memory"), memory_is_refused);
  tcase_add_test(add_case(suite, "times"), times);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_lists_suite};
  return test_device_main(makers, 1);
}
