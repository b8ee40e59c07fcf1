/* One workload of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"

enum { Q, K, V, O, LSE, ARRAYS };

typedef struct bench_arrays {
  float *data[ARRAYS];
  gattn_tensor view[ARRAYS];
} bench_arrays;

/* Normal enough: the sum of four uniform numbers, of variance 1. */
static float draw(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  float sum = (float)(x & 0xffff) + (float)(x >> 16 & 0xffff) +
              (float)(x >> 32 & 0xffff) + (float)(x >> 48);
  return (sum / 65536.0f - 2.0f) * 1.7320508f;
}

static void arrays_release(bench_arrays *arrays) {
  for (int a = 0; a < ARRAYS; a++) free(arrays->data[a]);
}

static gattn_status arrays_create(gattn_context *context, int64_t n, int64_t d,
                                  bench_arrays *arrays) {
  for (int a = 0; a < ARRAYS; a++) {
    int64_t shape[2] = {n, d};
    int32_t rank = a == LSE ? 1 : 2;
    gattn_tensor *view = &arrays->view[a];
    /* The shape's overflow is checked before there is memory to point at. */
    gattn_status status =
        gattn_tensor_dense(context, arrays, GATTN_FLOAT32, rank, shape, view);
    if (status) return status;
    int64_t count = gattn_tensor_elements(view);
    size_t bytes = ((size_t)count * sizeof(float) + 4095) / 4096 * 4096;
    arrays->data[a] = aligned_alloc(4096, bytes ? bytes : 4096);
    if (!arrays->data[a]) return GATTN_ERROR_MEMORY;
    view->data = arrays->data[a];
    uint64_t state = (uint64_t)a << 56;
    for (int64_t e = 0; a < O && e < count; e++)
      arrays->data[a][e] = draw(&state);
  }
  return GATTN_SUCCESS;
}

static gattn_status describe(gattn_program *program, gattn_graph *graph,
                             const bench_arrays *arrays, gattn_value *value) {
  static const char *const names[] = {"q", "k", "v"};
  gattn_value scores, weights;
  gattn_status status = GATTN_SUCCESS;
  for (int a = Q; a <= V && !status; a++)
    status = gattn_program_input(program, names[a], GATTN_FLOAT32, 2,
                                 arrays->view[a].shape, &value[a]);
  if (!status)
    status =
        gattn_program_advance(program, graph, GATTN_ALL, value[Q], value[K],
                              NULL, NULL, GATTN_NO_VALUE, &scores);
  if (!status)
    status =
        gattn_program_segmented_softmax(program, scores, &weights, &value[LSE]);
  if (!status)
    status = gattn_program_gather(program, weights, value[V], &value[O]);
  if (!status) status = gattn_program_output(program, "o", value[O]);
  if (!status) status = gattn_program_output(program, "lse", value[LSE]);
  return status;
}

/* The outputs as views of the rank the program gives them. */
static gattn_status shape_outputs(gattn_context *context,
                                  gattn_program *program,
                                  const gattn_value *value,
                                  bench_arrays *arrays) {
  for (int a = O; a < ARRAYS; a++) {
    gattn_type type;
    int32_t rank;
    int64_t shape[GATTN_MAX_RANK];
    gattn_status status =
        gattn_program_value(program, value[a], &type, &rank, shape);
    if (!status)
      status = gattn_tensor_dense(context, arrays->data[a], type, rank, shape,
                                  &arrays->view[a]);
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Repeats until the median is worth something; the first run warms up. */
static gattn_status time_plan(gattn_plan *plan, const gattn_binding *bindings,
                              void *workspace, size_t bytes, int64_t repeat,
                              bench_result *result) {
  enum { MOST = 1000, LEAST = 5, LEAST_SLOW = 3 };
  static const double enough = 0.25, slow = 1.0;
  double times[MOST], spent = 0;
  int64_t count = 0;
  gattn_status status =
      gattn_plan_execute(plan, bindings, ARRAYS, workspace, bytes, NULL);
  while (!status && count < MOST) {
    if (repeat ? count >= repeat
               : (spent > enough && count >= LEAST) ||
                     (spent > slow && count >= LEAST_SLOW))
      break;
    double start = cli_seconds();
    status = gattn_plan_execute(plan, bindings, ARRAYS, workspace, bytes, NULL);
    times[count] = cli_seconds() - start;
    spent += times[count++];
  }
  if (status) return status;
  qsort(times, (size_t)count, sizeof *times, by_time);
  result->seconds = (times[(count - 1) / 2] + times[count / 2]) / 2;
  result->fastest = times[0];
  result->repeats = count;
  return GATTN_SUCCESS;
}

static gattn_status execute(gattn_plan *plan, const gattn_value *value,
                            const bench_arrays *arrays, int64_t repeat,
                            bench_result *result) {
  size_t bytes;
  gattn_status status = gattn_plan_workspace(plan, &bytes);
  if (status) return status;
  void *workspace = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!workspace) return GATTN_ERROR_MEMORY;
  gattn_binding bindings[ARRAYS];
  for (int a = 0; a < ARRAYS; a++)
    bindings[a] = (gattn_binding){value[a], &arrays->view[a]};
  status = time_plan(plan, bindings, workspace, bytes, repeat, result);
  free(workspace);
  return status;
}

static gattn_status plan_and_execute(gattn_context *context, gattn_graph *graph,
                                     int64_t repeat, bench_arrays *arrays,
                                     bench_result *result) {
  gattn_program *program;
  gattn_plan *plan = NULL;
  gattn_value value[ARRAYS];
  double start = cli_seconds();
  gattn_status status = gattn_program_create(context, &program);
  if (status) return status;
  status = describe(program, graph, arrays, value);
  if (!status) status = gattn_plan_create(program, NULL, &plan);
  result->plan_seconds += cli_seconds() - start;
  if (!status) status = shape_outputs(context, program, value, arrays);
  gattn_program_destroy(program);
  if (!status) status = execute(plan, value, arrays, repeat, result);
  gattn_plan_destroy(plan);
  return status;
}

static void rate(const bench_workload *workload, int64_t d,
                 const gattn_limits *limits, bench_result *result) {
  double edges = (double)result->edges, width = 4.0 * (double)d;
  double arithmetic = 4 * edges * (double)d / limits->multiply_add;
  double moving = 4 * (double)workload->n * width / limits->copy_bytes;
  if (workload->gathered) moving = 2 * edges * width / limits->random_row_bytes;
  result->limit_seconds = arithmetic > moving ? arithmetic : moving;
  result->fraction = result->limit_seconds / result->seconds;
  result->multiply_add = arithmetic / result->seconds;
}

int bench_measure(cli_session *session, const bench_request *request,
                  const gattn_limits *limits, const bench_workload *workload,
                  bench_result *result) {
  gattn_context *context = session->context;
  bench_arrays arrays = {0};
  gattn_graph *graph = NULL;
  *result = (bench_result){.workload = workload};
  double start = cli_seconds();
  gattn_status status = gattn_mask_parse(context, workload->mask, workload->n,
                                         workload->n, &graph);
  result->plan_seconds = cli_seconds() - start;
  if (!status) status = gattn_graph_edges(context, graph, &result->edges);
  if (!status)
    status = arrays_create(context, workload->n, request->d, &arrays);
  if (!status)
    status = plan_and_execute(context, graph, request->repeat, &arrays, result);
  if (!status)
    status = bench_oracle_error(
        context, graph, workload->n, request->d, arrays.data[Q], arrays.data[K],
        arrays.data[V], arrays.data[O], arrays.data[LSE], &result->error);
  arrays_release(&arrays);
  gattn_graph_release(graph);
  if (status == GATTN_ERROR_MEMORY)
    return cli_fail(CLI_FAILURE, "bench", "%s: no memory for n = %lld",
                    workload->mask, (long long)workload->n);
  if (status) return cli_session_fail(session, status, workload->mask);
  rate(workload, request->d, limits, result);
  return CLI_SUCCESS;
}
