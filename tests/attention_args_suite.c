/* gattn_attention: what it accepts, what it refuses, and in which words.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/brutal.h"
#include "tests/problem.h"
#include "tests/suites.h"

enum { N = 12, M = 10, DIM = 4, HEADS = 4, KV_HEADS = 2 };

static gattn_context *context;
static gattn_graph *graph;
enum { MOST = HEADS * N * M }; /* floats of the largest operand */
/* Where the context computes; bias is the largest. */
static float *q, *k, *v, *o, *lse, *bias;
static float **const operands[] = {&q, &k, &v, &o, &lse, &bias};
enum { OPERANDS = sizeof operands / sizeof *operands };
static gattn_tensor tq, tk, tv, to, tl, tb;

static void dense(float *data, int rank, int64_t a, int64_t b, int64_t c,
                  gattn_tensor *tensor) {
  const int64_t shape[] = {a, b, c};
  ck_assert_int_eq(
      gattn_tensor_dense(context, data, GATTN_FLOAT32, rank, shape, tensor),
      GATTN_SUCCESS);
}

/* One float of an operand. */
static float get(const float *at) {
  float value = 0;
  ck_assert_int_eq(gattn_memory_download(context, &value, at, sizeof value),
                   GATTN_SUCCESS);
  return value;
}

static void put(float *at, float value) {
  ck_assert_int_eq(gattn_memory_upload(context, at, &value, sizeof value),
                   GATTN_SUCCESS);
}

static void setup(void) {
  static const float zeros[MOST];
  context = test_context(NULL);
  for (int a = 0; a < OPERANDS; a++) {
    void *memory;
    ck_assert_int_eq(gattn_memory_allocate(context, sizeof zeros, &memory),
                     GATTN_SUCCESS);
    ck_assert_int_eq(
        gattn_memory_upload(context, memory, zeros, sizeof zeros),
        GATTN_SUCCESS);
    *operands[a] = memory;
  }
  ck_assert_int_eq(gattn_mask_full(context, N, M, &graph), GATTN_SUCCESS);
  dense(q, 3, HEADS, N, DIM, &tq);
  dense(k, 3, KV_HEADS, M, DIM, &tk);
  dense(v, 3, KV_HEADS, M, DIM, &tv);
  dense(o, 3, HEADS, N, DIM, &to);
  dense(lse, 2, HEADS, N, 1, &tl);
  dense(bias, 2, HEADS, N * M, 1, &tb);
}

static void teardown(void) {
  gattn_graph_release(graph);
  for (int a = 0; a < OPERANDS; a++)
    gattn_memory_release(context, *operands[a], MOST * sizeof(float));
  gattn_context_destroy(context);
  test_settle();
}

static gattn_attention_args good(void) {
  return (gattn_attention_args){.struct_size = sizeof(gattn_attention_args),
                                .q = &tq,
                                .k = &tk,
                                .v = &tv,
                                .o = &to,
                                .lse = &tl};
}

static void expect(gattn_status expected, const gattn_attention_args *args,
                   const char *message) {
  gattn_status got = gattn_attention(context, graph, GATTN_ALL, args);
  ck_assert_msg(got == expected, "%s, not %s: %s", gattn_status_name(got),
                gattn_status_name(expected), gattn_context_message(context));
  if (message)
    ck_assert_msg(
        strncmp(gattn_context_message(context), message, strlen(message)) == 0,
        "\"%s\", not \"%s\"", gattn_context_message(context), message);
}

START_TEST(good_arguments_pass) {
  gattn_attention_args args = good();
  double scale = 0;
  expect(GATTN_SUCCESS, &args, NULL);
  args.lse = NULL;
  args.scale = &scale;
  expect(GATTN_SUCCESS, &args, NULL);
}
END_TEST

START_TEST(nulls_are_refused) {
  gattn_attention_args args = good();
  ck_assert_int_eq(gattn_attention(NULL, graph, NULL, &args), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_attention(context, NULL, NULL, &args),
                   GATTN_ERROR_NULL);
  expect(GATTN_ERROR_NULL, NULL, "args: ");
  args.q = NULL;
  expect(GATTN_ERROR_NULL, &args, "q: ");
  args = good();
  args.k = NULL;
  expect(GATTN_ERROR_NULL, &args, "k: ");
  args = good();
  args.v = NULL;
  expect(GATTN_ERROR_NULL, &args, "v: ");
  args = good();
  args.o = NULL;
  expect(GATTN_ERROR_NULL, &args, "o: ");
  args = good();
  tq.data = NULL;
  expect(GATTN_ERROR_NULL, &args, "q: ");
  args = good();
  args.struct_size--;
  expect(GATTN_ERROR_STRUCT_SIZE, &args, "args.struct_size: ");
}
END_TEST

/* ------------------------------------------------- one tensor made wrong */

static void no_change(gattn_tensor *t) { (void)t; }
static void other_type(gattn_tensor *t) { t->type = GATTN_BFLOAT16; }
static void integers(gattn_tensor *t) {
  t->type = GATTN_INT64, t->data = (void *)((uintptr_t)t->data & ~7ul);
}
static void no_type(gattn_tensor *t) { t->type = (gattn_type)17; }
static void rank_0(gattn_tensor *t) { t->rank = 0; }
static void rank_5(gattn_tensor *t) { t->rank = 5; }
static void heads_5(gattn_tensor *t) { t->shape[0] = 5; }
static void heads_3(gattn_tensor *t) { t->shape[0] = 3; }
static void heads_1(gattn_tensor *t) { t->shape[0] = 1; }
static void rows_less(gattn_tensor *t) { t->shape[1]--; }
static void rows_more(gattn_tensor *t) { t->shape[1]++; }
static void dim_less(gattn_tensor *t) { t->shape[2]--; }
static void negative(gattn_tensor *t) { t->shape[1] = -1; }
static void huge(gattn_tensor *t) { t->shape[0] = t->shape[1] = INT64_MAX / 2; }
static void no_stride(gattn_tensor *t) { t->strides[1] = 0; }
static void far_stride(gattn_tensor *t) { t->strides[1] = INT64_MAX / 2; }
static void unaligned(gattn_tensor *t) { t->data = (char *)t->data + 1; }
static void elsewhere(gattn_tensor *t) { t->device = GATTN_CUDA(1); }
static void batch_2(gattn_tensor *t) {
  for (int a = 3; a > 0; a--)
    t->shape[a] = t->shape[a - 1], t->strides[a] = t->strides[a - 1];
  t->shape[0] = 2, t->strides[0] = 0, t->rank = 4;
}

static const struct {
  char operand;
  void (*change)(gattn_tensor *);
  gattn_status expected;
  const char *message;
} wrongs[] = {
    {'q', no_change, GATTN_SUCCESS, NULL},
    {'q', other_type, GATTN_ERROR_TYPE, "k: is float32, expected bfloat16"},
    {'q', integers, GATTN_ERROR_TYPE, "q: is int64"},
    {'q', no_type, GATTN_ERROR_TYPE, "q: "},
    {'q', rank_0, GATTN_ERROR_SHAPE, "q: "},
    {'q', rank_5, GATTN_ERROR_SHAPE, "q: "},
    {'q', rows_less, GATTN_ERROR_SHAPE,
     "q: has 11 rows, but the frontier has 12 vertices"},
    {'q', rows_more, GATTN_ERROR_SHAPE, "q: has 13 rows"},
    {'q', dim_less, GATTN_ERROR_SHAPE, "k: has dim 4, but q has 3"},
    {'q', negative, GATTN_ERROR_SIZE, "q: "},
    {'q', huge, GATTN_ERROR_OVERFLOW, "q: "},
    {'q', far_stride, GATTN_ERROR_STRIDE, "q: "},
    {'q', unaligned, GATTN_ERROR_STRIDE, "q: "},
    {'q', elsewhere, GATTN_ERROR_DEVICE, "q: "},
    {'q', batch_2, GATTN_ERROR_SHAPE, "k: has batch 1, expected 2"},
    {'q', heads_3, GATTN_ERROR_SHAPE,
     "k: has 2 heads, which do not divide q's 3"},
    {'k', heads_5, GATTN_ERROR_SHAPE,
     "k: has 5 heads, which do not divide q's 4"},
    {'k', heads_1, GATTN_ERROR_SHAPE, "v: has 2 heads, but k has 1"},
    {'k', rows_less, GATTN_ERROR_SHAPE,
     "k: has 9 rows, but graph has 10 key vertices"},
    {'k', other_type, GATTN_ERROR_TYPE, "k: is bfloat16, expected float32"},
    {'k', batch_2, GATTN_ERROR_SHAPE, "k: has batch 2, expected 1"},
    {'k', no_stride, GATTN_SUCCESS, NULL},
    {'v', heads_5, GATTN_ERROR_SHAPE, "v: has 5 heads"},
    {'v', heads_1, GATTN_ERROR_SHAPE, "v: has 1 heads, but k has 2"},
    {'v', rows_more, GATTN_ERROR_SHAPE, "v: has 11 rows"},
    {'v', other_type, GATTN_ERROR_TYPE, "v: is bfloat16"},
    {'v', dim_less, GATTN_ERROR_SHAPE,
     "o: is [1, 4, 12, 4], expected [1, 4, 12, 3]"},
    {'o', other_type, GATTN_ERROR_TYPE, "o: is bfloat16"},
    {'o', rows_less, GATTN_ERROR_SHAPE, "o: is [1, 4, 11, 4]"},
    {'o', heads_5, GATTN_ERROR_SHAPE, "o: is [1, 5, 12, 4]"},
    {'o', no_stride, GATTN_ERROR_STRIDE, "o: "},
    {'o', batch_2, GATTN_ERROR_SHAPE, "o: is [2, 4, 12, 4]"},
    {'l', other_type, GATTN_ERROR_TYPE, "lse: is bfloat16, expected float32"},
    {'l', rows_less, GATTN_ERROR_SHAPE, "lse: is [1, 4, 11, 1]"},
    {'l', heads_5, GATTN_ERROR_SHAPE, "lse: is [1, 5, 12, 1]"},
    {'l', no_stride, GATTN_ERROR_STRIDE, "lse: "},
    {'l', unaligned, GATTN_ERROR_STRIDE, "lse: "},
};

START_TEST(wrong_tensors_are_refused) {
  gattn_attention_args args = good();
  gattn_tensor changed;
  switch (wrongs[_i].operand) {
    case 'q':
      changed = tq, args.q = &changed;
      break;
    case 'k':
      changed = tk, args.k = &changed;
      break;
    case 'v':
      changed = tv, args.v = &changed;
      break;
    case 'o':
      changed = to, args.o = &changed;
      break;
    default:
      changed = tl, args.lse = &changed;
  }
  put(o + 5, -77);
  put(lse + 5, -77);
  wrongs[_i].change(&changed);
  expect(wrongs[_i].expected, &args, wrongs[_i].message);
  if (wrongs[_i].expected) {
    ck_assert_float_eq(get(o + 5), -77);
    ck_assert_float_eq(get(lse + 5), -77);
  }
}
END_TEST

/* ------------------------------------------------- scale, score, frontier */

START_TEST(scales_and_scores_are_checked) {
  gattn_attention_args args = good();
  gattn_score score = {.struct_size = sizeof score,
                       .kind = GATTN_SCORE_EDGE_BIAS};
  const double scales[] = {NAN, INFINITY, -INFINITY, 1e300};
  for (int n = 0; n < 4; n++) {
    args.scale = &scales[n];
    expect(GATTN_ERROR_ARGUMENT, &args, "scale: ");
  }
  args = good();
  args.edge_values = &tb;
  expect(GATTN_ERROR_ARGUMENT, &args, "edge_values: given");
  args.score = &score;
  expect(GATTN_SUCCESS, &args, NULL);
  args.edge_values = NULL;
  expect(GATTN_ERROR_NULL, &args, "edge_values: ");
  gattn_tensor changed = tb;
  args.edge_values = &changed;
  changed.shape[1]--;
  expect(GATTN_ERROR_SHAPE, &args,
         "edge_values: is [1, 4, 119], expected [1, 4, 120 edges]");
  changed = tb;
  changed.shape[0] = 3;
  expect(GATTN_ERROR_SHAPE, &args, "edge_values: ");
  changed = tb;
  changed.type = GATTN_FLOAT16;
  expect(GATTN_ERROR_TYPE, &args, "edge_values: ");
  score.kind = (gattn_score_kind)70;
  expect(GATTN_ERROR_ARGUMENT, &args, "score.kind: 70");
  score = (gattn_score){.struct_size = sizeof score,
                        .kind = GATTN_SCORE_ALIBI,
                        .table = lse,
                        .count = 3};
  args.edge_values = NULL;
  expect(GATTN_ERROR_SHAPE, &args, "score.count: 3");
}
END_TEST

START_TEST(frontiers_are_checked) {
  gattn_attention_args args = good();
  gattn_frontier *twice, *other, *two;
  gattn_tensor q2 = tq, o2 = to, l2 = tl;
  q2.shape[1] = o2.shape[1] = l2.shape[1] = 3;
  args.q = &q2, args.o = &o2, args.lse = &l2;
  ck_assert_int_eq(
      gattn_frontier_list(context, N, (int64_t[]){7, 2, 7}, 3, &twice),
      GATTN_SUCCESS);
  ck_assert_int_eq(gattn_attention(context, graph, twice, &args),
                   GATTN_ERROR_DUPLICATE);
  ck_assert_str_eq(gattn_context_message(context),
                   "frontier: vertex 7 stands in it twice");
  ck_assert_int_eq(gattn_frontier_range(context, N + 1, 0, 3, &other),
                   GATTN_SUCCESS);
  ck_assert_int_eq(gattn_attention(context, graph, other, &args),
                   GATTN_ERROR_SHAPE);
  ck_assert_str_eq(gattn_context_message(context),
                   "frontier: draws from 13 vertices, but graph has 12 query "
                   "vertices");
  ck_assert_int_eq(gattn_frontier_range(context, N, 0, 2, &two), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_attention(context, graph, two, &args),
                   GATTN_ERROR_SHAPE);
  gattn_frontier_release(twice);
  gattn_frontier_release(other);
  gattn_frontier_release(two);
}
END_TEST

START_TEST(stacks_fit_the_heads) {
  gattn_attention_args args = good();
  gattn_graph *graphs[] = {graph, graph, graph}, *stack, *one;
  ck_assert_int_eq(gattn_graph_stack(context, graphs, 3, &stack),
                   GATTN_SUCCESS);
  ck_assert_int_eq(gattn_attention(context, stack, NULL, &args),
                   GATTN_ERROR_SHAPE);
  ck_assert_str_eq(gattn_context_message(context),
                   "q: has 4 heads, but graph is a stack of 3");
  ck_assert_int_eq(gattn_graph_stack(context, graphs, 1, &one), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_attention(context, one, NULL, &args), GATTN_SUCCESS);
  gattn_graph_release(stack);
  gattn_graph_release(one);
}
END_TEST

/* ------------------------------------------------- memory that is shared */

START_TEST(outputs_keep_to_themselves) {
  gattn_attention_args args = good();
  gattn_tensor at = to;
  args.o = &at;
  at.data = k + 8;
  expect(GATTN_ERROR_ARGUMENT, &args, "o: ");
  at.data = v + KV_HEADS * M * DIM - 1;
  expect(GATTN_ERROR_ARGUMENT, &args, "o: ");
  at.data = q + 1;
  expect(GATTN_ERROR_ARGUMENT, &args, "o: ");
  at.data = lse;
  expect(GATTN_ERROR_ARGUMENT, &args, NULL);
  at = to;
  gattn_tensor lse_at = tl;
  args.lse = &lse_at;
  lse_at.data = q;
  expect(GATTN_ERROR_ARGUMENT, &args, "lse: ");
  lse_at.data = o + 40;
  expect(GATTN_ERROR_ARGUMENT, &args, "lse: ");
}
END_TEST

/* q, k, v and o side by side in one array: rows of all lie in one range of
 * addresses, and nothing is shared. */
START_TEST(packed_projections_are_apart) {
  enum { PACKED = N * 4 * 2 * DIM };
  float values[PACKED], *packed;
  void *memory;
  gattn_graph *square;
  gattn_tensor parts[4];
  ck_assert_int_eq(gattn_mask_causal(context, N, N, &square), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_memory_allocate(context, sizeof values, &memory),
                   GATTN_SUCCESS);
  packed = memory;
  for (int e = 0; e < PACKED; e++) values[e] = (float)(e % 7);
  ck_assert_int_eq(gattn_memory_upload(context, packed, values, sizeof values),
                   GATTN_SUCCESS);
  for (int part = 0; part < 4; part++)
    parts[part] = (gattn_tensor){.data = packed + part * 2 * DIM,
                                 .device = gattn_context_device(context),
                                 .type = GATTN_FLOAT32,
                                 .rank = 3,
                                 .shape = {2, N, DIM},
                                 .strides = {DIM, 8 * DIM, 1}};
  gattn_attention_args args = {.struct_size = sizeof args,
                               .q = &parts[0],
                               .k = &parts[1],
                               .v = &parts[2],
                               .o = &parts[3]};
  ck_assert_int_eq(gattn_attention(context, square, NULL, &args),
                   GATTN_SUCCESS);
  parts[3].strides[0] = -DIM;
  ck_assert_int_eq(gattn_attention(context, square, NULL, &args),
                   GATTN_ERROR_ARGUMENT);
  gattn_graph_release(square);
  gattn_memory_release(context, memory, sizeof values);
}
END_TEST

/* o may be q itself. */
START_TEST(output_over_queries) {
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++) {
    test_problem problem = test_problem_make(
        context, &(test_problem_options){.mask = MASK_CAUSAL,
                                         .type = (gattn_type)_i,
                                         .layout = (oracle_layout)layout,
                                         .heads = 3,
                                         .n_q = 70,
                                         .n_kv = 70,
                                         .dim = 8,
                                         .dim_v = 8});
    gattn_attention_args args = {.struct_size = sizeof args,
                                 .q = &problem.q.tensor,
                                 .k = &problem.k.tensor,
                                 .v = &problem.v.tensor,
                                 .o = &problem.q.tensor};
    ck_assert_int_eq(gattn_attention(context, problem.graph, NULL, &args),
                     GATTN_SUCCESS);
    oracle_assert_close("o", &problem.q, problem.o,
                        4 + 2 * test_weight_error((gattn_type)_i) / 1e-5);
    test_problem_free(&problem);
  }
}
END_TEST

/* ------------------------------------------------- scores of minus infinity */

static float remove_some(float dot, const gattn_edge *edge,
                         const void *parameters) {
  (void)parameters;
  return edge->i == 3 || edge->j % 2 ? -INFINITY : dot;
}

/* What a score removes is not looked at: rows are empty, never NaN. */
START_TEST(removed_edges_are_no_edges) {
  gattn_attention_args args = good();
  gattn_score score = {.struct_size = sizeof score,
                       .kind = GATTN_SCORE_FUNCTION,
                       .function = remove_some};
  args.score = &score;
  for (int64_t e = 0; e < KV_HEADS * M * DIM; e++)
    put(v + e, e / DIM % 2 ? NAN : 1);
  expect(GATTN_SUCCESS, &args, NULL);
  for (int64_t row = 0; row < HEADS * N; row++) {
    bool empty = row % N == 3;
    ck_assert_float_eq_tol(get(o + row * DIM), empty ? 0 : 1, 1e-6);
    if (empty) ck_assert(get(lse + row) == -INFINITY);
  }
}
END_TEST

/* Without dimensions every score is 0 and o the mean of the values. */
START_TEST(no_dimensions) {
  gattn_attention_args args = good();
  gattn_tensor q0 = tq, k0 = tk;
  q0.shape[2] = k0.shape[2] = 0;
  args.q = &q0, args.k = &k0;
  for (int64_t e = 0; e < KV_HEADS * M * DIM; e++)
    put(v + e, (float)(e % DIM));
  expect(GATTN_SUCCESS, &args, NULL);
  ck_assert_float_eq_tol(get(o + 3), 3, 1e-5);
  ck_assert_float_eq_tol(get(lse + N), (float)log(M), 1e-5);
}
END_TEST

/* ------------------------------------------------- allocation failures */

static gattn_status attend(gattn_context *brutal, void *user) {
  gattn_attention_args args = good();
  gattn_graph *mask = NULL;
  (void)user;
  gattn_status status = gattn_mask_longformer(brutal, N, M, 2, 1, &mask);
  if (!status) status = gattn_attention(brutal, mask, NULL, &args);
  gattn_graph_release(mask);
  return status;
}

START_TEST(failing_allocations) { brutal_run(attend, NULL); }
END_TEST

Suite *make_attention_args_suite(void) {
  Suite *suite = suite_create("attention_args");
  TCase *tcase = tcase_create("arguments");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, good_arguments_pass);
  tcase_add_test(tcase, nulls_are_refused);
  tcase_add_loop_test(tcase, wrong_tensors_are_refused, 0,
                      sizeof wrongs / sizeof *wrongs);
  tcase_add_test(tcase, scales_and_scores_are_checked);
  tcase_add_test(tcase, frontiers_are_checked);
  tcase_add_test(tcase, stacks_fit_the_heads);
  tcase_add_test(tcase, outputs_keep_to_themselves);
  tcase_add_test(tcase, packed_projections_are_apart);
  tcase_add_loop_test(tcase, output_over_queries, 0, GATTN_INT64);
  if (!test_on_device()) tcase_add_test(tcase, removed_edges_are_no_edges);
  tcase_add_test(tcase, no_dimensions);
  if (!test_on_device()) tcase_add_test(tcase, failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}
