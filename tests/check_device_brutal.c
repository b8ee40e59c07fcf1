/* Every allocation of a device context refused in turn, the device's and the
 * host's: a status each time, and nothing leaks. SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdlib.h>

#include "tests/attend_case.h"
#include "tests/device_heap.h"

enum { DIM = 32 };

/* Operands of [heads, n, DIM], in a context that nothing is refused. */
typedef struct scene {
  const char *mask;
  int64_t n, heads;
  const char *frontier;
  gattn_score_kind score;
  gattn_type type;
  bool stack; /* the second head's mask is random(3, 1) */
  oracle_array q, o, lse;
} scene;

/* Fewer edges than windows of rows are tried for: without memory for those a
 * plan does without them. */
static const scene scenes[] = {
    {.mask = "local(9)", .n = 200},
    {.mask = "full", .n = 1500, .frontier = "last:1"},
    {.mask = "local(2) | random(2, 1) | dilated(2, 3)", .n = 150},
    {.mask = "global(0:2, 9) | local(1)", .n = 2100},
    {.mask = "random(5, 2)", .n = 150, .frontier = "list:5,1,140"},
    {.mask = "randomblocks(16, 2, 2)", .n = 120, .type = GATTN_FLOAT16},
    {.mask = "neighborhood2d(10, 15, 5, 5)", .n = 150,
     .type = GATTN_BFLOAT16},
    {.mask = "dilated(3, 5) | cols(7)", .n = 150, .score = GATTN_SCORE_ALIBI},
    {.mask = "local(3)", .n = 150, .stack = true,
     .score = GATTN_SCORE_RELATIVE},
    {.mask = "full - full", .n = 40},
};
enum { SCENES = sizeof scenes / sizeof *scenes };

static gattn_context *home;
static scene now;

static void create(void) {
  home = test_context(NULL);
  now = (scene){0};
}

static void destroy(void) {
  oracle_array_free(&now.q);
  oracle_array_free(&now.o);
  oracle_array_free(&now.lse);
  gattn_context_destroy(home);
  test_settle();
}

static void make(const scene *given) {
  now = *given;
  now.heads = now.stack ? 2 : 1;
  gattn_frontier *frontier = NULL;
  int64_t n_f = now.n;
  if (now.frontier) {
    ck_success(home, gattn_frontier_parse(home, now.frontier, now.n,
                                          &frontier));
    n_f = gattn_frontier_size(frontier);
    gattn_frontier_release(frontier);
  }
  const int64_t keys[] = {now.heads, now.n, DIM}, rows[] = {now.heads, n_f, DIM};
  now.q = oracle_array_make(now.type, 3, keys, ORACLE_DENSE, 1);
  now.o = oracle_array_make(now.type, 3, rows, ORACLE_DENSE, 2);
  now.lse = oracle_array_make(GATTN_FLOAT32, 2, rows, ORACLE_DENSE, 3);
  oracle_array_place(&now.q, home);
  oracle_array_place(&now.o, home);
  oracle_array_place(&now.lse, home);
}

static gattn_status make_graph(gattn_context *context, gattn_graph **graph) {
  gattn_graph *heads[2] = {NULL, NULL};
  gattn_status status =
      gattn_mask_parse(context, now.mask, now.n, now.n, &heads[0]);
  if (status || !now.stack) {
    *graph = heads[0];
    return status;
  }
  status = gattn_mask_parse(context, "random(3, 1)", now.n, now.n, &heads[1]);
  if (!status) status = gattn_graph_stack(context, heads, 2, graph);
  gattn_graph_release(heads[0]);
  gattn_graph_release(heads[1]);
  return status;
}

static const float table[] = {0.5f, 0.25f, 0.125f, 1, 2, 3};

static gattn_status attend(gattn_context *context, void *user) {
  gattn_graph *graph = NULL;
  gattn_frontier *frontier = NULL;
  gattn_tensor q = now.q.tensor;
  const gattn_score score = {.struct_size = sizeof score, .kind = now.score,
                             .table = table,
                             .count = now.score == GATTN_SCORE_ALIBI
                                          ? now.heads : 3};
  (void)user;
  q.shape[1] = now.o.tensor.shape[1];
  gattn_attention_args args = {.struct_size = sizeof args, .q = &q,
                               .k = &now.q.tensor, .v = &now.q.tensor,
                               .o = &now.o.tensor, .lse = &now.lse.tensor,
                               .score = &score};
  gattn_status status = make_graph(context, &graph);
  if (!status && now.frontier)
    status = gattn_frontier_parse(context, now.frontier, now.n, &frontier);
  if (!status) status = gattn_attention(context, graph, frontier, &args);
  if (!status) status = gattn_synchronize(context);
  gattn_frontier_release(frontier);
  gattn_graph_release(graph);
  return status;
}

START_TEST(device_memory_is_refused) {
  make(&scenes[_i]);
  device_brutal_run(attend, NULL);
}
END_TEST

START_TEST(host_memory_is_refused) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = gattn_context_device(home)};
  make(&scenes[_i]);
  brutal_run_with(&options, attend, NULL);
}
END_TEST

/* ------------------------------------------------------------ programs */

static gattn_status build(gattn_context *context, gattn_program *program,
                          gattn_graph *graph, gattn_binding *bindings) {
  gattn_value q = GATTN_NO_VALUE, s, w, o, lse;
  const gattn_tensor *tensor = &now.q.tensor;
  gattn_status status = gattn_program_input(program, "q", tensor->type,
                                            tensor->rank, tensor->shape, &q);
  (void)context;
  if (!status)
    status = gattn_program_advance(program, graph, NULL, q, q, NULL, NULL,
                                   GATTN_NO_VALUE, &s);
  if (!status) status = gattn_program_segmented_softmax(program, s, &w, &lse);
  if (!status) status = gattn_program_gather(program, w, q, &o);
  if (!status) status = gattn_program_output(program, "o", o);
  if (!status) status = gattn_program_output(program, "lse", lse);
  if (status) return status;
  bindings[0] = (gattn_binding){q, &now.q.tensor};
  bindings[1] = (gattn_binding){o, &now.o.tensor};
  bindings[2] = (gattn_binding){lse, &now.lse.tensor};
  return GATTN_SUCCESS;
}

static gattn_status execute(gattn_context *context, gattn_plan *plan,
                            const gattn_binding *bindings) {
  void *workspace = NULL;
  size_t bytes = 0;
  gattn_status status = gattn_plan_workspace(plan, &bytes);
  if (!status) status = gattn_memory_allocate(context, bytes, &workspace);
  if (status) return status;
  status = gattn_plan_execute(plan, bindings, 3, workspace, bytes, NULL);
  if (!status) status = gattn_synchronize(context);
  gattn_memory_release(context, workspace, bytes);
  return status;
}

static gattn_status run_program(gattn_context *context, void *user) {
  gattn_graph *graph = NULL;
  gattn_program *program = NULL;
  gattn_plan *plan = NULL;
  gattn_binding bindings[3];
  gattn_plan_options options = {.struct_size = sizeof options,
                                .fusion = *(gattn_fusion *)user};
  gattn_status status = make_graph(context, &graph);
  if (!status) status = gattn_program_create(context, &program);
  if (!status) status = build(context, program, graph, bindings);
  if (!status) status = gattn_plan_create(program, &options, &plan);
  if (!status) status = execute(context, plan, bindings);
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
  gattn_graph_release(graph);
  return status;
}

static const scene program_scenes[] = {
    {.mask = "local(5) | rows(3)", .n = 150},
    {.mask = "random(5, 2)", .n = 150, .type = GATTN_FLOAT16},
    {.mask = "strided(7)", .n = 150, .stack = true},
};
enum { PROGRAMS = sizeof program_scenes / sizeof *program_scenes };

START_TEST(programs_are_refused_memory) {
  gattn_fusion fusion = (gattn_fusion)(_i % 2);
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = gattn_context_device(home)};
  make(&program_scenes[_i / 2]);
  device_brutal_run(run_program, &fusion);
  brutal_run_with(&options, run_program, &fusion);
}
END_TEST

static Suite *make_brutal_suite(void) {
  Suite *suite = suite_create("device brutal");
  TCase *tcase = tcase_create("allocations");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, device_memory_is_refused, 0, SCENES);
  tcase_add_loop_test(tcase, host_memory_is_refused, 0, SCENES);
  tcase_add_loop_test(tcase, programs_are_refused_memory, 0, 2 * PROGRAMS);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_brutal_suite};
  return test_device_main(makers, 1);
}
