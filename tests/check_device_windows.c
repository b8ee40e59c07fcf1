/* Windows of rows that share keys: built from rows on the device, run, and held
 * against the oracle. SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/device.h"
#include "operators/cuda/rows.h"
#include "plan/device/windows.h"
#include "tests/attend_case.h"

static gattn_context *context;

static void create(void) { context = test_context(NULL); }

static void destroy(void) {
  gattn_context_destroy(context);
  test_settle();
}

/* ------------------------------------------------------------ cases */

typedef struct window_case {
  const char *mask;
  int64_t n, heads, kv_heads, dim, dim_v;
  gattn_type type;
  oracle_layout layout;
  gattn_score_kind score;
  const char *frontier;
} window_case;

/* Rows of no edges, of one, of more columns than an item has; windows cut short
 * by the end; dimensions of whole chunks and not. */
static const window_case cases[] = {
    {"local(3)", 100, 1, 1, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"random(9, 4)", 333, 2, 1, 64, 64, GATTN_BFLOAT16,
     .layout = ORACLE_DENSE},
    {"random(3, 1) & rows(0:40, 90)", 200, 1, 1, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"rows(3, 700) | random(5, 1)", 1100, 2, 2, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"full", 1040, 1, 1, 32, 48, GATTN_BFLOAT16,
     .layout = ORACLE_DENSE},
    {"local(1) | random(2, 3)", 129, 4, 2, 128, 128, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"rows(1, 17) | dilated(2, 5)", 600, 1, 1, 96, 72, GATTN_BFLOAT16,
     .layout = ORACLE_DENSE},
    {"local(2) | random(2, 9)", 150, 2, 2, 37, 61, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"random(7, 7)", 150, 2, 1, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_PADDED},
    {"random(7, 7)", 150, 2, 2, 64, 40, GATTN_BFLOAT16,
     .layout = ORACLE_HEADS_INSIDE},
    {"random(7, 7)", 150, 1, 1, 128, 64, GATTN_FLOAT16,
     .layout = ORACLE_REVERSED},
    {"random(7, 7)", 150, 2, 2, 64, 64, GATTN_FLOAT16,
     .score = GATTN_SCORE_ALIBI},
    {"random(7, 7)", 150, 2, 2, 128, 64, GATTN_BFLOAT16,
     .score = GATTN_SCORE_SOFTCAP},
    {"random(7, 7)", 150, 1, 1, 64, 64, GATTN_FLOAT16,
     .score = GATTN_SCORE_ALIBI, .frontier = "list:9,2,140,33,7,8"},
    {"random(4, 7)", 150, 1, 1, 64, 64, GATTN_FLOAT16,
     .frontier = "range:20:91"},
    {"full - full", 60, 1, 1, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
    {"neighborhood2d(20, 30, 3, 3)", 600, 1, 1, 64, 64, GATTN_FLOAT16,
     .layout = ORACLE_DENSE},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ------------------------------------------------------------ scenes */

/* A case with its operands, on the device and for the oracle. */
typedef struct scene {
  const window_case *is;
  gattn_graph *graph;
  gattn_frontier *frontier;
  int64_t n_f;
  int64_t *vertices, *device_vertices; /* [n_f] */
  bool *edge;                          /* [n, n] */
  oracle_array q, k, v, o, lse;
  float *table; /* device: slopes */
  gattn_device_rows rows;
  gattn_windows windows;
} scene;

static const float slopes[] = {0.25f, 0.5f, 1, 2};
static const float cap = 1.5f;

static double alibi(double dot, int64_t i, int64_t j, int64_t head,
                    int64_t batch, double value, const void *parameters) {
  (void)batch, (void)value, (void)parameters;
  return dot - slopes[head] * fabs((double)(j - i));
}

static double softcap(double dot, int64_t i, int64_t j, int64_t head,
                      int64_t batch, double value, const void *parameters) {
  (void)i, (void)j, (void)head, (void)batch, (void)value, (void)parameters;
  return cap * tanh(dot / cap);
}

static oracle_array array(gattn_type type, int64_t heads, int64_t rows,
                          int64_t dim, oracle_layout layout, uint64_t seed) {
  const int64_t shape[] = {1, heads, rows, dim};
  oracle_array made = oracle_array_make(type, 4, shape, layout, seed);
  oracle_array_place(&made, context);
  return made;
}

static void *upload(const void *host, size_t bytes) {
  void *memory;
  ck_success(context, gattn_memory_allocate(context, bytes, &memory));
  ck_success(context, gattn_memory_upload(context, memory, host, bytes));
  return memory;
}

static void find_edges(scene *s) {
  const int64_t n = s->is->n;
  s->edge = malloc((size_t)(n * n));
  for (int64_t e = 0; e < n * n; e++) {
    int contains = 0;
    ck_success(context, gattn_graph_contains(context, s->graph, e / n, e % n,
                                             &contains));
    s->edge[e] = contains;
  }
}

static void find_vertices(scene *s) {
  s->n_f = s->is->n;
  if (s->is->frontier)
    ck_success(context, gattn_frontier_parse(context, s->is->frontier, s->is->n,
                                             &s->frontier));
  if (s->frontier) s->n_f = gattn_frontier_size(s->frontier);
  s->vertices = malloc((size_t)s->n_f * sizeof *s->vertices);
  for (int64_t p = 0; p < s->n_f; p++)
    s->vertices[p] = s->frontier ? gattn_frontier_vertex(s->frontier, p) : p;
  s->device_vertices =
      upload(s->vertices, (size_t)s->n_f * sizeof *s->vertices);
}

static scene make(const window_case *is, bool renumber) {
  scene s = {.is = is};
  ck_success(context,
             gattn_mask_parse(context, is->mask, is->n, is->n, &s.graph));
  find_vertices(&s);
  find_edges(&s);
  s.q = array(is->type, is->heads, s.n_f, is->dim, is->layout, 1);
  s.k = array(is->type, is->kv_heads, is->n, is->dim, is->layout, 2);
  s.v = array(is->type, is->kv_heads, is->n, is->dim_v, is->layout, 3);
  s.o = array(is->type, is->heads, s.n_f, is->dim_v, is->layout, 4);
  s.lse = array(GATTN_FLOAT32, is->heads, s.n_f, 1, ORACLE_DENSE, 5);
  s.table = upload(slopes, sizeof slopes);
  ck_success(context, gattn_device_rows_make(context, s.graph, s.frontier,
                                             &s.rows));
  ck_success(context,
             gattn_windows_build(context, &s.rows, renumber, &s.windows));
  return s;
}

static void free_scene(scene *s) {
  oracle_array *arrays[] = {&s->q, &s->k, &s->v, &s->o, &s->lse};
  for (int a = 0; a < 5; a++) oracle_array_free(arrays[a]);
  gattn_windows_free(context, &s->windows);
  gattn_device_rows_free(context, &s->rows);
  gattn_memory_release(context, s->table, sizeof slopes);
  gattn_memory_release(context, s->device_vertices,
                       (size_t)s->n_f * sizeof *s->vertices);
  gattn_frontier_release(s->frontier);
  gattn_graph_release(s->graph);
  free(s->vertices);
  free(s->edge);
}

/* ------------------------------------------------------------ running */

static gattn_operand operand(const oracle_array *array) {
  const gattn_tensor *t = &array->tensor;
  return (gattn_operand){.data = (char *)t->data,
                         .batch = t->strides[0],
                         .head = t->strides[1],
                         .row = t->strides[2],
                         .dim = t->strides[3]};
}

static gattn_device_attention attention_of(const scene *s) {
  const window_case *is = s->is;
  return (gattn_device_attention){
      .type = (int32_t)is->type,
      .batch = 1,
      .heads = is->heads,
      .kv_heads = is->kv_heads,
      .n_f = s->n_f,
      .n_q = is->n,
      .n_kv = is->n,
      .dim = is->dim,
      .dim_v = is->dim_v,
      .scale = (float)(1 / sqrt((double)is->dim)),
      .score = {.kind = (int32_t)is->score, .cap = cap, .table = s->table},
      .q = operand(&s->q),
      .k = operand(&s->k),
      .v = operand(&s->v),
      .o = operand(&s->o),
      .lse = operand(&s->lse),
      .vertices = s->device_vertices};
}

/* Runs the windows; state null: into o and lse. */
static void run(const scene *s, const gattn_device_state *state, bool resume,
                bool store) {
  const gattn_device_attention attention = attention_of(s);
  gattn_window_pass pass = {.windows = s->windows,
                            .resume = resume,
                            .store_state = store};
  const size_t bytes = gattn_windows_workspace(&attention, &s->windows);
  if (state) pass.state = *state;
  ck_success(context, gattn_memory_allocate(context, bytes, &pass.workspace));
  const int error = gattn_windows_launch(&attention, &pass,
                                         gattn_device_stream(context));
  ck_success(context, gattn_device_check(context, error, "windows"));
  ck_success(context, gattn_synchronize(context));
  gattn_memory_release(context, pass.workspace, bytes);
}

static void expect(const scene *s, double *o, double *lse) {
  const window_case *is = s->is;
  oracle_problem problem = {.batch = 1,
                            .heads = is->heads,
                            .kv_heads = is->kv_heads,
                            .n_q = is->n,
                            .n_f = s->n_f,
                            .n_kv = is->n,
                            .dim = is->dim,
                            .dim_v = is->dim_v,
                            .vertices = s->vertices,
                            .edge = s->edge,
                            .mask_heads = 1,
                            .q = s->q.values,
                            .k = s->k.values,
                            .v = s->v.values};
  if (is->score == GATTN_SCORE_ALIBI) problem.score = alibi;
  if (is->score == GATTN_SCORE_SOFTCAP) problem.score = softcap;
  oracle_attention(&problem, o, lse);
}

static double scale_of(const window_case *is) {
  return 4 + 2 * test_weight_error(is->type) / 1e-5;
}

static void assert_right(scene *s) {
  double *o = malloc((size_t)s->o.elements * sizeof *o);
  double *lse = malloc((size_t)s->lse.elements * sizeof *lse);
  expect(s, o, lse);
  oracle_array_read(&s->o);
  oracle_array_read(&s->lse);
  oracle_assert_close(s->is->mask, &s->o, o, scale_of(s->is));
  oracle_assert_close(s->is->mask, &s->lse, lse, 16);
  free(o);
  free(lse);
}

/* ------------------------------------------------------------ tests */

START_TEST(as_the_oracle) {
  scene s = make(&cases[_i / 2], _i % 2);
  run(&s, NULL, false, false);
  assert_right(&s);
  free_scene(&s);
}
END_TEST

/* Values that are not finite reach the rows that have them, and no other. */
START_TEST(poison_stays) {
  static const int places[] = {0, 3, 11};
  scene s = make(&cases[places[_i / 2]], _i % 2);
  const int64_t dim = s.is->dim_v;
  oracle_array_set(&s.v, 50 * dim + 3, INFINITY);
  oracle_array_set(&s.v, 51 * dim + dim - 1, NAN);
  oracle_array_set(&s.k, 90 * s.is->dim, NAN);
  run(&s, NULL, false, false);
  assert_right(&s);
  free_scene(&s);
}
END_TEST

/* States stored, and then taken up by the same windows over again: each edge
 * twice weighs as much as once. */
START_TEST(states_are_taken_up) {
  static const int places[] = {1, 3, 6, 7};
  scene s = make(&cases[places[_i / 2]], _i % 2);
  const size_t rows = (size_t)(s.is->heads * s.n_f);
  const size_t bytes = rows * (size_t)s.is->dim_v * sizeof(float);
  void *o, *lse;
  double *expected_o = malloc((size_t)s.o.elements * sizeof *expected_o);
  double *expected_lse = malloc(rows * sizeof *expected_lse);
  ck_success(context, gattn_memory_allocate(context, bytes, &o));
  ck_success(context,
             gattn_memory_allocate(context, rows * sizeof(float), &lse));
  const gattn_device_state state = {.o = o, .lse = lse};
  run(&s, &state, false, true);
  run(&s, &state, true, true);
  run(&s, &state, true, false);
  expect(&s, expected_o, expected_lse);
  for (size_t r = 0; r < rows; r++) expected_lse[r] += log(3);
  oracle_array_read(&s.o);
  oracle_array_read(&s.lse);
  oracle_assert_close(s.is->mask, &s.o, expected_o, scale_of(s.is));
  oracle_assert_close(s.is->mask, &s.lse, expected_lse, 16);
  gattn_memory_release(context, o, bytes);
  gattn_memory_release(context, lse, rows * sizeof(float));
  free(expected_o);
  free(expected_lse);
  free_scene(&s);
}
END_TEST

/* Columns ascend in every window, and have the edges' bits. */
START_TEST(windows_have_all_edges) {
  scene s = make(&cases[_i / 2], _i % 2);
  const gattn_windows *w = &s.windows;
  const size_t columns = (size_t)w->n_columns, items = (size_t)w->n_items;
  int32_t *column = malloc(columns * sizeof *column + 1);
  uint16_t *bits = malloc(columns * sizeof *bits + 1);
  gattn_window_item *item = malloc(items * sizeof *item);
  int32_t *order = malloc((size_t)s.n_f * sizeof *order);
  int64_t left = 0;
  ck_success(context, gattn_memory_download(context, column, w->columns,
                                            columns * sizeof *column));
  ck_success(context, gattn_memory_download(context, bits, w->bits,
                                            columns * sizeof *bits));
  ck_success(context, gattn_memory_download(context, item, w->items,
                                            items * sizeof *item));
  for (int64_t p = 0; p < s.n_f; p++) order[p] = (int32_t)p;
  if (w->order)
    ck_success(context, gattn_memory_download(context, order, w->order,
                                              (size_t)s.n_f * sizeof *order));
  for (int64_t p = 0; p < s.n_f; p++)
    for (int64_t j = 0; j < s.is->n; j++)
      left += s.edge[s.vertices[p] * s.is->n + j];
  for (size_t i = 0; i < items; i++)
    for (int64_t c = item[i].begin; c < item[i].begin + item[i].count; c++) {
      if (c > item[i].begin) ck_assert_int_gt(column[c], column[c - 1]);
      for (int r = 0; r < GATTN_WINDOW_ROWS; r++) {
        const int64_t place = (int64_t)item[i].window * GATTN_WINDOW_ROWS + r;
        if (!(bits[c] >> r & 1)) continue;
        ck_assert_int_lt(place, s.n_f);
        ck_assert(s.edge[s.vertices[order[place]] * s.is->n + column[c]]);
        left--;
      }
    }
  ck_assert_msg(left == 0, "%s: %lld edges in no window", s.is->mask,
                (long long)left);
  free(column);
  free(bits);
  free(item);
  free(order);
  free_scene(&s);
}
END_TEST

/* ------------------------------------------------------------ the choice */

/* Whether a plan for the mask has windows. */
static bool chosen(const char *mask, int64_t n, gattn_type type) {
  gattn_graph *graph;
  gattn_device_rows rows;
  gattn_windows windows;
  ck_success(context, gattn_mask_parse(context, mask, n, n, &graph));
  ck_success(context, gattn_device_rows_make(context, graph, NULL, &rows));
  const gattn_attend_problem problem = {.graph = graph,
                                        .type = type,
                                        .batch = 1,
                                        .heads = 1,
                                        .kv_heads = 1,
                                        .n_f = n,
                                        .n_kv = n,
                                        .dim = 64,
                                        .dim_v = 64};
  ck_success(context, gattn_windows_make(context, &problem, &rows, &windows));
  const bool any = windows.n_items > 0;
  gattn_windows_free(context, &windows);
  gattn_device_rows_free(context, &rows);
  gattn_graph_release(graph);
  return any;
}

START_TEST(chosen_where_rows_share_keys) {
  ck_assert(chosen("local(4) | random(1, 1)", 20000, GATTN_FLOAT16));
  ck_assert(chosen("neighborhood2d(200, 100, 3, 3)", 20000, GATTN_BFLOAT16));
  ck_assert(!chosen("random(64, 1)", 20000, GATTN_FLOAT16));
  ck_assert(!chosen("local(4)", 20000, GATTN_FLOAT32));
  ck_assert(!chosen("local(4)", 200, GATTN_FLOAT16));
}
END_TEST

static Suite *make_windows_suite(void) {
  Suite *suite = suite_create("windows");
  TCase *tcase = tcase_create("windows");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, as_the_oracle, 0, 2 * CASES);
  tcase_add_loop_test(tcase, poison_stays, 0, 6);
  tcase_add_loop_test(tcase, states_are_taken_up, 0, 8);
  tcase_add_loop_test(tcase, windows_have_all_edges, 0, 2 * CASES);
  tcase_add_test(tcase, chosen_where_rows_share_keys);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *(*const makers[])(void) = {make_windows_suite};
  return test_device_main(makers, 1);
}
