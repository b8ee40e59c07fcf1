/* The device's cost model: what it prefers, what it predicts, and that a choice
 * made beforehand is followed and loses no edge. No device is needed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdio.h>

#include "plan/device/lowering.h"
#include "plan/device/moves.h"
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

static const lowered_case h200 = {.lanes = 128,
                                  .multiprocessors = 132,
                                  .heads = 8,
                                  .batch = 1,
                                  .type = GATTN_FLOAT16,
                                  .capability = 90};

static gattn_graph *parse(const char *mask, int64_t n) {
  gattn_graph *graph;
  ck_ok(gattn_mask_parse(context, mask, n, n, &graph));
  return graph;
}

/* ------------------------------------------------------------ preferences */

static const struct {
  const char *mask;
  int64_t n;
  const char *ways; /* of the terms */
  int32_t capability;
} preferred[] = {
    {"local(64)", 131072, "band", 90},
    {"local(1)", 131072, "band", 90},
    {"causal", 16384, "band", 90},
    {"dilated(64, 4)", 131072, "renumbered", 90},
    {"dilated(64, 4)", 131072, "renumbered", 80},
    {"strided(512)", 131072, "renumbered", 90},
    {"neighborhood2d(256, 512, 13, 13)", 131072, "renumbered", 90},
    {"random(32, 7)", 131072, "edges", 90},
    {"random(32, 7)", 131072, "edges", 80},
    {"random(1000, 7)", 1024, "list", 90},
    {"randomblocks(128, 5, 7)", 16384, "list", 90},
    {"randomblocks(128, 5, 7)", 16384, "list", 80},
    {"local(256) | global(0:64)", 131072, "band,hubs,band", 90},
    {"local(64) | random(3, 7)", 131072, "band,edges", 90},
    {"dilated(64, 64) | local(64)", 131072, "renumbered,band", 90},
};

START_TEST(prefers) {
  lowered_case c = h200;
  gattn_device_lowered lowered;
  char text[GATTN_CHOICE_TEXT], expected[GATTN_CHOICE_TEXT];
  gattn_graph *graph = parse(preferred[_i].mask, preferred[_i].n);
  c.capability = preferred[_i].capability;
  ck_ok(lowered_make(context, &c, graph, NULL, &lowered));
  snprintf(expected, sizeof expected, "%s lanes any pieces any",
           preferred[_i].ways);
  ck_assert_str_eq(gattn_choice_text(&lowered.taken, text), expected);
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ predictions */

/* What an H200 took when the model was calibrated: constants go astray by more when
 * a unit is wrong. */
static const struct {
  const char *mask;
  int64_t n, heads;
  gattn_way way;
  double milliseconds;
} measured[] = {
    {"local(64)", 131072, 8, GATTN_WAY_BAND, 0.32},
    {"local(256)", 131072, 8, GATTN_WAY_BAND, 0.62},
    {"local(1024)", 131072, 8, GATTN_WAY_BAND, 1.76},
    {"local(255, 0)", 131072, 8, GATTN_WAY_BAND, 0.38},
    {"dilated(64, 4)", 131072, 8, GATTN_WAY_RENUMBERED, 0.47},
    {"dilated(64, 2)", 131072, 8, GATTN_WAY_RENUMBERED, 0.475},
    {"neighborhood2d(256, 512, 13, 13)", 131072, 8, GATTN_WAY_RENUMBERED,
     0.87},
    {"full", 16384, 8, GATTN_WAY_BAND, 1.60},
    {"local(50)", 16777216, 1, GATTN_WAY_BAND, 4.46},
    {"random(32, 7)", 131072, 1, GATTN_WAY_EDGES, 0.190},
    {"random(32, 7)", 1048576, 1, GATTN_WAY_EDGES, 2.15},
};

/* The tests' own survey makes the whole list. */
static gattn_status no_survey(gattn_context *any, gattn_frontier *frontier,
                              const gattn_device_attention *geometry,
                              const gattn_tile_pass *pass, gattn_graph *graph,
                              int64_t least, gattn_tile_sample *sample) {
  (void)any, (void)frontier, (void)geometry, (void)pass, (void)graph;
  (void)least, (void)sample;
  return GATTN_ERROR_TOO_LARGE;
}

static int candidates_of(const lowered_case *c, gattn_graph *graph,
                         gattn_device_candidate *candidates) {
  enum { SURVEYED = 1 << 20 };
  const gattn_attend_problem problem = lowered_problem(c, graph, NULL);
  gattn_device_target target = lowered_target(c);
  if (problem.n_f > SURVEYED) target.list_survey = no_survey;
  gattn_device_lowered lowered = {
      .geometry = gattn_device_geometry(&problem, graph)};
  const gattn_device_lowering lowering = gattn_device_lowering_of(
      context, &problem, &target, graph, c->heads, &lowered);
  return gattn_device_candidates(&lowering, graph, candidates);
}

START_TEST(predicts) {
  enum { FACTOR = 2 };
  lowered_case c = h200;
  gattn_device_candidate candidates[GATTN_DEVICE_CANDIDATES];
  gattn_graph *graph = parse(measured[_i].mask, measured[_i].n);
  c.heads = measured[_i].heads;
  const int n = candidates_of(&c, graph, candidates);
  ck_assert_int_ge(n, 1);
  for (int k = 1; k < n; k++)
    ck_assert_double_ge(candidates[k].seconds, candidates[k - 1].seconds);
  /* Lists of closed forms are timed, but not chosen without. */
  const int at = candidates[0].way == GATTN_WAY_LIST;
  ck_assert_int_lt(at, n);
  ck_assert_int_eq(candidates[at].way, measured[_i].way);
  const double milliseconds = candidates[at].seconds * 1e3;
  const double ratio = milliseconds / measured[_i].milliseconds;
  ck_assert_msg(ratio < FACTOR && ratio > 1.0 / FACTOR,
                "%s: predicted %.3g ms, measured %.3g ms", measured[_i].mask,
                milliseconds, measured[_i].milliseconds);
  gattn_graph_release(graph);
}
END_TEST

/* No candidate of a closed form is looked for by walking. */
START_TEST(predicts_at_any_size) {
  static const char *const masks[] = {"local(64)", "dilated(64, 4)", "causal",
                                      "strided(1000000)",
                                      "strided(2) & causal"};
  gattn_device_candidate candidates[GATTN_DEVICE_CANDIDATES];
  gattn_graph *graph = parse(masks[_i], INT64_C(1) << 40);
  const int n = candidates_of(&h200, graph, candidates);
  ck_assert_int_ge(n, 1);
  ck_assert(candidates[0].way == GATTN_WAY_BAND ||
            candidates[0].way == GATTN_WAY_RENUMBERED);
  ck_assert(isfinite(candidates[0].seconds));
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ the model */

static const gattn_work work = {.type = GATTN_FLOAT16,
                                .dim = 64,
                                .dim_v = 64,
                                .heads = 8,
                                .kv_heads = 8,
                                .rows = 131072,
                                .n_kv = 131072};

static double tiles_seconds(const gattn_device_costs *costs, double tiles,
                            double key_tiles, int32_t pieces) {
  const gattn_tile_work pass = {.lanes = 128,
                                .pieces = pieces,
                                .tiles = tiles,
                                .key_tiles = key_tiles};
  return gattn_tiles_seconds(costs, &work, &pass);
}

START_TEST(more_work_takes_longer) {
  const gattn_device_costs costs = gattn_device_costs_of(90, 132, 0, NULL);
  gattn_tile_work pass = {
      .lanes = 128, .pieces = 1, .tiles = 1024, .key_tiles = 10};
  const double base = gattn_tiles_seconds(&costs, &work, &pass);
  ck_assert_double_gt(tiles_seconds(&costs, 2048, 10, 1), 1.5 * base);
  ck_assert_double_gt(tiles_seconds(&costs, 1024, 20, 1), 1.2 * base);
  for (int order = GATTN_ROWS_CLASSES; order <= GATTN_ROWS_TABLE; order++) {
    pass.order = (gattn_rows_order)order;
    ck_assert_double_gt(gattn_tiles_seconds(&costs, &work, &pass), base);
  }
  pass.order = GATTN_ROWS_LINEAR;
  pass.listed = true;
  ck_assert_double_gt(gattn_tiles_seconds(&costs, &work, &pass), base);
  pass.listed = false;
  gattn_work wide = work;
  wide.dim = wide.dim_v = 128;
  ck_assert_double_gt(gattn_tiles_seconds(&costs, &wide, &pass), base);
  ck_assert_double_gt(gattn_edges_seconds(&costs, &work, 2e7),
                      gattn_edges_seconds(&costs, &work, 1e7));
  ck_assert_double_gt(gattn_state_seconds(&costs, &work), 0);
}
END_TEST

/* One long query tile keeps one multiprocessor busy; pieces spread it. */
START_TEST(pieces_spread_long_rows) {
  const gattn_device_costs costs = gattn_device_costs_of(90, 132, 0, NULL);
  ck_assert_double_lt(tiles_seconds(&costs, 1, 16384, 16),
                      0.5 * tiles_seconds(&costs, 1, 16384, 1));
  ck_assert_double_gt(tiles_seconds(&costs, 1024, 10, 4),
                      tiles_seconds(&costs, 1024, 10, 1));
}
END_TEST

/* A card of the same make with half of everything takes twice the time; what
 * was measured goes before the table. */
START_TEST(devices_and_limits) {
  const gattn_limits slow = {.struct_size = sizeof slow,
                             .copy_bytes = 4.1e11,
                             .multiply_add = 6e12,
                             .random_row_bytes = 4e11,
                             .mma_sync = 63e12,
                             .wgmma = 86e12};
  const gattn_device_costs whole = gattn_device_costs_of(90, 132, 0, NULL);
  const gattn_device_costs half = gattn_device_costs_of(90, 66, 0, NULL);
  const gattn_device_costs tenth = gattn_device_costs_of(90, 132, 0, &slow);
  const gattn_device_costs older = gattn_device_costs_of(80, 108, 0, NULL);
  const gattn_device_costs newer = gattn_device_costs_of(120, 132, 0, NULL);
  const double base = tiles_seconds(&whole, 1024, 100, 1);
  ck_assert_double_gt(tiles_seconds(&half, 1024, 100, 1), 1.9 * base);
  ck_assert_double_gt(tiles_seconds(&tenth, 1024, 100, 1), 8 * base);
  ck_assert_double_gt(tiles_seconds(&older, 1024, 100, 1), base);
  ck_assert_double_eq(tiles_seconds(&newer, 1024, 100, 1), base);
  ck_assert_double_gt(gattn_edges_seconds(&tenth, &work, 1e9),
                      5 * gattn_edges_seconds(&whole, &work, 1e9));
}
END_TEST

/* ------------------------------------------------------------ choices */

static const struct {
  const char *mask;
  int64_t n;
} masks[] = {
    {"local(50)", 1000},
    {"dilated(64, 4)", 1500},
    {"dilated(16, 8) | cols(0:40)", 1000},
    {"dilated(64, 2) | local(64) | strided(7)", 1000},
    {"neighborhood2d(30, 41, 13, 13) | global(7, 500)", 1230},
    {"neighborhood2d(30, 41, 13, 13) | dilated(4, 5)", 1230},
    {"random(16, 3) | local(10)", 800},
    {"random(100, 3)", 800},
    {"randomblocks(64, 4, 9) | local(20) | random(3, 1)", 1000},
    {"longformer(100, 64) | random(9, 9)", 2304},
    {"rows(1, 9, 100:110) | random(2, 2)", 2100},
    {"documents(0, 100, 101, 500, 700) & causal", 900},
    {"full - random(5, 5)", 600},
};

static int32_t terms_of(const lowered_case *c, gattn_graph *graph) {
  gattn_device_lowered lowered;
  ck_ok(lowered_make(context, c, graph, NULL, &lowered));
  const int32_t n = lowered.taken.n_terms;
  gattn_device_lowered_clear(context, &lowered);
  return n;
}

/* All terms in one way, and each in another: what cannot be is passed over. */
START_TEST(choices_lose_no_edge) {
  static const int32_t widths[] = {0, 64, 128, 77};
  gattn_graph *graph = parse(masks[_i].mask, masks[_i].n);
  lowered_case c = h200;
  const int32_t n = terms_of(&c, graph);
  ck_assert_int_ge(n, 1);
  for (int way = GATTN_WAY_ANY; way < 2 * GATTN_WAYS; way++) {
    char name[128];
    c.choice = (gattn_choice){.n_terms = n,
                              .lanes = widths[way % 4],
                              .pieces = way % 3 ? 0 : 5};
    for (int t = 0; t < n; t++)
      c.choice.way[t] = (int8_t)(way < GATTN_WAYS ? way
                                                  : (way + t) % GATTN_WAYS);
    snprintf(name, sizeof name, "%s, choice %d", masks[_i].mask, way);
    lowered_check(context, &c, graph, NULL, name);
  }
  gattn_graph_release(graph);
}
END_TEST

/* Lowering by what was taken does the same again. */
START_TEST(taken_replays) {
  gattn_graph *graph = parse(masks[_i].mask, masks[_i].n);
  gattn_device_lowered first, again;
  lowered_case c = h200;
  ck_ok(lowered_make(context, &c, graph, NULL, &first));
  c.choice = first.taken;
  ck_ok(lowered_make(context, &c, graph, NULL, &again));
  ck_assert(gattn_choice_equal(&first.taken, &again.taken));
  ck_assert_int_eq(first.n_parts, again.n_parts);
  for (int64_t p = 0; p < first.n_parts; p++) {
    const gattn_device_part *a = &first.parts[p], *b = &again.parts[p];
    ck_assert_int_eq(a->form, b->form);
    ck_assert_int_eq(a->tiles.numbering.kind, b->tiles.numbering.kind);
    ck_assert_int_eq(a->tiles.numbering.stride, b->tiles.numbering.stride);
    ck_assert_int_eq(a->tiles.lanes, b->tiles.lanes);
    ck_assert_int_eq(a->tiles.pieces, b->tiles.pieces);
  }
  gattn_device_lowered_clear(context, &first);
  gattn_device_lowered_clear(context, &again);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(choices_are_followed) {
  static const struct {
    const char *mask;
    gattn_choice choice;
    gattn_device_form form;
    int32_t numbering, lanes;
  } table[] = {
      {"local(50)", {1, {GATTN_WAY_EDGES}, 0, 0}, GATTN_DEVICE_EDGES, 0, 0},
      {"local(50)",
       {1, {GATTN_WAY_LIST}, 64, 0},
       GATTN_DEVICE_TILES,
       GATTN_NUMBER_LINEAR,
       64},
      {"dilated(64, 4)",
       {1, {GATTN_WAY_BAND}, 64, 0},
       GATTN_DEVICE_TILES,
       GATTN_NUMBER_LINEAR,
       64},
      {"dilated(64, 4)",
       {1, {GATTN_WAY_RENUMBERED}, 128, 0},
       GATTN_DEVICE_TILES,
       GATTN_NUMBER_CLASSES,
       128},
      {"random(9, 9)",
       {1, {GATTN_WAY_LIST}, 128, 0},
       GATTN_DEVICE_TILES,
       GATTN_NUMBER_LINEAR,
       128},
  };
  gattn_graph *graph = parse(table[_i].mask, 3000);
  gattn_device_lowered lowered;
  lowered_case c = h200;
  c.choice = table[_i].choice;
  ck_ok(lowered_make(context, &c, graph, NULL, &lowered));
  ck_assert_int_eq(lowered.n_parts, 1);
  ck_assert_int_eq(lowered.parts[0].form, table[_i].form);
  if (table[_i].form == GATTN_DEVICE_TILES) {
    ck_assert_int_eq(lowered.parts[0].tiles.numbering.kind,
                     table[_i].numbering);
    ck_assert_int_eq(lowered.parts[0].tiles.lanes, table[_i].lanes);
  }
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ moves */

static int moves_of(const lowered_case *c, const char *mask, int64_t n,
                    double memory, gattn_move *moves) {
  gattn_graph *graph = parse(mask, n);
  gattn_device_lowered lowered;
  ck_ok(lowered_make(context, c, graph, NULL, &lowered));
  const gattn_attend_problem problem = lowered_problem(c, graph, NULL);
  const gattn_device_target target = lowered_target(c);
  const int count = gattn_device_moves(context, &problem, &target, memory,
                                       graph, &lowered.taken, moves);
  gattn_device_lowered_clear(context, &lowered);
  gattn_graph_release(graph);
  return count;
}

static bool has_way(const gattn_move *moves, int n, gattn_way way) {
  for (int m = 0; m < n; m++)
    if (moves[m].term >= 0 && moves[m].way == way) return true;
  return false;
}

/* What is hopeless, or does not fit, is not tried. */
START_TEST(moves_are_worth_trying) {
  static const double memory = 141e9;
  gattn_move moves[GATTN_MOVES];
  int n = moves_of(&h200, "local(256)", 131072, memory, moves);
  ck_assert_int_ge(n, 2);
  ck_assert(!has_way(moves, n, GATTN_WAY_EDGES));
  ck_assert(!has_way(moves, n, GATTN_WAY_RENUMBERED));
  n = moves_of(&h200, "dilated(64, 2)", 131072, memory, moves);
  ck_assert(has_way(moves, n, GATTN_WAY_BAND) ||
            has_way(moves, n, GATTN_WAY_RENUMBERED));
  n = moves_of(&h200, "local(1)", 131072, memory, moves);
  ck_assert(has_way(moves, n, GATTN_WAY_EDGES));
  n = moves_of(&h200, "local(1)", 131072, 1e6, moves);
  ck_assert(!has_way(moves, n, GATTN_WAY_EDGES));
  n = moves_of(&h200, "local(64) | global(0:8)", 131072, memory, moves);
  ck_assert(has_way(moves, n, GATTN_WAY_BAND));
}
END_TEST

int main(void) {
  Suite *suite = suite_create("device_cost");
  TCase *model = tcase_create("model");
  TCase *choices = tcase_create("choices");
  tcase_add_checked_fixture(model, setup, teardown);
  tcase_add_loop_test(model, prefers, 0, COUNT(preferred));
  tcase_add_loop_test(model, predicts, 0, COUNT(measured));
  tcase_add_loop_test(model, predicts_at_any_size, 0, 5);
  tcase_add_test(model, more_work_takes_longer);
  tcase_add_test(model, pieces_spread_long_rows);
  tcase_add_test(model, devices_and_limits);
  suite_add_tcase(suite, model);
  tcase_add_checked_fixture(choices, setup, teardown);
  tcase_add_loop_test(choices, choices_lose_no_edge, 0, COUNT(masks));
  tcase_add_loop_test(choices, taken_replays, 0, COUNT(masks));
  tcase_add_loop_test(choices, choices_are_followed, 0, 5);
  tcase_add_test(choices, moves_are_worth_trying);
  suite_add_tcase(suite, choices);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? 1 : 0;
}
