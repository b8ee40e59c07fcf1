/* What attention on a CUDA device refuses: all that it does on the CPU, in the
 * same words. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <string.h>

#include "tests/suites.h"

enum { N = 100, DIM = 8, BYTES = 2 * 4 * N * DIM };

static gattn_context *context;
static void *memory;

static void create(void) {
  context = test_context(NULL);
  ck_assert_int_eq(gattn_memory_allocate(context, BYTES, &memory), 0);
}

static void destroy(void) {
  gattn_memory_release(context, memory, BYTES);
  gattn_context_destroy(context);
}

static float plain(float dot, const gattn_edge *edge, const void *parameters) {
  (void)edge, (void)parameters;
  return dot;
}

/* A score in C runs where its code is. */
START_TEST(functions_are_the_hosts) {
  const int64_t shape[] = {N, DIM};
  const gattn_score score = {.struct_size = sizeof score,
                             .kind = GATTN_SCORE_FUNCTION, .function = plain};
  gattn_graph *graph;
  gattn_tensor q, o;
  if (!test_on_device()) return;
  ck_assert_int_eq(gattn_mask_parse(context, "local(3)", N, N, &graph), 0);
  ck_assert_int_eq(
      gattn_tensor_dense(context, memory, GATTN_FLOAT32, 2, shape, &q), 0);
  o = q;
  o.data = (char *)memory + BYTES / 2;
  gattn_attention_args args = {.struct_size = sizeof args, .q = &q, .k = &q,
                               .v = &q, .o = &o, .score = &score};
  ck_assert_int_eq(gattn_attention(context, graph, GATTN_ALL, &args),
                   GATTN_ERROR_UNSUPPORTED);
  ck_assert_msg(strstr(gattn_context_message(context), "score") != NULL, "%s",
                gattn_context_message(context));
  gattn_graph_release(graph);
}
END_TEST

/* Edges that no memory holds: refused, and the context goes on. */
START_TEST(graphs_that_do_not_fit) {
  const int64_t n = INT64_C(1) << 40, shape[] = {n, 1};
  gattn_graph *graph;
  gattn_tensor huge;
  if (!test_on_device()) return;
  ck_assert_int_eq(gattn_mask_parse(context, "random(9, 1)", n, n, &graph), 0);
  ck_assert_int_eq(
      gattn_tensor_dense(context, memory, GATTN_FLOAT32, 2, shape, &huge), 0);
  gattn_tensor o = huge;
  o.data = (char *)memory + 4 * n;
  gattn_attention_args args = {.struct_size = sizeof args, .q = &huge,
                               .k = &huge, .v = &huge, .o = &o};
  gattn_status status = gattn_attention(context, graph, GATTN_ALL, &args);
  ck_assert_msg(status == GATTN_ERROR_MEMORY || status == GATTN_ERROR_TOO_LARGE,
                "%s: %s", gattn_status_name(status),
                gattn_context_message(context));
  ck_assert_int_eq(gattn_synchronize(context), GATTN_SUCCESS);
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_errors_suite(void) {
  Suite *suite = suite_create("device errors");
  TCase *tcase = tcase_create("refusals");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_test(tcase, functions_are_the_hosts);
  tcase_add_test(tcase, graphs_that_do_not_fit);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_attention_args_suite,
                                           make_broken_generators_suite,
                                           make_errors_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
