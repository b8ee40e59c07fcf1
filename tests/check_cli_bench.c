/* gattn bench: its report, its oracle, its refusals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "tests/command.h"

/* ------------------------------------------------------------ pieces */

START_TEST(exponent_of_a_power) {
  bench_result results[5];
  for (int r = 0; r < 5; r++) {
    results[r].edges = (int64_t)1000 << r;
    results[r].fastest = 1e-9 * pow((double)results[r].edges, 1.25);
  }
  ck_assert_double_eq_tol(bench_exponent(results, 5), 1.25, 1e-9);
  ck_assert_double_eq(bench_exponent(results, 1), 0);
  ck_assert_double_eq(bench_exponent(results, 0), 0);
}
END_TEST

START_TEST(suites_fit_any_size) {
  static const bench_suite_fill fills[] = {
      bench_suite_limits,   bench_suite_forward, bench_suite_edges,
      bench_suite_growth,   bench_device_forward, bench_device_edges,
      bench_device_growth,  bench_suite_tokens,  bench_device_tokens};
  enum { FILLS = sizeof fills / sizeof *fills };
  static const int64_t sizes[] = {
      0, 1, 7, 100, 16384, 1 << 21, (int64_t)1 << 40};
  gattn_context *context;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  for (int f = 0; f < FILLS; f++)
    for (int s = 0; s < 7; s++) {
      bench_workload workloads[BENCH_MOST_WORKLOADS];
      int count = fills[f](sizes[s], workloads);
      ck_assert_int_le(count, BENCH_MOST_WORKLOADS);
      ck_assert(f == 0 || count >= 1);
      for (int w = 0; w < count; w++) {
        gattn_graph *graph;
        if (workloads[w].kind == BENCH_RMAT) continue;
        ck_assert_msg(!gattn_mask_parse(context, workloads[w].mask,
                                        workloads[w].n, workloads[w].n, &graph),
                      "%s over %lld: %s", workloads[w].mask,
                      (long long)workloads[w].n,
                      gattn_context_message(context));
        gattn_graph_release(graph);
      }
    }
  gattn_context_destroy(context);
}
END_TEST

/* Arrays of one head, [n, d] each. */
typedef struct arrays {
  const float *array[3];
} arrays;

static void row_of(const void *source, int array, int64_t head, int64_t row,
                   int64_t d, float *values) {
  ck_assert_int_eq(head, 0);
  memcpy(values, ((const arrays *)source)->array[array] + row * d,
         (size_t)d * sizeof *values);
}

/* The error of row i, of one dimension. */
static double error_of(gattn_context *context, const gattn_graph *graph,
                       const arrays *source, int64_t i, float o, float lse) {
  bench_sample sample = {.row = i, .vertex = i, .o = &o, .lse = lse};
  double error = -1;
  int64_t edges = 0, degree;
  ck_assert_int_eq(bench_oracle_error(context, graph, 1, row_of, source,
                                      &sample, &edges, &error),
                   GATTN_SUCCESS);
  gattn_graph_degree(context, graph, i, &degree);
  ck_assert_int_eq(edges, degree);
  return error;
}

/* Two tokens of one dimension, causal: the answer by hand. */
START_TEST(oracle_by_hand) {
  const float q[] = {1, 2}, k[] = {3, 1}, v[] = {10, 20};
  const arrays source = {{q, k, v}};
  const double weight = exp(6) / (exp(6) + exp(2));
  const float o = (float)(weight * 10 + (1 - weight) * 20);
  const float lse = (float)log(exp(6) + exp(2));
  gattn_context *context;
  gattn_graph *graph;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_mask_parse(context, "causal", 2, 2, &graph),
                   GATTN_SUCCESS);
  ck_assert_double_lt(error_of(context, graph, &source, 0, 10, 3), 1e-5);
  ck_assert_double_lt(error_of(context, graph, &source, 1, o, lse), 1e-5);
  ck_assert_double_eq_tol(error_of(context, graph, &source, 1, o + 0.5f, lse),
                          0.5, 1e-5);
  ck_assert(isinf(error_of(context, graph, &source, 1, NAN, lse)));
  ck_assert(isinf(error_of(context, graph, &source, 0, 10, -INFINITY)));
  gattn_graph_release(graph);
  gattn_context_destroy(context);
}
END_TEST

START_TEST(oracle_of_an_empty_row) {
  const float q[] = {1};
  const arrays source = {{q, q, q}};
  gattn_context *context;
  gattn_graph *graph;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_mask_parse(context, "full - full", 1, 1, &graph),
                   GATTN_SUCCESS);
  ck_assert_double_eq(error_of(context, graph, &source, 0, 0, -INFINITY), 0);
  gattn_graph_release(graph);
  gattn_context_destroy(context);
}
END_TEST

/* Half a million edges, drawn twice alike, most of them of few vertices. */
START_TEST(rmat_has_hubs) {
  const bench_workload workload = {.n = 16384, .kind = BENCH_RMAT};
  gattn_graph_stats stats = {.struct_size = sizeof stats}, again = stats;
  gattn_context *context;
  gattn_graph *graph;
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  ck_assert_int_eq(bench_graph(context, &workload, &graph), GATTN_SUCCESS);
  gattn_graph_count(context, graph, 0, workload.n, &stats);
  gattn_graph_release(graph);
  ck_assert_uint_gt(stats.edges_low, 16 * 16384);
  ck_assert_uint_lt(stats.edges_low, 32 * 16384);
  ck_assert_int_gt(stats.max_degree, 1000);
  ck_assert_int_eq(bench_graph(context, &workload, &graph), GATTN_SUCCESS);
  gattn_graph_count(context, graph, 0, workload.n, &again);
  gattn_graph_release(graph);
  ck_assert_mem_eq(&stats, &again, sizeof stats);
  gattn_context_destroy(context);
}
END_TEST

/* ------------------------------------------------------------ reports */

static int count_of(const char *text, const char *word) {
  int count = 0;
  for (; (text = strstr(text, word)); text++) count++;
  return count;
}

START_TEST(limits_alone) {
  GATTN("bench", "--suite", "limits");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "copy "));
  ck_assert_int_eq(count_of(command_out, "\n"), 1);
  GATTN("bench", "--suite=limits", "--json", "--threads=1");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "{\"suite\": \"limits\""));
  ck_assert_ptr_nonnull(strstr(command_out, "\"threads\": 1,"));
  ck_assert_ptr_nonnull(strstr(command_out, "\"copy_bytes\": "));
  ck_assert_ptr_nonnull(strstr(command_out, "\"workloads\": []}\n"));
}
END_TEST

START_TEST(forward_as_a_table) {
  GATTN("bench", "-n", "512", "-d", "16", "--repeat", "2");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\nlocal(256)"), 1);
  ck_assert_int_eq(count_of(command_out, "\nbigbird(64,1,2,3,7)"), 1);
  ck_assert_int_eq(count_of(command_out, "\nneighborhood2d(16,32,13,13)"), 1);
}
END_TEST

START_TEST(edges_as_json) {
  GATTN("bench", "--suite=edges", "-n=512", "-d=16", "--repeat=1", "--json",
        "--isa=portable");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "\"isa\": \"portable\""));
  ck_assert_ptr_nonnull(strstr(command_out,
                               "{\"mask\": \"random(32,7)\", \"n\": 512, "
                               "\"edges\": 16384, \"repeats\": 1, "));
  ck_assert_int_eq(count_of(command_out, "\"fraction_of_limit\": "), 3);
  ck_assert_int_eq(count_of(command_out, "\n"), 1);
}
END_TEST

START_TEST(growth_and_its_exponent) {
  GATTN("bench", "--suite=growth", "-n=8k", "-d=4", "--mask=local(2)",
        "--repeat=1");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\nlocal(2)"), 2);
  ck_assert_int_eq(count_of(command_out, "\ntime grows with edges"), 1);
  GATTN("bench", "--suite=growth", "-n=4k", "-d=4", "--mask=local(2)",
        "--repeat=1", "--json");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\"exponent\": 0}\n"), 1);
}
END_TEST

/* Were Q not drawn again for each call, all but the first would be wrong. */
START_TEST(tokens_with_o_over_q) {
  GATTN("bench", "--suite=tokens", "-n=4096", "-d=16", "--repeat=3");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\nlocal(50), O over Q "), 1);
  ck_assert_int_eq(count_of(command_out, "\n"), 5);
}
END_TEST

START_TEST(heads_and_types) {
  GATTN("bench", "--mask=local(3)", "-n=256", "-d=8", "--json", "--repeat=2",
        "--heads=3", "--type=bfloat16");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\"type\": \"bfloat16\""), 1);
  ck_assert_int_eq(count_of(command_out, "\"heads\": 3, \"d\": 8"), 1);
}
END_TEST

START_TEST(a_mask_of_ones_own) {
  GATTN("bench", "--mask=local(3) | cols(\t0)", "-n=256", "-d=8", "--json",
        "--repeat=3");
  command_assert_success();
  ck_assert_int_eq(
      count_of(command_out, "\"mask\": \"local(3) | cols(\\u00090)\""), 1);
  ck_assert_int_eq(count_of(command_out, "\"mask\": "), 1);
}
END_TEST

/* ------------------------------------------------------------ refusals */

static char long_mask[1100];

static const struct {
  const char *words[4];
  const char *what;
} refusals[] = {
    {{"--suite=fast"}, "--suite: 'fast'"},
    {{"--suite=edge"}, "edges"},
    {{"--suite=limits", "--mask=full"}, "--mask: the suite limits"},
    {{"--mask=local("}, "local("},
    {{"--type=float61"}, "--type: 'float61'"},
    {{"--type=int64"}, "--type: 'int64'"},
    {{"--heads=0"}, "--heads: 0"},
    {{"--device=tpu"}, "--device: 'tpu'"},
    {{"--isa=avx1024"}, "--isa: 'avx1024'"},
    {{"-n=0"}, "-n: 0"},
    {{"-d=0"}, "-d: 0"},
    {{"--repeat=0"}, "--repeat: 0"},
    {{"--threads=0"}, "--threads: 0"},
    {{"forward"}, "'forward'"},
};

START_TEST(refuses_requests) {
  const char *words[8] = {"bench"};
  for (int w = 0; w < 4; w++) words[w + 1] = refusals[_i].words[w];
  command_run(NULL, words);
  command_assert_failure(2, "bench", refusals[_i].what);
}
END_TEST

START_TEST(a_device_that_is_not_there) {
  GATTN("bench", "--device=cuda:4095", "--suite=limits");
  command_assert_failure(1, "bench", "options.device: ");
}
END_TEST

START_TEST(goes_on_where_asked) {
  GATTN("bench", "--type=float16", "--mask=local(3)", "-n=256", "-d=8",
        "--keep-going", "--repeat=1", "--json");
  command_assert_success();
  ck_assert_int_eq(count_of(command_out, "\"name\": \"local(3)\""), 1);
}
END_TEST

START_TEST(refuses_long_masks) {
  memset(long_mask, ' ', sizeof long_mask - 1);
  memcpy(long_mask, "full", 4);
  GATTN("bench", "--mask", long_mask);
  command_assert_failure(2, "bench", "--mask: longer than 1023 bytes");
}
END_TEST

START_TEST(standard_output_that_takes_nothing) {
  GATTN_IN(&(command_setting){.out = "/dev/full"}, "bench", "--mask=full",
           "-n=16", "-d=4", "--repeat=1");
  command_assert_failure(1, "bench", "standard output: ");
}
END_TEST

static Suite *make_cli_bench_suite(void) {
  Suite *suite = suite_create("cli bench");
  TCase *tcase = tcase_create("pieces");
  tcase_add_test(tcase, exponent_of_a_power);
  tcase_add_test(tcase, suites_fit_any_size);
  tcase_add_test(tcase, oracle_by_hand);
  tcase_add_test(tcase, oracle_of_an_empty_row);
  tcase_add_test(tcase, rmat_has_hubs);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("reports");
  tcase_set_timeout(tcase, 120);
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_test(tcase, limits_alone);
  tcase_add_test(tcase, forward_as_a_table);
  tcase_add_test(tcase, edges_as_json);
  tcase_add_test(tcase, growth_and_its_exponent);
  tcase_add_test(tcase, tokens_with_o_over_q);
  tcase_add_test(tcase, heads_and_types);
  tcase_add_test(tcase, a_mask_of_ones_own);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("refusals");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_loop_test(tcase, refuses_requests, 0,
                      sizeof refusals / sizeof *refusals);
  tcase_add_test(tcase, a_device_that_is_not_there);
  tcase_add_test(tcase, goes_on_where_asked);
  tcase_add_test(tcase, refuses_long_masks);
  tcase_add_test(tcase, standard_output_that_takes_nothing);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_cli_bench_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
