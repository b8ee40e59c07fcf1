/* Fused attention against the float64 oracle: every lowered form on every
 * instruction set. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdlib.h>
#include <string.h>

#include "attend_case.h"
#include "brutal.h"
#include "oracle.h"
#include "suites.h"

/* ------------------------------------------------------------ the tests */

/* Every row of the mask table that has an example, and expressions that make
 * the planner cut: several strides, hubs, edge lists beside bands. */
static const char *const expressions[] = {
    "local(9) | dilated(5, 4)",
    "dilated(3, 4) | dilated(4, 6) | local(2)",
    "dilated2d(32, 4) | dilated2d(16, 2) | blocks(8)",
    "local(7) | random(3, 5)",
    "(random(4, 1) | strided(7)) - local(3)",
    "full - causal",
    "(global(0:3, 40) | local(5)) & causal",
    "neighborhood2d(8, 8, 5, 3) | global(0:2)",
    "neighborhood2d(8, 8, 5, 3) | dilated(2, 8)",
    "cols(3, 9, 30:33) | rows(5)",
    "documents(0, 3, 4, 30) & causal",
    "rows(2:4) - cols(1)",
    "local(0) - local(0)",
    "randomblocks(8, 2, 3) | strided(16)",
    "dilated(1, 2) | dilated(1, 3) | dilated(1, 5) | dilated(1, 7) | "
    "dilated(1, 11) | dilated(1, 13) | dilated(1, 4) | dilated(1, 6) | "
    "dilated(1, 8) | dilated(1, 9)",
};
enum { N_EXPRESSIONS = sizeof expressions / sizeof *expressions };

/* Dimensions and types that go round with the masks, so that each meets many. */
static const struct {
  int64_t dim, dim_v;
  gattn_type type;
  oracle_layout layout;
} variants[] = {
    {64, 64, GATTN_FLOAT32, ORACLE_DENSE},
    {1, 1, GATTN_FLOAT32, ORACLE_DENSE},
    {16, 80, GATTN_BFLOAT16, ORACLE_HEADS_INSIDE},
    {33, 7, GATTN_FLOAT16, ORACLE_DENSE},
    {128, 128, GATTN_FLOAT32, ORACLE_REVERSED},
    {5, 31, GATTN_FLOAT32, ORACLE_PADDED},
    {64, 64, GATTN_FLOAT16, ORACLE_HEADS_INSIDE},
    {17, 256, GATTN_BFLOAT16, ORACLE_PADDED},
};
enum { N_VARIANTS = sizeof variants / sizeof *variants };

static void one_expression(gattn_context *context, const char *mask,
                           int64_t number) {
  for (int64_t t = 0; t < 3; t++) {
    int64_t variant = (number + t * 3) % N_VARIANTS;
    attend_case c = {.mask = mask, .n_q = 64, .n_kv = 64,
                     .dim = variants[variant].dim,
                     .dim_v = variants[variant].dim_v,
                     .batch = 1 + t % 2, .heads = 2, .kv_heads = 2 - t % 2,
                     .type = variants[variant].type,
                     .layout = variants[variant].layout};
    attend_compare(context, &c);
  }
}

START_TEST(table_masks) {
  gattn_context *context = attend_context_of(_i, 2);
  if (!context) return;
  int64_t seen = 0;
  for (int64_t r = 0; gattn_mask_table(r); r++)
    if (gattn_mask_table(r)->example) {
      one_expression(context, gattn_mask_table(r)->example, r);
      seen++;
    }
  gattn_context_destroy(context);
  ck_assert_int_ge(seen, 15);
}
END_TEST

START_TEST(composed_masks) {
  gattn_context *context = attend_context_of(_i, 2);
  if (!context) return;
  for (int64_t e = 0; e < N_EXPRESSIONS; e++)
    one_expression(context, expressions[e], e);
  gattn_context_destroy(context);
}
END_TEST

/* Sizes around the tiles, and sides of different length. */
START_TEST(odd_sizes) {
  static const int64_t sizes[][2] = {{0, 0},  {0, 5},   {1, 1},   {3, 0},
                                     {15, 17}, {16, 63}, {17, 64}, {31, 65},
                                     {33, 1},  {65, 129}, {130, 40}};
  static const char *const masks[] = {"full", "causal", "local(4)",
                                      "dilated(2, 3)", "random(5, 2)",
                                      "local(1) | strided(6)", "prefix(0)"};
  gattn_context *context = attend_context_of(_i, 2);
  if (!context) return;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
      attend_case c = {.mask = masks[m], .n_q = sizes[s][0],
                       .n_kv = sizes[s][1], .dim = 8, .dim_v = 8, .batch = 1,
                       .heads = 3, .kv_heads = 1};
      attend_compare(context, &c);
    }
  gattn_context_destroy(context);
}
END_TEST

START_TEST(frontiers) {
  static const char *const texts[] = {"last:1", "range:5:37", "list:7,3,60,4",
                                      "range:9:9", "list:63", "all"};
  static const char *const masks[] = {
      "local(6)", "dilated(4, 3)", "random(4, 1) | local(2)",
      "neighborhood2d(8, 8, 3, 3)", "global(4:6) | local(1)"};
  gattn_context *context = attend_context_of(0, 2);
  for (size_t f = 0; f < sizeof texts / sizeof *texts; f++)
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
      attend_case c = {.mask = masks[m], .n_q = 64, .n_kv = 64, .dim = 12,
                       .dim_v = 20, .batch = 2, .heads = 2, .kv_heads = 2,
                       .frontier = texts[f]};
      attend_compare(context, &c);
    }
  gattn_context_destroy(context);
}
END_TEST

/* Long enough that hub rows and decode steps are cut along the keys. */
START_TEST(split_rows) {
  static const attend_case cases[] = {
      {.mask = "local(4) | rows(0:40, 77)", .n_q = 110, .n_kv = 2100},
      {.mask = "longformer(8, 3)", .n_q = 1040, .n_kv = 2060},
      {.mask = "global(0:3) | random(2, 9) | dilated(2, 5)", .n_q = 1100,
       .n_kv = 2200},
      {.mask = "full", .n_q = 70, .n_kv = 2500, .frontier = "last:1"},
      {.mask = "prefix(2000)", .n_q = 90, .n_kv = 3000,
       .frontier = "list:89,1,50,47,48,0,7"},
      {.mask = "full", .n_q = 70, .n_kv = 2500},
      {.mask = "cols(0:4) | prefix(1500)", .n_q = 60, .n_kv = 4100,
       .frontier = "last:3"},
  };
  gattn_context *context = attend_context_of(_i, 2);
  if (!context) return;
  for (size_t e = 0; e < sizeof cases / sizeof *cases; e++) {
    attend_case c = cases[e];
    c.dim = c.dim_v = 16;
    c.batch = 1;
    c.heads = 2;
    c.kv_heads = 1;
    attend_compare(context, &c);
  }
  gattn_context_destroy(context);
}
END_TEST

/* NaN and infinity reach only the rows whose neighbourhood touches them. */
START_TEST(poisoned_inputs) {
  static const char *const masks[] = {"local(3)", "dilated(2, 4)",
                                      "random(4, 2)", "blocks(7)",
                                      "global(0) | local(2)",
                                      "neighborhood2d(8, 8, 3, 3)"};
  static const char *const where[] = {"q", "k", "v"};
  gattn_context *context = attend_context_of(_i, 2);
  if (!context) return;
  for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
    for (size_t w = 0; w < 3; w++) {
      attend_case c = {.mask = masks[m], .n_q = 64, .n_kv = 64, .dim = 16,
                       .dim_v = 16, .batch = 1, .heads = 2, .kv_heads = 2,
                       .poison = where[w]};
      attend_compare(context, &c);
    }
  gattn_context_destroy(context);
}
END_TEST

/* The same bits whatever the number of threads, and on every run. */
START_TEST(repeatable) {
  enum { N = 300, DIM = 24 };
  static const char *const masks[] = {"local(9) | rows(3) | random(5, 2)",
                                      "dilated(6, 4) | causal"};
  int64_t shape[] = {2, N, DIM};
  gattn_context *home = attend_context(GATTN_ISA_AUTO, 1);
  for (size_t m = 0; m < 2; m++) {
    oracle_array q = oracle_array_make(GATTN_FLOAT32, 3, shape, 0, 1);
    oracle_array first = oracle_array_make(GATTN_FLOAT32, 3, shape, 0, 2);
    oracle_array again = oracle_array_make(GATTN_FLOAT32, 3, shape, 0, 3);
    oracle_array_place(&q, home);
    oracle_array_place(&first, home);
    oracle_array_place(&again, home);
    for (int32_t run = 0; run < 6; run++) {
      gattn_context *context = attend_context(GATTN_ISA_AUTO, 1 + run % 4);
      gattn_graph *graph;
      ck_success(context,
                 gattn_mask_parse(context, masks[m], N, N, &graph));
      oracle_array *o = run ? &again : &first;
      gattn_attention_args args = {.struct_size = sizeof args,
                                   .q = &q.tensor, .k = &q.tensor,
                                   .v = &q.tensor, .o = &o->tensor};
      ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
      ck_success(context, gattn_synchronize(context));
      oracle_array_read(o);
      if (run)
        ck_assert_mem_eq(first.values, again.values,
                         (size_t)first.elements * sizeof(double));
      gattn_graph_release(graph);
      gattn_context_destroy(context);
    }
    oracle_array_free(&q);
    oracle_array_free(&first);
    oracle_array_free(&again);
  }
  gattn_context_destroy(home);
}
END_TEST

/* O written over Q. */
START_TEST(in_place) {
  enum { N = 200, DIM = 32 };
  int64_t shape[] = {N, DIM};
  gattn_context *context = attend_context(GATTN_ISA_AUTO, 2);
  gattn_graph *graph;
  ck_success(context,
             gattn_mask_parse(context, "local(5) | dilated(3, 7) | rows(9)", N,
                              N, &graph));
  oracle_array q = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 1);
  oracle_array k = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 2);
  oracle_array o = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 3);
  oracle_array_place(&q, context);
  oracle_array_place(&k, context);
  oracle_array_place(&o, context);
  gattn_attention_args args = {.struct_size = sizeof args, .q = &q.tensor,
                               .k = &k.tensor, .v = &k.tensor,
                               .o = &o.tensor};
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  args.o = &q.tensor;
  ck_success(context, gattn_attention(context, graph, GATTN_ALL, &args));
  oracle_array_read(&o);
  oracle_array_read(&q);
  ck_assert_mem_eq(o.values, q.values, (size_t)o.elements * sizeof(double));
  gattn_graph_release(graph);
  oracle_array_free(&q);
  oracle_array_free(&k);
  oracle_array_free(&o);
  gattn_context_destroy(context);
}
END_TEST

/* ------------------------------------------------------------ failures */

static int stop(void *user, int64_t done, int64_t total) {
  ck_assert_int_ge(done, 0);
  ck_assert_int_le(done, total);
  return ++*(int *)user > 2;
}

START_TEST(cancelled) {
  int calls = 0;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 1, .progress = stop,
                                   .progress_user = &calls};
  gattn_context *context;
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
  int64_t shape[] = {4096, 4};
  oracle_array q = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 1);
  oracle_array o = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 2);
  gattn_graph *graph;
  ck_success(context,
             gattn_mask_parse(context, "local(2)", 4096, 4096, &graph));
  gattn_attention_args args = {.struct_size = sizeof args, .q = &q.tensor,
                               .k = &q.tensor, .v = &q.tensor,
                               .o = &o.tensor};
  ck_assert_int_eq(gattn_attention(context, graph, GATTN_ALL, &args),
                   GATTN_ERROR_CANCELLED);
  ck_assert_str_eq(gattn_context_message(context),
                   "progress: the callback asked to stop");
  gattn_graph_release(graph);
  oracle_array_free(&q);
  oracle_array_free(&o);
  gattn_context_destroy(context);
}
END_TEST

typedef struct brutal_case {
  const char *mask;
  int64_t n;
  oracle_array q, o;
} brutal_case;

static gattn_status attend_once(gattn_context *context, void *user) {
  brutal_case *c = user;
  gattn_graph *graph = NULL;
  gattn_status status = gattn_mask_parse(context, c->mask, c->n, c->n, &graph);
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &c->q.tensor, .k = &c->q.tensor,
                               .v = &c->q.tensor, .o = &c->o.tensor};
  if (!status) status = gattn_attention(context, graph, GATTN_ALL, &args);
  gattn_graph_release(graph);
  return status;
}

START_TEST(brutal) {
  static const struct {
    const char *mask;
    int64_t n;
  } cases[] = {{"local(2) | random(2, 1) | dilated(2, 3)", 64},
               {"global(0:2, 9) | local(1)", 2100},
               {"full", 1500}};
  for (size_t e = 0; e < sizeof cases / sizeof *cases; e++) {
    int64_t shape[] = {cases[e].n, 4};
    brutal_case c = {.mask = cases[e].mask, .n = cases[e].n};
    c.q = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 1);
    c.o = oracle_array_make(GATTN_FLOAT32, 2, shape, 0, 2);
    ck_assert_int_gt(brutal_run(attend_once, &c), 3);
    oracle_array_free(&c.q);
    oracle_array_free(&c.o);
  }
}
END_TEST

/* Computing units of the backend: rounds of a test that loops over them. */
static int rounds(void) { return test_on_device() ? 1 : ATTEND_ISAS; }

Suite *make_attend_suite(void) {
  Suite *suite = suite_create("attend");
  TCase *oracle = tcase_create("oracle");
  tcase_set_timeout(oracle, 120);
  tcase_add_checked_fixture(oracle, NULL, test_settle);
  tcase_add_loop_test(oracle, table_masks, 0, rounds());
  tcase_add_loop_test(oracle, composed_masks, 0, rounds());
  tcase_add_loop_test(oracle, odd_sizes, 0, rounds());
  tcase_add_test(oracle, frontiers);
  tcase_add_loop_test(oracle, split_rows, 0, rounds());
  tcase_add_loop_test(oracle, poisoned_inputs, 0, rounds());
  suite_add_tcase(suite, oracle);
  TCase *properties = tcase_create("properties");
  tcase_set_timeout(properties, 120);
  tcase_add_test(properties, repeatable);
  tcase_add_test(properties, in_place);
  if (!test_on_device()) {
    tcase_add_test(properties, cancelled);
    tcase_add_test(properties, brutal);
  }
  suite_add_tcase(suite, properties);
  return suite;
}
