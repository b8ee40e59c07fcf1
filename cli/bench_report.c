/* The report of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"

static void print_device(const bench_machine *machine) {
  const gattn_limits *limits = &machine->limits;
  printf(
      "%s: copy %.0f GB/s, float32 %.1f Tflop/s, float16 products %.0f "
      "Tflop/s by mma.sync",
      machine->name, 1e-9 * limits->copy_bytes, 1e-12 * limits->multiply_add,
      1e-12 * limits->mma_sync);
  if (limits->wgmma > 0) printf(", %.0f by wgmma", 1e-12 * limits->wgmma);
  printf(", random rows %.0f GB/s", 1e-9 * limits->random_row_bytes);
  if (machine->limits_rows)
    printf(" of %" PRId64, machine->limits_rows);
  printf("\n");
}

void bench_print_machine(const bench_machine *machine) {
  const gattn_limits *limits = &machine->limits;
  const gattn_context *context = machine->session.context;
  if (machine->device) {
    print_device(machine);
    return;
  }
  printf(
      "%s, %d threads: copy %.2f GB/s, multiply-add %.1f Gflop/s, "
      "random rows %.2f GB/s\n",
      gattn_isa_name(gattn_context_isa(context)),
      (int)gattn_context_threads(context), 1e-9 * limits->copy_bytes,
      1e-9 * limits->multiply_add, 1e-9 * limits->random_row_bytes);
}

void bench_print_heading(void) {
  printf("%-35s %9s %2s %3s %12s %9s %9s %9s %6s %6s %8s %8s\n", "mask", "n",
         "h", "d", "edges", "plan ms", "time ms", "limit ms", "limit", "rate",
         "Gflop/s", "error");
}

static const char *workload_name(const bench_workload *workload) {
  return workload->name ? workload->name : workload->mask;
}

static const char *name_of(const bench_result *r) {
  return workload_name(r->workload);
}

void bench_print_left_out(const bench_machine *machine,
                          const bench_workload *workload, double bytes) {
  printf("%-35s %9" PRId64 " left out: %.1f GiB of operands, and the device has "
         "%.1f\n",
         workload_name(workload), workload->n, bytes / (1 << 30),
         (double)machine->memory / (1 << 30));
}

static double operations(const bench_result *r) {
  return 4.0 * (double)r->edges * (double)r->heads * (double)r->d;
}

void bench_print_result(const bench_result *r) {
  printf("%-35s %9" PRId64 " %2" PRId64 " %3" PRId64 " %12" PRId64
         " %9.3f %9.3f %9.3f %5.1f%% %5.1f%% %8.0f %8.1e",
         name_of(r), r->workload->n, r->heads, r->d, r->edges,
         1e3 * r->plan_seconds, 1e3 * r->seconds, 1e3 * r->limit_seconds,
         100 * r->fraction, 100 * r->multiply_add,
         1e-9 * operations(r) / r->seconds, r->error);
  if (r->memory > 0) printf("  %.2f MiB", (double)r->memory / (1 << 20));
  if (r->relative > 0) printf("  %.2f x uniform", r->relative);
  printf("\n");
}

/* Results of one mask stand side by side. */
static int series_end(const bench_result *results, int n, int begin) {
  int end = begin + 1;
  while (end < n &&
         !strcmp(results[end].workload->mask, results[begin].workload->mask))
    end++;
  return end;
}

/* The exponent over the sizes of a series that fill the machine, or over all
 * where those are too few. */
static double series_exponent(const bench_machine *machine,
                              const bench_result *results, int n,
                              int64_t *from) {
  int begin = 0;
  while (begin < n && results[begin].workload->n < bench_full(machine)) begin++;
  if (n - begin < 2) begin = 0;
  *from = results[begin].workload->n;
  return bench_exponent(results + begin, n - begin);
}

int64_t bench_full(const bench_machine *machine) {
  return machine->device ? (int64_t)1 << 20 : 0;
}

void bench_print_growth(const bench_machine *machine,
                        const bench_result *results, int n) {
  for (int begin = 0, end; begin < n; begin = end) {
    int64_t from;
    end = series_end(results, n, begin);
    const double exponent =
        series_exponent(machine, results + begin, end - begin, &from);
    if (machine->device)
      printf("%s from n = %" PRId64 ": ", results[begin].workload->mask, from);
    printf("time grows with edges to the power %.3f\n", exponent);
  }
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
  printf(", \"name\": ");
  print_string(name_of(r));
  printf(", \"frontier\": ");
  print_string(r->workload->frontier ? r->workload->frontier : "all");
  printf(", \"heads\": %" PRId64 ", \"d\": %" PRId64, r->heads, r->d);
  print_number("plan_seconds", r->plan_seconds);
  print_number("seconds", r->seconds);
  print_number("fastest_seconds", r->fastest);
  print_number("limit_seconds", r->limit_seconds);
  print_number("fraction_of_limit", r->fraction);
  print_number("fraction_of_multiply_add", r->multiply_add);
  print_number("operations", operations(r));
  print_number("bytes", r->moved);
  print_number("error", r->error);
  printf(", \"device_bytes_beyond_operands\": %zu", r->memory);
  if (r->relative > 0) print_number("edge_time_of_uniform", r->relative);
  printf("}");
}

static void print_limits(const bench_machine *machine) {
  const gattn_limits *limits = &machine->limits;
  printf(", \"limits\": {\"unit\": \"per second\"");
  print_number("copy_bytes", limits->copy_bytes);
  print_number("multiply_add", limits->multiply_add);
  print_number("random_row_bytes", limits->random_row_bytes);
  if (machine->device) {
    print_number("mma_sync", limits->mma_sync);
    print_number("wgmma", limits->wgmma);
  }
  printf("}");
}

static void print_exponents(const bench_machine *machine,
                            const bench_result *results, int n) {
  int64_t from;
  int end = series_end(results, n, 0);
  if (end == n) {
    print_number("exponent", series_exponent(machine, results, n, &from));
    return;
  }
  printf(", \"exponents\": {\"unit\": \"power of edges\"");
  for (int begin = 0; begin < n; begin = end) {
    end = series_end(results, n, begin);
    print_number(results[begin].workload->mask,
                 series_exponent(machine, results + begin, end - begin, &from));
  }
  printf("}");
}

void bench_print_json(const bench_machine *machine,
                      const bench_request *request,
                      const bench_result *results, int n) {
  const gattn_context *context = machine->session.context;
  printf("{\"suite\": ");
  print_string(request->suite);
  printf(", \"version\": \"%s\", \"isa\": \"%s\", \"threads\": %d, "
         "\"type\": \"%s\", \"device\": ",
         gattn_version_string(), gattn_isa_name(gattn_context_isa(context)),
         (int)gattn_context_threads(context), gattn_type_name(request->type));
  print_string(machine->device ? machine->name : "cpu");
  print_limits(machine);
  printf(", \"workloads\": [");
  for (int r = 0; r < n; r++) {
    if (r) printf(", ");
    print_workload(&results[r]);
  }
  printf("]");
  if (n && !strcmp(request->suite, "growth"))
    print_exponents(machine, results, n);
  printf("}\n");
}
