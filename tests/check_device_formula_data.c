/* Closed forms that carry data, and closed forms of 2^40 vertices, as kernels
 * read them, on the host. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "formula_case.h"
#include "lib/random.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static gattn_context *context;

static void start(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), 0);
}
static void stop(void) { gattn_context_destroy(context); }

static gattn_graph *parse(const char *text, int64_t n_q, int64_t n_kv) {
  gattn_graph *graph;
  gattn_status status = gattn_mask_parse(context, text, n_q, n_kv, &graph);
  ck_assert_msg(!status, "%s: %s", text, gattn_context_message(context));
  return graph;
}

/* ------------------------------------------------------------ tables */

enum { BUCKET_VERTICES = 500 };

static gattn_graph *buckets(void) {
  int64_t ids[BUCKET_VERTICES], n = BUCKET_VERTICES;
  gattn_graph *graph;
  for (int64_t v = 0; v < n; v++) ids[v] = v * v * 31 % 1009 % 7;
  ck_assert_int_eq(gattn_mask_buckets(context, n, n, ids, n, &graph), 0);
  return graph;
}

static void check_buckets(const gattn_graph *graph, const char *name) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const int64_t *order;
  ck_assert(!gattn_key_formula_of(graph, &formula, &arrays));
  ck_assert_msg(gattn_bucket_formula_of(graph, &formula, &arrays, &order), "%s",
                name);
  ck_assert_int_eq(arrays.n, 1);
  gattn_numbering numbering = {.kind = GATTN_NUMBER_TABLE, .table = order};
  bool *edges = formula_edges(graph);
  formula_tiles tiles = formula_check(name, &formula, &numbering, 64,
                                      graph->n_q, graph->n_kv, edges);
  ck_assert_int_eq(tiles.visited, tiles.needed);
  free(edges);
}

START_TEST(buckets_are_segments) {
  gattn_graph *graph = buckets();
  check_buckets(graph, "buckets");
  gattn_graph_release(graph);
}
END_TEST

/* What orders i and j orders their places in a bucket. */
START_TEST(buckets_in_order) {
  static const struct {
    const char *text;
    bool cuts, keeps; /* whether buckets - it, buckets & it have a formula */
  } rows[] = {{"causal", true, true},        {"causal - local(0)", true, true},
              {"local(0)", true, true},      {"full - causal", true, true},
              {"local(0, 1)", false, false}, {"local(3, 0)", false, false},
              {"cols(3)", false, false},     {"strided(3)", false, false}};
  gattn_graph *bucket = buckets();
  for (int r = 0; r < COUNT(rows); r++) {
    gattn_formula formula;
    gattn_formula_arrays arrays;
    const int64_t *order;
    gattn_graph *other = parse(rows[r].text, bucket->n_q, bucket->n_kv);
    gattn_graph *both[3], *joined;
    ck_assert_int_eq(gattn_graph_intersection(context, bucket, other, &both[0]),
                     0);
    ck_assert_int_eq(gattn_graph_intersection(context, other, bucket, &both[1]),
                     0);
    ck_assert_int_eq(gattn_graph_difference(context, bucket, other, &both[2]),
                     0);
    ck_assert_int_eq(gattn_graph_union(context, bucket, other, &joined), 0);
    for (int b = 0; b < 3; b++) {
      if (b < 2 ? rows[r].keeps : rows[r].cuts)
        check_buckets(both[b], rows[r].text);
      else
        ck_assert(!gattn_bucket_formula_of(both[b], &formula, &arrays, &order));
      gattn_graph_release(both[b]);
    }
    ck_assert(!gattn_bucket_formula_of(joined, &formula, &arrays, &order));
    ck_assert(!gattn_bucket_formula_of(other, &formula, &arrays, &order));
    gattn_graph_release(joined);
    gattn_graph_release(other);
  }
  gattn_graph_release(bucket);
}
END_TEST

/* Bands that rise, fall, and stand, by their ends: rows' summaries say which
 * tiles they touch and fill. */
START_TEST(bounds_are_tight) {
  enum { N = 1440 };
  int64_t lo[N], hi[N];
  for (int64_t i = 0; i < N; i++) {
    int64_t from = _i == 0 ? i : _i == 1 ? N - 1 - i : 500;
    lo[i] = from < 300 ? 0 : from - 300;
    hi[i] = from + 200 < N ? from + 200 : N;
  }
  gattn_graph *graph;
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert_int_eq(gattn_mask_intervals(context, N, N, lo, hi, N, &graph), 0);
  ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
  bool *edges = formula_edges(graph);
  for (int lanes = 64; lanes <= 128; lanes *= 2) {
    formula_tiles tiles =
        formula_check("bounds", &formula, &linear, lanes, N, N, edges);
    ck_assert_int_eq(tiles.visited, tiles.needed);
    ck_assert_int_eq(tiles.full, tiles.filled);
  }
  formula_check_numberings("bounds", &formula, graph, edges);
  free(edges);
  gattn_graph_release(graph);
}
END_TEST

/* Arrays may be copied elsewhere, as they are to a device. */
START_TEST(arrays_can_move) {
  enum { N = 300 };
  int64_t lo[N], hi[N];
  for (int64_t i = 0; i < N; i++) {
    lo[i] = i * 7 % 200;
    hi[i] = lo[i] + i % 100;
  }
  gattn_graph *bounds, *hubs, *graph;
  ck_assert_int_eq(gattn_mask_intervals(context, N, N, lo, hi, N, &bounds), 0);
  hubs = parse("global(1, 3, 5, 7, 9, 11, 13, 15, 17, 19) & documents(0, 90)",
               N, N);
  ck_assert_int_eq(gattn_graph_union(context, bounds, hubs, &graph), 0);
  bool *edges = formula_edges(graph);
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
  ck_assert_int_eq(arrays.n, 5);
  int64_t *copies[2 * GATTN_FORMULA_ATOMS];
  for (int a = 0; a < arrays.n; a++) {
    size_t bytes = (size_t)arrays.array[a].count * sizeof(int64_t);
    copies[a] = malloc(bytes);
    memcpy(copies[a], arrays.array[a].host, bytes);
    gattn_formula_point(&formula, &arrays.array[a], copies[a]);
  }
  gattn_graph_release(graph);
  gattn_graph_release(hubs);
  gattn_graph_release(bounds);
  formula_check("copied arrays", &formula, &linear, 128, N, N, edges);
  for (int a = 0; a < arrays.n; a++) free(copies[a]);
  free(edges);
}
END_TEST

/* ------------------------------------------------------------ large n */

static const char *const large[] = {
    "causal",
    "local(1t, 5)",
    "longformer(256, 64)",
    "dilated(64, 4)",
    "strided(1000003)",
    "fixed(4096, 64)",
    "blocklocal(64, 3)",
    "documents(0, 1g, 4g, 5g, 600g) & causal",
    "dilated2d(1m, 7)",
    "streaming(4, 1000)",
    "neighborhood2d(1m, 1m, 13, 13)",
    "blocks2d(1m, 1m, 8, 7)",
    "full - local(9000000000000000000, 3)",
    "cols(0, 2, 4, 6, 8, 10, 1g:2g, 3g, 4g, 5g, 6g, 7g) | local(9)"};

static int64_t below(uint64_t *state, int64_t n) {
  *state += GATTN_RANDOM_STEP;
  return gattn_random_below(gattn_random_mix(*state), n);
}

/* A graph of 2^40 vertices, numbered as suits it. */
typedef struct large_case {
  const char *text;
  gattn_graph *graph;
  gattn_formula formula;
  gattn_numbering numbering;
} large_case;

static void check_sample(const large_case *at, int64_t i, int64_t k) {
  int64_t n = at->graph->n_kv;
  if (k < 0 || k >= gattn_tiles_of(&at->numbering, 64, n)) return;
  gattn_tile keys = gattn_tile_at(&at->numbering, 64, n, k);
  uint64_t expected = 0;
  for (int b = 0; b < 64; b++) {
    int64_t j = gattn_tile_number(&keys, b);
    if (gattn_tile_has(&keys, b) && gattn_next(at->graph, i, j) == j)
      expected |= (uint64_t)1 << b;
  }
  gattn_formula_row row;
  gattn_formula_row_of(&at->formula, &at->numbering, i, &row);
  uint64_t word = gattn_formula_word(&at->formula, i, &keys);
  ck_assert_msg(word == expected, "%s: row %lld, key tile %lld: %llx, not %llx",
                at->text, (long long)i, (long long)k, (unsigned long long)word,
                (unsigned long long)expected);
  if (keys.base % keys.step == i % keys.step)
    ck_assert(word == gattn_formula_row_word(&at->formula, &row, i, &keys));
}

/* The key tile that holds j. */
static int64_t tile_of(const large_case *at, int64_t j) {
  const gattn_numbering *numbering = &at->numbering;
  int64_t r = numbering->stride, w = numbering->grid_w;
  if (numbering->kind == GATTN_NUMBER_CLASSES)
    return j % r * gattn_class_tiles(numbering, 64, at->graph->n_kv) +
           j / r / 64;
  if (numbering->kind == GATTN_NUMBER_PATCHES)
    return j / w / 8 * ((w + 7) / 8) + j % w / 8;
  return j / 64;
}

/* Ends of spans and the tiles around them; neighbours of the row. */
static void check_large_row(const large_case *at, int64_t t, int lane) {
  const gattn_graph *graph = at->graph;
  gattn_span spans[GATTN_SPANS_MOST];
  gattn_tile queries = gattn_tile_at(&at->numbering, 64, graph->n_q, t);
  if (!gattn_tile_has(&queries, lane)) return;
  int64_t i = gattn_tile_number(&queries, lane);
  int n = gattn_formula_spans(&at->formula, &at->numbering, &queries, 64 * t,
                              64 * t + 63, spans);
  for (int s = 0; s < n; s++)
    for (int64_t k = -2; k < 3; k++) {
      check_sample(at, i, spans[s].begin + k);
      check_sample(at, i, spans[s].end + k);
    }
  int64_t j = gattn_next(graph, i, 0);
  for (int turn = 0; turn < 50 && j < graph->n_kv; turn++) {
    int64_t k = tile_of(at, j);
    bool found = false;
    for (int s = 0; s < n; s++)
      found = found || (spans[s].begin <= k && k < spans[s].end);
    ck_assert_msg(found, "%s: %lld -> %lld has no span", at->text, (long long)i,
                  (long long)j);
    check_sample(at, i, k);
    j = gattn_next(graph, i, turn % 2 ? j + 1 : gattn_stretch(graph, i, j));
    if (turn % 10 == 9 && j < i) j = gattn_next(graph, i, i - i % 64);
  }
}

START_TEST(large_rows) {
  enum { ROWS = 60 };
  int64_t n = (int64_t)1 << 40;
  large_case at = {.text = large[_i], .graph = parse(large[_i], n, n)};
  gattn_formula_arrays arrays;
  ck_assert(gattn_key_formula_of(at.graph, &at.formula, &arrays));
  gattn_shape shape = gattn_shape_of(at.graph);
  gattn_numbering numberings[] = {linear,
                                  shape.form == GATTN_FORM_GRID
                                      ? patches(shape.grid_h, shape.grid_w)
                                      : classes(shape.stride)};
  uint64_t state = (uint64_t)_i;
  for (int s = 0; s < COUNT(numberings); s++) {
    at.numbering = numberings[s];
    int64_t tiles = gattn_tiles_of(&at.numbering, 64, n);
    check_large_row(&at, 0, 0);
    check_large_row(&at, tiles - 1, 63);
    for (int r = 0; r < ROWS; r++)
      check_large_row(&at, below(&state, tiles), (int)below(&state, 64));
  }
  gattn_graph_release(at.graph);
}
END_TEST

static Suite *make_device_formula_data_suite(void) {
  Suite *suite = suite_create("device_formula_data");
  TCase *tcase = tcase_create("data");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, buckets_are_segments);
  tcase_add_test(tcase, buckets_in_order);
  tcase_add_loop_test(tcase, bounds_are_tight, 0, 3);
  tcase_add_test(tcase, arrays_can_move);
  tcase_add_loop_test(tcase, large_rows, 0, COUNT(large));
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_device_formula_data_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
