/* Closed forms as kernels read them, on the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formula_case.h"
#include "lib/random.h"
#include "mask_cases.h"

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

static const gattn_numbering linear = {.kind = GATTN_NUMBER_LINEAR};

static gattn_numbering classes(int64_t stride) {
  return (gattn_numbering){.kind = GATTN_NUMBER_CLASSES, .stride = stride};
}
static gattn_numbering patches(int64_t h, int64_t w) {
  return (gattn_numbering){
      .kind = GATTN_NUMBER_PATCHES, .grid_h = h, .grid_w = w};
}

/* Every numbering that fits the graph, with small tiles and large ones. */
static void check_numberings(const char *name, const gattn_formula *formula,
                             const gattn_graph *graph, const bool *edges) {
  static const int lanes[] = {16, 64, 128};
  int64_t n_q = graph->n_q, n_kv = graph->n_kv;
  gattn_shape shape = gattn_shape_of(graph);
  gattn_numbering numberings[] = {linear, classes(2), classes(3),
                                  classes(shape.stride)};
  for (int l = 0; l < COUNT(lanes); l++)
    for (int s = 0; s < COUNT(numberings); s++)
      formula_check(name, formula, &numberings[s], lanes[l], n_q, n_kv, edges);
  for (int64_t h = 1; h <= n_q && n_q == n_kv; h++) {
    gattn_numbering numbering = patches(h, n_q / h);
    if (n_q % h == 0 && (n_q <= 20 || h % 3 == 2 || h == shape.grid_h))
      for (int l = 0; l < COUNT(lanes); l++)
        formula_check(name, formula, &numbering, lanes[l], n_q, n_kv, edges);
  }
}

static void check_graph(const char *name, const gattn_graph *graph,
                        const bool *edges) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert_msg(gattn_key_formula_of(graph, &formula, &arrays),
                "%s has no formula", name);
  ck_assert_int_eq(formula.n_kv, graph->n_kv);
  check_numberings(name, &formula, graph, edges);
}

/* ------------------------------------------------------------ mask table */

/* Masks whose edges only a walk or a list can say. */
static bool is_listed(const char *name) {
  static const char *const listed[] = {"tree",   "buckets",      "blockmask",
                                       "random", "randomblocks", "bigbird"};
  for (int l = 0; l < COUNT(listed); l++)
    if (!strcmp(name, listed[l])) return true;
  return false;
}

static void check_case(const mask_case *mask) {
  gattn_graph *graph;
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert_int_eq(mask->kind->make(context, mask, &graph), 0);
  if (is_listed(mask->kind->name)) {
    bool empty = mask->n_q == 0 || mask->n_kv == 0;
    ck_assert_int_eq(gattn_key_formula_of(graph, &formula, &arrays), empty);
  } else {
    bool *edges = calloc((size_t)(mask->n_q * mask->n_kv) + 1, sizeof *edges);
    for (int64_t e = 0; e < mask->n_q * mask->n_kv; e++)
      edges[e] = mask->kind->edge(mask, e / mask->n_kv, e % mask->n_kv);
    check_graph(mask->kind->name, graph, edges);
    free(edges);
  }
  gattn_graph_release(graph);
}

START_TEST(every_mask) {
  for (int k = 0; mask_kind_at(k); k++)
    mask_cases_visit(mask_kind_at(k), check_case);
}
END_TEST

/* ------------------------------------------------------------ expressions */

/* On 16 x 20 vertices, and where it says so on others. */
static const char *const expressions[] = {
    "full", "causal", "local(30)", "local(7, 100)", "local(200, 0) - local(9)",
    "longformer(20, 5)", "streaming(4, 70)", "prefix(90)", "fixed(40, 3)",
    "fixed(200, 20)", "fixed(300, 1) & causal", "blocks(50)",
    "blocklocal(17, 2)", "strided(4)", "strided(100)", "dilated(20, 3)",
    "dilated(9, 2) | strided(6)", "dilated2d(100, 4)", "dilated2d(50, 3)",
    "longnet(32, 1, 128, 2, 320, 4)", "sparsetransformer(16)",
    "documents(0, 30, 77, 78, 200, 201) & causal",
    "documents(0, 100, 250) - (local(20) | cols(3:9))",
    "cols(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 310)",
    "cols(1, 3, 5, 7, 9, 11, 64:128, 130, 132, 134, 190:260) & local(90)",
    "rows(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 300) - causal",
    "global(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 300)",
    "neighborhood2d(16, 20, 5, 7)", "neighborhood2d(20, 16, 3, 15)",
    "neighborhood2d(16, 20, 15, 19) & causal", "neighborhood2d(32, 10, 3, 9)",
    "neighborhood2d(4, 80, 3, 31)", "neighborhood2d(4, 80, 3, 31) - cols(9)",
    "neighborhood2d(64, 5, 3, 5)", "neighborhood2d(5, 64, 5, 63)",
    "neighborhood2d(16, 20, 3, 19) - neighborhood2d(16, 20, 1, 3)",
    "blocks2d(16, 20, 8, 8)", "blocks2d(16, 20, 5, 3) | cols(0:2)",
    "blocks2d(16, 20, 5, 20)", "blocks2d(16, 20, 100, 7)",
    "blocks2d(160, 2, 7, 1)", "local(3) | local(40, 0) | local(0, 40)",
    "local(3) & local(40, 0) & causal & full", "full - full", "local(5) - full",
    "full - (local(5) | rows(3:8) | cols(100:120))",
    "(local(5) | rows(3:8)) & (blocks(64) | cols(10:20))",
    "(strided(5) - (causal - (local(20) - blocks(7)))) | cols(4)",
    "(causal | strided(7)) - (local(9) | local(2, 30)) - rows(8) - cols(3)"};

static void check_text(const char *text, int64_t n_q, int64_t n_kv) {
  gattn_graph *graph = parse(text, n_q, n_kv);
  bool *edges = formula_edges(graph);
  check_graph(text, graph, edges);
  free(edges);
  gattn_graph_release(graph);
}

/* A mask's readers: what gradients of keys and values are summed over. */
static void check_transpose(const char *text, int64_t n) {
  gattn_graph *graph = parse(text, n, n), *transpose;
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert_int_eq(gattn_graph_transpose(context, graph, &transpose), 0);
  bool closed = gattn_key_formula_of(transpose, &formula, &arrays);
  ck_assert_msg(closed || strstr(text, "fixed") || strstr(text, "dilated2d"),
                "%s: its transpose has no formula", text);
  if (closed) {
    bool *edges = formula_edges(transpose);
    check_numberings(text, &formula, transpose, edges);
    free(edges);
  }
  gattn_graph_release(transpose);
  gattn_graph_release(graph);
}

START_TEST(every_expression) {
  check_text(expressions[_i], 320, 320);
  check_transpose(expressions[_i], 320);
  if (strstr(expressions[_i], "2d(")) return;
  check_text(expressions[_i], 330, 321);
  check_text(expressions[_i], 321, 1000);
}
END_TEST

/* ------------------------------------------------------------ at random */

static int64_t below(uint64_t *state, int64_t n) {
  *state += GATTN_RANDOM_STEP;
  return gattn_random_below(gattn_random_mix(*state), n);
}

static void append_leaf(uint64_t *state, char *text, size_t size) {
  static const char *const leaves[] = {
      "causal", "local(%lld)", "local(%lld, 3)", "local(0, %lld)",
      "blocks(%lld)", "blocklocal(%lld, 1)", "strided(%lld)",
      "dilated(5, %lld)", "dilated2d(48, %lld)", "fixed(%lld, 1)",
      "prefix(%lld)", "cols(%lld)", "rows(3:9, %lld)",
      "neighborhood2d(12, 14, 3, 5)", "blocks2d(12, 14, 5, %lld)",
      "documents(0, 9, 70, 130)", "global(%lld)", "full"};
  size_t length = strlen(text);
  const char *leaf = leaves[below(state, COUNT(leaves))];
  long long value = 9 + below(state, below(state, 3) ? 30 : 140);
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(text + length, size - length, leaf, value);
}

static void append(uint64_t *state, int depth, char *text, size_t size) {
  static const char *const operators[] = {" | ", " & ", " - "};
  if (depth == 0) {
    append_leaf(state, text, size);
    return;
  }
  strcat(text, "(");
  append(state, (int)below(state, depth), text, size);
  strcat(text, operators[below(state, 3)]);
  append(state, (int)below(state, depth), text, size);
  strcat(text, ")");
}

/* Most, but not all, are small enough for a kernel. */
START_TEST(random_expressions) {
  int closed = 0;
  for (int e = 0; e < 60; e++) {
    char text[4096] = "";
    uint64_t state = (uint64_t)(_i * 1000 + e);
    append(&state, 1 + e % 6, text, sizeof text);
    gattn_graph *graph = parse(text, 168, 168);
    gattn_formula formula;
    gattn_formula_arrays arrays;
    if (gattn_key_formula_of(graph, &formula, &arrays)) {
      closed++;
      bool *edges = formula_edges(graph);
      check_numberings(text, &formula, graph, edges);
      free(edges);
    }
    gattn_graph_release(graph);
  }
  ck_assert_int_gt(closed, 50);
}
END_TEST

/* ------------------------------------------------------------ tightness */

/* Spans name the tiles that have edges and no other, and say of each tile that
 * is full that it is. */
static const struct {
  const char *text;
  int64_t h, w;   /* the grid; h = 0: none */
  int64_t stride; /* 0: linear */
  int lanes;
} tight[] = {
    {"local(64)", 0, 0, 0, 64},
    {"local(255, 0)", 0, 0, 0, 128},
    {"local(300, 200)", 0, 0, 0, 64},
    {"causal", 0, 0, 0, 64},
    {"full", 0, 0, 0, 128},
    {"blocks(100)", 0, 0, 0, 64},
    {"blocks(256)", 0, 0, 0, 64},
    {"blocklocal(64, 1)", 0, 0, 0, 64},
    {"prefix(300)", 0, 0, 0, 64},
    {"longformer(70, 30)", 0, 0, 0, 64},
    {"streaming(20, 200)", 0, 0, 0, 64},
    {"cols(0:3, 200, 500:700, 900) | local(50)", 0, 0, 0, 64},
    {"cols(1, 3, 5, 7, 200, 203, 500:700, 710, 712, 900)", 0, 0, 0, 64},
    {"documents(0, 64, 300, 305, 1000)", 0, 0, 0, 64},
    {"documents(0, 64, 300, 305, 1000) & causal", 0, 0, 0, 64},
    {"causal - local(100)", 0, 0, 0, 64},
    {"local(500) - (cols(0:128) | rows(0:128))", 0, 0, 0, 64},
    {"fixed(512, 30)", 0, 0, 0, 64},
    {"dilated(64, 4)", 0, 0, 4, 64},
    {"dilated(40, 3)", 0, 0, 3, 64},
    {"strided(5)", 0, 0, 5, 64},
    {"dilated2d(200, 4)", 0, 0, 4, 64},
    {"neighborhood2d(36, 40, 13, 13)", 36, 40, 0, 64},
    {"neighborhood2d(36, 40, 13, 13)", 36, 40, 0, 128},
    {"neighborhood2d(36, 40, 31, 33)", 36, 40, 0, 64},
    {"blocks2d(36, 40, 7, 7)", 36, 40, 0, 64},
    {"blocks2d(36, 40, 12, 20)", 36, 40, 0, 64},
};

START_TEST(spans_are_tight) {
  gattn_graph *graph = parse(tight[_i].text, 1440, 1440);
  gattn_numbering numbering = tight[_i].h ? patches(tight[_i].h, tight[_i].w)
                              : tight[_i].stride ? classes(tight[_i].stride)
                                                 : linear;
  gattn_formula formula;
  gattn_formula_arrays arrays;
  bool *edges = formula_edges(graph);
  ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
  formula_tiles tiles =
      formula_check(tight[_i].text, &formula, &numbering, tight[_i].lanes,
                    1440, 1440, edges);
  ck_assert_msg(tiles.visited == tiles.needed && tiles.full == tiles.filled,
                "%s: %lld tiles are visited for %lld, %lld known to be full of "
                "%lld",
                tight[_i].text, (long long)tiles.visited,
                (long long)tiles.needed, (long long)tiles.full,
                (long long)tiles.filled);
  free(edges);
  gattn_graph_release(graph);
}
END_TEST

/* By hand: a band of 64 a side touches its own tile and one on either side; hubs
 * in tile 0 add what of its line and column is not there yet; the windows of a
 * patch of 8 x 8 reach one patch further on every side. */
START_TEST(tiles_by_hand) {
  static const struct {
    const char *text;
    int64_t stride, tiles;
  } rows[] = {{"local(64)", 0, 3 * 16 - 2},
              {"local(65)", 0, 5 * 16 - 6},
              {"longformer(64, 10)", 0, 3 * 16 - 2 + 14 + 14},
              {"dilated(64, 4)", 4, 4 * (3 * 4 - 2)},
              {"blocks(128)", 0, 2 * 16},
              {"neighborhood2d(32, 32, 3, 3)", 0, 10 * 10}};
  for (int r = 0; r < COUNT(rows); r++) {
    gattn_graph *graph = parse(rows[r].text, 1024, 1024);
    gattn_numbering numbering = rows[r].stride ? classes(rows[r].stride)
                                : r == 5       ? patches(32, 32)
                                               : linear;
    gattn_formula formula;
    gattn_formula_arrays arrays;
    bool *edges = formula_edges(graph);
    ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
    formula_tiles tiles = formula_check(rows[r].text, &formula, &numbering, 64,
                                        1024, 1024, edges);
    ck_assert_int_eq(tiles.visited, rows[r].tiles);
    free(edges);
    gattn_graph_release(graph);
  }
}
END_TEST

/* ------------------------------------------------------------ tables */

START_TEST(buckets_are_segments) {
  enum { N = 500 };
  int64_t ids[N], count[7] = {0};
  for (int64_t v = 0; v < N; v++) count[ids[v] = v * v * 31 % 1009 % 7]++;
  gattn_graph *graph, *causal, *both;
  ck_assert_int_eq(gattn_mask_buckets(context, N, N, ids, N, &graph), 0);
  ck_assert_int_eq(gattn_mask_causal(context, N, N, &causal), 0);
  ck_assert_int_eq(gattn_graph_intersection(context, graph, causal, &both), 0);
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const int64_t *order;
  ck_assert(!gattn_key_formula_of(graph, &formula, &arrays));
  ck_assert(!gattn_bucket_formula_of(both, &formula, &arrays, &order));
  ck_assert(!gattn_bucket_formula_of(causal, &formula, &arrays, &order));
  ck_assert(gattn_bucket_formula_of(graph, &formula, &arrays, &order));
  ck_assert_int_eq(arrays.n, 1);
  gattn_numbering numbering = {.kind = GATTN_NUMBER_TABLE, .table = order};
  bool *edges = formula_edges(graph);
  formula_tiles tiles =
      formula_check("buckets", &formula, &numbering, 64, N, N, edges);
  ck_assert_int_eq(tiles.visited, tiles.needed);
  free(edges);
  gattn_graph_release(both);
  gattn_graph_release(causal);
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

/* ------------------------------------------------------------ simplifying */

static const struct {
  const char *text;
  int atoms, steps;
} simple[] = {{"full", 1, 1},
              {"local(4) | local(3) | local(9, 0)", 1, 1},
              {"local(4) & causal", 1, 1},
              {"local(4, 0) | local(0, 4)", 1, 1},
              {"(local(4) | full) & causal", 1, 1},
              {"causal - local(9, 0)", 1, 1},
              {"blocks(8) & blocklocal(8, 2)", 1, 1},
              {"strided(5) | strided(5)", 1, 1},
              {"strided(5) - full", 1, 1},
              {"rows(0:64) & strided(3)", 1, 1},
              {"blocks2d(8, 8, 2, 8)", 1, 1},
              {"longformer(2, 3)", 3, 5},
              {"local(2) - (cols(40:50) | rows(30:32) | strided(4))", 4, 7},
              {"((local(2) | rows(3)) | (cols(40) | strided(3)))", 4, 7}};

START_TEST(simplified) {
  gattn_graph *graph = parse(simple[_i].text, 64, 64);
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
  ck_assert_msg(formula.n_atoms == simple[_i].atoms &&
                    formula.n_steps == simple[_i].steps,
                "%s: %d atoms, %d steps", simple[_i].text, formula.n_atoms,
                formula.n_steps);
  gattn_graph_release(graph);
}
END_TEST

/* Too many atoms, too deep: no formula, and nothing is written. */
START_TEST(too_large) {
  static const char *const texts[] = {
      "strided(3)|strided(4)|strided(5)|strided(6)|strided(7)|strided(8)|"
      "strided(9)|strided(10)|strided(11)|strided(12)|strided(13)|strided(14)|"
      "strided(15)|strided(16)|strided(17)|strided(18)|strided(19)",
      "strided(3)-(strided(4)-(strided(5)-(strided(6)-(strided(7)))))"};
  for (int t = 0; t < COUNT(texts); t++) {
    gattn_graph *graph = parse(texts[t], 640, 640);
    gattn_formula formula = {.n_steps = -7};
    gattn_formula_arrays arrays = {.n = -7};
    ck_assert(!gattn_key_formula_of(graph, &formula, &arrays));
    ck_assert_int_eq(formula.n_steps, -7);
    ck_assert_int_eq(arrays.n, -7);
    gattn_graph_release(graph);
  }
}
END_TEST

/* ------------------------------------------------------------ large n */

static const char *const large[] = {
    "causal", "local(1t, 5)", "longformer(256, 64)", "dilated(64, 4)",
    "strided(1000003)", "fixed(4096, 64)", "blocklocal(64, 3)",
    "documents(0, 1g, 4g, 5g, 600g) & causal", "dilated2d(1m, 7)",
    "streaming(4, 1000)", "neighborhood2d(1m, 1m, 13, 13)",
    "blocks2d(1m, 1m, 8, 7)", "full - local(9000000000000000000, 3)",
    "cols(0, 2, 4, 6, 8, 10, 1g:2g, 3g, 4g, 5g, 6g, 7g) | local(9)"};

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
    ck_assert(word ==
              gattn_formula_row_word(&at->formula, &row, i, &keys));
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
    ck_assert_msg(found, "%s: %lld -> %lld has no span", at->text,
                  (long long)i, (long long)j);
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
  gattn_numbering numberings[] = {
      linear, shape.form == GATTN_FORM_GRID
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

static Suite *make_device_formula_suite(void) {
  Suite *suite = suite_create("device_formula");
  TCase *tcase = tcase_create("formula");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, every_mask);
  tcase_add_loop_test(tcase, every_expression, 0, COUNT(expressions));
  tcase_add_loop_test(tcase, random_expressions, 0, 4);
  tcase_add_loop_test(tcase, spans_are_tight, 0, COUNT(tight));
  tcase_add_test(tcase, tiles_by_hand);
  tcase_add_test(tcase, buckets_are_segments);
  tcase_add_test(tcase, arrays_can_move);
  tcase_add_loop_test(tcase, simplified, 0, COUNT(simple));
  tcase_add_test(tcase, too_large);
  tcase_add_loop_test(tcase, large_rows, 0, COUNT(large));
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_device_formula_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
