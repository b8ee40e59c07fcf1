/* Frontiers from tensors where the context computes, and what is made of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chain.h"
#include "tests/suites.h"

static gattn_context *context;

static void setup(void) {
  context = test_context(&(gattn_context_options){
      .struct_size = sizeof(gattn_context_options), .threads = 2});
}

static void teardown(void) { gattn_context_destroy(context); }

static oracle_array numbers(const int64_t *values, int64_t count,
                            oracle_layout layout) {
  const int64_t shape[] = {count, 1};
  oracle_array array = oracle_array_make(GATTN_INT64, 1, shape, layout, 1);
  for (int64_t e = 0; e < count; e++)
    oracle_array_set(&array, e, (double)values[e]);
  oracle_array_place(&array, context);
  return array;
}

/* Its vertices are these, and it draws from n. Releases it. */
static void assert_vertices(gattn_frontier *frontier, int64_t n,
                            const int64_t *vertices, int64_t count) {
  int64_t got = -1, written = -1, *list = calloc((size_t)count + 3, 8);
  ck_success(context, gattn_frontier_count(context, frontier, &got));
  ck_assert_int_eq(got, count);
  ck_assert_int_ge(gattn_frontier_size(frontier), count);
  ck_assert_int_eq(gattn_frontier_universe(frontier), n);
  ck_success(context, gattn_frontier_vertices(context, frontier, 0, count + 3,
                                              list, &written));
  ck_assert_int_eq(written, count);
  for (int64_t p = 0; p < count; p++) ck_assert_int_eq(list[p], vertices[p]);
  if (count) {
    ck_success(context, gattn_frontier_vertices(context, frontier, count - 1, 1,
                                                list, &written));
    ck_assert_int_eq(list[0], vertices[count - 1]);
  }
  ck_assert_int_eq(gattn_frontier_vertices(context, frontier, count + 1, 1,
                                           list, &written),
                   GATTN_ERROR_INDEX);
  free(list);
  gattn_frontier_release(frontier);
}

/* A list whose first *size are the frontier; size < 0: all. */
static gattn_frontier *make_list(int64_t n, const int64_t *vertices,
                                 int64_t capacity, int64_t size,
                                 oracle_layout layout) {
  oracle_array list = numbers(vertices, capacity, layout);
  oracle_array count = numbers(&size, 1, ORACLE_DENSE);
  gattn_frontier *frontier = NULL;
  ck_success(context, gattn_frontier_from_list_tensor(
                          context, n, &list.tensor,
                          size < 0 ? NULL : &count.tensor, &frontier));
  oracle_array_free(&list);
  oracle_array_free(&count);
  return frontier;
}

static const int64_t some[] = {9, 3, 4, 4, 99, 7, 0, 9, 63, 64, 11};
enum { SOME = sizeof some / sizeof *some };

START_TEST(lists) {
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++)
    for (int64_t size = -1; size <= SOME; size++)
      assert_vertices(
          make_list(100, some, SOME, size, (oracle_layout)layout), 100, some,
          size < 0 ? SOME : size);
  assert_vertices(make_list(0, NULL, 0, -1, ORACLE_DENSE), 0, NULL, 0);
}
END_TEST

static const int64_t widths[] = {0, 1, 63, 64, 65, 1000, 100003};

/* int64 words are set as bits: doubles would round them. */
static oracle_array make_words(const uint64_t *words, int64_t count) {
  oracle_array array =
      oracle_array_make(GATTN_INT64, 1, &count, ORACLE_DENSE, 1);
  memcpy(array.memory, words, (size_t)count * sizeof *words);
  oracle_array_place(&array, context);
  return array;
}

START_TEST(bitmaps) {
  const int64_t n = widths[_i], count = n / 64 + (n % 64 != 0);
  uint64_t state = 17, *words = calloc((size_t)count + 1, 8);
  int64_t *vertices = calloc((size_t)n + 1, 8), size = 0;
  for (int64_t w = 0; w < count; w++)
    words[w] = oracle_random(&state) & (w % 3 ? ~UINT64_C(0) : 0xff);
  if (n % 64) words[count - 1] &= (UINT64_C(1) << (n % 64)) - 1;
  for (int64_t v = 0; v < n; v++)
    if (words[v / 64] >> (v % 64) & 1) vertices[size++] = v;
  oracle_array tensor = make_words(words, count);
  gattn_frontier *frontier = NULL;
  ck_success(context, gattn_frontier_from_bitmap_tensor(
                          context, n, &tensor.tensor, &frontier));
  assert_vertices(frontier, n, vertices, size);
  oracle_array_free(&tensor);
  if (n % 64) {
    words[count - 1] |= UINT64_C(1) << (n % 64);
    tensor = make_words(words, count);
    frontier = NULL;
    ck_assert_int_eq(gattn_frontier_from_bitmap_tensor(
                         context, n, &tensor.tensor, &frontier),
                     GATTN_ERROR_INDEX);
    ck_assert_ptr_null(frontier);
    oracle_array_free(&tensor);
  }
  free(words);
  free(vertices);
}
END_TEST

static gattn_status try_list(int64_t n, int64_t vertex, int64_t size) {
  const int64_t vertices[] = {3, 1, vertex, 2};
  oracle_array list = numbers(vertices, 4, ORACLE_DENSE);
  oracle_array count = numbers(&size, 1, ORACLE_DENSE);
  gattn_frontier *frontier = NULL;
  gattn_status status = gattn_frontier_from_list_tensor(
      context, n, &list.tensor, &count.tensor, &frontier);
  ck_assert((frontier != NULL) == (status == GATTN_SUCCESS));
  gattn_frontier_release(frontier);
  oracle_array_free(&list);
  oracle_array_free(&count);
  return status;
}

START_TEST(bad_tensors_are_refused) {
  ck_assert_int_eq(try_list(10, 9, 4), GATTN_SUCCESS);
  ck_assert_int_eq(try_list(10, 10, 4), GATTN_ERROR_INDEX);
  ck_assert_int_eq(try_list(10, -1, 4), GATTN_ERROR_INDEX);
  ck_assert_int_eq(try_list(10, -1, 2), GATTN_SUCCESS);
  ck_assert_int_eq(try_list(10, 1, 5), GATTN_ERROR_SIZE);
  ck_assert_int_eq(try_list(10, 1, -1), GATTN_ERROR_SIZE);
  ck_assert_int_eq(try_list(-1, 1, 4), GATTN_ERROR_SIZE);
  oracle_array list = numbers(some, SOME, ORACLE_DENSE);
  gattn_frontier *frontier = NULL;
  gattn_tensor wrong = list.tensor;
  wrong.type = GATTN_FLOAT32;
#define LIST(tensor, size) \
  gattn_frontier_from_list_tensor(context, 100, tensor, size, &frontier)
  ck_assert_int_eq(LIST(&wrong, NULL), GATTN_ERROR_TYPE);
  ck_assert_int_eq(LIST(NULL, NULL), GATTN_ERROR_NULL);
  ck_assert_int_eq(LIST(&list.tensor, &list.tensor), GATTN_ERROR_SHAPE);
  wrong = list.tensor;
  wrong.rank = 2, wrong.shape[1] = wrong.strides[1] = 1;
  ck_assert_int_eq(LIST(&wrong, NULL), GATTN_ERROR_SHAPE);
  wrong = list.tensor;
  wrong.device = GATTN_CUDA(1);
  ck_assert_int_eq(LIST(&wrong, NULL), GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_from_bitmap_tensor(context, 64, &list.tensor,
                                                     &frontier),
                   GATTN_ERROR_SHAPE);
  ck_assert_int_eq(gattn_frontier_from_list_tensor(context, 100, &list.tensor,
                                                   NULL, NULL),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(
      gattn_frontier_from_list_tensor(NULL, 100, &list.tensor, NULL, &frontier),
      GATTN_ERROR_NULL);
  ck_assert_ptr_null(frontier);
  oracle_array_free(&list);
}
END_TEST

/* ------------------------------------------------------------ sets */

static int even(void *user, int64_t vertex) {
  (void)user;
  return vertex % 2 == 0;
}

START_TEST(sets) {
  static const int64_t unique[] = {0, 3, 4, 7, 9, 11, 63, 64, 99};
  static const int64_t both[] = {0, 3, 4, 5, 6, 7, 9, 11, 63, 64, 99};
  static const int64_t evens[] = {4, 4, 0, 64};
  gattn_frontier *list = make_list(100, some, SOME, -1, ORACLE_DENSE);
  gattn_frontier *longer = make_list(100, both, 11, 11, ORACLE_DENSE);
  gattn_frontier *range, *out;
  ck_success(context, gattn_frontier_range(context, 100, 3, 8, &range));
  ck_success(context, gattn_frontier_uniquify(context, list, &out));
  assert_vertices(out, 100, unique, 9);
  ck_success(context, gattn_frontier_uniquify(context, longer, &out));
  assert_vertices(out, 100, both, 11);
  ck_success(context, gattn_frontier_union(context, list, range, &out));
  assert_vertices(out, 100, both, 11);
  ck_success(context, gattn_frontier_union(context, range, list, &out));
  assert_vertices(out, 100, both, 11);
  ck_success(context, gattn_frontier_union(context, longer, list, &out));
  assert_vertices(out, 100, both, 11);
  ck_success(context, gattn_frontier_filter(context, list, even, NULL, &out));
  assert_vertices(out, 100, evens, 4);
  gattn_frontier_release(list);
  gattn_frontier_release(longer);
  gattn_frontier_release(range);
}
END_TEST

/* Rows 0 … 9 have the keys i and 2i + 1; others none. */
static gattn_graph *make_graph(void) {
  int64_t offsets[101] = {0}, columns[20], edges = 0;
  gattn_graph *graph;
  for (int64_t i = 0; i < 100; i++) {
    if (i < 10) columns[edges++] = i, columns[edges++] = 2 * i + 1;
    offsets[i + 1] = edges;
  }
  oracle_array o = numbers(offsets, 101, ORACLE_DENSE);
  oracle_array k = numbers(columns, 20, ORACLE_DENSE);
  ck_success(context, gattn_graph_from_csr_tensors(context, 100, 50, &o.tensor,
                                                   &k.tensor, &graph));
  oracle_array_free(&o);
  oracle_array_free(&k);
  return graph;
}

START_TEST(reach) {
  static const int64_t occupied[] = {9, 3, 4, 4, 7, 0, 9};
  static const int64_t reached[] = {0, 1, 3, 4, 7, 9, 15, 19};
  static const int64_t keys[] = {3, 4, 5, 7, 9, 11};
  static const int64_t unique[] = {0, 3, 4, 7, 9, 11, 63, 64, 99};
  static const int64_t ten[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  gattn_graph *graph = make_graph(), *band;
  gattn_frontier *list = make_list(100, some, SOME, -1, ORACLE_DENSE);
  gattn_frontier *range, *out;
  ck_success(context, gattn_frontier_compact(context, list, graph, &out));
  assert_vertices(out, 100, occupied, 7);
  ck_success(context, gattn_frontier_compact(context, NULL, graph, &out));
  assert_vertices(out, 100, ten, 10);
  ck_success(context, gattn_frontier_neighbors(context, list, graph, &out));
  assert_vertices(out, 50, reached, 8);
  ck_success(context, gattn_frontier_range(context, 100, 3, 6, &range));
  ck_success(context, gattn_frontier_neighbors(context, range, graph, &out));
  assert_vertices(out, 50, keys, 6);
  /* A graph of the host, and vertices that the device alone knows. */
  ck_success(context, gattn_mask_local(context, 100, 100, 0, 0, &band));
  ck_success(context, gattn_frontier_neighbors(context, list, band, &out));
  assert_vertices(out, 100, unique, 9);
  ck_success(context, gattn_frontier_compact(context, list, band, &out));
  assert_vertices(out, 100, some, SOME);
  gattn_frontier_release(range);
  gattn_frontier_release(list);
  gattn_graph_release(band);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ operators */

enum { N = 40, DIM = 8, POSITIONS = 9, VERTICES = 6 };

static const int64_t active[POSITIONS] = {31, 4, 4, 0, 17, 39, 5, 5, 5};

/* What the operators write with a frontier, to be compared. */
typedef struct answers {
  oracle_array scores, weights, lse, o, top;
} answers;

static oracle_array output(gattn_type type, int rank, const int64_t *shape) {
  oracle_array array = oracle_array_make(type, rank, shape, ORACLE_DENSE, 5);
  for (int64_t e = 0; e < array.elements; e++)
    oracle_array_set(&array, e, 77);
  oracle_array_place(&array, context);
  return array;
}

static answers answer(gattn_graph *graph, gattn_frontier *frontier,
                      oracle_array *q, oracle_array *k) {
  int64_t edges = 0, rows = gattn_frontier_size(frontier);
  ck_success(context, gattn_edge_count(context, graph, frontier, &edges));
  const int64_t values[] = {edges}, row[] = {rows}, o[] = {rows, DIM};
  answers a = {output(GATTN_FLOAT32, 1, values),
               output(GATTN_FLOAT32, 1, values), output(GATTN_FLOAT32, 1, row),
               output(GATTN_FLOAT32, 2, o), output(GATTN_INT64, 1, row)};
  gattn_tensor queries = q->tensor;
  queries.shape[0] = rows;
  ck_success(context,
             gattn_advance(context, graph, frontier, &queries, &k->tensor, NULL,
                           NULL, NULL, &a.scores.tensor));
  ck_success(context,
             gattn_segmented_softmax(context, graph, frontier, &a.scores.tensor,
                                     &a.weights.tensor, &a.lse.tensor));
  ck_success(context, gattn_gather(context, graph, frontier, &a.weights.tensor,
                                   &k->tensor, &a.o.tensor));
  ck_success(context,
             gattn_segmented_reduce(context, graph, frontier, GATTN_ARG_MAX,
                                    &a.scores.tensor, &a.top.tensor));
  oracle_array *all[] = {&a.scores, &a.weights, &a.lse, &a.o, &a.top};
  for (int n = 0; n < 5; n++) oracle_array_read(all[n]);
  return a;
}

static void free_answers(answers *a) {
  oracle_array_free(&a->scores);
  oracle_array_free(&a->weights);
  oracle_array_free(&a->lse);
  oracle_array_free(&a->o);
  oracle_array_free(&a->top);
}

/* The first elements are those of the other, the rest as they were. */
static void assert_same(const char *what, const oracle_array *got,
                        const oracle_array *expected) {
  for (int64_t e = 0; e < got->elements; e++) {
    const double x = e < expected->elements ? expected->values[e] : 77;
    ck_assert_msg(got->values[e] == x, "%s[%lld]: %g, not %g", what,
                  (long long)e, got->values[e], x);
  }
}

START_TEST(operators_on_a_part) {
  gattn_graph *graph;
  gattn_frontier *host, *device;
  const int64_t shape[] = {N, DIM};
  oracle_array q = oracle_array_make(GATTN_FLOAT32, 2, shape, ORACLE_DENSE, 2);
  oracle_array k = oracle_array_make(GATTN_FLOAT32, 2, shape, ORACLE_DENSE, 3);
  oracle_array_place(&q, context);
  oracle_array_place(&k, context);
  ck_success(context, gattn_mask_local(context, N, N, 3, 2, &graph));
  ck_success(context, gattn_frontier_list(context, N, active, VERTICES, &host));
  device = make_list(N, active, POSITIONS, VERTICES, ORACLE_DENSE);
  answers expected = answer(graph, host, &q, &k);
  answers got = answer(graph, device, &q, &k);
  assert_same("scores", &got.scores, &expected.scores);
  assert_same("weights", &got.weights, &expected.weights);
  assert_same("lse", &got.lse, &expected.lse);
  assert_same("o", &got.o, &expected.o);
  assert_same("arg max", &got.top, &expected.top);
  answers *both[] = {&got, &expected};
  for (int n = 0; n < 2; n++) free_answers(both[n]);
  gattn_frontier_release(host);
  gattn_frontier_release(device);
  gattn_graph_release(graph);
  oracle_array_free(&q);
  oracle_array_free(&k);
}
END_TEST

/* The same operators as the steps of a plan; the scores stay inside. */
static void run_plan(gattn_graph *graph, gattn_frontier *frontier,
                     const gattn_tensor *q, const gattn_tensor *k,
                     answers *out) {
  gattn_program *program;
  gattn_value vq, vk, scores, weights, lse, o, top;
  ck_success(context, gattn_program_create(context, &program));
  vq = test_input(context, program, "q", q);
  vk = test_input(context, program, "k", k);
  ck_success(context,
             gattn_program_advance(program, graph, frontier, vq, vk, NULL, NULL,
                                   GATTN_NO_VALUE, &scores));
  ck_success(context, gattn_program_segmented_reduce(program, GATTN_ARG_MAX,
                                                     scores, &top));
  ck_success(context,
             gattn_program_segmented_softmax(program, scores, &weights, &lse));
  ck_success(context, gattn_program_gather(program, weights, vk, &o));
  ck_success(context, gattn_program_output(program, "top", top));
  ck_success(context, gattn_program_output(program, "lse", lse));
  ck_success(context, gattn_program_output(program, "o", o));
  gattn_plan *plan = test_plan_make(context, program, GATTN_FUSE_NEVER);
  const gattn_binding bindings[] = {{vq, q},
                                    {vk, k},
                                    {top, &out->top.tensor},
                                    {lse, &out->lse.tensor},
                                    {o, &out->o.tensor}};
  ck_success(context, test_plan_execute(context, plan, bindings, 5));
  oracle_array_read(&out->top);
  oracle_array_read(&out->lse);
  oracle_array_read(&out->o);
  gattn_plan_destroy(plan);
  gattn_program_destroy(program);
}

/* What one step chose is the mask of the next, and of a plan. */
START_TEST(chosen_edges_feed_plans) {
  gattn_graph *graph, *kept;
  const int64_t shape[] = {N, DIM};
  int64_t edges;
  oracle_array q = oracle_array_make(GATTN_FLOAT32, 2, shape, ORACLE_DENSE, 2);
  oracle_array k = oracle_array_make(GATTN_FLOAT32, 2, shape, ORACLE_DENSE, 3);
  oracle_array_place(&q, context);
  oracle_array_place(&k, context);
  ck_success(context, gattn_mask_local(context, N, N, 8, 8, &graph));
  ck_success(context, gattn_edge_count(context, graph, NULL, &edges));
  oracle_array scores = output(GATTN_FLOAT32, 1, &edges);
  ck_success(context, gattn_advance(context, graph, NULL, &q.tensor, &k.tensor,
                                    NULL, NULL, NULL, &scores.tensor));
  ck_success(context, gattn_filter_threshold(context, graph, NULL,
                                             &scores.tensor, 0.5, &kept));
  gattn_frontier *part = make_list(N, active, POSITIONS, 1, ORACLE_DENSE);
  gattn_frontier *frontiers[] = {NULL, part};
  gattn_frontier *whole;
  ck_success(context, gattn_frontier_all(context, N, &whole));
  for (int f = 0; f < 2; f++) {
    gattn_frontier *frontier = f ? frontiers[1] : whole;
    answers expected = answer(kept, frontier, &q, &k);
    answers got = answer(kept, frontier, &q, &k);
    gattn_tensor queries = q.tensor;
    queries.shape[0] = gattn_frontier_size(frontier);
    run_plan(kept, frontiers[f], &queries, &k.tensor, &got);
    assert_same("o", &got.o, &expected.o);
    assert_same("lse", &got.lse, &expected.lse);
    assert_same("arg max", &got.top, &expected.top);
    free_answers(&expected);
    free_answers(&got);
  }
  gattn_frontier_release(part);
  gattn_frontier_release(whole);
  gattn_graph_release(kept);
  gattn_graph_release(graph);
  oracle_array_free(&scores);
  oracle_array_free(&q);
  oracle_array_free(&k);
}
END_TEST

/* Vertices on a device are of no use to a context of the CPU. */
START_TEST(another_device_is_refused) {
  gattn_frontier *list = make_list(100, some, SOME, -1, ORACLE_DENSE), *out;
  gattn_context_options options = {.struct_size = sizeof options};
  gattn_context *host;
  gattn_graph *graph;
  int64_t count = -7;
  ck_assert_int_eq(gattn_context_create(&options, &host), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_mask_local(host, 100, 100, 1, 1, &graph),
                   GATTN_SUCCESS);
  ck_assert_int_eq(gattn_edge_count(host, graph, list, &count),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_count(host, list, &count),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_uniquify(host, list, &out),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_union(host, list, list, &out),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_filter(host, list, even, NULL, &out),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(gattn_frontier_neighbors(host, list, graph, &out),
                   GATTN_ERROR_DEVICE);
  ck_assert_int_eq(count, -7);
  gattn_graph_release(graph);
  gattn_frontier_release(list);
  gattn_context_destroy(host);
}
END_TEST

/* A frontier that is no set is refused where sets are wanted. */
START_TEST(duplicates_are_known) {
  gattn_graph *graph, *out = NULL;
  gattn_frontier *twice = make_list(N, active, VERTICES, -1, ORACLE_DENSE);
  int64_t edges = 0;
  ck_success(context, gattn_mask_local(context, N, N, 1, 1, &graph));
  ck_success(context, gattn_edge_count(context, graph, twice, &edges));
  oracle_array values =
      oracle_array_make(GATTN_FLOAT32, 1, &edges, ORACLE_DENSE, 1);
  oracle_array_place(&values, context);
  ck_assert_int_eq(
      gattn_top_k(context, graph, twice, &values.tensor, 1, &out),
      GATTN_ERROR_DUPLICATE);
  ck_assert_ptr_null(out);
  ck_assert_ptr_nonnull(strstr(gattn_context_message(context), "vertex 4"));
  oracle_array_free(&values);
  gattn_frontier_release(twice);
  gattn_graph_release(graph);
}
END_TEST

Suite *make_frontier_tensors_suite(void) {
  Suite *suite = suite_create("frontier tensors");
  TCase *tcase = tcase_create("tensors");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, lists);
  tcase_add_loop_test(tcase, bitmaps, 0, sizeof widths / sizeof *widths);
  tcase_add_test(tcase, bad_tensors_are_refused);
  tcase_add_test(tcase, sets);
  tcase_add_test(tcase, reach);
  tcase_add_test(tcase, operators_on_a_part);
  tcase_add_test(tcase, chosen_edges_feed_plans);
  if (test_on_device()) tcase_add_test(tcase, another_device_is_refused);
  tcase_add_test(tcase, duplicates_are_known);
  suite_add_tcase(suite, tcase);
  return suite;
}
