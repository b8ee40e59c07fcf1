/* What gattn bench measures and reports. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_BENCH_H
#define GATTN_CLI_BENCH_H

#include "cli/session.h"

enum { BENCH_MASK_SIZE = 256, BENCH_MOST_WORKLOADS = 32 };

/* A mask to time over n tokens. */
typedef struct bench_workload {
  char mask[BENCH_MASK_SIZE];
  int64_t n;
  bool gathered; /* rows of K and V are read in random order: an edge list */
} bench_workload;

typedef struct bench_request {
  const char *suite, *mask;
  bool json;
  int64_t n, d, repeat; /* 0: the suite's own, 64, as many as it takes */
  cli_session_options machine;
} bench_request;

typedef struct bench_result {
  const bench_workload *workload;
  int64_t edges, repeats;
  double plan_seconds;  /* parsing the mask and planning */
  double seconds;       /* median of the repeats */
  double fastest;       /* of the repeats */
  double limit_seconds; /* the machine could not do it faster */
  double fraction;      /* limit_seconds / seconds */
  double multiply_add;  /* fraction of the multiply-add rate reached */
  double error;         /* largest, of o and lse, against the oracle */
} bench_result;

/* Rows of attention in float64, straight from the definition: the largest
 * difference to o and lse over a sample of at most 64 rows, the first and the
 * last among them. Arrays are [n, d]; lse [n]. NaN counts as infinite. */
gattn_status bench_oracle_error(gattn_context *context,
                                const gattn_graph *graph, int64_t n, int64_t d,
                                const float *q, const float *k, const float *v,
                                const float *o, const float *lse,
                                double *error);

/* Differences above this are an error of the library: float32 accumulation
 * over values of order one. */
#define BENCH_TOLERANCE 5e-5

/* Runs a workload: exit statuses, a failure was printed. */
int bench_measure(cli_session *session, const bench_request *request,
                  const gattn_limits *limits, const bench_workload *workload,
                  bench_result *result);

/* The workloads of a suite into workloads[BENCH_MOST_WORKLOADS]; returns
 * their number. n is 0 for the suite's own. */
typedef int (*bench_suite_fill)(int64_t n, bench_workload *workloads);
int bench_suite_limits(int64_t n, bench_workload *workloads);
int bench_suite_forward(int64_t n, bench_workload *workloads);
int bench_suite_edges(int64_t n, bench_workload *workloads);
int bench_suite_growth(int64_t n, bench_workload *workloads);

/* p such that time grows with edges to the power p: the slope of a least
 * squares line through the logarithms of the fastest times, to which what else
 * the machine does adds least. 0 for fewer than two points. */
double bench_exponent(const bench_result *results, int n);

/* The report: as text line by line while it is measured, or as one JSON object
 * at the end. */
void bench_print_machine(const cli_session *session,
                         const gattn_limits *limits);
void bench_print_heading(void);
void bench_print_result(const bench_result *result);
void bench_print_json(const cli_session *session, const bench_request *request,
                      const gattn_limits *limits, const bench_result *results,
                      int n);

#endif
