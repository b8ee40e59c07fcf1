/* gattn run: attention over .npy arrays. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/run.h"

const char cli_help_run[] =
    "usage: gattn run --mask EXPR --q Q.npy --k K.npy --v V.npy --out O.npy\n"
    "                 [--lse L.npy] [--frontier F] [--scale X]\n"
    "                 [--device cpu|cuda|cuda:N] [--threads T] [--explain]\n"
    "                 [--effort estimate|measure] [--wisdom FILE]\n"
    "\n"
    "Exact attention over the edges of a mask. Arrays are C-ordered float32\n"
    "or float16, [n, d], [h, n, d] or [b, h, n, d]; K and V may have fewer\n"
    "heads.\n"
    "\n"
    "  --mask EXPR    the mask, for example 'local(256) | global(0:64)'\n"
    "  --q, --k, --v  queries, keys and values\n"
    "  --out O.npy    the output, of Q's rank and type\n"
    "  --lse L.npy    the rows' log-sum-exp, float32\n"
    "  --frontier F   the query vertices that Q's rows belong to: all,\n"
    "                 range:a:b, last:k, list:i,j,..., file:ids.npy\n"
    "  --scale X      factor of the dot products; 1/sqrt(d) without it\n"
    "  --device D     where to compute: cpu (without it), cuda, cuda:N; the\n"
    "                 arrays then are in the device's memory as a whole\n"
    "  --threads T    number of threads; without it as many as OpenMP starts\n"
    "  --explain      print the plan before running it\n"
    "  --effort E     how the plan is chosen: estimate (without it), or measure:\n"
    "                 time the candidates first, on arrays as large as these\n"
    "  --wisdom FILE  what was measured before; measuring adds to it\n";

static int parse(int argc, char **argv, run_request *r) {
  cli_option options[] = {
      CLI_OPTION("--mask", CLI_EXPRESSION, &r->mask, .required = true),
      CLI_OPTION("--q", CLI_TEXT, &r->path[RUN_Q], .required = true),
      CLI_OPTION("--k", CLI_TEXT, &r->path[RUN_K], .required = true),
      CLI_OPTION("--v", CLI_TEXT, &r->path[RUN_V], .required = true),
      CLI_OPTION("--out", CLI_TEXT, &r->path[RUN_O], .required = true),
      CLI_OPTION("--lse", CLI_TEXT, &r->path[RUN_L]),
      CLI_OPTION("--frontier", CLI_EXPRESSION, &r->frontier),
      CLI_OPTION("--scale", CLI_REAL, &r->scale),
      CLI_OPTION("--device", CLI_TEXT, &r->machine.device),
      CLI_OPTION("--threads", CLI_SIZE, &r->machine.threads, .minimum = 1,
                 .maximum = CLI_MAX_THREADS),
      CLI_OPTION("--explain", CLI_FLAG, &r->explain),
      CLI_OPTION("--effort", CLI_TEXT, &r->planning.effort),
      CLI_OPTION("--wisdom", CLI_TEXT, &r->planning.wisdom),
  };
  const size_t n = sizeof options / sizeof *options, scale = 7;
  int status = cli_parse_options("run", options, n, argc, argv);
  r->has_scale = options[scale].given;
  if (!status && r->path[RUN_L] && cli_same_output(r->path[RUN_L], r->path[RUN_O]))
    return cli_fail(CLI_BAD_REQUEST, "run",
                    "--lse: %s is where --out goes, too", r->path[RUN_L]);
  for (int a = RUN_O; a <= RUN_L && !status; a++)
    if (r->path[a] && r->planning.wisdom &&
        cli_same_output(r->path[a], r->planning.wisdom))
      return cli_fail(CLI_BAD_REQUEST, "run",
                      "--wisdom: %s is where %s goes, too", r->planning.wisdom,
                      a == RUN_O ? "--out" : "--lse");
  return status ? status : cli_planning_check("run", &r->planning);
}

/* The graph and the frontier, once the arrays have said how large they are. */
static int make_graph(cli_session *session, const run_request *request,
                      run_work *work) {
  int64_t n_kv = work->view[RUN_K].shape[2];
  int64_t rows = work->view[RUN_Q].shape[2];
  int64_t n_q = request->frontier ? n_kv : rows;
  gattn_status status = gattn_mask_parse(session->context, request->mask, n_q,
                                         n_kv, &work->graph);
  if (status) return cli_session_fail(session, status, "--mask");
  if (!request->frontier) return CLI_SUCCESS;
  status = gattn_frontier_parse(session->context, request->frontier, n_q,
                                &work->frontier);
  if (status) return cli_session_fail(session, status, "--frontier");
  int64_t size = gattn_frontier_size(work->frontier);
  if (size == rows) return CLI_SUCCESS;
  return cli_fail(CLI_BAD_REQUEST, "run",
                  "%s: %lld rows, but --frontier has %lld vertices",
                  request->path[RUN_Q], (long long)rows, (long long)size);
}

/* advance, softmax and gather as a program, so that the plan can be seen. */
static gattn_status describe(gattn_program *program, const run_request *request,
                             run_work *work) {
  static const char *const names[] = {"q", "k", "v"};
  gattn_value scores, weights, *value = work->value;
  for (int a = RUN_Q; a <= RUN_V; a++) {
    gattn_tensor *view = &work->view[a];
    gattn_status status = gattn_program_input(
        program, names[a], view->type, view->rank, view->shape, &value[a]);
    if (status) return status;
  }
  gattn_status status = gattn_program_advance(
      program, work->graph, work->frontier, value[RUN_Q], value[RUN_K],
      request->has_scale ? &request->scale : NULL, NULL, GATTN_NO_VALUE,
      &scores);
  gattn_value *lse = request->path[RUN_L] ? &value[RUN_L] : NULL;
  if (!status)
    status = gattn_program_segmented_softmax(program, scores, &weights, lse);
  if (!status)
    status =
        gattn_program_gather(program, weights, value[RUN_V], &value[RUN_O]);
  if (!status) status = gattn_program_output(program, "o", value[RUN_O]);
  if (!status && lse) status = gattn_program_output(program, "lse", *lse);
  return status;
}

static int make_plan(cli_session *session, const run_request *request,
                     run_work *work) {
  gattn_program *program;
  const gattn_plan_options options = {.struct_size = sizeof options,
                                      .effort = request->planning.level};
  gattn_status status = gattn_program_create(session->context, &program);
  if (status) return cli_session_fail(session, status, NULL);
  status = describe(program, request, work);
  if (!status) status = gattn_plan_create(program, &options, &work->plan);
  if (!status) status = gattn_plan_workspace(work->plan, &work->bytes);
  int exit_status =
      status ? cli_session_fail(session, status, NULL) : CLI_SUCCESS;
  gattn_program_destroy(program);
  return exit_status;
}

/* The plan is on its way to the reader before the work begins. */
static int explain(cli_session *session, const run_work *work) {
  enum { SIZE = 1 << 16 };
  char *text = malloc(SIZE);
  if (!text) return cli_fail(CLI_FAILURE, "run", "no memory to explain in");
  int exit_status = CLI_SUCCESS;
  gattn_status status = gattn_plan_explain(work->plan, text, SIZE);
  if (status < 0)
    exit_status = cli_session_fail(session, status, NULL);
  else {
    fputs(text, stdout);
    size_t length = strlen(text);
    if (length && text[length - 1] != '\n') putchar('\n');
    exit_status = cli_flush_stdout("run");
  }
  free(text);
  return exit_status;
}

static int execute(cli_session *session, const run_request *request,
                   run_work *work) {
  void *workspace;
  gattn_status status =
      gattn_memory_allocate(session->context, work->bytes, &workspace);
  if (status) return cli_session_fail(session, status, "workspace");
  gattn_binding bindings[RUN_ARRAYS];
  int64_t n = 0;
  for (int a = 0; a < RUN_ARRAYS; a++)
    if (request->path[a])
      bindings[n++] = (gattn_binding){work->value[a], &work->bound[a]};
  status =
      gattn_plan_execute(work->plan, bindings, n, workspace, work->bytes, NULL);
  if (!status) status = gattn_synchronize(session->context);
  gattn_memory_release(session->context, workspace, work->bytes);
  return status ? cli_session_fail(session, status, NULL) : CLI_SUCCESS;
}

static int place_and_execute(cli_session *session, const run_request *request,
                             run_work *work) {
  cli_progress_start(session, "run");
  int status = run_place(session, work);
  if (!status) status = execute(session, request, work);
  if (!status) status = run_fetch(session, work);
  cli_progress_end(session);
  return status;
}

static int work_through(cli_session *session, const run_request *request,
                        run_work *work) {
  int status = run_open_inputs(session, request, work);
  if (!status) status = make_graph(session, request, work);
  if (!status) status = cli_planning_read(session, &request->planning);
  if (!status) status = make_plan(session, request, work);
  if (!status) status = run_create_outputs(session, request, work);
  if (!status && request->explain) status = explain(session, work);
  if (!status) status = place_and_execute(session, request, work);
  if (!status) status = cli_planning_write(session, &request->planning);
  if (!status) status = run_commit_outputs(session, request, work);
  return status;
}

int cli_run(int argc, char **argv) {
  run_request request = {0};
  int status = parse(argc, argv, &request);
  if (status == CLI_HELP) return cli_print_help("run");
  if (status) return status;
  cli_session session;
  status = cli_session_open("run", &request.machine, &session);
  if (status) return status;
  run_work work = {0};
  status = work_through(&session, &request, &work);
  run_displace(&session, &work);
  for (int a = 0; a < RUN_ARRAYS; a++) gattn_npy_close(work.npy[a]);
  gattn_plan_destroy(work.plan);
  gattn_frontier_release(work.frontier);
  gattn_graph_release(work.graph);
  cli_session_close(&session);
  return status;
}
