/* Union, intersection, difference, against dense matrices.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "dense.h"
#include "masks/algebra.h"
#include "tests/backend.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

/* A graph and the matrix of what it must be. */
typedef struct pair {
  gattn_graph *graph;
  dense truth;
} pair;

static void pair_free(pair *p) {
  gattn_graph_release(p->graph);
  dense_free(&p->truth);
}

/* ------------------------------------------------------------ leaves */

static int64_t matrix_next(const void *state, int64_t i, int64_t j) {
  const dense *matrix = state;
  while (j < matrix->n_kv && !*dense_at(matrix, i, j)) j++;
  return j;
}

/* Stops early where the column is a multiple of 3. */
static int64_t matrix_stretch(const void *state, int64_t i, int64_t j) {
  const dense *matrix = state;
  do j++;
  while (j < matrix->n_kv && *dense_at(matrix, i, j) && j % 3);
  return j;
}

static void matrix_release(void *state) {
  dense_free(state);
  free(state);
}

static gattn_graph *generated(const dense *truth) {
  dense *copy = malloc(sizeof *copy);
  ck_assert_ptr_nonnull(copy);
  *copy = dense_new(truth->n_q, truth->n_kv);
  memcpy(copy->edge, truth->edge, (size_t)(truth->n_q * truth->n_kv));
  gattn_generator generator = {.struct_size = sizeof generator,
                               .state = copy,
                               .next = matrix_next,
                               .stretch = matrix_stretch,
                               .release = matrix_release};
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_graph_from_generator(context, truth->n_q, truth->n_kv,
                                              &generator, &graph),
                   GATTN_SUCCESS);
  return graph;
}

static gattn_graph *stored(const dense *truth) {
  int64_t *offsets = calloc((size_t)truth->n_q + 1, sizeof *offsets);
  int64_t *columns =
      calloc((size_t)(truth->n_q * truth->n_kv) + 1, sizeof *columns);
  ck_assert(offsets && columns);
  for (int64_t i = 0; i < truth->n_q; i++) {
    offsets[i + 1] = offsets[i];
    for (int64_t j = 0; j < truth->n_kv; j++)
      if (*dense_at(truth, i, j)) columns[offsets[i + 1]++] = j;
  }
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_graph_from_csr(context, truth->n_q, truth->n_kv,
                                        offsets, columns, &graph),
                   GATTN_SUCCESS);
  free(offsets);
  free(columns);
  return graph;
}

typedef bool (*rule)(int64_t i, int64_t j, int64_t a, int64_t b);

static bool is_local(int64_t i, int64_t j, int64_t a, int64_t b) {
  return -a <= j - i && j - i <= b;
}
static bool is_strided(int64_t i, int64_t j, int64_t a, int64_t b) {
  (void)b;
  return (i - j) % (a + 1) == 0;
}
static bool is_column(int64_t i, int64_t j, int64_t a, int64_t b) {
  (void)i;
  return a <= j && j <= a + b;
}
static bool is_row(int64_t i, int64_t j, int64_t a, int64_t b) {
  return is_column(j, i, a, b);
}

static pair ruled(rule holds, int64_t n_q, int64_t n_kv, int64_t a,
                  int64_t b) {
  pair p = {NULL, dense_new(n_q, n_kv)};
  for (int64_t i = 0; i < n_q; i++)
    for (int64_t j = 0; j < n_kv; j++)
      *dense_at(&p.truth, i, j) = holds(i, j, a, b);
  gattn_range set = {a, a + b + 1};
  gattn_status status;
  if (holds == is_local)
    status = gattn_mask_local(context, n_q, n_kv, a, b, &p.graph);
  else if (holds == is_strided)
    status = gattn_mask_strided(context, n_q, n_kv, a + 1, &p.graph);
  else if (holds == is_column)
    status = gattn_mask_cols(context, n_q, n_kv, &set, 1, &p.graph);
  else
    status = gattn_mask_rows(context, n_q, n_kv, &set, 1, &p.graph);
  ck_assert_int_eq(status, GATTN_SUCCESS);
  return p;
}

static pair random_leaf(uint64_t *state, int64_t n_q, int64_t n_kv) {
  int64_t least = n_q < n_kv ? n_q : n_kv;
  int64_t kind = dense_below(state, least ? 6 : 2);
  if (kind < 2) {
    pair p = {.truth = dense_scattered(state, n_q, n_kv,
                                       1 + dense_below(state, 5))};
    p.graph = kind ? generated(&p.truth) : stored(&p.truth);
    return p;
  }
  static const rule rules[] = {is_local, is_strided, is_column, is_row};
  int64_t a = dense_below(state, least);
  return ruled(rules[kind - 2], n_q, n_kv, a, dense_below(state, least - a));
}

/* ------------------------------------------------------------ expressions */

static pair combined(int op, pair *left, pair *right) {
  pair p = {NULL, dense_new(left->truth.n_q, left->truth.n_kv)};
  for (int64_t e = 0; e < p.truth.n_q * p.truth.n_kv; e++) {
    bool l = left->truth.edge[e], r = right->truth.edge[e];
    p.truth.edge[e] = op == 0 ? l || r : op == 1 ? l && r : l && !r;
  }
  gattn_status (*const make[])(gattn_context *, gattn_graph *, gattn_graph *,
                               gattn_graph **) = {
      gattn_graph_union, gattn_graph_intersection, gattn_graph_difference};
  ck_assert_int_eq(make[op](context, left->graph, right->graph, &p.graph),
                   GATTN_SUCCESS);
  pair_free(left);
  pair_free(right);
  return p;
}

static pair random_expression(uint64_t *state, int64_t n_q, int64_t n_kv,
                              int depth) {
  if (!depth || !dense_below(state, 4)) return random_leaf(state, n_q, n_kv);
  pair left = random_expression(state, n_q, n_kv, depth - 1);
  pair right = random_expression(state, n_q, n_kv, depth - 1);
  return combined((int)dense_below(state, 3), &left, &right);
}

static void check_pair(pair *p) {
  char text[2048];
  gattn_graph_describe(context, p->graph, text, sizeof text);
  dense_check(context, p->graph, &p->truth, text);
  dense_check_derived(context, p->graph, &p->truth, text);
}

START_TEST(random_expressions) {
  static const int64_t sizes[][2] = {{0, 0},  {0, 5},  {5, 0},  {1, 1},
                                     {1, 17}, {17, 1}, {7, 12}, {12, 7},
                                     {16, 16}};
  uint64_t state = (uint64_t)_i * 77 + 5;
  for (int round = 0; round < 5; round++) {
    pair p = random_expression(&state, sizes[_i][0], sizes[_i][1], 4);
    check_pair(&p);
    pair_free(&p);
  }
}
END_TEST

/* Wide rows pass the chunks of the sweep, and its budget of refills. */
START_TEST(wide_rows) {
  uint64_t state = 99 + (uint64_t)_i;
  pair left = {.truth = dense_scattered(&state, 2, 4096, 1 + _i % 2)};
  left.graph = stored(&left.truth);
  pair right = {.truth = dense_scattered(&state, 2, 4096, 1 + _i % 3 * 10)};
  right.graph = generated(&right.truth);
  pair p = combined(_i % 3, &left, &right);
  char text[64];
  snprintf(text, sizeof text, "wide %d", _i);
  for (int64_t i = 0; i < 2; i++) {
    gattn_run runs[64];
    int64_t at = 0;
    for (int64_t lo = 0; lo < 4096;) {
      int64_t n = gattn_runs(p.graph, i, 1, lo, 4096, runs, 64, &lo);
      for (int64_t r = 0; r < n; r++) {
        while (at < runs[r].begin)
          if (*dense_at(&p.truth, i, at++)) ck_abort_msg("%s: lost", text);
        while (at < runs[r].end)
          if (!*dense_at(&p.truth, i, at++)) ck_abort_msg("%s: extra", text);
      }
    }
    while (at < 4096)
      if (*dense_at(&p.truth, i, at++)) ck_abort_msg("%s: lost", text);
  }
  pair_free(&p);
}
END_TEST

/* Beyond the depth to which rows are swept, they are walked. */
START_TEST(deep_rows) {
  uint64_t state = 21;
  pair p = random_leaf(&state, 9, 14);
  for (int depth = 0; depth < 80; depth++) {
    pair more = {.truth = dense_scattered(&state, 9, 14, 2)};
    more.graph = stored(&more.truth);
    p = combined(depth % 2 ? 0 : 2, &p, &more);
  }
  ck_assert_int_eq(gattn_algebra_of(p.graph)->depth, 80);
  check_pair(&p);
  pair_free(&p);
}
END_TEST

/* ------------------------------------------------------------ descriptions */

static gattn_graph *parsed(const char *expression, int64_t n) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_mask_parse(context, expression, n, n, &graph);
  ck_assert_msg(!status, "%s: %s", expression, gattn_context_message(context));
  return graph;
}

START_TEST(minimal_parentheses) {
  static const char *const same[] = {
      "causal",
      "causal | strided(3)",
      "causal | strided(3) | local(1, 2)",
      "causal - (strided(3) - local(1, 2))",
      "causal - (strided(3) | local(1, 2))",
      "causal - strided(3) | local(1, 2)",
      "causal | strided(3) - local(1, 2)",
      "causal | (strided(3) - local(1, 2))",
      "causal | strided(3) & local(1, 2)",
      "(causal | strided(3)) & local(1, 2)",
      "(causal - strided(3)) & (local(1, 2) | full)",
      "causal & strided(3) & local(1, 2) & full"};
  static const char *const other[][2] = {
      {"causal | (strided(3) | full)", "causal | strided(3) | full"},
      {"(causal & strided(3)) | full", "causal & strided(3) | full"},
      {"causal & (strided(3) & full)", "causal & strided(3) & full"},
      {"((causal)) - ((full))", "causal - full"},
      {"causal - strided(3) - local(1, 2)",
       "causal - (strided(3) | local(1, 2))"},
      {"causal | ((strided(3) - full) | local(1, 2))",
       "causal | (strided(3) - full) | local(1, 2)"}};
  char text[256];
  for (size_t e = 0; e < sizeof same / sizeof *same; e++) {
    gattn_graph *graph = parsed(same[e], 12);
    ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text),
                     GATTN_SUCCESS);
    ck_assert_str_eq(text, same[e]);
    gattn_graph_release(graph);
  }
  for (size_t e = 0; e < sizeof other / sizeof *other; e++) {
    gattn_graph *graph = parsed(other[e][0], 12);
    gattn_graph_describe(context, graph, text, sizeof text);
    ck_assert_str_eq(text, other[e][1]);
    gattn_graph_release(graph);
  }
}
END_TEST

static pair random_words(uint64_t *state, int depth) {
  if (!depth || !dense_below(state, 5)) {
    static const rule rules[] = {is_local, is_strided, is_column, is_row};
    return ruled(rules[dense_below(state, 4)], 11, 11, dense_below(state, 6),
                 dense_below(state, 5));
  }
  pair left = random_words(state, depth - 1);
  pair right = random_words(state, depth - 1);
  return combined((int)dense_below(state, 3), &left, &right);
}

START_TEST(description_parses_back) {
  uint64_t state = (uint64_t)_i + 1;
  for (int round = 0; round < 10; round++) {
    pair p = random_words(&state, 4);
    char text[4096];
    ck_assert_int_eq(
        gattn_graph_describe(context, p.graph, text, sizeof text),
        GATTN_SUCCESS);
    gattn_graph *again = parsed(text, 11);
    dense_check(context, again, &p.truth, text);
    gattn_graph_release(again);
    pair_free(&p);
  }
}
END_TEST

START_TEST(description_is_cut) {
  gattn_graph *graph = parsed("causal | strided(3) - local(1, 2)", 8);
  char text[12];
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text),
                   GATTN_NOTE_TRUNCATED);
  ck_assert_str_eq(text, "causal | st");
  ck_assert_int_eq(gattn_graph_describe(context, graph, NULL, 0),
                   GATTN_NOTE_TRUNCATED);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ failures */

START_TEST(refused_arguments) {
  gattn_graph *a = parsed("causal", 8), *b = parsed("full", 9), *out = NULL;
  gattn_graph *stack = NULL, *both[] = {a, a};
  ck_assert_int_eq(gattn_graph_stack(context, both, 2, &stack), 0);
  ck_assert_int_eq(gattn_graph_union(NULL, a, a, &out), GATTN_ERROR_NULL);
  expect_failure(context, gattn_graph_union(context, NULL, a, &out),
                 GATTN_ERROR_NULL, "left: is null");
  expect_failure(context, gattn_graph_intersection(context, a, NULL, &out),
                 GATTN_ERROR_NULL, "right: is null");
  expect_failure(context, gattn_graph_difference(context, a, a, NULL),
                 GATTN_ERROR_NULL, "graph: is null");
  expect_failure(context, gattn_graph_union(context, a, b, &out),
                 GATTN_ERROR_SHAPE, "right: is 9 × 9, but left is 8 × 8");
  expect_failure(context, gattn_graph_union(context, stack, a, &out),
                 GATTN_ERROR_UNSUPPORTED, "left: is a stack of 2 graphs");
  expect_failure(context, gattn_graph_union(context, a, stack, &out),
                 GATTN_ERROR_UNSUPPORTED, "right: is a stack of 2 graphs");
  ck_assert_ptr_null(out);
  gattn_graph_release(stack);
  gattn_graph_release(a);
  gattn_graph_release(b);
}
END_TEST

/* Builds and turns a chain that is rebalanced on the way. */
static gattn_status build_chain(gattn_context *brutal, void *user) {
  (void)user;
  gattn_graph *all = NULL, *one = NULL, *more = NULL;
  gattn_status status = gattn_mask_causal(brutal, 8, 8, &all);
  for (int64_t c = 0; c < 14 && !status; c++) {
    gattn_range set = {c % 8, c % 8 + 1};
    status = gattn_mask_cols(brutal, 8, 8, &set, 1, &one);
    if (status) break;
    status = c < 8 ? gattn_graph_union(brutal, all, one, &more)
                    : gattn_graph_union(brutal, one, all, &more);
    gattn_graph_release(one);
    if (status) break;
    gattn_graph_release(all);
    all = more;
  }
  if (!status) status = gattn_graph_transpose(brutal, all, &more);
  if (!status) gattn_graph_release(more);
  gattn_graph_release(all);
  return status;
}

static gattn_status build_differences(gattn_context *brutal, void *user) {
  (void)user;
  gattn_graph *all = NULL, *one = NULL, *more = NULL;
  gattn_status status = gattn_mask_causal(brutal, 8, 8, &all);
  if (!status) status = gattn_mask_local(brutal, 8, 8, 1, 1, &one);
  for (int64_t c = 0; c < 70 && !status; c++) {
    status = gattn_graph_difference(brutal, all, one, &more);
    if (status) break;
    gattn_graph_release(all);
    all = more;
  }
  gattn_graph_release(one);
  gattn_graph_release(all);
  return status;
}

START_TEST(allocations_fail) {
  ck_assert_int_gt(brutal_run(build_chain, NULL), 30);
  ck_assert_int_gt(brutal_run(build_differences, NULL), 70);
}
END_TEST

static Suite *make_algebra_suite(void) {
  Suite *suite = suite_create("algebra");
  TCase *tcase = tcase_create("algebra");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, random_expressions, 0, 9);
  tcase_add_loop_test(tcase, wide_rows, 0, 12);
  tcase_add_test(tcase, deep_rows);
  tcase_add_test(tcase, minimal_parentheses);
  tcase_add_loop_test(tcase, description_parses_back, 0, 3);
  tcase_add_test(tcase, description_is_cut);
  tcase_add_test(tcase, refused_arguments);
  tcase_add_test(tcase, allocations_fail);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *suite = make_algebra_suite();
  return test_run(&suite, 1);
}
