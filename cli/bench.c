/* gattn bench: plans against the machine's own limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"

const char cli_help_bench[] =
    "usage: gattn bench [--suite limits|forward|edges|growth|tokens]\n"
    "                   [--mask EXPR] [--device cpu|cuda|cuda:N] [--type T]\n"
    "                   [--json] [-n N] [-d D] [--heads H] [--repeat R]\n"
    "                   [--keep-going] [--threads T]\n"
    "                   [--isa auto|portable|avx2|avx512]\n"
    "                   [--effort estimate|measure] [--wisdom FILE]\n"
    "\n"
    "Measures this machine's copy, arithmetic and random-row rates, then\n"
    "times attention against what they allow. `limit` is the fraction of the\n"
    "best possible time: the larger of moving Q, K, V and O once (for edge\n"
    "lists, of gathering the rows of K and V) and of 4 * edges * d operations\n"
    "a head; `rate` is the fraction of the arithmetic rate: multiply-adds of\n"
    "float32, or on a device matrix products of float16; `error` the largest\n"
    "difference to float64 on a sample of rows. Fails when an error is above\n"
    "5e-5 for float32, 4e-3 for float16, 3e-2 for bfloat16.\n"
    "\n"
    "  --suite S    limits: only the machine; forward (without it): common\n"
    "               masks, on a device also decode steps; edges: random\n"
    "               edges, on a device also graphs with hubs; growth: masks\n"
    "               over growing n, and the exponents of time against edges;\n"
    "               tokens: as many tokens as there is memory for, on a device\n"
    "               some with O written over Q; what does not fit is left out\n"
    "  --mask EXPR  this mask in place of the suite's\n"
    "  --device D   where to compute: cpu (without it), cuda, cuda:N\n"
    "  --type T     float32 (without it on the CPU), float16 (without it on a\n"
    "               device), bfloat16\n"
    "  --json       one JSON object in place of the table\n"
    "  -n N         tokens; growth: the most tokens\n"
    "  -d D         head dimension; without it the suite's, 64 on the CPU\n"
    "  --heads H    heads; without it the suite's, 1 on the CPU\n"
    "  --repeat R   runs to take the median of; without it enough of them\n"
    "  --keep-going go on after a workload that fails\n"
    "  --threads T  number of threads\n"
    "  --isa I      instruction set; auto without it\n"
    "  --effort E   how plans are chosen: estimate (without it), or measure\n"
    "  --wisdom F   what was measured before; measuring adds to it\n";

static const struct {
  const char *name;
  bench_suite_fill cpu, device;
} suites[] = {{"forward", bench_suite_forward, bench_device_forward},
              {"limits", bench_suite_limits, bench_suite_limits},
              {"edges", bench_suite_edges, bench_device_edges},
              {"growth", bench_suite_growth, bench_device_growth},
              {"tokens", bench_suite_tokens, bench_device_tokens}};
enum { SUITES = sizeof suites / sizeof *suites };

static bool on_device(const bench_request *request) {
  return request->machine.device && strcmp(request->machine.device, "cpu");
}

static int find_suite(const bench_request *request, bench_suite_fill *fill) {
  const char *names[SUITES], *name = request->suite;
  for (size_t s = 0; s < SUITES; s++) {
    names[s] = suites[s].name;
    *fill = on_device(request) ? suites[s].device : suites[s].cpu;
    if (!strcmp(name, names[s])) return CLI_SUCCESS;
  }
  return cli_fail(CLI_BAD_REQUEST, "bench",
                  "--suite: '%s' is no suite; the closest is %s", name,
                  names[cli_closest(name, names, SUITES)]);
}

static int find_type(bench_request *request) {
  const char *names[3];
  request->type = on_device(request) ? GATTN_FLOAT16 : GATTN_FLOAT32;
  if (!request->type_name) return CLI_SUCCESS;
  for (int t = 0; t < 3; t++) {
    request->type = (gattn_type)t;
    names[t] = gattn_type_name(request->type);
    if (!strcmp(request->type_name, names[t])) return CLI_SUCCESS;
  }
  return cli_fail(CLI_BAD_REQUEST, "bench",
                  "--type: '%s' is no type; the closest is %s",
                  request->type_name,
                  names[cli_closest(request->type_name, names, 3)]);
}

static int parse(int argc, char **argv, bench_request *r) {
  cli_option options[] = {
      CLI_OPTION("--suite", CLI_TEXT, &r->suite),
      CLI_OPTION("--mask", CLI_EXPRESSION, &r->mask),
      CLI_OPTION("--device", CLI_TEXT, &r->machine.device),
      CLI_OPTION("--type", CLI_TEXT, &r->type_name),
      CLI_OPTION("--json", CLI_FLAG, &r->json),
      CLI_OPTION("-n", CLI_SIZE, &r->n, .minimum = 1,
                 .maximum = (int64_t)1 << 40),
      CLI_OPTION("-d", CLI_SIZE, &r->d, .minimum = 1, .maximum = 65536),
      CLI_OPTION("--heads", CLI_SIZE, &r->heads, .minimum = 1,
                 .maximum = 65536),
      CLI_OPTION("--repeat", CLI_SIZE, &r->repeat, .minimum = 1,
                 .maximum = 1000),
      CLI_OPTION("--keep-going", CLI_FLAG, &r->keep_going),
      CLI_OPTION("--threads", CLI_SIZE, &r->machine.threads, .minimum = 1,
                 .maximum = CLI_MAX_THREADS),
      CLI_OPTION("--isa", CLI_TEXT, &r->machine.isa),
      CLI_OPTION("--effort", CLI_TEXT, &r->planning.effort),
      CLI_OPTION("--wisdom", CLI_TEXT, &r->planning.wisdom),
  };
  r->suite = "forward";
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
  /* A suite that grows has its first mask over the most sizes. */
  int same = 1;
  while (!strcmp(request->suite, "growth") && same < *count &&
         !strcmp(workloads[same].mask, workloads[0].mask))
    same++;
  *count = same;
  for (int w = 0; w < *count; w++)
    snprintf(workloads[w].mask, BENCH_MASK_SIZE, "%s", request->mask);
  return CLI_SUCCESS;
}

/* Masks that cannot be are told before the machine is measured. */
static int check_masks(cli_session *session, const bench_workload *workloads,
                       int count) {
  for (int w = 0; w < count; w++) {
    gattn_graph *graph = NULL;
    if (workloads[w].kind == BENCH_RMAT) continue;
    gattn_status status =
        gattn_mask_parse(session->context, workloads[w].mask, workloads[w].n,
                         workloads[w].n, &graph);
    gattn_graph_release(graph);
    if (status) return cli_session_fail(session, status, workloads[w].mask);
  }
  return CLI_SUCCESS;
}

/* The last uniform graph of as many tokens, where there is one. */
static void compare(bench_result *results, int r) {
  bench_result *mine = &results[r];
  for (int u = r - 1; u >= 0 && !mine->relative; u--)
    if (results[u].workload->uniform && mine->workload->gathered &&
        results[u].workload->n == mine->workload->n)
      mine->relative = mine->seconds / (double)mine->edges /
                       (results[u].seconds / (double)results[u].edges);
}

/* Tells of a workload whose operands the device cannot hold. */
static bool left_out(const bench_machine *machine, const bench_request *request,
                     const bench_workload *workload) {
  const double bytes = bench_bytes(request, workload);
  if (!machine->device || bytes < (double)machine->memory) return false;
  if (!request->json) bench_print_left_out(machine, workload, bytes);
  return true;
}

/* Counts the workloads that were measured. */
static int measure_all(bench_machine *machine, const bench_request *request,
                       const bench_workload *workloads, int count,
                       bench_result *results, int *measured) {
  cli_session *session = &machine->session;
  int first = CLI_SUCCESS, status =
      bench_machine_limits(machine, request, count ? &workloads[0] : NULL);
  if (!status && !request->json && count) bench_print_heading();
  for (int w = 0; w < count && !status; w++) {
    session->base = (double)w / count;
    session->share = 1.0 / count;
    if (left_out(machine, request, &workloads[w])) continue;
    /* What was measured before an interruption is still told. */
    if (cli_progress_tick(session, session->base))
      return cli_fail(CLI_FAILURE, "bench", "interrupted");
    status = bench_measure(machine, request, &workloads[w],
                           &results[*measured]);
    if (!first) first = status;
    if (status && request->keep_going) {
      status = CLI_SUCCESS;
      continue;
    }
    if (status) break;
    compare(results, *measured);
    if (!request->json) {
      bench_print_result(&results[*measured]);
      status = cli_flush_stdout("bench");
    }
    ++*measured;
  }
  return status ? status : first;
}

static int run(bench_machine *machine, const bench_request *request,
               const bench_workload *workloads, int count) {
  bench_result results[BENCH_MOST_WORKLOADS];
  int measured = 0, status = measure_all(machine, request, workloads, count,
                                         results, &measured);
  if (status && !request->keep_going) return status;
  if (request->json)
    bench_print_json(machine, request, results, measured);
  else if (!strcmp(request->suite, "growth"))
    bench_print_growth(machine, results, measured);
  const int flushed = cli_flush_stdout("bench");
  if (!status) status = flushed;
  double worst = 0;
  for (int r = 0; r < measured; r++)
    if (!(results[r].error <= worst)) worst = results[r].error;
  if (status || worst <= bench_tolerance(request->type)) return status;
  return cli_fail(CLI_FAILURE, "bench", "an error of %.1e is above %.1e", worst,
                  bench_tolerance(request->type));
}

int cli_bench(int argc, char **argv) {
  bench_request request = {0};
  bench_workload workloads[BENCH_MOST_WORKLOADS];
  bench_suite_fill fill;
  int count, status = parse(argc, argv, &request);
  if (status == CLI_HELP) return cli_print_help("bench");
  if (!status) status = find_suite(&request, &fill);
  if (!status) status = find_type(&request);
  if (!status) status = cli_planning_check("bench", &request.planning);
  if (!status) status = list(&request, fill, workloads, &count);
  if (status) return status;
  bench_machine machine;
  status = bench_machine_open(&request, &machine);
  if (status) return status;
  cli_progress_start(&machine.session, "bench");
  status = check_masks(&machine.session, workloads, count);
  if (!status) status = cli_planning_read(&machine.session, &request.planning);
  if (!status) status = run(&machine, &request, workloads, count);
  if (!status)
    status = cli_planning_write(&machine.session, &request.planning);
  cli_progress_end(&machine.session);
  bench_machine_close(&machine);
  return status;
}
