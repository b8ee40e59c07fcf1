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

static void check_graph(const char *name, const gattn_graph *graph,
                        const bool *edges) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  ck_assert_msg(gattn_key_formula_of(graph, &formula, &arrays),
                "%s has no formula", name);
  ck_assert_int_eq(formula.n_kv, graph->n_kv);
  formula_check_numberings(name, &formula, graph, edges);
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
    "full",
    "causal",
    "local(30)",
    "local(7, 100)",
    "local(200, 0) - local(9)",
    "longformer(20, 5)",
    "streaming(4, 70)",
    "prefix(90)",
    "fixed(40, 3)",
    "fixed(200, 20)",
    "fixed(300, 1) & causal",
    "blocks(50)",
    "blocklocal(17, 2)",
    "strided(2)",
    "strided(3)",
    "strided(12) | strided(18)",
    "strided(4)",
    "strided(100)",
    "dilated(20, 3)",
    "dilated(9, 2) | strided(6)",
    "dilated2d(100, 4)",
    "dilated2d(50, 3)",
    "longnet(32, 1, 128, 2, 320, 4)",
    "sparsetransformer(16)",
    "documents(0, 30, 77, 78, 200, 201) & causal",
    "documents(0, 100, 250) - (local(20) | cols(3:9))",
    "cols(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 310)",
    "cols(1, 3, 5, 7, 9, 11, 64:128, 130, 132, 134, 190:260) & local(90)",
    "rows(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 300) - causal",
    "global(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 100:200, 300)",
    "neighborhood2d(16, 20, 5, 7)",
    "neighborhood2d(20, 16, 3, 15)",
    "neighborhood2d(16, 20, 15, 19) & causal",
    "causal & neighborhood2d(16, 20, 5, 7)",
    "(local(3) | cols(100:120)) & neighborhood2d(16, 20, 5, 7)",
    "neighborhood2d(32, 10, 3, 9)",
    "neighborhood2d(4, 80, 3, 31)",
    "neighborhood2d(4, 80, 3, 31) - cols(9)",
    "neighborhood2d(64, 5, 3, 5)",
    "neighborhood2d(5, 64, 5, 63)",
    "neighborhood2d(16, 20, 3, 19) - neighborhood2d(16, 20, 1, 3)",
    "blocks2d(16, 20, 8, 8)",
    "blocks2d(16, 20, 5, 3) | cols(0:2)",
    "blocks2d(16, 20, 5, 20)",
    "blocks2d(16, 20, 100, 7)",
    "blocks2d(160, 2, 7, 1)",
    "local(3) | local(40, 0) | local(0, 40)",
    "local(3) & local(40, 0) & causal & full",
    "full - full",
    "local(5) - full",
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
    formula_check_numberings(text, &formula, transpose, edges);
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
  static const char *const leaves[] = {"causal",
                                       "local(%lld)",
                                       "local(%lld, 3)",
                                       "local(0, %lld)",
                                       "blocks(%lld)",
                                       "blocklocal(%lld, 1)",
                                       "strided(%lld)",
                                       "dilated(5, %lld)",
                                       "dilated2d(48, %lld)",
                                       "fixed(%lld, 1)",
                                       "prefix(%lld)",
                                       "cols(%lld)",
                                       "rows(3:9, %lld)",
                                       "neighborhood2d(12, 14, 3, 5)",
                                       "blocks2d(12, 14, 5, %lld)",
                                       "documents(0, 9, 70, 130)",
                                       "global(%lld)",
                                       "full"};
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
      formula_check_numberings(text, &formula, graph, edges);
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
    {"strided(8)", 0, 0, 4, 64},
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
  formula_tiles tiles = formula_check(tight[_i].text, &formula, &numbering,
                                      tight[_i].lanes, 1440, 1440, edges);
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

/* Ranges of columns that are a tile each, in every `apart`-th tile; *visited is
 * how many tiles the spans of one query tile name. */
static void check_columns(int64_t n, int64_t apart, int64_t late,
                          int64_t *visited) {
  gattn_range ranges[400];
  gattn_graph *graph;
  gattn_formula formula;
  gattn_formula_arrays arrays;
  for (int64_t r = 0; r < n; r++) {
    int64_t tile = r * apart + (r == late);
    ranges[r] = (gattn_range){64 * tile, 64 * (tile + 1)};
  }
  int64_t n_kv = 64 * apart * n;
  ck_assert_int_eq(gattn_mask_cols(context, 64, n_kv, ranges, n, &graph), 0);
  ck_assert(gattn_key_formula_of(graph, &formula, &arrays));
  bool *edges = formula_edges(graph);
  formula_tiles tiles =
      formula_check("cols", &formula, &linear, 64, 64, n_kv, edges);
  ck_assert_int_eq(tiles.needed, n);
  *visited = tiles.visited;
  free(edges);
  gattn_graph_release(graph);
}

/* Four joins make 16 spans of 20: over the gap of 2 tiles and three of 3. */
START_TEST(spans_are_joined) {
  int64_t visited;
  check_columns(16, 4, 7, &visited);
  ck_assert_int_eq(visited, 16);
  check_columns(20, 4, 7, &visited);
  ck_assert_int_eq(visited, 20 + 2 + 3 * 3);
  check_columns(400, 2, -1, &visited);
  ck_assert_int_le(visited, 800);
}
END_TEST

/* By hand: a band of 64 a side touches its own tile and one on either side;
 * hubs in tile 0 add what of its line and column is not there yet; the windows
 * of a patch of 8 x 8 reach one patch further on every side. */
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

static Suite *make_device_formula_suite(void) {
  Suite *suite = suite_create("device_formula");
  TCase *tcase = tcase_create("formula");
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, every_mask);
  tcase_add_loop_test(tcase, every_expression, 0, COUNT(expressions));
  tcase_add_loop_test(tcase, random_expressions, 0, 4);
  tcase_add_loop_test(tcase, spans_are_tight, 0, COUNT(tight));
  tcase_add_test(tcase, spans_are_joined);
  tcase_add_test(tcase, tiles_by_hand);
  tcase_add_loop_test(tcase, simplified, 0, COUNT(simple));
  tcase_add_test(tcase, too_large);
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
