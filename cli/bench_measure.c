/* One workload of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>

#include "cli/bench_arrays.h"

/* What a workload is made of, while it runs. */
typedef struct bench_work {
  bench_machine *machine;
  const bench_workload *workload;
  int64_t repeat;
  gattn_graph *graph;
  gattn_frontier *frontier; /* null: all */
  bench_arrays arrays;
  gattn_plan *plan;
  gattn_value value[BENCH_ARRAYS];
} bench_work;

static gattn_context *context_of(const bench_work *work) {
  return work->machine->session.context;
}

static gattn_status describe(gattn_program *program, bench_work *work) {
  static const char *const names[] = {"q", "k", "v"};
  gattn_value *value = work->value, scores, weights;
  gattn_status status = GATTN_SUCCESS;
  for (int a = BENCH_Q; a <= BENCH_V && !status; a++)
    status = gattn_program_input(
        program, names[a], work->arrays.type, work->arrays.view[a].rank,
        work->arrays.view[a].shape, &value[a]);
  if (!status)
    status = gattn_program_advance(program, work->graph, work->frontier,
                                   value[BENCH_Q], value[BENCH_K], NULL, NULL,
                                   GATTN_NO_VALUE, &scores);
  if (!status)
    status = gattn_program_segmented_softmax(program, scores, &weights,
                                             &value[BENCH_LSE]);
  if (!status)
    status = gattn_program_gather(program, weights, value[BENCH_V],
                                  &value[BENCH_O]);
  if (!status) status = gattn_program_output(program, "o", value[BENCH_O]);
  if (!status) status = gattn_program_output(program, "lse", value[BENCH_LSE]);
  return status;
}

static gattn_status make_plan(bench_work *work, bench_result *result) {
  gattn_program *program;
  const double start = cli_seconds();
  gattn_status status = gattn_program_create(context_of(work), &program);
  if (status) return status;
  status = describe(program, work);
  if (!status) status = gattn_plan_create(program, NULL, &work->plan);
  /* What planning has put on the device's stream is planning. */
  if (!status) status = gattn_synchronize(context_of(work));
  result->plan_seconds += cli_seconds() - start;
  if (!status) status = bench_arrays_shape(program, work->value, &work->arrays);
  gattn_program_destroy(program);
  return status;
}

/* ------------------------------------------------------------ timing */

typedef struct bench_execution {
  gattn_plan *plan;
  const gattn_binding *bindings;
  void *workspace;
  size_t bytes;
  gattn_timer *timer;
} bench_execution;

/* The seconds of laps of `runs` executions each; nothing waits in between. */
static gattn_status time_laps(const bench_execution *x, int64_t laps,
                              int64_t runs, double *seconds) {
  gattn_status status = gattn_timer_mark(x->timer, NULL);
  for (int64_t lap = 0; lap < laps && !status; lap++) {
    for (int64_t run = 0; run < runs && !status; run++)
      status = gattn_plan_execute(x->plan, x->bindings, BENCH_ARRAYS,
                                  x->workspace, x->bytes, NULL);
    if (!status) status = gattn_timer_mark(x->timer, NULL);
  }
  if (!status) status = gattn_timer_read(x->timer, seconds);
  for (int64_t lap = 0; lap < laps && !status; lap++)
    seconds[lap] /= (double)runs;
  return status;
}

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int64_t between(double x, int64_t least, int64_t most) {
  return x < (double)least ? least : x > (double)most ? most : (int64_t)x;
}

enum { MOST_LAPS = 1000 };

/* Laps until the median is worth something, when a run takes `seconds`. */
static int64_t laps_of(bool device, double seconds) {
  static const double enough = 0.25, slow = 0.4;
  if (device) return between(0.1 / seconds, 10, 50);
  return between(enough / seconds, seconds > slow ? 3 : 5, MOST_LAPS);
}

/* On a device short runs share a lap, which is then long beside its marks. */
static gattn_status time_plan(const bench_execution *x, bool device,
                              int64_t repeat, bench_result *result) {
  static const double long_enough = 5e-4;
  double times[MOST_LAPS];
  gattn_status status = time_laps(x, device ? 3 : 1, 1, times);
  if (status) return status;
  const double once = times[device ? 2 : 0];
  const int64_t runs = device ? between(long_enough / once, 1, 50) : 1;
  const int64_t laps = repeat ? repeat : laps_of(device, once);
  status = time_laps(x, laps, runs, times);
  if (status) return status;
  qsort(times, (size_t)laps, sizeof *times, by_time);
  result->seconds = (times[(laps - 1) / 2] + times[laps / 2]) / 2;
  result->fastest = times[0];
  result->repeats = laps;
  return GATTN_SUCCESS;
}

static gattn_status execute(bench_work *work, bench_result *result) {
  bench_execution x = {.plan = work->plan};
  gattn_binding bindings[BENCH_ARRAYS];
  gattn_status status = gattn_plan_workspace(work->plan, &x.bytes);
  if (status) return status;
  for (int a = 0; a < BENCH_ARRAYS; a++)
    bindings[a] = (gattn_binding){work->value[a], &work->arrays.view[a]};
  x.bindings = bindings;
  status = gattn_memory_allocate(context_of(work), x.bytes, &x.workspace);
  if (status) return status;
  status = gattn_timer_create(context_of(work), MOST_LAPS + 1, &x.timer);
  if (status) goto release_workspace;
  status = time_plan(&x, work->machine->device, work->repeat, result);
  gattn_timer_destroy(x.timer);
release_workspace:
  gattn_memory_release(context_of(work), x.workspace, x.bytes);
  return status;
}

/* ------------------------------------------------------------ limits */

static double arithmetic_rate(const bench_machine *machine, gattn_type type) {
  const gattn_limits *limits = &machine->limits;
  if (type == GATTN_FLOAT32 || !machine->device) return limits->multiply_add;
  return limits->wgmma > limits->mma_sync ? limits->wgmma : limits->mma_sync;
}

/* Q and O move once, and K and V as far as there are edges to them. */
static void rate(const bench_work *work, bench_result *result) {
  const bench_machine *machine = work->machine;
  const bench_arrays *arrays = &work->arrays;
  const double edges = (double)result->edges, n = (double)arrays->n;
  const double heads = (double)arrays->heads;
  const double width =
      (double)arrays->d * (double)gattn_type_size(arrays->type);
  double bandwidth = machine->limits.copy_bytes;
  result->moved =
      2 * heads * width * ((double)arrays->n_f + (edges < n ? edges : n));
  if (work->workload->gathered) {
    result->moved = 2 * heads * edges * width;
    bandwidth = machine->limits.random_row_bytes;
  }
  const double arithmetic = 4 * edges * heads * (double)arrays->d /
                            arithmetic_rate(machine, arrays->type);
  const double moving = result->moved / bandwidth;
  result->limit_seconds = arithmetic > moving ? arithmetic : moving;
  result->fraction = result->limit_seconds / result->seconds;
  result->multiply_add = arithmetic / result->seconds;
}

/* ------------------------------------------------------------ workload */

static gattn_status count_edges(const bench_work *work, int64_t *edges) {
  if (!work->frontier)
    return gattn_graph_edges(context_of(work), work->graph, edges);
  gattn_status status = GATTN_SUCCESS;
  int64_t sum = 0;
  for (int64_t p = 0; p < work->arrays.n_f && !status; p++) {
    int64_t vertex, count, degree = 0;
    status = gattn_frontier_vertices(context_of(work), work->frontier, p, 1,
                                     &vertex, &count);
    if (!status)
      status =
          gattn_graph_degree(context_of(work), work->graph, vertex, &degree);
    sum += degree;
  }
  if (!status) *edges = sum;
  return status;
}

static gattn_status prepare(bench_work *work, const bench_request *request,
                            bench_result *result) {
  const bench_workload *workload = work->workload;
  const double start = cli_seconds();
  gattn_status status = bench_graph(context_of(work), workload, &work->graph);
  if (!status && workload->frontier)
    status = gattn_frontier_parse(context_of(work), workload->frontier,
                                  workload->n, &work->frontier);
  if (workload->kind == BENCH_EXPRESSION)
    result->plan_seconds = cli_seconds() - start;
  if (status) return status;
  status = bench_arrays_create(
      bench_operands(work->machine), request->type, result->heads,
      work->frontier ? gattn_frontier_size(work->frontier) : workload->n,
      workload->n, result->d, &work->arrays);
  return status ? status : count_edges(work, &result->edges);
}

static int fail(bench_work *work, gattn_status status) {
  bench_machine *machine = work->machine;
  const char *name =
      work->workload->name ? work->workload->name : work->workload->mask;
  if (status == GATTN_ERROR_MEMORY)
    return cli_fail(CLI_FAILURE, "bench", "%s: no memory for n = %lld", name,
                    (long long)work->workload->n);
  /* Operands have a context of their own on a device, with its message. */
  if (machine->device && !gattn_context_message(machine->session.context)[0])
    return cli_session_fail(&machine->operands, status, name);
  return cli_session_fail(&machine->session, status, name);
}

int bench_measure(bench_machine *machine, const bench_request *request,
                  const bench_workload *workload, bench_result *result) {
  bench_work work = {
      .machine = machine, .workload = workload, .repeat = request->repeat};
  *result = (bench_result){
      .workload = workload,
      .heads = request->heads ? request->heads
                              : workload->heads ? workload->heads : 1,
      .d = request->d ? request->d : workload->d ? workload->d : 64};
  int exit_status = bench_machine_limits(machine, request, workload);
  if (exit_status) return exit_status;
  const size_t before = machine->peak = machine->held;
  gattn_status status = prepare(&work, request, result);
  if (!status) status = make_plan(&work, result);
  if (!status) status = execute(&work, result);
  result->memory = machine->peak - before;
  if (!status)
    status = bench_arrays_error(&work.arrays, work.graph, work.frontier,
                                &result->error);
  if (!status) rate(&work, result);
  if (status) exit_status = fail(&work, status);
  gattn_plan_destroy(work.plan);
  bench_arrays_release(&work.arrays);
  gattn_frontier_release(work.frontier);
  gattn_graph_release(work.graph);
  return exit_status;
}
