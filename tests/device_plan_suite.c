/* Plans on streams and in CUDA graphs: captured, replayed, side by side,
 * without an allocation, the same bits each time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <cuda_runtime_api.h>
#include <gattn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/brutal.h"
#include "tests/chain.h"
#include "tests/device_heap.h"
#include "tests/suites.h"

#define ASSERT_CUDA(call)                                                 \
  do {                                                                    \
    cudaError_t error_ = (call);                                          \
    ck_assert_msg(error_ == cudaSuccess, "%s: %s", #call,                 \
                  cudaGetErrorString(error_));                            \
  } while (0)

enum { STREAMS = 2 };

static gattn_context *context;
static device_heap *heap;
static brutal_heap host;
static cudaStream_t streams[STREAMS];

static void create(void) {
  heap = device_heap_create();
  brutal_heap_init(&host, -1, false);
  for (int s = 0; s < STREAMS; s++)
    ASSERT_CUDA(cudaStreamCreateWithFlags(&streams[s], cudaStreamNonBlocking));
  gattn_context_options options = {
      .struct_size = sizeof options, .stream = streams[0],
      .allocator = brutal_allocator(&host),
      .device_allocator = device_heap_allocator(heap)};
  context = test_context(&options);
}

static void destroy(void) {
  gattn_context_destroy(context);
  for (int s = 0; s < STREAMS; s++) cudaStreamDestroy(streams[s]);
  device_heap_destroy(heap);
  test_settle();
  ck_assert_int_eq(cudaGetLastError(), cudaSuccess);
}

/* ------------------------------------------------------------ scenes */

/* A plan of attention over a mask, with operands and workspaces. */
typedef struct scene {
  gattn_graph *graph;
  gattn_program *program;
  gattn_plan *plan;
  oracle_array q, k, v, o, lse;
  gattn_binding bindings[5];
  void *workspace[STREAMS];
  size_t bytes;
} scene;

static oracle_array operand(gattn_type type, int rank, int64_t n, int64_t dim,
                            uint64_t seed) {
  const int64_t shape[] = {2, n, dim};
  oracle_array made =
      oracle_array_make(type, rank, shape, ORACLE_DENSE, seed);
  oracle_array_place(&made, context);
  return made;
}

static scene make(const char *mask, int64_t n, int64_t dim, gattn_type type,
                  gattn_fusion fusion) {
  scene s = {0};
  gattn_value q, k, v, scores, weights, lse, o;
  ck_success(context, gattn_mask_parse(context, mask, n, n, &s.graph));
  s.q = operand(type, 3, n, dim, 1);
  s.k = operand(type, 3, n, dim, 2);
  s.v = operand(type, 3, n, dim, 3);
  s.o = operand(type, 3, n, dim, 4);
  s.lse = operand(GATTN_FLOAT32, 2, n, dim, 5);
  ck_success(context, gattn_program_create(context, &s.program));
  q = test_input(context, s.program, "q", &s.q.tensor);
  k = test_input(context, s.program, "k", &s.k.tensor);
  v = test_input(context, s.program, "v", &s.v.tensor);
  ck_success(context,
             gattn_program_advance(s.program, s.graph, NULL, q, k, NULL, NULL,
                                   GATTN_NO_VALUE, &scores));
  ck_success(context, gattn_program_segmented_softmax(s.program, scores,
                                                      &weights, &lse));
  ck_success(context, gattn_program_gather(s.program, weights, v, &o));
  ck_success(context, gattn_program_output(s.program, "o", o));
  ck_success(context, gattn_program_output(s.program, "lse", lse));
  s.plan = test_plan_make(context, s.program, fusion);
  ck_success(context, gattn_plan_workspace(s.plan, &s.bytes));
  for (int w = 0; w < STREAMS; w++)
    ck_success(context,
               gattn_memory_allocate(context, s.bytes, &s.workspace[w]));
  gattn_value values[] = {q, k, v, o, lse};
  for (int b = 0; b < 5; b++) s.bindings[b].value = values[b];
  return s;
}

/* Tensors of a scene that may have moved. */
static void bind(scene *s) {
  const gattn_tensor *tensors[] = {&s->q.tensor, &s->k.tensor, &s->v.tensor,
                                   &s->o.tensor, &s->lse.tensor};
  for (int b = 0; b < 5; b++) s->bindings[b].tensor = tensors[b];
}

static void free_scene(scene *s) {
  oracle_array *arrays[] = {&s->q, &s->k, &s->v, &s->o, &s->lse};
  for (int w = 0; w < STREAMS; w++)
    gattn_memory_release(context, s->workspace[w], s->bytes);
  for (int a = 0; a < 5; a++) oracle_array_free(arrays[a]);
  gattn_plan_destroy(s->plan);
  gattn_program_destroy(s->program);
  gattn_graph_release(s->graph);
}

static gattn_status execute(scene *s, int on) {
  bind(s);
  return gattn_plan_execute(s->plan, s->bindings, 5, s->workspace[on],
                            s->bytes, streams[on]);
}

/* The oracle's answer to the scene's operands as they are. */
static void assert_right(const char *mask, scene *s) {
  const int64_t n = s->q.tensor.shape[1], dim = s->q.tensor.shape[2];
  bool *edge = malloc((size_t)(n * n));
  double *o = malloc((size_t)s->o.elements * sizeof *o);
  double *lse = malloc((size_t)s->lse.elements * sizeof *lse);
  gattn_status status = GATTN_SUCCESS;
  for (int64_t e = 0; e < n * n && !status; e++) {
    int contains = 0;
    status = gattn_graph_contains(context, s->graph, e / n, e % n, &contains);
    edge[e] = contains;
  }
  ck_success(context, status);
  oracle_problem problem = {.batch = 1, .heads = 2, .kv_heads = 2, .n_q = n,
                            .n_f = n, .n_kv = n, .dim = dim, .dim_v = dim,
                            .edge = edge, .mask_heads = 1,
                            .q = s->q.values, .k = s->k.values,
                            .v = s->v.values};
  oracle_attention(&problem, o, lse);
  oracle_assert_close(mask, &s->o, o,
                      4 + 2 * test_weight_error(s->o.tensor.type) / 1e-5);
  oracle_assert_close(mask, &s->lse, lse, 8);
  free(edge);
  free(o);
  free(lse);
}

/* ------------------------------------------------------------ masks */

static const struct {
  const char *mask;
  int64_t n, dim;
  gattn_type type;
} cases[] = {
    {"local(9)", 200, 64, GATTN_FLOAT16},
    {"full", 300, 64, GATTN_BFLOAT16},
    {"causal", 200, 32, GATTN_FLOAT32},
    {"dilated(9, 4) | cols(3, 100)", 200, 64, GATTN_FLOAT16},
    {"random(9, 4)", 200, 64, GATTN_FLOAT16},
    {"local(4) | random(3, 1)", 200, 40, GATTN_FLOAT32},
    {"longformer(6, 3)", 400, 64, GATTN_FLOAT16},
    {"bigbird(16, 1, 1, 2, 7)", 256, 64, GATTN_BFLOAT16},
    {"neighborhood2d(12, 20, 5, 5)", 240, 64, GATTN_FLOAT16},
    {"rows(5, 100:120)", 300, 64, GATTN_FLOAT32},
    {"documents(0, 9, 100) & causal", 200, 128, GATTN_FLOAT16},
    {"full - full", 100, 64, GATTN_FLOAT16},
    /* Hub rows beside tiles, beside edges, and beside both. */
    {"global(0:3, 70) | local(2)", 2050, 64, GATTN_FLOAT16},
    {"rows(1:4, 2049) | random(3, 1)", 2050, 40, GATTN_FLOAT32},
    {"rows(9) | local(1) | random(2, 1)", 2050, 64, GATTN_BFLOAT16},
};
enum { CASES = sizeof cases / sizeof *cases };

static scene scene_of(int number, gattn_fusion fusion) {
  return make(cases[number].mask, cases[number].n, cases[number].dim,
              cases[number].type, fusion);
}

/* ------------------------------------------------------------ tests */

/* In a capture that forbids what would wait or allocate anywhere. */
START_TEST(captured_and_replayed) {
  const int number = _i % CASES;
  scene s = scene_of(number, (gattn_fusion)(_i / CASES));
  cudaGraph_t graph;
  cudaGraphExec_t replay;
  ASSERT_CUDA(cudaStreamBeginCapture(streams[1], cudaStreamCaptureModeGlobal));
  gattn_status status = execute(&s, 1);
  cudaError_t ended = cudaStreamEndCapture(streams[1], &graph);
  ck_assert_msg(!status, "%s: %s", cases[number].mask,
                gattn_context_message(context));
  ASSERT_CUDA(ended);
  ASSERT_CUDA(cudaGraphInstantiate(&replay, graph, 0));
  for (int round = 0; round < 3; round++) {
    for (int64_t e = 0; e < s.q.elements; e += 7)
      oracle_array_set(&s.q, e, round - 1);
    for (int64_t e = 0; e < s.v.elements; e += 11)
      oracle_array_set(&s.v, e, 1 - round);
    ASSERT_CUDA(cudaGraphLaunch(replay, streams[1]));
    ASSERT_CUDA(cudaStreamSynchronize(streams[1]));
    assert_right(cases[number].mask, &s);
  }
  ASSERT_CUDA(cudaGraphExecDestroy(replay));
  ASSERT_CUDA(cudaGraphDestroy(graph));
  free_scene(&s);
}
END_TEST

START_TEST(executions_allocate_nothing) {
  const int number = _i % CASES;
  scene s = scene_of(number, (gattn_fusion)(_i / CASES));
  const int64_t asked = heap->asked, asked_host = atomic_load(&host.asked);
  for (int round = 0; round < 3; round++) ck_success(context, execute(&s, 0));
  ck_assert_int_eq(heap->asked, asked);
  ck_assert_int_eq(atomic_load(&host.asked), asked_host);
  ck_success(context, gattn_synchronize(context));
  assert_right(cases[number].mask, &s);
  free_scene(&s);
}
END_TEST

static void assert_repeats(const char *mask, scene *s) {
  enum { RUNS = 20 };
  char *o = malloc(s->o.bytes), *lse = malloc(s->lse.bytes);
  for (int run = 0; run < RUNS; run++) {
    ck_success(context, execute(s, 0));
    oracle_array_read(&s->o);
    oracle_array_read(&s->lse);
    if (run == 0) {
      memcpy(o, s->o.memory, s->o.bytes);
      memcpy(lse, s->lse.memory, s->lse.bytes);
    } else if (memcmp(o, s->o.memory, s->o.bytes) ||
               memcmp(lse, s->lse.memory, s->lse.bytes)) {
      test_fail("%s: run %d differs from the first", mask, run);
      break;
    }
  }
  free(o);
  free(lse);
}

START_TEST(the_same_bits) {
  for (int64_t r = 0; gattn_mask_table(r); r++) {
    const char *mask = gattn_mask_table(r)->example;
    if (!mask) continue;
    scene s = make(mask, 64, 64, (gattn_type)(r % 3), (gattn_fusion)_i);
    assert_repeats(mask, &s);
    free_scene(&s);
  }
  for (int number = 0; number < CASES; number++) {
    scene s = scene_of(number, (gattn_fusion)_i);
    assert_repeats(cases[number].mask, &s);
    free_scene(&s);
  }
}
END_TEST

/* Work of the caller before and after, on the stream that was given: nothing
 * but the stream's order says when. */
START_TEST(on_the_callers_stream) {
  scene s = scene_of(_i, GATTN_FUSE_AUTO);
  oracle_array late = operand(s.q.tensor.type, 3, cases[_i].n, cases[_i].dim, 9);
  oracle_array copy = operand(s.q.tensor.type, 3, cases[_i].n, cases[_i].dim, 8);
  enum { BUSY = 256 << 20 };
  void *busy = NULL;
  ASSERT_CUDA(cudaMalloc(&busy, BUSY));
  ck_success(context, gattn_synchronize(context));
  for (int round = 0; round < 8; round++)
    ASSERT_CUDA(cudaMemsetAsync(busy, round, BUSY, streams[1]));
  ASSERT_CUDA(cudaMemcpyAsync(s.q.place, late.place, s.q.bytes,
                              cudaMemcpyDeviceToDevice, streams[1]));
  ck_success(context, execute(&s, 1));
  ASSERT_CUDA(cudaMemcpyAsync(copy.place, s.o.place, s.o.bytes,
                              cudaMemcpyDeviceToDevice, streams[1]));
  ASSERT_CUDA(cudaMemsetAsync(s.o.place, 0, s.o.bytes, streams[1]));
  ASSERT_CUDA(cudaStreamSynchronize(streams[1]));
  ASSERT_CUDA(cudaMemcpy(s.o.place, copy.place, s.o.bytes,
                         cudaMemcpyDeviceToDevice));
  memcpy(s.q.values, late.values, (size_t)s.q.elements * sizeof(double));
  assert_right(cases[_i].mask, &s);
  ASSERT_CUDA(cudaFree(busy));
  oracle_array_free(&late);
  oracle_array_free(&copy);
  free_scene(&s);
}
END_TEST

/* One plan on two streams at once, with a workspace and outputs each. */
START_TEST(on_two_streams) {
  enum { RUNS = 10 };
  scene s = scene_of(_i, GATTN_FUSE_AUTO);
  oracle_array first = s.o;
  oracle_array other = operand(first.tensor.type, 3, cases[_i].n,
                               cases[_i].dim, 7);
  oracle_array lse = s.lse, other_lse = operand(GATTN_FLOAT32, 2, cases[_i].n,
                                                cases[_i].dim, 6);
  ck_success(context, gattn_synchronize(context));
  for (int run = 0; run < 2 * RUNS; run++) {
    s.o = run % 2 ? other : first;
    s.lse = run % 2 ? other_lse : lse;
    ck_success(context, execute(&s, run % 2));
  }
  for (int on = 0; on < STREAMS; on++)
    ASSERT_CUDA(cudaStreamSynchronize(streams[on]));
  s.o = first;
  s.lse = lse;
  assert_right(cases[_i].mask, &s);
  oracle_array_read(&s.o);
  oracle_array_read(&other);
  if (memcmp(s.o.values, other.values,
             (size_t)other.elements * sizeof(double)))
    test_fail("%s: two streams differ", cases[_i].mask);
  oracle_array_free(&other);
  oracle_array_free(&other_lse);
  free_scene(&s);
}
END_TEST

/* Executions in a capture and outside of it, while it lasts, and more of both
 * than a context has branches: none joins another's capture. */
START_TEST(beside_a_capture) {
  enum { RUNS = 6 };
  scene s = scene_of(_i, GATTN_FUSE_AUTO);
  oracle_array other = operand(s.o.tensor.type, 3, cases[_i].n, cases[_i].dim,
                               7);
  oracle_array first = s.o;
  cudaGraph_t graph;
  cudaGraphExec_t replay;
  ck_success(context, gattn_synchronize(context));
  ASSERT_CUDA(cudaStreamBeginCapture(streams[1], cudaStreamCaptureModeGlobal));
  gattn_status status = GATTN_SUCCESS;
  for (int run = 0; run < 2 * RUNS && !status; run++) {
    s.o = run % 2 ? other : first;
    status = execute(&s, run % 2);
  }
  cudaError_t ended = cudaStreamEndCapture(streams[1], &graph);
  ck_assert_msg(!status, "%s: %s", cases[_i].mask,
                gattn_context_message(context));
  ASSERT_CUDA(ended);
  ASSERT_CUDA(cudaGraphInstantiate(&replay, graph, 0));
  ck_success(context, gattn_synchronize(context));
  ASSERT_CUDA(cudaGraphLaunch(replay, streams[1]));
  ASSERT_CUDA(cudaStreamSynchronize(streams[1]));
  s.o = first;
  assert_right(cases[_i].mask, &s);
  s.o = other;
  assert_right(cases[_i].mask, &s);
  s.o = first;
  ASSERT_CUDA(cudaGraphExecDestroy(replay));
  ASSERT_CUDA(cudaGraphDestroy(graph));
  oracle_array_free(&other);
  free_scene(&s);
}
END_TEST

Suite *make_device_plan_suite(void) {
  Suite *suite = suite_create("device plans");
  TCase *tcase = tcase_create("streams and graphs");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, captured_and_replayed, 0, 2 * CASES);
  tcase_add_loop_test(tcase, executions_allocate_nothing, 0, 2 * CASES);
  tcase_add_loop_test(tcase, the_same_bits, 0, 2);
  tcase_add_loop_test(tcase, on_the_callers_stream, 0, CASES);
  tcase_add_loop_test(tcase, on_two_streams, 0, CASES);
  tcase_add_loop_test(tcase, beside_a_capture, 0, CASES);
  suite_add_tcase(suite, tcase);
  return suite;
}
