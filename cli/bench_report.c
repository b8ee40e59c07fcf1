/* The report of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"

void bench_print_machine(const cli_session *session,
                         const gattn_limits *limits) {
  printf(
      "%s, %d threads: copy %.2f GB/s, multiply-add %.1f Gflop/s, "
      "random rows %.2f GB/s\n",
      gattn_isa_name(gattn_context_isa(session->context)),
      (int)gattn_context_threads(session->context), 1e-9 * limits->copy_bytes,
      1e-9 * limits->multiply_add, 1e-9 * limits->random_row_bytes);
}

void bench_print_heading(void) {
  printf("%-34s %9s %12s %9s %9s %9s %6s %6s %8s\n", "mask", "n", "edges",
         "plan ms", "time ms", "limit ms", "limit", "madd", "error");
}

void bench_print_result(const bench_result *r) {
  printf("%-34s %9" PRId64 " %12" PRId64
         " %9.3f %9.3f %9.3f %5.1f%% %5.1f%% "
         "%8.1e\n",
         r->workload->mask, r->workload->n, r->edges, 1e3 * r->plan_seconds,
         1e3 * r->seconds, 1e3 * r->limit_seconds, 100 * r->fraction,
         100 * r->multiply_add, r->error);
}

static void print_string(const char *text) {
  putchar('"');
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\')
      printf("\\%c", *c);
    else if ((unsigned char)*c < 0x20)
      printf("\\u%04x", *c);
    else
      putchar(*c);
  }
  putchar('"');
}

/* JSON has no infinity. */
static void print_number(const char *key, double value) {
  if (isfinite(value))
    printf(", \"%s\": %.9g", key, value);
  else
    printf(", \"%s\": null", key);
}

static void print_workload(const bench_result *r) {
  printf("{\"mask\": ");
  print_string(r->workload->mask);
  printf(", \"n\": %" PRId64 ", \"edges\": %" PRId64 ", \"repeats\": %" PRId64,
         r->workload->n, r->edges, r->repeats);
  print_number("plan_seconds", r->plan_seconds);
  print_number("seconds", r->seconds);
  print_number("fastest_seconds", r->fastest);
  print_number("limit_seconds", r->limit_seconds);
  print_number("fraction_of_limit", r->fraction);
  print_number("fraction_of_multiply_add", r->multiply_add);
  print_number("error", r->error);
  printf("}");
}

void bench_print_json(const cli_session *session, const bench_request *request,
                      const gattn_limits *limits, const bench_result *results,
                      int n) {
  printf("{\"suite\": ");
  print_string(request->suite);
  printf(
      ", \"version\": \"%s\", \"isa\": \"%s\", \"threads\": %d, "
      "\"type\": \"float32\", \"d\": %" PRId64,
      gattn_version_string(),
      gattn_isa_name(gattn_context_isa(session->context)),
      (int)gattn_context_threads(session->context), request->d);
  printf(", \"limits\": {\"unit\": \"per second\"");
  print_number("copy_bytes", limits->copy_bytes);
  print_number("multiply_add", limits->multiply_add);
  print_number("random_row_bytes", limits->random_row_bytes);
  printf("}, \"workloads\": [");
  for (int r = 0; r < n; r++) {
    if (r) printf(", ");
    print_workload(&results[r]);
  }
  printf("]");
  if (!strcmp(request->suite, "growth"))
    print_number("exponent", bench_exponent(results, n));
  printf("}\n");
}
