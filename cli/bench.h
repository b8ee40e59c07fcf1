/* What gattn bench measures and reports. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_BENCH_H
#define GATTN_CLI_BENCH_H

#include "cli/planning.h"

enum { BENCH_MASK_SIZE = 1024, BENCH_MOST_WORKLOADS = 64 };

/* ------------------------------------------------------------ workloads */

/* What the mask of a workload is. */
typedef enum bench_mask_kind {
  BENCH_EXPRESSION = 0,
  BENCH_RMAT, /* 32 n edges by the Graph500's recursive matrix, without
               * duplicates: hubs of all sizes */
  BENCH_EDGES /* the expression's edges as an explicit list */
} bench_mask_kind;

/* A mask to time over n tokens. */
typedef struct bench_workload {
  char mask[BENCH_MASK_SIZE];
  const char *name; /* in the table; null: the mask */
  int64_t n;
  int64_t heads, d;     /* 0: as asked for */
  const char *frontier; /* null: all */
  bench_mask_kind kind;
  bool gathered; /* rows of K and V are read in random order: an edge list */
  bool over_q;   /* O is written over Q, by gattn_attention */
  bool uniform;  /* the time of its edges is what later ones of its n are
                  * compared with */
} bench_workload;

/* Zero is the suite's own choice. */
typedef struct bench_request {
  const char *suite, *mask;
  bool json, keep_going;
  int64_t n, heads, d, repeat;
  gattn_type type;
  const char *type_name;
  cli_session_options machine;
  cli_planning planning;
} bench_request;

/* The workloads of a suite into workloads[BENCH_MOST_WORKLOADS]; returns
 * their number. n is 0 for the suite's own. */
typedef int (*bench_suite_fill)(int64_t n, bench_workload *workloads);
int bench_suite_limits(int64_t n, bench_workload *workloads);
int bench_suite_forward(int64_t n, bench_workload *workloads);
int bench_suite_edges(int64_t n, bench_workload *workloads);
int bench_suite_growth(int64_t n, bench_workload *workloads);
int bench_suite_tokens(int64_t n, bench_workload *workloads);
/* The same on a device. */
int bench_device_forward(int64_t n, bench_workload *workloads);
int bench_device_edges(int64_t n, bench_workload *workloads);
int bench_device_growth(int64_t n, bench_workload *workloads);
int bench_device_tokens(int64_t n, bench_workload *workloads);

/* Appends a workload whose mask is printed by format; returns count + 1. */
int bench_add(bench_workload *workloads, int count, bench_workload like,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The largest h <= sqrt(n) that divides n. */
int64_t bench_grid_height(int64_t n);

/* ------------------------------------------------------------ machine */

/* What is measured on. On a device two contexts share its default stream: that
 * of `session` takes its device memory from the other, so that what the library
 * needs beyond the operands is counted. */
typedef struct bench_machine {
  cli_session session;
  cli_session operands; /* its context is null on the CPU */
  bool device;
  char name[64];       /* of the device */
  int64_t memory;      /* of the device, in bytes */
  size_t held, peak;   /* bytes on the device that are not operands */
  gattn_limits limits;
  int64_t limits_rows; /* that they were measured with; −1: not yet */
} bench_machine;

/* Exit statuses; a failure was printed. */
int bench_machine_open(const bench_request *request, bench_machine *machine);
void bench_machine_close(bench_machine *machine);

/* Measures machine->limits with random rows as the workload's edge list gathers
 * them: from K and V. Nothing is done where they are known. */
int bench_machine_limits(bench_machine *machine, const bench_request *request,
                         const bench_workload *workload);

/* The context that operands are made with. */
static inline gattn_context *bench_operands(const bench_machine *machine) {
  return machine->operands.context ? machine->operands.context
                                   : machine->session.context;
}

/* ------------------------------------------------------------ measuring */

typedef struct bench_result {
  const bench_workload *workload;
  int64_t heads, d, edges, repeats; /* edges: of the frontier, one head's */
  double plan_seconds;  /* parsing the mask and planning */
  double seconds;       /* median of the repeats */
  double fastest;       /* of the repeats */
  double limit_seconds; /* the machine could not do it faster */
  double moved;         /* bytes that have to move */
  double fraction;      /* limit_seconds / seconds */
  double multiply_add;  /* fraction of the arithmetic rate reached */
  double error;         /* largest, of o and lse, against the oracle */
  size_t memory;        /* bytes on the device beyond the operands */
  double relative;      /* time of an edge, of that in the uniform graph; 0:
                         * there is none */
} bench_result;

/* Of a workload's operands. */
double bench_bytes(const bench_request *request,
                   const bench_workload *workload);

/* Runs a workload: exit statuses, a failure was printed. */
int bench_measure(bench_machine *machine, const bench_request *request,
                  const bench_workload *workload, bench_result *result);

/* The mask of a workload as a graph. */
gattn_status bench_graph(gattn_context *context, const bench_workload *workload,
                         gattn_graph **graph);

/* A row of an operand, as the library read it: 0 is Q, 1 K, 2 V. */
enum { BENCH_Q, BENCH_K, BENCH_V, BENCH_O, BENCH_LSE, BENCH_ARRAYS };
typedef void (*bench_row)(const void *source, int array, int64_t head,
                          int64_t row, int64_t d, float *values);

/* One row of attention in float64, straight from the definition: the largest
 * difference to o[d] and lse. row: of Q; vertex: in the graph. NaN counts as
 * infinite. *edges grows by those of the row. */
typedef struct bench_sample {
  int64_t head, row, vertex;
  const float *o;
  float lse;
} bench_sample;
gattn_status bench_oracle_error(gattn_context *context,
                                const gattn_graph *graph, int64_t d,
                                bench_row row, const void *source,
                                const bench_sample *sample, int64_t *edges,
                                double *error);

/* Differences above this are an error of the library: accumulation in float32
 * over values of order one, and what the type rounds away. */
double bench_tolerance(gattn_type type);

/* p such that time grows with edges to the power p: the slope of a least
 * squares line through the logarithms of the fastest times, to which what else
 * the machine does adds least. 0 for fewer than two points. */
double bench_exponent(const bench_result *results, int n);

/* Tokens from which a suite that grows fills the machine. */
int64_t bench_full(const bench_machine *machine);

/* ------------------------------------------------------------ report */

/* As text line by line while it is measured, or as one JSON object at the
 * end. */
void bench_print_machine(const bench_machine *machine);
void bench_print_heading(void);
void bench_print_left_out(const bench_machine *machine,
                          const bench_workload *workload, double bytes);
void bench_print_result(const bench_result *result);
void bench_print_growth(const bench_machine *machine,
                        const bench_result *results, int n);
void bench_print_json(const bench_machine *machine,
                      const bench_request *request,
                      const bench_result *results, int n);

#endif
