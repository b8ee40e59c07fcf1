/* Attention at the ends of the ranges: large and small scores, rows without an
 * edge, vast graphs and dimensions, memory that ends where a tensor does.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plan/attend.h"
#include "tests/attend_case.h"
#include "tests/suites.h"

/* ------------------------------------------------------------ scores */

/* On tiles, classes, edge lists and split rows. */
static const attend_case forms[] = {
    {.mask = "local(9)", .n_q = 64, .n_kv = 64},
    {.mask = "local(9) | random(3, 2)", .n_q = 64, .n_kv = 64},
    {.mask = "dilated(5, 4) | local(1)", .n_q = 64, .n_kv = 64},
    {.mask = "random(7, 2)", .n_q = 64, .n_kv = 64},
    {.mask = "full", .n_q = 20, .n_kv = 2100, .frontier = "last:2"},
    {.mask = "full", .n_q = 20, .n_kv = 2100, .frontier = "last:5"},
};
enum { FORMS = sizeof forms / sizeof *forms };

/* Scores of some 10, 100, 10^4, 10^14 and 10^30, of either sign, and so small
 * that they are denormal. */
START_TEST(scores_large_and_small) {
  static const double amplitudes[] = {1e1, -1e2, 1e4, -1e14, 1e30, 1e-37, 0};
  attend_case cases[FORMS];
  memcpy(cases, forms, sizeof cases);
  for (int f = 0; f < FORMS; f++) {
    cases[f].dim = 6;
    cases[f].dim_v = 5;
    cases[f].amplitude = amplitudes[_i];
  }
  attend_compare_all(cases, FORMS);
}
END_TEST

/* A row of one neighbour has its value, however large the score: here some
 * 10^10, where numbers of float32 are a thousand apart. */
START_TEST(one_large_score) {
  static const double scales[] = {1e10, -1e10};
  attend_case cases[] = {
      {.mask = "local(0)", .n_q = 300, .n_kv = 300},
      {.mask = "local(0)", .n_q = 300, .n_kv = 300, .frontier = "range:9:77"},
  };
  for (int e = 0; e < 2; e++) {
    cases[e].dim = cases[e].dim_v = 64;
    cases[e].type = (gattn_type)(_i % 3);
    cases[e].scale = &scales[_i / 3];
  }
  attend_compare_all(cases, 2);
}
END_TEST

START_TEST(scales) {
  static const double scales[] = {1e-30, -1, 1e20};
  attend_case cases[FORMS];
  memcpy(cases, forms, sizeof cases);
  for (int f = 0; f < FORMS; f++) {
    cases[f].dim = 6;
    cases[f].dim_v = 5;
    cases[f].scale = &scales[_i];
  }
  attend_compare_all(cases, FORMS);
}
END_TEST

/* A scale of 0 weighs every neighbour the same. */
static double nothing(double dot, int64_t i, int64_t j, int64_t head,
                      int64_t batch, double value, const void *parameters) {
  (void)dot, (void)i, (void)j, (void)head, (void)batch, (void)value;
  (void)parameters;
  return 0;
}

START_TEST(scale_of_zero) {
  static const double zero = 0;
  attend_case cases[FORMS];
  memcpy(cases, forms, sizeof cases);
  for (int f = 0; f < FORMS; f++) {
    cases[f].dim = 6;
    cases[f].dim_v = 5;
    cases[f].scale = &zero;
    cases[f].oracle = nothing;
  }
  attend_compare_all(cases, FORMS);
}
END_TEST

/* The maximum rises from block to block: each rescales what was summed. */
static float rising(float dot, const gattn_edge *edge,
                    const void *parameters) {
  (void)parameters;
  return dot + (float)edge->j / 16;
}
static double rising_too(double dot, int64_t i, int64_t j, int64_t head,
                         int64_t batch, double value,
                         const void *parameters) {
  (void)i, (void)head, (void)batch, (void)value, (void)parameters;
  return dot + (double)j / 16;
}

START_TEST(maximum_rises) {
  static const gattn_score score = {.struct_size = sizeof score,
                                    .kind = GATTN_SCORE_FUNCTION,
                                    .function = rising};
  attend_case cases[] = {
      {.mask = "full", .n_q = 40, .n_kv = 300},
      {.mask = "random(200, 1)", .n_q = 40, .n_kv = 300},
      {.mask = "strided(2) | local(9)", .n_q = 40, .n_kv = 300},
      {.mask = "full", .n_q = 4, .n_kv = 2200},
      {.mask = "full", .n_q = 3, .n_kv = 2200},
  };
  for (int e = 0; e < 5; e++) {
    cases[e].dim = cases[e].dim_v = 9;
    cases[e].score = &score;
    cases[e].oracle = rising_too;
  }
  attend_compare_all(cases, 5);
}
END_TEST

/* ------------------------------------------------------------ rows */

/* A mask of hub rows alone leaves the other rows empty, not unwritten. */
START_TEST(rows_beside_hubs) {
  attend_case cases[] = {
      {.mask = "rows(5)", .n_q = 260, .n_kv = 2060},
      {.mask = "rows(5)", .n_q = 300, .n_kv = 2060,
       .frontier = "range:30:299"},
      {.mask = "rows(7, 40:44) | cols(3)", .n_q = 300, .n_kv = 2060,
       .frontier = "range:30:299"},
      {.mask = "rows(7, 9:90)", .n_q = 100, .n_kv = 2060,
       .frontier = "list:3,9,99,7,89,90"},
  };
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  for (int e = 0; e < 4; e++) {
    cases[e].heads = 4;
    cases[e].dim = cases[e].dim_v = 4;
    attend_compare(context, &cases[e]);
  }
  gattn_context_destroy(context);
}
END_TEST

/* Values without a dimension still have their lse; queries without one weigh
 * all keys the same. */
START_TEST(no_dimensions) {
  attend_case cases[] = {
      {.mask = "local(3)", .n_q = 40, .n_kv = 40, .dim = 8, .dim_v = 0},
      {.mask = "random(3, 1)", .n_q = 40, .n_kv = 40, .dim = 8, .dim_v = 0},
      {.mask = "local(3)", .n_q = 40, .n_kv = 40, .dim = 0, .dim_v = 8},
      {.mask = "random(3, 1)", .n_q = 40, .n_kv = 40, .dim = 0, .dim_v = 8}};
  for (int e = 0; e < 4; e++)
    cases[e].oracle = cases[e].dim ? NULL : nothing;
  attend_compare_all(cases, 4);
}
END_TEST

/* Whether O over Q is what O apart from it is. A row of V is not finite, as are
 * the keys with it: rows beside those that read it are computed twice. */
static void attend_in_place(gattn_context *context, const char *mask,
                            gattn_type type) {
  enum { N = 33 * 33, DIM = 8 };
  int64_t shape[] = {2, N, DIM};
  gattn_graph *graph;
  ck_success(context, gattn_mask_parse(context, mask, N, N, &graph));
  oracle_array q = oracle_array_make(type, 3, shape, 0, 1);
  oracle_array k = oracle_array_make(type, 3, shape, 0, 2);
  oracle_array o = oracle_array_make(type, 3, shape, 0, 3);
  oracle_array_set(&k, 500 * DIM, NAN);
  oracle_array_place(&q, context);
  oracle_array_place(&k, context);
  oracle_array_place(&o, context);
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &q.tensor, .k = &k.tensor,
                               .v = &k.tensor, .o = &o.tensor};
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  args.o = &q.tensor;
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  oracle_array_read(&o);
  oracle_array_read(&q);
  ck_assert_mem_eq(o.memory, q.memory, o.bytes);
  gattn_graph_release(graph);
  oracle_array_free(&q);
  oracle_array_free(&k);
  oracle_array_free(&o);
}

/* O over Q where rows are split, patched and poisoned. */
START_TEST(in_place_on_every_form) {
  static const char *const masks[] = {"rows(3, 9:30) | local(3)", "full",
                                      "local(90)", "dilated(20, 3)",
                                      "neighborhood2d(33, 33, 5, 5)",
                                      "random(5, 5)"};
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
    attend_in_place(context, masks[m], GATTN_FLOAT32);
    attend_in_place(context, masks[m], GATTN_FLOAT16);
    attend_in_place(context, masks[m], GATTN_BFLOAT16);
  }
  gattn_context_destroy(context);
}
END_TEST

/* ------------------------------------------------------------ memory */

/* A page after the last element, or before the first, that may not be
 * touched. */
typedef struct fenced {
  char *pages;
  size_t bytes;
} fenced;

static fenced fence(oracle_array *array, bool below) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t used =
      (size_t)array->elements * gattn_type_size(array->tensor.type);
  fenced made = {.bytes = (used + page - 1) / page * page + 2 * page};
  made.pages = mmap(NULL, made.bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(made.pages, MAP_FAILED);
  char *end = made.pages + made.bytes - page;
  char *data = below ? made.pages + page : end - used;
  memcpy(data, array->tensor.data, used);
  array->tensor.data = data;
  ck_assert_int_eq(mprotect(made.pages, page, PROT_NONE), 0);
  ck_assert_int_eq(mprotect(end, page, PROT_NONE), 0);
  return made;
}

static void attend_fenced(gattn_context *context, const char *mask, int64_t n,
                          int64_t dim, gattn_type type, bool below) {
  int64_t shape[] = {n, dim};
  gattn_graph *graph;
  oracle_array arrays[4];
  fenced fences[4];
  ck_success(context, gattn_mask_parse(context, mask, n, n, &graph));
  for (int a = 0; a < 4; a++) {
    arrays[a] = oracle_array_make(type, 2, shape, ORACLE_DENSE,
                                  (uint64_t)a + 1);
    fences[a] = fence(&arrays[a], below);
  }
  gattn_attention_args args = {
      .struct_size = sizeof args, .q = &arrays[0].tensor,
      .k = &arrays[1].tensor, .v = &arrays[2].tensor,
      .o = &arrays[3].tensor};
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  for (int a = 0; a < 4; a++) {
    munmap(fences[a].pages, fences[a].bytes);
    oracle_array_free(&arrays[a]);
  }
  gattn_graph_release(graph);
}

START_TEST(nothing_beyond_the_tensors) {
  static const char *const masks[] = {"local(5)", "dilated(2, 3)",
                                      "random(4, 1)", "full"};
  static const int64_t dims[] = {1, 7, 16, 35};
  static const gattn_type types[] = {GATTN_FLOAT32, GATTN_FLOAT16,
                                     GATTN_BFLOAT16};
  gattn_context *context = attend_context_of(_i, 1);
  if (!context) return;
  for (size_t m = 0; m < 4; m++)
    for (size_t d = 0; d < 4; d++)
      for (size_t t = 0; t < 3; t++)
        for (int below = 0; below < 2; below++)
          attend_fenced(context, masks[m], 67, dims[d], types[t], below);
  gattn_context_destroy(context);
}
END_TEST

/* ------------------------------------------------------------ planning */

static gattn_status plan(gattn_context *context, const char *mask, int64_t n,
                         int64_t n_f, int64_t dim, int64_t dim_v) {
  gattn_graph *graph;
  gattn_frontier *frontier = NULL;
  gattn_attend *attend;
  ck_success(context, gattn_mask_parse(context, mask, n, n, &graph));
  if (n_f < n)
    ck_success(context,
               gattn_frontier_range(context, n, n - n_f, n, &frontier));
  gattn_attend_problem problem = {
      .graph = graph, .frontier = frontier, .batch = 1, .heads = 1,
      .kv_heads = 1, .n_f = n_f, .n_kv = n, .dim = dim, .dim_v = dim_v,
      .scale = 1, .score = {.struct_size = sizeof(gattn_score)}};
  gattn_status status = gattn_attend_create(context, &problem, &attend);
  if (!status) {
    ck_assert_uint_lt(gattn_attend_workspace(attend), (size_t)1 << 40);
    gattn_attend_destroy(attend);
  }
  gattn_graph_release(graph);
  gattn_frontier_release(frontier);
  return status;
}

/* What a device may say of a graph that it has to store. */
static bool too_much(gattn_status status) {
  return status == GATTN_ERROR_MEMORY || status == GATTN_ERROR_OVERFLOW ||
         status == GATTN_ERROR_TOO_LARGE || status == GATTN_ERROR_UNSUPPORTED;
}

static void plans(gattn_context *context, const char *mask, int64_t n,
                  int64_t n_f, bool closed) {
  gattn_status status = plan(context, mask, n, n_f, 1, 1);
  if (test_on_device() && !closed && too_much(status)) return;
  if (status)
    test_fail("plan %s n %lld n_f %lld: %s: %s", mask, (long long)n,
              (long long)n_f, gattn_status_name(status),
              gattn_context_message(context));
}

/* Plans look at a few rows, however many there are and however little is
 * found in them. The first few masks are never stored on a device. */
START_TEST(vast_graphs) {
  enum { CLOSED = 3 };
  static const char *const masks[] = {
      "full", "local(256)", "strided(2)", "strided(1125899906842624)",
      "longformer(256, 64)", "random(32, 1)", "strided(2) - strided(2)",
      "(blocks(3) | strided(5)) - full", "neighborhood2d(2, 1t, 1, 3)",
      "rows(0:1099511627776)", "strided(4194304) | dilated(3, 8)"};
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
    int64_t n = m == 8 ? INT64_C(1) << 41 : GATTN_MAX_VERTICES;
    plans(context, masks[m], n, n, m < CLOSED);
    plans(context, masks[m], n, 1, m < CLOSED);
    plans(context, masks[m], n, 5000, m < CLOSED);
  }
  gattn_context_destroy(context);
}
END_TEST

/* A worker holds some rows of its own: where their bytes overflow the plan is
 * refused, and long rows that fit still go in whole tiles. */
START_TEST(vast_dimensions) {
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  ck_success(context, plan(context, "full", 4, 4, 1, INT64_C(1) << 22));
  ck_success(context, plan(context, "full", 4, 4, INT64_C(1) << 22, 1));
  const int64_t most = INT64_C(1) << 61;
  ck_assert_int_eq(plan(context, "full", 1, 1, most, 1),
                   GATTN_ERROR_OVERFLOW);
  ck_assert_int_eq(plan(context, "full", 1, 1, 1, most - 1),
                   GATTN_ERROR_OVERFLOW);
  gattn_context_destroy(context);
}
END_TEST

/* Values so long that a span's state would not hold one row's worth. */
START_TEST(long_values) {
  enum { LONG = 1 << 21 };
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 1);
  attend_case c = {.mask = "local(1)", .n_q = 2, .n_kv = 2, .dim = 1,
                   .dim_v = LONG};
  attend_compare(context, &c);
  gattn_context_destroy(context);
}
END_TEST

Suite *make_attend_extremes_suite(void) {
  Suite *suite = suite_create("attend extremes");
  TCase *oracle = tcase_create("oracle");
  tcase_set_timeout(oracle, 120);
  tcase_add_checked_fixture(oracle, NULL, test_settle);
  tcase_add_loop_test(oracle, scores_large_and_small, 0, 7);
  tcase_add_loop_test(oracle, one_large_score, 0, 6);
  tcase_add_loop_test(oracle, scales, 0, 3);
  tcase_add_test(oracle, scale_of_zero);
  tcase_add_test(oracle, maximum_rises);
  tcase_add_test(oracle, rows_beside_hubs);
  tcase_add_test(oracle, no_dimensions);
  tcase_add_test(oracle, in_place_on_every_form);
  if (!test_on_device()) tcase_add_test(oracle, long_values);
  suite_add_tcase(suite, oracle);
  TCase *sizes = tcase_create("sizes");
  tcase_set_timeout(sizes, 120);
  tcase_add_checked_fixture(sizes, NULL, test_settle);
  tcase_add_test(sizes, vast_graphs);
  if (!test_on_device()) {
    tcase_add_loop_test(sizes, nothing_beyond_the_tensors, 0, ATTEND_ISAS);
    tcase_add_test(sizes, vast_dimensions);
  }
  suite_add_tcase(suite, sizes);
  return suite;
}
