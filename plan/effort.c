/* Choosing by timing: one thing of a choice after another is made otherwise,
 * and kept so where that is faster. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/effort.h"

#include <math.h>

#include <gattn/measure.h>
#include <gattn/memory.h>

#include "lib/device.h"
#include "plan/device/attend.h"
#include "plan/lower.h"
#include "plan/wisdom.h"

/* A candidate replaces the best when it is faster by more than timings differ
 * from run to run: figures of an H200 repeat within 1%, of a shared CPU within
 * 3%. */
static const double gain = 0.97;

/* A run that takes so many times the best is not repeated; but the first one
 * may have waited for its kernels to be loaded, which takes a device some
 * milliseconds. */
static const double hopeless = 4, loading = 0.02;

enum { Q, K, V, O, ARRAYS };

/* What candidates run on. */
typedef struct trial {
  gattn_context *context;
  gattn_attend_problem problem;
  gattn_tensor tensors[ARRAYS];
  size_t bytes[ARRAYS];
  gattn_attend_operands operands;
  gattn_timer *timer;
  int64_t held; /* bytes of all arrays */
} trial;

/* ------------------------------------------------------------ operands */

static gattn_status make_array(trial *trial, int array) {
  static const char *const names[] = {"q", "k", "v", "o"};
  const gattn_attend_problem *problem = &trial->problem;
  const bool query = array == Q || array == O;
  const int64_t shape[] = {problem->batch,
                           query ? problem->heads : problem->kv_heads,
                           query ? problem->n_f : problem->n_kv,
                           array == Q || array == K ? problem->dim
                                                    : problem->dim_v};
  gattn_tensor *tensor = &trial->tensors[array];
  void *data;
  gattn_status status = gattn_tensor_dense(
      trial->context, trial, problem->type, GATTN_MAX_RANK, shape, tensor);
  if (status) return status;
  tensor->data = NULL;
  tensor->device = gattn_context_device(trial->context);
  const int64_t bytes =
      gattn_tensor_elements(tensor) * (int64_t)gattn_type_size(problem->type);
  const int64_t most = problem->planning.effort_bytes;
  if (most && bytes > most - trial->held)
    return gattn_fail(trial->context, GATTN_ERROR_MEMORY,
                      "options.effort_bytes: %s takes %lld bytes more, of %lld",
                      names[array], (long long)bytes, (long long)most);
  status = gattn_memory_allocate(trial->context, (size_t)bytes, &data);
  if (status) return status;
  tensor->data = data;
  trial->bytes[array] = (size_t)bytes;
  trial->held += bytes;
  return array == O ? GATTN_SUCCESS
                    : gattn_fill_normal(trial->context, (uint64_t)array,
                                        tensor);
}

static gattn_status make_operands(trial *trial) {
  gattn_view *views[] = {&trial->operands.q, &trial->operands.k,
                         &trial->operands.v, &trial->operands.o};
  gattn_status status = GATTN_SUCCESS;
  for (int a = 0; a < ARRAYS && !status; a++) {
    status = make_array(trial, a);
    if (!status)
      status = gattn_view_of(trial->context, "scratch", &trial->tensors[a],
                             GATTN_MAX_RANK, views[a]);
  }
  return status;
}

static void end_trial(trial *trial) {
  gattn_timer_destroy(trial->timer);
  for (int a = 0; a < ARRAYS; a++)
    if (trial->tensors[a].data)
      gattn_memory_release(trial->context, trial->tensors[a].data,
                           trial->bytes[a]);
}

/* ------------------------------------------------------------ timing */

enum { LAPS = 5 };

static gattn_status time_laps(trial *trial, const gattn_attend *attend,
                              void *workspace, int laps, int runs,
                              double *fastest) {
  double seconds[LAPS];
  gattn_status status = gattn_timer_mark(trial->timer, NULL);
  for (int lap = 0; lap < laps && !status; lap++) {
    for (int run = 0; run < runs && !status; run++)
      status = gattn_attend_execute(attend, &trial->operands, workspace, NULL);
    if (!status) status = gattn_timer_mark(trial->timer, NULL);
  }
  if (!status) status = gattn_timer_read(trial->timer, seconds);
  *fastest = INFINITY;
  for (int lap = 0; lap < laps && !status; lap++)
    *fastest = fmin(*fastest, seconds[lap] / runs);
  return status;
}

/* The first run warms up, the second says how many more there are: laps of
 * half a millisecond, and one lap of what takes long. */
static gattn_status time_runs(trial *trial, const gattn_attend *attend,
                              void *workspace, double best, double *seconds) {
  static const double lap_seconds = 5e-4, slow = 0.2;
  gattn_status status = time_laps(trial, attend, workspace, 1, 1, seconds);
  if (status || *seconds > hopeless * best + loading) return status;
  status = time_laps(trial, attend, workspace, 1, 1, seconds);
  if (status || *seconds > hopeless * best || *seconds > slow) return status;
  const int runs =
      *seconds < lap_seconds / 100 ? 100 : (int)(lap_seconds / *seconds) + 1;
  return time_laps(trial, attend, workspace, LAPS, runs, seconds);
}

/* What memory keeps from being tried is no candidate. */
static bool passed_over(gattn_status status) {
  return status == GATTN_ERROR_MEMORY || status == GATTN_ERROR_TOO_LARGE ||
         status == GATTN_ERROR_OVERFLOW;
}

static gattn_status run_workspace(trial *trial, const gattn_attend *attend,
                                  double best, double *seconds) {
  const size_t bytes = gattn_attend_workspace(attend);
  const int64_t most = trial->problem.planning.effort_bytes;
  void *workspace;
  if (most && bytes > (size_t)(most - trial->held))
    return gattn_fail(trial->context, GATTN_ERROR_MEMORY,
                      "options.effort_bytes: a workspace takes %zu bytes more, "
                      "of %lld",
                      bytes, (long long)most);
  gattn_status status = gattn_memory_allocate(trial->context, bytes, &workspace);
  if (status) return status;
  status = time_runs(trial, attend, workspace, best, seconds);
  gattn_memory_release(trial->context, workspace, bytes);
  return status;
}

/* *seconds of a choice, and *taken: what it has come to. */
static gattn_status try_choice(trial *trial, const gattn_choice *choice,
                               double best, double *seconds,
                               gattn_choice *taken) {
  gattn_attend *attend;
  trial->problem.planning.choice = *choice;
  gattn_status status =
      gattn_attend_create(trial->context, &trial->problem, &attend);
  if (status) return status;
  *taken = gattn_attend_taken(attend);
  status = taken->n_terms ? run_workspace(trial, attend, best, seconds)
                          : GATTN_SUCCESS;
  gattn_attend_destroy(attend);
  return status;
}

/* ------------------------------------------------------------ search */

static int moves_of(const trial *trial, const gattn_choice *choice,
                    gattn_move moves[GATTN_MOVES]) {
  const gattn_attend_problem *problem = &trial->problem;
  return gattn_on_device(trial->context)
             ? gattn_device_attend_moves(trial->context, problem,
                                         problem->graph, choice, moves)
             : gattn_cpu_moves(trial->context, problem, problem->graph, choice,
                               moves);
}

static void log_trial(const trial *trial, const gattn_choice *choice,
                      double seconds) {
  char text[GATTN_CHOICE_TEXT];
  gattn_log(trial->context, GATTN_LOG_DEBUG, "tried %s: %.4g ms",
            gattn_choice_text(choice, text), seconds * 1e3);
}

/* From what the costs choose, one move after another. A device that has idled
 * is slow at first, so what comes first is timed twice. */
static gattn_status search(trial *trial, gattn_choice *best, double *least) {
  static const gattn_choice any = {0};
  gattn_move moves[GATTN_MOVES];
  gattn_status status = try_choice(trial, &any, INFINITY, least, best);
  if (status || best->n_terms == 0) return status;
  if (gattn_on_device(trial->context))
    status = try_choice(trial, &any, INFINITY, least, best);
  if (status) return status;
  log_trial(trial, best, *least);
  const int n = moves_of(trial, best, moves);
  for (int m = 0; m < n; m++) {
    const gattn_choice choice = gattn_choice_moved(best, &moves[m]);
    gattn_choice taken;
    double seconds = INFINITY;
    status = try_choice(trial, &choice, *least, &seconds, &taken);
    if (passed_over(status)) continue;
    if (status) return status;
    log_trial(trial, &choice, seconds);
    if (seconds >= gain * *least) continue;
    *least = seconds;
    *best = choice;
  }
  return GATTN_SUCCESS;
}

static gattn_status run_trial(trial *trial, gattn_choice *best,
                              double *least) {
  gattn_status status = gattn_timer_create(trial->context, LAPS + 1,
                                           &trial->timer);
  if (!status) status = make_operands(trial);
  if (!status) status = search(trial, best, least);
  end_trial(trial);
  return status;
}

static bool nothing_to_do(const gattn_attend_problem *problem) {
  return problem->edge_values || problem->batch == 0 || problem->heads == 0 ||
         problem->n_f == 0 || problem->n_kv == 0;
}

gattn_status gattn_attend_try(gattn_context *context,
                              const gattn_attend_problem *problem,
                              gattn_graph *graph) {
  if (nothing_to_do(problem)) return GATTN_SUCCESS;
  if (gattn_on_device(context) &&
      gattn_device_capturing(context, gattn_device_stream(context)))
    return gattn_fail(context, GATTN_ERROR_STATE,
                      "options.effort: the context's stream is being captured, "
                      "where nothing can be timed");
  gattn_wisdom_entry entry = gattn_wisdom_entry_of(context, problem, graph);
  if (gattn_wisdom_find(context, &entry)) return GATTN_SUCCESS;
  trial trial = {.context = context, .problem = *problem};
  trial.problem.graph = graph;
  trial.problem.planning.effort = GATTN_EFFORT_ESTIMATE;
  gattn_status status = run_trial(&trial, &entry.choice, &entry.seconds);
  if (status || entry.choice.n_terms == 0) return status;
  return gattn_wisdom_add(context, &entry, 1);
}
