/* gattn bench: plans against the machine's own limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"

const char cli_help_bench[] =
    "usage: gattn bench [--suite limits|forward|edges|growth] [--mask EXPR]\n"
    "                   [--json] [-n N] [-d D] [--repeat R] [--threads T]\n"
    "                   [--isa auto|portable|avx2|avx512]\n"
    "\n"
    "Measures this machine's copy, multiply-add and random-row rates, then\n"
    "times attention over float32 arrays against what they allow. `limit` is\n"
    "the fraction of the best possible time: the larger of moving Q, K, V and\n"
    "O once (for edge lists, of gathering the rows of K and V) and of\n"
    "4 * edges * d operations; `madd` is the fraction of the multiply-add\n"
    "rate; `error` the largest difference to float64 on a sample of rows.\n"
    "Fails when an error is above 5e-5.\n"
    "\n"
    "  --suite S    limits: only the machine; forward (without it): common\n"
    "               masks; edges: random edges; growth: one mask over\n"
    "               growing n, and the exponent of time against edges\n"
    "  --mask EXPR  this mask in place of the suite's\n"
    "  --json       one JSON object in place of the table\n"
    "  -n N         tokens; growth: the most tokens\n"
    "  -d D         head dimension; 64 without it\n"
    "  --repeat R   runs to take the median of; without it enough of them\n"
    "  --threads T  number of threads\n"
    "  --isa I      instruction set; auto without it\n";

static const struct {
  const char *name;
  bench_suite_fill fill;
} suites[] = {{"forward", bench_suite_forward},
              {"limits", bench_suite_limits},
              {"edges", bench_suite_edges},
              {"growth", bench_suite_growth}};
enum { SUITES = sizeof suites / sizeof *suites };

static int find_suite(const char *name, bench_suite_fill *fill) {
  const char *names[SUITES];
  for (size_t s = 0; s < SUITES; s++) {
    names[s] = suites[s].name;
    *fill = suites[s].fill;
    if (!strcmp(name, names[s])) return CLI_SUCCESS;
  }
  return cli_fail(CLI_BAD_REQUEST, "bench",
                  "--suite: '%s' is no suite; the closest is %s", name,
                  names[cli_closest(name, names, SUITES)]);
}

static int parse(int argc, char **argv, bench_request *r) {
  cli_option options[] = {
      CLI_OPTION("--suite", CLI_TEXT, &r->suite),
      CLI_OPTION("--mask", CLI_EXPRESSION, &r->mask),
      CLI_OPTION("--json", CLI_FLAG, &r->json),
      CLI_OPTION("-n", CLI_SIZE, &r->n, .minimum = 1,
                 .maximum = (int64_t)1 << 40),
      CLI_OPTION("-d", CLI_SIZE, &r->d, .minimum = 1, .maximum = 65536),
      CLI_OPTION("--repeat", CLI_SIZE, &r->repeat, .minimum = 1,
                 .maximum = 1000),
      CLI_OPTION("--threads", CLI_SIZE, &r->machine.threads, .minimum = 1,
                 .maximum = CLI_MAX_THREADS),
      CLI_OPTION("--isa", CLI_TEXT, &r->machine.isa),
  };
  r->suite = "forward";
  r->d = 64;
  return cli_parse_options("bench", options, sizeof options / sizeof *options,
                           argc, argv);
}

/* One mask in place of the suite's, where --mask is given. */
static int list(const bench_request *request, bench_suite_fill fill,
                bench_workload *workloads, int *count) {
  *count = fill(request->n, workloads);
  if (!request->mask) return CLI_SUCCESS;
  if (!*count)
    return cli_fail(CLI_BAD_REQUEST, "bench",
                    "--mask: the suite %s runs no mask", request->suite);
  if (strlen(request->mask) >= BENCH_MASK_SIZE)
    return cli_fail(CLI_BAD_REQUEST, "bench", "--mask: longer than %d bytes",
                    BENCH_MASK_SIZE - 1);
  if (fill != bench_suite_growth) *count = 1;
  for (int w = 0; w < *count; w++)
    snprintf(workloads[w].mask, BENCH_MASK_SIZE, "%s", request->mask);
  return CLI_SUCCESS;
}

/* Masks that cannot be are told before the machine is measured. */
static int check_masks(cli_session *session, const bench_workload *workloads,
                       int count) {
  for (int w = 0; w < count; w++) {
    gattn_graph *graph = NULL;
    gattn_status status =
        gattn_mask_parse(session->context, workloads[w].mask, workloads[w].n,
                         workloads[w].n, &graph);
    gattn_graph_release(graph);
    if (status) return cli_session_fail(session, status, workloads[w].mask);
  }
  return CLI_SUCCESS;
}

/* Rows as the edge lists of the workloads gather them: from K and V. */
static int measure_limits(cli_session *session, const bench_request *request,
                          const bench_workload *workloads, int count,
                          gattn_limits *limits) {
  int64_t rows = 0, row_bytes = 0;
  if (count && workloads[0].gathered) {
    rows = 2 * workloads[0].n;
    row_bytes = (4 * request->d + 63) / 64 * 64;
  }
  limits->struct_size = sizeof *limits;
  gattn_status status =
      gattn_measure_limits(session->context, rows, row_bytes, limits);
  return status ? cli_session_fail(session, status, "limits") : CLI_SUCCESS;
}

static int run_workloads(cli_session *session, const bench_request *request,
                         const gattn_limits *limits,
                         const bench_workload *workloads, int count) {
  bench_result results[BENCH_MOST_WORKLOADS];
  double worst = 0;
  if (!request->json) bench_print_machine(session, limits);
  if (!request->json && count) bench_print_heading();
  session->share = count ? 1.0 / count : 1;
  for (int w = 0; w < count; w++) {
    session->base = (double)w / count;
    int status =
        bench_measure(session, request, limits, &workloads[w], &results[w]);
    if (status) return status;
    if (!(results[w].error <= worst)) worst = results[w].error;
    if (request->json) continue;
    bench_print_result(&results[w]);
    status = cli_flush_stdout("bench");
    if (status) return status;
  }
  if (request->json)
    bench_print_json(session, request, limits, results, count);
  else if (!strcmp(request->suite, "growth"))
    printf("time grows with edges to the power %.3f\n",
           bench_exponent(results, count));
  int status = cli_flush_stdout("bench");
  if (status || worst <= BENCH_TOLERANCE) return status;
  return cli_fail(CLI_FAILURE, "bench", "an error of %.1e is above %.1e", worst,
                  BENCH_TOLERANCE);
}

int cli_bench(int argc, char **argv) {
  bench_request request = {0};
  bench_workload workloads[BENCH_MOST_WORKLOADS];
  bench_suite_fill fill;
  int count, status = parse(argc, argv, &request);
  if (status == CLI_HELP) return cli_print_help("bench");
  if (!status) status = find_suite(request.suite, &fill);
  if (!status) status = list(&request, fill, workloads, &count);
  if (status) return status;
  cli_session session;
  gattn_limits limits;
  status = cli_session_open("bench", &request.machine, &session);
  if (status) return status;
  cli_progress_start(&session, "bench");
  status = check_masks(&session, workloads, count);
  if (!status)
    status = measure_limits(&session, &request, workloads, count, &limits);
  if (!status)
    status = run_workloads(&session, &request, &limits, workloads, count);
  cli_progress_end(&session);
  cli_session_close(&session);
  return status;
}
