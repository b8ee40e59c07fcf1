/* One workload of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/bench_time.h"

/* What a workload is made of, while it runs. */
typedef struct bench_work {
  bench_machine *machine;
  const bench_workload *workload;
  int64_t repeat;
  gattn_effort effort;
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
  const gattn_plan_options options = {.struct_size = sizeof options,
                                      .effort = work->effort};
  /* Operands are still being drawn, which is not planning. */
  gattn_status status = gattn_synchronize(context_of(work));
  const double start = cli_seconds();
  if (!status) status = gattn_program_create(context_of(work), &program);
  if (status) return status;
  status = describe(program, work);
  if (!status) status = gattn_plan_create(program, &options, &work->plan);
  /* What planning has put on the device's stream is planning. */
  if (!status) status = gattn_synchronize(context_of(work));
  result->plan_seconds += cli_seconds() - start;
  if (!status) status = bench_arrays_shape(program, work->value, &work->arrays);
  gattn_program_destroy(program);
  return status;
}

/* ------------------------------------------------------------ timing */

static gattn_status execute(bench_work *work, bench_result *result) {
  bench_execution x = {.plan = work->plan, .device = work->machine->device};
  gattn_binding bindings[BENCH_ARRAYS];
  gattn_status status = gattn_plan_workspace(work->plan, &x.bytes);
  if (status) return status;
  for (int a = 0; a < BENCH_ARRAYS; a++)
    bindings[a] = (gattn_binding){work->value[a], &work->arrays.view[a]};
  x.bindings = bindings;
  status = gattn_memory_allocate(context_of(work), x.bytes, &x.workspace);
  if (status) return status;
  status = bench_time_plan(context_of(work), &x, work->repeat, result);
  gattn_memory_release(context_of(work), x.workspace, x.bytes);
  return status;
}

/* Plans bind outputs that share no memory; the call takes O over Q. */
static gattn_status call(bench_work *work, bench_result *result) {
  const bench_call x = {context_of(work), work->graph, work->frontier,
                        &work->arrays};
  return bench_time_call(&x, work->repeat, result);
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
      workload->n, result->d, workload->over_q, &work->arrays);
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

/* Q, K, V, lse and, where it has room of its own, O. */
double bench_bytes(const bench_request *request,
                   const bench_workload *workload) {
  const int64_t heads =
      request->heads ? request->heads : workload->heads ? workload->heads : 1;
  const int64_t d = request->d ? request->d : workload->d ? workload->d : 64;
  const double arrays = workload->frontier ? 2 : workload->over_q ? 3 : 4;
  return (double)workload->n * (double)heads *
         (arrays * (double)d * (double)gattn_type_size(request->type) + 4);
}

int bench_measure(bench_machine *machine, const bench_request *request,
                  const bench_workload *workload, bench_result *result) {
  bench_work work = {
      .machine = machine, .workload = workload, .repeat = request->repeat,
      .effort = request->planning.level};
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
  if (!status)
    status = workload->over_q ? call(&work, result) : execute(&work, result);
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
