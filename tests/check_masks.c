/* Every mask at small sizes against its rule, through everything that a graph
 * can be asked. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask_cases.h"
#include "masks/graph.h"

enum { MOST = 24, RUNS = 64 };

/* A graph as a table of what stands in it. */
typedef struct matrix {
  int64_t n_q, n_kv;
  bool at[MOST][MOST];
} matrix;

static gattn_context *context;
static char label[512]; /* the mask being checked */

#define CHECK(condition, ...)                   \
  do {                                          \
    if (!(condition)) {                         \
      char what[256];                           \
      snprintf(what, sizeof what, __VA_ARGS__); \
      ck_abort_msg("%s: %s", label, what);      \
    }                                           \
  } while (0)

static int64_t next_in(const matrix *m, int64_t i, int64_t j) {
  while (j < m->n_kv && !m->at[i][j]) j++;
  return j;
}
static int64_t end_in(const matrix *m, int64_t i, int64_t j) {
  while (j < m->n_kv && m->at[i][j]) j++;
  return j;
}
static int64_t degree_in(const matrix *m, int64_t i) {
  int64_t degree = 0;
  for (int64_t j = 0; j < m->n_kv; j++) degree += m->at[i][j];
  return degree;
}

/* Random masks answer for themselves; all else must then agree with it. */
static void matrix_of_graph(const gattn_graph *graph, matrix *m) {
  m->n_q = gattn_graph_queries(graph);
  m->n_kv = gattn_graph_keys(graph);
  for (int64_t i = 0; i < m->n_q; i++)
    for (int64_t j = 0; j < m->n_kv; j++)
      m->at[i][j] = gattn_next(graph, i, j) == j;
}

static void matrix_of_rule(const mask_case *mask, matrix *m) {
  m->n_q = mask->n_q;
  m->n_kv = mask->n_kv;
  for (int64_t i = 0; i < m->n_q; i++)
    for (int64_t j = 0; j < m->n_kv; j++)
      m->at[i][j] = mask->kind->edge(mask, i, j);
}

static void check_row(const gattn_graph *graph, const matrix *m, int64_t i) {
  for (int64_t j = 0; j <= m->n_kv; j++) {
    int64_t next = gattn_next(graph, i, j);
    CHECK(next == next_in(m, i, j), "next(%d, %d) = %d", (int)i, (int)j,
          (int)next);
    if (j == m->n_kv || !m->at[i][j]) continue;
    int64_t end = gattn_stretch(graph, i, j);
    CHECK(end > j && end <= end_in(m, i, j), "stretch(%d, %d) = %d", (int)i,
          (int)j, (int)end);
  }
  CHECK(gattn_degree(graph, i) == degree_in(m, i), "degree(%d) = %d", (int)i,
        (int)gattn_degree(graph, i));
}

/* Marks the positions of [lo, hi) that the runs name, asked `capacity` at a
 * time. */
static void collect(const gattn_graph *graph, int64_t i, int64_t stride,
                    int64_t lo, int64_t hi, int64_t capacity, bool *marks) {
  gattn_run runs[RUNS];
  int64_t past = lo; /* runs ascend across calls, too */
  for (int calls = 0; lo < hi; calls++) {
    int64_t upto = -1;
    int64_t n = gattn_runs(graph, i, stride, lo, hi, runs, capacity, &upto);
    CHECK(n >= 0 && n <= capacity && upto > lo && upto <= hi && calls < 500,
          "runs(%d, stride %d, [%d, %d)): %d, upto %d", (int)i, (int)stride,
          (int)lo, (int)hi, (int)n, (int)upto);
    for (int64_t r = 0; r < n; r++) {
      CHECK(runs[r].begin >= past && runs[r].begin < runs[r].end &&
                runs[r].end <= upto,
            "runs(%d, stride %d, [%d, %d)): [%d, %d)", (int)i, (int)stride,
            (int)lo, (int)hi, (int)runs[r].begin, (int)runs[r].end);
      for (int64_t t = runs[r].begin; t < runs[r].end; t++) marks[t] = true;
      past = runs[r].end;
    }
    lo = upto;
  }
}

static void check_runs(const gattn_graph *graph, const matrix *m, int64_t i,
                       int64_t stride, int64_t capacity) {
  int64_t residue = i % stride;
  int64_t keys = gattn_class_keys(m->n_kv, residue, stride);
  int64_t cuts[] = {0, keys / 3, keys / 2, keys > 0 ? keys - 1 : 0};
  for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++)
    for (int64_t hi = cuts[c]; hi <= keys; hi += 1 + keys / 4) {
      bool marks[MOST + 1] = {false};
      collect(graph, i, stride, cuts[c], hi, capacity, marks);
      for (int64_t t = cuts[c]; t < hi; t++)
        CHECK(marks[t] == m->at[i][residue + stride * t],
              "runs(%d, stride %d, [%d, %d)): position %d", (int)i, (int)stride,
              (int)cuts[c], (int)hi, (int)t);
    }
}

static void check_all_runs(const gattn_graph *graph, const matrix *m) {
  static const int64_t strides[] = {1, 2, 3, 4, 6, 7, 16, 40, INT64_MAX};
  static const int64_t capacities[] = {1, 2, RUNS};
  for (int64_t i = 0; i < m->n_q; i++)
    for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
      for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++)
        check_runs(graph, m, i, strides[s], capacities[c]);
}

/* By the class alone and by what everybody asks, which may count otherwise. */
static void check_counts(const gattn_graph *graph, const matrix *m,
                         int64_t begin, int64_t end) {
  gattn_counts want = {.min_degree = INT64_MAX}, got;
  for (int64_t i = begin; i < end; i++) {
    int64_t degree = degree_in(m, i);
    want.edges += (gattn_wide)degree;
    if (degree < want.min_degree) want.min_degree = degree;
    if (degree > want.max_degree) want.max_degree = degree;
    want.empty_rows += degree == 0;
  }
  if (begin == end) want.min_degree = 0;
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  ck_assert_int_eq(gattn_graph_count(context, graph, begin, end, &stats), 0);
  CHECK(stats.edges_low == (uint64_t)want.edges && stats.edges_high == 0 &&
            stats.min_degree == want.min_degree &&
            stats.max_degree == want.max_degree &&
            stats.empty_rows == want.empty_rows,
        "count of [%d, %d): %d edges", (int)begin, (int)end,
        (int)stats.edges_low);
  if (begin == end || !graph->class_->count ||
      !graph->class_->count(graph, begin, end, &got))
    return;
  CHECK(got.edges == want.edges && got.min_degree == want.min_degree &&
            got.max_degree == want.max_degree &&
            got.empty_rows == want.empty_rows,
        "class count of [%d, %d): %d edges, degrees %d to %d, %d empty",
        (int)begin, (int)end, (int)got.edges, (int)got.min_degree,
        (int)got.max_degree, (int)got.empty_rows);
}

static bool same_in(const matrix *m, int64_t a, int64_t b) {
  return !memcmp(m->at[a], m->at[b], (size_t)m->n_kv);
}

static void check_same_rows(const gattn_graph *graph, const matrix *m) {
  for (int64_t a = 0; a < m->n_q; a++)
    for (int64_t b = 0; b < m->n_q; b++)
      CHECK(!gattn_same_row(graph, a, b) || same_in(m, a, b),
            "same_row(%d, %d)", (int)a, (int)b);
}

static void check_order(const gattn_shape *shape, const matrix *m) {
  bool seen[MOST] = {false};
  for (int64_t x = 0; x < m->n_q; x++) {
    int64_t v = shape->order[x];
    CHECK(v >= 0 && v < m->n_q && !seen[v], "order[%d] = %d", (int)x, (int)v);
    seen[v] = true;
    /* One bucket stands together: no row alike after an unlike one. */
    for (int64_t y = x + 2; y < m->n_q; y++)
      CHECK(
          !same_in(m, v, shape->order[y]) || same_in(m, v, shape->order[y - 1]),
          "order tears the bucket of %d", (int)v);
  }
}

static void check_shape(const gattn_graph *graph, const matrix *m) {
  gattn_shape shape = gattn_shape_of(graph);
  CHECK(shape.stride >= 1, "stride");
  for (int64_t i = 0; i < m->n_q; i++) {
    bool listed = false;
    for (int64_t j = 0; j < m->n_kv; j++)
      CHECK(!m->at[i][j] || i % shape.stride == j % shape.stride,
            "stride %d at (%d, %d)", (int)shape.stride, (int)i, (int)j);
    for (int64_t r = 0; r < shape.n_rows; r++)
      listed |= shape.rows[r].begin <= i && i < shape.rows[r].end;
    CHECK(shape.form != GATTN_FORM_ROWS || m->n_kv == 0 ||
              listed == (degree_in(m, i) > 0),
          "hub row %d", (int)i);
  }
  if (shape.form == GATTN_FORM_GRID)
    CHECK(shape.grid_h * shape.grid_w == m->n_q, "grid");
  if (shape.form == GATTN_FORM_BUCKETS) check_order(&shape, m);
}

static void check_graph(const gattn_graph *graph, const matrix *m) {
  CHECK(gattn_graph_queries(graph) == m->n_q, "queries");
  CHECK(gattn_graph_keys(graph) == m->n_kv, "keys");
  for (int64_t i = 0; i < m->n_q; i++) check_row(graph, m, i);
  check_all_runs(graph, m);
  for (int64_t begin = 0; begin <= m->n_q; begin++)
    for (int64_t end = begin; end <= m->n_q; end++)
      check_counts(graph, m, begin, end);
  check_same_rows(graph, m);
  check_shape(graph, m);
}

static void check_transpose(gattn_graph *graph, const matrix *m) {
  gattn_graph *transpose, *back;
  matrix turned = {.n_q = m->n_kv, .n_kv = m->n_q};
  for (int64_t i = 0; i < m->n_q; i++)
    for (int64_t j = 0; j < m->n_kv; j++) turned.at[j][i] = m->at[i][j];
  size_t length = strlen(label);
  ck_assert_int_eq(gattn_graph_transpose(context, graph, &transpose), 0);
  strcat(label, ", transposed");
  check_graph(transpose, &turned);
  ck_assert_int_eq(gattn_graph_transpose(context, transpose, &back), 0);
  strcat(label, " twice");
  check_graph(back, m);
  label[length] = '\0';
  gattn_graph_release(back);
  gattn_graph_release(transpose);
}

/* What a graph says of itself, parsed, is the graph; arrays cannot be said,
 * nor negative seeds. */
static void check_description(const gattn_graph *graph, const matrix *m) {
  char text[400];
  gattn_graph *again;
  matrix other;
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, sizeof text), 0);
  ck_assert_int_gt(strlen(text), 3);
  if (strstr(text, "…") || strchr(text, '-') ||
      strncmp(text, "blockmask", 9) == 0)
    return;
  gattn_status status =
      gattn_mask_parse(context, text, m->n_q, m->n_kv, &again);
  CHECK(!status, "described as %.80s: %.120s", text,
        gattn_context_message(context));
  matrix_of_graph(again, &other);
  for (int64_t i = 0; i < m->n_q; i++)
    CHECK(!memcmp(m->at[i], other.at[i], (size_t)m->n_kv),
          "described as %.100s", text);
  gattn_graph_release(again);
}

static void check_case(const mask_case *mask) {
  gattn_graph *graph = NULL;
  matrix m;
  snprintf(label, sizeof label, "%s(%lld, %lld, %lld, %lld) at %d x %d",
           mask->kind->name, (long long)mask->p[0], (long long)mask->p[1],
           (long long)mask->p[2], (long long)mask->p[3], (int)mask->n_q,
           (int)mask->n_kv);
  gattn_status status = mask->kind->make(context, mask, &graph);
  CHECK(!status, "%s", gattn_context_message(context));
  if (mask->kind->edge)
    matrix_of_rule(mask, &m);
  else
    matrix_of_graph(graph, &m);
  check_graph(graph, &m);
  check_transpose(graph, &m);
  check_description(graph, &m);
  gattn_graph_release(graph);
}

static void start(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), 0);
}
static void stop(void) { gattn_context_destroy(context); }

START_TEST(every_case) { mask_cases_visit(mask_kind_at(_i), check_case); }
END_TEST

/* A stretch ends where the run does: walks of dense rows are then short. */
static void check_long_stretches(const mask_case *mask) {
  gattn_graph *graph;
  matrix m;
  if (!mask->kind->edge) return;
  ck_assert_int_eq(mask->kind->make(context, mask, &graph), 0);
  matrix_of_rule(mask, &m);
  for (int64_t i = 0; i < m.n_q; i++)
    for (int64_t j = 0; j < m.n_kv; j++)
      if (m.at[i][j])
        ck_assert_int_eq(gattn_stretch(graph, i, j), end_in(&m, i, j));
  gattn_graph_release(graph);
}

START_TEST(long_stretches) {
  for (int k = 0; strcmp(mask_kind_at(k)->name, "longformer"); k++)
    if (strcmp(mask_kind_at(k)->name, "global") &&
        strcmp(mask_kind_at(k)->name, "blockmask"))
      mask_cases_visit(mask_kind_at(k), check_long_stretches);
}
END_TEST

static Suite *make_masks_suite(void) {
  Suite *suite = suite_create("masks");
  TCase *tcase = tcase_create("rules");
  int kinds = 0;
  while (mask_kind_at(kinds)) kinds++;
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, every_case, 0, kinds);
  tcase_add_test(tcase, long_stretches);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_masks_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
