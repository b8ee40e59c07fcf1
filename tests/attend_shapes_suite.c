/* Fused attention where tiles begin and end: every kind of mask at sizes around
 * a device's tiles, every dimension, type and layout, heads and frontiers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/attend_case.h"
#include "tests/suites.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static gattn_context *context;

static void create(void) { context = attend_context(GATTN_ISA_AUTO, 2); }

static void destroy(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* What goes round with the masks, so that each meets many. */
static const struct {
  int64_t dim, dim_v, heads, kv_heads, batch;
  gattn_type type;
  oracle_layout layout;
} variants[] = {
    {64, 64, 2, 2, 1, GATTN_FLOAT16, ORACLE_DENSE},
    {64, 64, 2, 1, 1, GATTN_FLOAT32, ORACLE_HEADS_INSIDE},
    {128, 128, 1, 1, 2, GATTN_BFLOAT16, ORACLE_DENSE},
    {64, 64, 3, 1, 1, GATTN_BFLOAT16, ORACLE_HEADS_INSIDE},
    {128, 128, 2, 1, 1, GATTN_FLOAT16, ORACLE_REVERSED},
    {32, 32, 1, 1, 1, GATTN_FLOAT32, ORACLE_PADDED},
    {96, 40, 1, 1, 1, GATTN_FLOAT16, ORACLE_PADDED},
    {128, 128, 1, 1, 1, GATTN_FLOAT32, ORACLE_DENSE},
    {256, 256, 1, 1, 1, GATTN_FLOAT16, ORACLE_DENSE},
};

static attend_case varied(const char *mask, int64_t n_q, int64_t n_kv, int v) {
  v %= COUNT(variants);
  return (attend_case){.mask = mask, .n_q = n_q, .n_kv = n_kv,
                       .dim = variants[v].dim, .dim_v = variants[v].dim_v,
                       .heads = variants[v].heads,
                       .kv_heads = variants[v].kv_heads,
                       .batch = variants[v].batch, .type = variants[v].type,
                       .layout = variants[v].layout};
}

/* ------------------------------------------------------------ masks */

static const char *const masks[] = {
    "full",
    "causal",
    "local(3)",
    "local(64)",
    "local(100, 5)",
    "local(0, 200)",
    "local(255, 0)",
    "dilated(4, 7)",
    "dilated(70, 2)",
    "dilated2d(96, 3)",
    "strided(9)",
    "strided(64)",
    "fixed(32, 4)",
    "fixed(100, 1)",
    "blocks(48)",
    "blocks(64)",
    "blocklocal(40, 1)",
    "rows(7, 60:70)",
    "cols(0:3, 64, 100:130)",
    "global(0:5, 63)",
    "random(7, 3)",
    "random(90, 4)",
    "randomblocks(16, 2, 1)",
    "randomblocks(64, 1, 2)",
    "documents(0, 3, 64, 71, 128)",
    "prefix(70)",
    "longformer(20, 3)",
    "bigbird(16, 1, 1, 2, 7)",
    "longnet(32, 1, 128, 4)",
    "streaming(4, 50)",
    "sparsetransformer(11)",
    "full - causal",
    "full - local(70)",
    "causal & strided(5)",
    "(local(20) | random(3, 1)) & causal",
    "blocks(50) - local(2)",
    "dilated(9, 4) | dilated(5, 6)",
    "documents(0, 9, 80) & (local(30) | cols(0:2))",
};

/* Below a tile, at its edge, past it, and many. */
static const int64_t sizes[][2] = {{131, 131}, {192, 193}, {129, 320},
                                   {300, 140}, {400, 401}};

START_TEST(masks_around_tiles) {
  const int64_t n_q = sizes[_i][0], n_kv = sizes[_i][1];
  for (int m = 0; m < COUNT(masks); m++) {
    attend_case c = varied(masks[m], n_q, n_kv, m + _i);
    attend_compare(context, &c);
    if (m >= 20 && _i == 4) continue;
    c = varied(masks[m], n_q, n_kv, m + _i + 4);
    attend_compare(context, &c);
  }
}
END_TEST

/* Every length near a tile's, for the masks that most depend on it. */
START_TEST(lengths_around_tiles) {
  static const int64_t lengths[] = {1, 2, 15, 16, 17, 62, 63, 64, 65, 66,
                                    126, 127, 128, 129, 191, 192, 255, 257};
  static const char *const some[] = {"full", "causal", "local(2)",
                                     "dilated(2, 3)", "random(2, 1)"};
  for (int a = 0; a < COUNT(lengths); a++)
    for (int m = 0; m < COUNT(some); m++) {
      attend_case c = varied(some[m], lengths[a],
                             lengths[(a * 5 + m) % COUNT(lengths)], a + m);
      attend_compare(context, &c);
    }
}
END_TEST

static const struct {
  const char *mask;
  int64_t n;
} grids[] = {
    {"neighborhood2d(20, 30, 7, 5)", 600},
    {"neighborhood2d(16, 16, 3, 3)", 256},
    {"neighborhood2d(9, 33, 9, 33)", 297},
    {"neighborhood2d(8, 8, 1, 1)", 64},
    {"neighborhood2d(13, 40, 13, 13)", 520},
    {"neighborhood2d(3, 100, 1, 9)", 300},
    {"neighborhood2d(100, 3, 9, 3)", 300},
    {"neighborhood2d(20, 30, 13, 13)", 600},
    {"blocks2d(20, 30, 8, 8)", 600},
    {"blocks2d(17, 19, 4, 16)", 323},
    {"neighborhood2d(16, 20, 5, 5) | global(0:3)", 320},
    {"neighborhood2d(16, 20, 5, 5) & causal", 320},
    {"blocks2d(16, 20, 4, 4) | neighborhood2d(16, 20, 3, 3)", 320},
    {"neighborhood2d(16, 20, 7, 7) - blocks2d(16, 20, 4, 4)", 320},
};

START_TEST(masks_of_grids) {
  for (int g = 0; g < COUNT(grids); g++)
    for (int v = 0; v < 3; v++) {
      attend_case c = varied(grids[g].mask, grids[g].n, grids[g].n, g + 3 * v);
      c.batch = 1;
      attend_compare(context, &c);
    }
}
END_TEST

/* Rows of one query tile of which some have far more keys than others. */
START_TEST(rows_far_apart) {
  static const char *const some[] = {"documents(0, 64, 1290)",
                                     "documents(0, 30, 1100) & causal",
                                     "randomblocks(64, 4, 3)"};
  for (int m = 0; m < COUNT(some); m++)
    for (int64_t dim = 64; dim <= 128; dim += 64) {
      attend_case c = {.mask = some[m], .n_q = 1300, .n_kv = 1300, .dim = dim,
                       .dim_v = dim, .type = (gattn_type)_i};
      attend_compare(context, &c);
    }
}
END_TEST

/* ------------------------------------------------- masks of arrays */

enum { N = 200 };

static gattn_graph *stored(int which) {
  int64_t first[N], second[N];
  gattn_graph *graph = NULL, *blocks = NULL;
  gattn_status status = GATTN_SUCCESS;
  for (int64_t i = 0; i < N; i++) {
    first[i] = which == 0   ? i * 7919 % 5
               : which == 1 ? (i ? (i - 1) / 3 : -1)
               : which == 2 ? i * 3 / 4
                            : i * 31 % N;
    second[i] = which == 2 ? (i % 7 ? i + 1 : first[i]) : i * 17 % N;
  }
  switch (which) {
    case 0:
      status = gattn_mask_buckets(context, N, N, first, N, &graph);
      break;
    case 1:
      status = gattn_mask_tree(context, N, N, first, N, &graph);
      break;
    case 2:
      status = gattn_mask_intervals(context, N, N, first, second, N, &graph);
      break;
    case 3:
      status = gattn_graph_from_coo(context, N, N, N, first, second, &graph);
      break;
    default:
      for (int64_t e = 0; e < 5; e++) first[e] = e, second[e] = e * 3 % 5;
      status = gattn_graph_from_coo(context, 5, 5, 5, first, second, &blocks);
      if (!status)
        status = gattn_mask_blockmask(context, N, N, blocks, 40, &graph);
      gattn_graph_release(blocks);
  }
  ck_success(context, status);
  return graph;
}

static const char *const arrays[] = {"buckets", "tree", "intervals", "edges",
                                     "blockmask"};

START_TEST(masks_of_arrays) {
  gattn_graph *graph = stored(_i), *band, *joined[3];
  ck_success(context, gattn_mask_local(context, N, N, 4, 9, &band));
  ck_success(context, gattn_graph_union(context, graph, band, &joined[0]));
  ck_success(context,
             gattn_graph_intersection(context, band, graph, &joined[1]));
  ck_success(context, gattn_graph_difference(context, band, graph, &joined[2]));
  for (int v = 0; v < 8; v++) {
    attend_case c = varied(arrays[_i], N, N, v);
    c.graph = v % 2 ? joined[v / 2 % 3] : graph;
    c.frontier = v == 6 ? "range:70:190" : v == 7 ? "list:150,3,77" : NULL;
    attend_compare(context, &c);
  }
  gattn_graph_release(band);
  for (int g = 0; g < 3; g++) gattn_graph_release(joined[g]);
  gattn_graph_release(graph);
}
END_TEST

/* A row without an edge, one with all, and every third key between. */
static int64_t next(const void *state, int64_t i, int64_t j) {
  (void)state;
  if (i % 10 == 3) return N;
  if (i % 10 == 7) return j;
  j += (3 - (j + i) % 3) % 3;
  return j < N ? j : N;
}

START_TEST(masks_of_a_callback) {
  gattn_generator generator = {.struct_size = sizeof generator, .next = next};
  gattn_graph *graph;
  ck_success(context,
             gattn_graph_from_generator(context, N, N, &generator, &graph));
  for (int v = 0; v < 4; v++) {
    attend_case c = varied("callback", N, N, v);
    c.graph = graph;
    c.frontier = v == 3 ? "last:9" : NULL;
    attend_compare(context, &c);
  }
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ dimensions */

static const int64_t dims[] = {1,  2,  3,   7,   8,   15,  16,  17,
                               24, 31, 32,  33,  40,  48,  63,  64,
                               65, 72, 80,  96,  100, 112, 120, 127,
                               128, 129, 160, 192, 200, 255, 256};
static const char *const formed[] = {"local(40)", "random(9, 2)"};

START_TEST(every_dimension) {
  for (int d = 0; d < COUNT(dims); d++)
    for (int m = 0; m < 2; m++) {
      attend_case c = {.mask = formed[m], .n_q = 130, .n_kv = 130,
                       .dim = dims[d], .dim_v = dims[d],
                       .type = (gattn_type)_i};
      attend_compare(context, &c);
    }
}
END_TEST

START_TEST(values_of_another_dimension) {
  static const int64_t pairs[][2] = {{64, 128}, {128, 64}, {1, 256},
                                     {256, 1},  {40, 72},  {192, 128},
                                     {64, 1},   {7, 64},   {64, 0}};
  for (int d = 0; d < COUNT(pairs); d++)
    for (int m = 0; m < 2; m++) {
      attend_case c = {.mask = formed[m], .n_q = 130, .n_kv = 130,
                       .dim = pairs[d][0], .dim_v = pairs[d][1],
                       .type = (gattn_type)_i};
      attend_compare(context, &c);
    }
}
END_TEST

/* Of some that a device loads in whole rows, all layouts. */
START_TEST(layouts) {
  static const char *const some[] = {"local(30)", "dilated(8, 3)",
                                     "random(9, 2)", "rows(3) | cols(9)"};
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++)
    for (int m = 0; m < COUNT(some); m++)
      for (int64_t dim = 64; dim <= 80; dim += 16) {
        attend_case c = {.mask = some[m], .n_q = 150, .n_kv = 150,
                         .batch = 2, .heads = 4, .kv_heads = 2,
                         .dim = dim, .dim_v = 64, .type = (gattn_type)_i,
                         .layout = (oracle_layout)layout};
        attend_compare(context, &c);
      }
}
END_TEST

START_TEST(groups_of_heads) {
  static const int64_t heads[][3] = {{8, 2, 1}, {8, 8, 2}, {6, 1, 3},
                                     {6, 3, 1}, {16, 4, 2}, {1, 1, 5}};
  static const char *const some[] = {"causal", "random(5, 1)", "strided(7)",
                                     "rows(0:3) | local(2)"};
  for (int h = 0; h < COUNT(heads); h++)
    for (int m = 0; m < COUNT(some); m++) {
      attend_case c = {.mask = some[m], .n_q = 90, .n_kv = 100,
                       .heads = heads[h][0], .kv_heads = heads[h][1],
                       .batch = heads[h][2], .dim = 32, .dim_v = 32,
                       .type = (gattn_type)((h + m) % 3)};
      attend_compare(context, &c);
    }
}
END_TEST

/* ------------------------------------------------------------ frontiers */

/* Too many for a list on one line: 150 of 420, in no order. */
static const char *scattered(char *text, size_t size) {
  size_t length = (size_t)snprintf(text, size, "list:");
  for (int64_t p = 0; p < 150; p++)
    length += (size_t)snprintf(text + length, size - length, "%s%lld",
                               p ? "," : "", (long long)(p * 289 % 420));
  return text;
}

START_TEST(frontiers_of_long_sequences) {
  static const char *const some[] = {
      "local(70)", "causal", "dilated(9, 5)", "random(6, 1) | local(4)",
      "global(100:104) | local(9)", "neighborhood2d(20, 21, 5, 5)",
      "blocks(128)", "streaming(4, 100)", "documents(0, 99, 300)",
      "randomblocks(32, 3, 5)", "rows(3, 400:410)"};
  char text[1024];
  const char *const frontiers[] = {"last:1", "last:5", "last:70",
                                   "range:64:128", "range:100:333",
                                   "range:419:420", "list:350,3,102,64",
                                   scattered(text, sizeof text)};
  for (int f = 0; f < COUNT(frontiers); f++)
    for (int m = 0; m < COUNT(some); m++) {
      attend_case c = varied(some[m], 420, 420, f + m);
      c.frontier = frontiers[f];
      attend_compare(context, &c);
    }
}
END_TEST

/* Stored edges, most of them near: a device lists their tiles, and runs the
 * others one by one. */
START_TEST(dense_and_sparse) {
  enum { ROWS = 4096, NEAR = 60, FAR = 2 };
  int64_t *offsets = malloc((ROWS + 1) * sizeof *offsets);
  int64_t *columns = malloc(ROWS * (NEAR + FAR) * sizeof *columns);
  int64_t edges = 0;
  gattn_graph *graph;
  for (int64_t i = 0; i < ROWS; i++) {
    const int64_t block = i / 64 * 64;
    offsets[i] = edges;
    for (int64_t d = 0; d < NEAR; d++) columns[edges++] = block + d;
    for (int64_t d = 1; d <= FAR; d++)
      columns[edges++] = (block + 64 + (i * 37 + d * 311) % (ROWS - 64)) % ROWS;
  }
  offsets[ROWS] = edges;
  ck_success(context,
             gattn_graph_from_csr(context, ROWS, ROWS, offsets, columns,
                                  &graph));
  const attend_case c = {.mask = "near and far",
                         .graph = graph,
                         .n_q = ROWS,
                         .n_kv = ROWS,
                         .dim = 64,
                         .dim_v = 64,
                         .heads = 8,
                         .kv_heads = 1,
                         .type = GATTN_FLOAT16};
  attend_compare(context, &c);
  gattn_graph_release(graph);
  free(offsets);
  free(columns);
}
END_TEST

/* A decode step and hub rows, cut along many keys. */
START_TEST(long_rows) {
  static const attend_case cases[] = {
      {.mask = "full", .n_q = 3, .n_kv = 9000, .frontier = "last:1"},
      {.mask = "full", .n_q = 130, .n_kv = 2500, .frontier = "last:100"},
      {.mask = "streaming(64, 1000)", .n_q = 1500, .n_kv = 1500,
       .frontier = "last:1"},
      {.mask = "local(8) | rows(0:3, 800)", .n_q = 900, .n_kv = 1200},
      {.mask = "fixed(64, 8)", .n_q = 2200, .n_kv = 2200},
      {.mask = "fixed(40, 3) | local(50)", .n_q = 1700, .n_kv = 1500},
      {.mask = "longformer(33, 70)", .n_q = 700, .n_kv = 1200},
      {.mask = "rows(200:280)", .n_q = 300, .n_kv = 2000},
      {.mask = "full", .n_q = 40, .n_kv = 3000},
      {.mask = "random(900, 1)", .n_q = 20, .n_kv = 3000},
      {.mask = "cols(0:70) | dilated(3, 100)", .n_q = 700, .n_kv = 700},
  };
  for (int e = 0; e < COUNT(cases); e++) {
    attend_case c = cases[e];
    c.dim = c.dim_v = 64;
    c.heads = 2;
    c.kv_heads = 1;
    c.type = (gattn_type)_i;
    attend_compare(context, &c);
  }
}
END_TEST

/* ------------------------------------------------------------ values */

/* NaN and infinity reach only the rows whose neighbourhood touches them: here
 * tiles hold rows of both kinds. */
START_TEST(poison_keeps_to_its_rows) {
  static const char *const some[] = {
      "local(3)",        "local(90)",    "dilated(2, 4)",
      "random(4, 2)",    "blocks(50)",   "global(0) | local(2)",
      "causal",          "strided(7)",   "randomblocks(16, 2, 3)",
      "local(2) | random(2, 1)", "neighborhood2d(10, 20, 5, 5)",
      "longformer(4, 2)", "rows(5) | cols(199)", "prefix(30)"};
  static const char *const where[] = {"q", "k", "v"};
  for (int m = 0; m < COUNT(some); m++)
    for (int w = 0; w < 3; w++) {
      attend_case c = {.mask = some[m], .n_q = 200, .n_kv = 200, .dim = 64,
                       .dim_v = 64, .heads = 2, .type = (gattn_type)_i,
                       .kv_heads = 1 + m % 2, .poison = where[w]};
      attend_compare(context, &c);
    }
}
END_TEST

/* Scores of some 10, 100 and 10^3 of either sign; powers of two, which the
 * types hold. */
START_TEST(large_scores) {
  static const double amplitudes[] = {4, -32, 256};
  static const char *const some[] = {"local(40)", "causal", "random(9, 2)",
                                     "dilated(9, 3) | cols(5)"};
  for (int m = 0; m < COUNT(some); m++)
    for (int a = 0; a < COUNT(amplitudes); a++) {
      attend_case c = {.mask = some[m], .n_q = 150, .n_kv = 150, .dim = 64,
                       .dim_v = 64, .type = (gattn_type)_i,
                       .amplitude = amplitudes[a]};
      attend_compare(context, &c);
    }
}
END_TEST

/* ------------------------------------------------------------ heads */

START_TEST(heads_of_their_own) {
  static const char *const heads[] = {
      "local(30) | dilated(4, 9)", "full",     "random(3, 9)", "rows(5)",
      "cols(2, 100:140)",          "full - full", "causal",       "strided(9)"};
  static const char *const frontiers[] = {NULL, "range:4:260",
                                          "list:5,0,279,130"};
  for (int f = 0; f < 3; f++) {
    attend_case c = {.stack = heads, .n_q = 280, .n_kv = 300, .heads = 8,
                     .kv_heads = 4, .batch = 1 + f % 2, .dim = 64,
                     .dim_v = 64, .frontier = frontiers[f],
                     .type = (gattn_type)_i};
    attend_compare(context, &c);
  }
}
END_TEST

static TCase *made_case(Suite *suite, const char *name) {
  TCase *made = tcase_create(name);
  tcase_add_checked_fixture(made, create, destroy);
  tcase_set_timeout(made, 120);
  suite_add_tcase(suite, made);
  return made;
}

Suite *make_attend_shapes_suite(void) {
  Suite *suite = suite_create("attend shapes");
  TCase *kinds = made_case(suite, "masks");
  tcase_add_loop_test(kinds, masks_around_tiles, 0, COUNT(sizes));
  TCase *lengths = made_case(suite, "lengths and grids");
  tcase_add_test(lengths, lengths_around_tiles);
  tcase_add_test(lengths, masks_of_grids);
  tcase_add_loop_test(lengths, rows_far_apart, 0, GATTN_INT64);
  TCase *stored_masks = made_case(suite, "arrays");
  tcase_add_loop_test(stored_masks, masks_of_arrays, 0, COUNT(arrays));
  tcase_add_test(stored_masks, masks_of_a_callback);
  TCase *shapes = made_case(suite, "dimensions");
  tcase_add_loop_test(shapes, every_dimension, 0, GATTN_INT64);
  tcase_add_loop_test(shapes, values_of_another_dimension, 0, GATTN_INT64);
  tcase_add_loop_test(shapes, layouts, 0, GATTN_INT64);
  TCase *rows = made_case(suite, "rows and heads");
  tcase_add_test(rows, groups_of_heads);
  tcase_add_test(rows, frontiers_of_long_sequences);
  tcase_add_loop_test(rows, heads_of_their_own, 0, GATTN_INT64);
  TCase *cut = made_case(suite, "long rows");
  tcase_add_loop_test(cut, long_rows, 0, GATTN_INT64);
  tcase_add_test(made_case(suite, "dense and sparse"), dense_and_sparse);
  TCase *values = made_case(suite, "values");
  tcase_add_loop_test(values, poison_keeps_to_its_rows, 0, GATTN_INT64);
  tcase_add_loop_test(values, large_scores, 0, GATTN_INT64);
  return suite;
}
