/* Masks lowered for the device: every edge in exactly one part, by the words
 * that the kernels see. No device is needed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>

#include "brutal.h"
#include "mask_cases.h"
#include "tests/lowered_case.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options, .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}
static void teardown(void) { gattn_context_destroy(context); }

#define ck_ok(call)                                                           \
  do {                                                                        \
    gattn_status status_ = (call);                                            \
    ck_assert_msg(!status_, "%s: %s", #call, gattn_context_message(context)); \
  } while (0)

/* Wide tiles and narrow, a device that is full and one that is not. */
static const lowered_case targets[] = {
    {.lanes = 64,
     .multiprocessors = 1,
     .heads = 1,
     .batch = 1,
     .type = GATTN_FLOAT16},
    {.lanes = 128,
     .multiprocessors = 132,
     .heads = 2,
     .batch = 1,
     .type = GATTN_FLOAT32},
    {.lanes = 128,
     .multiprocessors = 1,
     .heads = 1,
     .batch = 2,
     .type = GATTN_FLOAT32},
    {.lanes = 64,
     .multiprocessors = 132,
     .heads = 1,
     .batch = 1,
     .type = GATTN_FLOAT16},
};

/* ------------------------------------------------------------ frontiers */

enum { FRONTIERS = 5 };

/* All, a range, few in the end, a list in order, a list without. */
static gattn_frontier *frontier_of(int64_t n, int kind) {
  gattn_frontier *frontier = NULL;
  int64_t *list = malloc((size_t)(n + 1) * sizeof *list), size = 0;
  switch (kind) {
    case 1:
      ck_ok(gattn_frontier_range(context, n, n / 5, n - n / 7, &frontier));
      break;
    case 2:
      ck_ok(gattn_frontier_range(context, n, n - (n + 9) / 10, n, &frontier));
      break;
    case 3:
      for (int64_t i = 0; i < n; i += 1 + i % 3) list[size++] = i;
      ck_ok(gattn_frontier_list(context, n, list, size, &frontier));
      break;
    case 4:
      for (int64_t i = 0; i < n; i++)
        if (i * 7 % n % 3) list[size++] = (i * 131 + 17) % n;
      if (n % 131 == 0) size = 0;
      ck_ok(gattn_frontier_list(context, n, list, size, &frontier));
      break;
    default:
      break;
  }
  free(list);
  return frontier;
}

/* Half of the frontiers for each target. */
static void check_graph(gattn_graph *graph, const char *name, int n_targets) {
  const int64_t n = gattn_graph_queries(graph);
  for (int f = 0; f < FRONTIERS; f++) {
    gattn_frontier *frontier = frontier_of(n, f);
    for (int t = f % 2; t < n_targets; t += 2) {
      char full[256];
      snprintf(full, sizeof full, "%s, frontier %d, target %d", name, f, t);
      lowered_check(context, &targets[t], graph, frontier, full);
    }
    gattn_frontier_release(frontier);
  }
}

/* ------------------------------------------------------------ the table */

static void visit_case(const mask_case *mask) {
  gattn_graph *graph;
  ck_ok(mask->kind->make(context, mask, &graph));
  char name[128];
  snprintf(name, sizeof name, "%s %lldx%lld", mask->kind->name,
           (long long)mask->n_q, (long long)mask->n_kv);
  check_graph(graph, name, COUNT(targets));
  gattn_graph_release(graph);
}

START_TEST(every_mask) {
  const mask_kind *kind = mask_kind_at(_i);
  if (kind) mask_cases_visit(kind, visit_case);
}
END_TEST

/* ------------------------------------------------------------ expressions */

static const struct {
  const char *mask;
  int64_t n_q, n_kv;
} expressions[] = {
    {"full", 300, 500},
    {"full - full", 200, 200},
    {"causal", 700, 700},
    {"local(50)", 1000, 1000},
    {"local(255, 0)", 1000, 1300},
    {"dilated(64, 4)", 1500, 1500},
    {"dilated(5, 300)", 1000, 1000},
    {"dilated(3, 2000)", 1000, 1000},
    {"dilated(64, 2) | local(64)", 1000, 1000},
    {"dilated(16, 8) | cols(0:40)", 1000, 1000},
    {"strided(7)", 900, 900},
    {"strided(7) | local(20) | strided(21)", 900, 900},
    {"strided(500) | strided(3)", 700, 700},
    {"fixed(128, 16)", 700, 900},
    {"fixed(48, 5) & causal", 700, 700},
    {"fixed(70, 9)", 2300, 2300},
    {"fixed(70, 9)", 2300, 1900},
    {"fixed(33, 32) | local(5)", 1500, 1500},
    {"fixed(20, 3) | dilated(3, 20) | random(2, 2)", 1500, 1500},
    {"longformer(30, 3) | fixed(100, 20)", 2304, 2304},
    {"sparsetransformer(16)", 1000, 1000},
    {"sparsetransformer(100)", 1000, 1000},
    {"longnet(64, 1, 128, 2, 512, 8)", 1100, 1100},
    {"longnet(4, 1, 1000, 100)", 1100, 1100},
    {"blocks(100)", 777, 777},
    {"blocklocal(64, 1)", 777, 777},
    {"documents(0, 100, 101, 500, 700)", 900, 900},
    {"documents(0, 100, 101, 500, 700) & causal", 900, 900},
    {"prefix(130)", 500, 500},
    {"streaming(64, 200)", 1500, 1500},
    {"neighborhood2d(30, 41, 13, 13)", 1230, 1230},
    {"neighborhood2d(30, 41, 5, 3) | cols(0:4)", 1230, 1230},
    {"neighborhood2d(30, 41, 13, 13) | global(7, 500)", 1230, 1230},
    {"neighborhood2d(30, 41, 13, 13) & causal", 1230, 1230},
    {"neighborhood2d(30, 41, 3, 41)", 1230, 1230},
    {"blocks2d(30, 41, 7, 8)", 1230, 1230},
    {"blocks2d(30, 41, 7, 8) | neighborhood2d(30, 41, 3, 3)", 1230, 1230},
    {"blocks2d(30, 41, 7, 8) | neighborhood2d(41, 30, 3, 3)", 1230, 1230},
    {"blocks2d(30, 41, 7, 8) | dilated(4, 5) | local(9)", 1230, 1230},
    {"random(16, 3)", 800, 900},
    {"random(16, 3) | local(10)", 800, 800},
    {"random(300, 3)", 800, 800},
    {"random(16, 3) | random(400, 5) | local(10)", 800, 800},
    {"randomblocks(64, 4, 9)", 1000, 1000},
    {"randomblocks(64, 4, 9) | local(20) | random(3, 1)", 1000, 1000},
    {"randomblocks(16, 4, 9) & causal", 1000, 1000},
    {"bigbird(64, 1, 2, 3, 7)", 2200, 2200},
    {"longformer(100, 64)", 2304, 2304},
    {"longformer(100, 64) | random(9, 9)", 2304, 2304},
    {"longformer(10, 3) | random(9, 9) | dilated(4, 9)", 2304, 2304},
    {"global(5, 70:75, 2299)", 2304, 2304},
    {"rows(1, 9, 100:110)", 2100, 2100},
    {"rows(1, 9, 100:110) | random(2, 2)", 2100, 2100},
    {"rows(0:2100)", 2100, 2100},
    {"cols(3, 70:200)", 1000, 2100},
    {"full - local(30)", 600, 600},
    {"full - random(5, 5)", 600, 600},
    {"strided(5) - random(5, 5)", 600, 600},
    {"(local(20) | dilated(8, 8)) - random(5, 5)", 600, 600},
    {"(local(20) | random(8, 8)) & (causal | cols(0:9))", 600, 600},
    {"local(1)|cols(0)|cols(9)|cols(20)|cols(77)|cols(80)|cols(99)|cols(131)|"
     "cols(140)|cols(150)|cols(163)|cols(179)|cols(200)|cols(208)|cols(222)|"
     "cols(239)|cols(251)|cols(260)|cols(271)|cols(281)",
     400, 400},
    {"strided(2) | strided(3) | strided(5) | strided(7) | strided(11) | "
     "strided(13) | local(4) | dilated(3, 17)",
     600, 600},
};

START_TEST(expression) {
  gattn_graph *graph;
  ck_ok(gattn_mask_parse(context, expressions[_i].mask, expressions[_i].n_q,
                         expressions[_i].n_kv, &graph));
  check_graph(graph, expressions[_i].mask, COUNT(targets));
  gattn_graph_release(graph);
}
END_TEST

static uint64_t random_below(uint64_t *state, uint64_t n) {
  *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (*state >> 33) % n;
}

/* A random expression over [0, n). */
static int random_expression(uint64_t *state, int64_t n, int depth, char *text,
                             size_t size) {
  static const char *const operators[] = {"|", "|", "|", "&", "-"};
  const unsigned a = 1 + (unsigned)random_below(state, 40);
  const unsigned b = 1 + (unsigned)random_below(state, 9);
  if (depth > 0 && random_below(state, 4)) {
    int used = snprintf(text, size, "(");
    used += random_expression(state, n, depth - 1, text + used,
                              size - (size_t)used);
    used += snprintf(text + used, size - (size_t)used, " %s ",
                     operators[random_below(state, 5)]);
    used += random_expression(state, n, depth - 1, text + used,
                              size - (size_t)used);
    return used + snprintf(text + used, size - (size_t)used, ")");
  }
  switch (random_below(state, 14)) {
    case 0:
      return snprintf(text, size, "local(%u)", a);
    case 1:
      return snprintf(text, size, "dilated(%u, %u)", a, b);
    case 2:
      return snprintf(text, size, "strided(%u)", a);
    case 3:
      return snprintf(text, size, "causal");
    case 4:
      return snprintf(text, size, "random(%u, %u)", b, a);
    case 5:
      return snprintf(text, size, "blocks(%u)", a * b);
    case 6:
      return snprintf(text, size, "cols(%u:%u)", a, a + b);
    case 7:
      return snprintf(text, size, "rows(%u:%u)", a, a + b);
    case 8:
      return snprintf(text, size, "fixed(%u, %u)", a + 9, b);
    case 9:
      return snprintf(text, size, "randomblocks(%u, %u, 5)", a, b);
    case 10:
      return snprintf(text, size, "dilated2d(%u, %u)", 3 * a, b);
    case 11:
      return snprintf(text, size, "neighborhood2d(20, 13, 5, 3)");
    case 12:
      return snprintf(text, size, "blocks2d(20, 13, %u, %u)", b, a);
    default:
      return snprintf(text, size, "documents(0, %u, %u)", a, a + b);
  }
}

START_TEST(random_expressions) {
  uint64_t state = (uint64_t)_i + 1;
  for (int turn = 0; turn < 25; turn++) {
    char text[2048];
    gattn_graph *graph;
    random_expression(&state, 260, 3, text, sizeof text);
    ck_ok(gattn_mask_parse(context, text, 260, 260, &graph));
    check_graph(graph, text, COUNT(targets));
    gattn_graph_release(graph);
  }
}
END_TEST

/* ------------------------------------------------------------ others */

START_TEST(buckets) {
  enum { N = 700 };
  int64_t ids[N];
  gattn_graph *bucket, *other, *both;
  for (int64_t i = 0; i < N; i++) ids[i] = i * 7919 % 1000 / 90;
  ck_ok(gattn_mask_buckets(context, N, N, ids, N, &bucket));
  check_graph(bucket, "buckets", COUNT(targets));
  ck_ok(gattn_mask_parse(context, "local(9) | random(3, 3)", N, N, &other));
  ck_ok(gattn_graph_union(context, bucket, other, &both));
  check_graph(both, "buckets | local | random", COUNT(targets));
  gattn_graph_release(both);
  ck_ok(gattn_graph_difference(context, bucket, other, &both));
  check_graph(both, "buckets - (local | random)", COUNT(targets));
  gattn_graph_release(both);
  gattn_graph_release(other);
  gattn_graph_release(bucket);
}
END_TEST

START_TEST(edges_alone) {
  const lowered_case wide = {.lanes = 0,
                             .multiprocessors = 132,
                             .heads = 1,
                             .batch = 1,
                             .type = GATTN_FLOAT32};
  lowered_case values = targets[0];
  values.edge_values = true;
  gattn_graph *graph;
  gattn_device_lowered lowered;
  ck_ok(gattn_mask_parse(context, "longformer(3, 2) | dilated(3, 3)", 2100,
                         2100, &graph));
  lowered_check(context, &wide, graph, NULL, "wide");
  lowered_check(context, &values, graph, NULL, "edge values");
  ck_ok(lowered_make(context, &values, graph, NULL, &lowered));
  ck_assert_int_eq(lowered.n_parts, 1);
  ck_assert_int_eq(lowered.parts[0].form, GATTN_DEVICE_EDGES);
  ck_assert_ptr_eq(lowered.parts[0].graph, graph);
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
}
END_TEST

/* A device whose blocks have less shared memory gets narrower tiles, or none. */
START_TEST(short_of_shared) {
  static const struct {
    int32_t shared_lanes, lanes;
  } table[] = {{128, 128}, {127, 64}, {64, 64}, {63, 0}};
  gattn_graph *graph;
  ck_ok(gattn_mask_parse(context, "longformer(300, 2)", 2100, 2100, &graph));
  for (int e = 0; e < COUNT(table); e++) {
    lowered_case c = targets[1];
    gattn_device_lowered lowered;
    c.short_of_shared = true;
    c.shared_lanes = table[e].shared_lanes;
    lowered_check(context, &c, graph, NULL, "short of shared memory");
    ck_ok(lowered_make(context, &c, graph, NULL, &lowered));
    const gattn_device_part *last = &lowered.parts[lowered.n_parts - 1];
    if (table[e].lanes)
      ck_assert_int_eq(last->tiles.lanes, table[e].lanes);
    else
      ck_assert_int_eq(last->form, GATTN_DEVICE_EDGES);
    gattn_device_lowered_clear(context, &lowered);
  }
  gattn_graph_release(graph);
}
END_TEST

/* Pieces of a few rows fill the device's turns of blocks, of which the targets
 * have two a multiprocessor; fewer where there is less to cut. */
START_TEST(whole_turns) {
  static const struct {
    const char *mask;
    int64_t n, heads;
    int32_t pieces;
  } table[] = {{"full", 1 << 20, 8, 66}, /* two turns of 264 blocks */
               {"full", 1 << 20, 5, 105},
               {"full", 1 << 20, 1, 512}, /* the most */
               {"full", 1280, 8, 10}, /* two key tiles each */
               {"local(63, 0)", 1 << 20, 8, 1}};
  for (int e = 0; e < COUNT(table); e++) {
    const int64_t n = table[e].n;
    lowered_case c = targets[0];
    c.lanes = 64;
    c.multiprocessors = 132;
    c.heads = table[e].heads;
    c.batch = 1;
    gattn_graph *graph;
    gattn_frontier *last;
    gattn_device_lowered lowered;
    ck_ok(gattn_mask_parse(context, table[e].mask, n, n, &graph));
    ck_ok(gattn_frontier_range(context, n, n - 1, n, &last));
    ck_ok(lowered_make(context, &c, graph, last, &lowered));
    ck_assert_int_eq(lowered.n_parts, 1);
    ck_assert_int_eq(lowered.parts[0].tiles.pieces, table[e].pieces);
    gattn_device_lowered_clear(context, &lowered);
    gattn_frontier_release(last);
    gattn_graph_release(graph);
  }
}
END_TEST

/* Closed forms are lowered at any size, without arrays of their own. */
START_TEST(vast) {
  static const struct {
    const char *mask;
    int64_t parts;
  } table[] = {{"full", 1},
               {"local(50)", 1},
               {"longformer(256, 64)", 2},
               {"dilated(64, 4)", 1},
               {"sparsetransformer(64)", 2},
               {"neighborhood2d(1048576, 1048576, 13, 13)", 1},
               {"blocks(4096) & causal", 1},
               {"streaming(64, 4096)", 1}};
  const int64_t n = INT64_C(1) << 40;
  for (int e = 0; e < COUNT(table); e++) {
    gattn_graph *graph;
    gattn_device_lowered lowered;
    ck_ok(gattn_mask_parse(context, table[e].mask, n, n, &graph));
    ck_ok(lowered_make(context, &targets[1], graph, NULL, &lowered));
    ck_assert_msg(lowered.n_parts == table[e].parts, "%s: %lld parts",
                  table[e].mask, (long long)lowered.n_parts);
    for (int64_t p = 0; p < lowered.n_parts; p++) {
      ck_assert_int_ne(lowered.parts[p].form, GATTN_DEVICE_EDGES);
      ck_assert_ptr_null(lowered.parts[p].list.release);
    }
    gattn_device_lowered_clear(context, &lowered);
    gattn_graph_release(graph);
  }
}
END_TEST

/* A band with holes and edges here and there, as stored rows: dense tiles are
 * listed, the rest runs as edges. */
START_TEST(dense_and_sparse) {
  enum { N = 2048, NEAR = 60, FAR = 2 };
  static int64_t offsets[N + 1], columns[N * (NEAR + FAR)];
  int64_t edges = 0;
  gattn_graph *graph;
  gattn_device_lowered lowered;
  for (int64_t i = 0; i < N; i++) {
    offsets[i] = edges;
    for (int64_t d = 0; d < NEAR; d++)
      columns[edges++] = (i / 64 * 64 + d) % N;
    for (int64_t d = 1; d <= FAR; d++)
      columns[edges++] = (i / 64 * 64 + 64 + (i * 37 + d * 311) % (N - 64)) % N;
  }
  offsets[N] = edges;
  ck_ok(gattn_graph_from_csr(context, N, N, offsets, columns, &graph));
  check_graph(graph, "dense and sparse", COUNT(targets));
  lowered_case c = targets[0];
  c.heads = 64;
  ck_ok(lowered_make(context, &c, graph, NULL, &lowered));
  ck_assert_int_eq(lowered.n_parts, 2);
  ck_assert_int_eq(lowered.parts[0].list.n_entries, N / 64);
  ck_assert_int_eq(lowered.parts[1].form, GATTN_DEVICE_EDGES);
  ck_assert_int_eq(lowered.parts[1].apart, 1);
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
}
END_TEST

/* Tails run in classes of their own: no tile is visited without edges. */
START_TEST(tails) {
  const int64_t n = 131072, s = 512, c = 8;
  gattn_graph *graph;
  gattn_device_lowered lowered;
  ck_ok(gattn_mask_fixed(context, n, n, s, c, &graph));
  ck_ok(lowered_make(context, &targets[1], graph, NULL, &lowered));
  ck_assert_int_eq(lowered.n_parts, 2);
  ck_assert_int_eq(lowered.parts[0].tiles.numbering.kind,
                   GATTN_NUMBER_CLASSES);
  ck_assert_double_eq(lowered.parts[0].key_tiles, (double)(c * (n / s / 64)));
  ck_assert_double_eq(lowered.parts[1].key_tiles, (double)(s / 64));
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
}
END_TEST

static gattn_status lower_once(gattn_context *brutal, void *user) {
  gattn_graph *graph = NULL;
  gattn_device_lowered lowered;
  gattn_status status = gattn_mask_parse(brutal, user, 2100, 2100, &graph);
  if (!status)
    status = lowered_make(brutal, &targets[3], graph, NULL, &lowered);
  if (!status) gattn_device_lowered_clear(brutal, &lowered);
  gattn_graph_release(graph);
  return status;
}

START_TEST(brutal) {
  static const char *const masks[] = {
      "longformer(20, 3) | random(9, 9) | dilated(4, 9)",
      "local(20) | randomblocks(64, 3, 3) | random(2, 2)"};
  for (int m = 0; m < COUNT(masks); m++)
    ck_assert_int_gt(brutal_run(lower_once, (void *)masks[m]), 3);
}
END_TEST

static Suite *make_device_lowering_suite(void) {
  Suite *suite = suite_create("device lowering");
  TCase *edges = tcase_create("every edge once");
  int kinds = 0;
  while (mask_kind_at(kinds)) kinds++;
  tcase_add_checked_fixture(edges, setup, teardown);
  tcase_set_timeout(edges, 120);
  tcase_add_loop_test(edges, every_mask, 0, kinds);
  tcase_add_loop_test(edges, expression, 0, COUNT(expressions));
  tcase_add_loop_test(edges, random_expressions, 0, 8);
  tcase_add_test(edges, buckets);
  tcase_add_test(edges, dense_and_sparse);
  tcase_add_test(edges, edges_alone);
  tcase_add_test(edges, short_of_shared);
  tcase_add_test(edges, whole_turns);
  suite_add_tcase(suite, edges);
  TCase *plans = tcase_create("plans");
  tcase_add_checked_fixture(plans, setup, teardown);
  tcase_add_test(plans, vast);
  tcase_add_test(plans, tails);
  tcase_add_test(plans, brutal);
  suite_add_tcase(suite, plans);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_device_lowering_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
