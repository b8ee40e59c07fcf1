/* Counts of whole expressions against brute force and exact extrapolation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <check.h>
#include <gattn.h>
#include <stdlib.h>
#include <string.h>

#include "masks/count.h"
#include "oracle.h"

static gattn_context *context;
static const char *kinds; /* of masks that are drawn */

static void create_context(void) {
  kinds = "fcldDsFbBprCgS";
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void destroy_context(void) { gattn_context_destroy(context); }

static gattn_graph *parse(const char *text, int64_t n_q, int64_t n_kv) {
  gattn_graph *graph = NULL;
  gattn_status status = gattn_mask_parse(context, text, n_q, n_kv, &graph);
  ck_assert_msg(status == GATTN_SUCCESS, "%s: %s", text,
                gattn_context_message(context));
  return graph;
}

/* ------------------------------------------------ expressions, naively */

enum { SET = 24, NODES = 64 };

/* One mask of contract.md section 2, or an operator on two nodes. */
typedef struct node {
  char kind; /* | & -, or a letter of the table below */
  int left, right;
  int64_t a, b;
  int64_t set[2 * SET]; /* ranges, or document starts */
  int n;
} node;

typedef struct tree {
  node nodes[NODES];
  int n;
} tree;

static bool in_set(const node *mask, int64_t x) {
  for (int r = 0; r < mask->n; ++r)
    if (mask->set[2 * r] <= x && x < mask->set[2 * r + 1]) return true;
  return false;
}

static int document(const node *mask, int64_t x) {
  int last = 0;
  for (int d = 0; d < mask->n; ++d)
    if (mask->set[d] <= x) last = d;
  return last;
}

static bool has_edge(const tree *t, int at, int64_t i, int64_t j) {
  const node *m = &t->nodes[at];
  int64_t a = m->a, b = m->b, apart = i > j ? i - j : j - i;
  switch (m->kind) {
    case '|':
      return has_edge(t, m->left, i, j) || has_edge(t, m->right, i, j);
    case '&':
      return has_edge(t, m->left, i, j) && has_edge(t, m->right, i, j);
    case '-':
      return has_edge(t, m->left, i, j) && !has_edge(t, m->right, i, j);
    case 'f': return true;
    case 'c': return j <= i;
    case 'l': return -a <= j - i && j - i <= b;
    case 'd': return apart <= a * b && apart % b == 0;
    case 'D': return i / a == j / a && i % a % b == 0 && j % a % b == 0;
    case 's': return apart % a == 0;
    case 'F': return i / a == j / a || j % a >= a - b;
    case 'b': return i / a == j / a;
    case 'B': return labs((long)(i / a - j / a)) <= b;
    case 'r': return in_set(m, i);
    case 'C': return in_set(m, j);
    case 'g': return in_set(m, i) || in_set(m, j);
    case 'S': return document(m, i) == document(m, j);
    default: return j < a || j <= i;
  }
}

static void say_list(const node *m, const char *name, gattn_text *text) {
  gattn_text_append(text, "%s(", name);
  for (int r = 0; r < m->n; ++r)
    if (m->kind == 'S')
      gattn_text_append(text, "%s%d", r ? "," : "", (int)m->set[r]);
    else
      gattn_text_append(text, "%s%d:%d", r ? "," : "", (int)m->set[2 * r],
                        (int)m->set[2 * r + 1]);
  gattn_text_append(text, ")");
}

static void say(const tree *t, int at, gattn_text *text) {
  const node *m = &t->nodes[at];
  int a = (int)m->a, b = (int)m->b;
  switch (m->kind) {
    case 'f': gattn_text_append(text, "full"); break;
    case 'c': gattn_text_append(text, "causal"); break;
    case 'l': gattn_text_append(text, "local(%d,%d)", a, b); break;
    case 'd': gattn_text_append(text, "dilated(%d,%d)", a, b); break;
    case 'D': gattn_text_append(text, "dilated2d(%d,%d)", a, b); break;
    case 's': gattn_text_append(text, "strided(%d)", a); break;
    case 'F': gattn_text_append(text, "fixed(%d,%d)", a, b); break;
    case 'b': gattn_text_append(text, "blocks(%d)", a); break;
    case 'B': gattn_text_append(text, "blocklocal(%d,%d)", a, b); break;
    case 'p': gattn_text_append(text, "prefix(%d)", a); break;
    case 'r': say_list(m, "rows", text); break;
    case 'C': say_list(m, "cols", text); break;
    case 'g': say_list(m, "global", text); break;
    case 'S': say_list(m, "documents", text); break;
    default:
      gattn_text_append(text, "(");
      say(t, m->left, text);
      gattn_text_append(text, " %c ", m->kind);
      say(t, m->right, text);
      gattn_text_append(text, ")");
  }
}

static uint64_t state;

/* Uniform in [0, n). */
static int64_t below(int64_t n) {
  return (int64_t)(oracle_random(&state) % (uint64_t)n);
}

/* Ranges of positions below `end` that ascend, some touching; or starts. */
static void draw_set(node *m, int64_t end) {
  int64_t most = below(3) ? 3 : SET, step = end / most + 1, at = 0;
  m->n = 0;
  if (m->kind == 'S') m->set[m->n++] = 0;
  while (m->n < most) {
    at += m->kind == 'S' ? 1 + below(step) : below(step);
    if (at >= end) break;
    if (m->kind == 'S') {
      m->set[m->n++] = at;
      continue;
    }
    int64_t length = 1 + below(step);
    m->set[2 * m->n] = at;
    at = at + length < end ? at + length : end;
    m->set[2 * m->n++ + 1] = at;
  }
  if (m->n > 0) return;
  m->set[0] = 0;
  m->set[1] = 1;
  m->n = 1;
}

/* A random mask with parameters up to `size`, valid for n_q × n_kv. */
static node draw_mask(int64_t n_q, int64_t n_kv, int64_t size) {
  node m = {.kind = kinds[below((int64_t)strlen(kinds))],
            .a = 1 + below(size),
            .b = 1 + below(size)};
  int64_t most = n_q > n_kv ? n_q : n_kv;
  if (m.kind == 'l') m.a -= 1;
  if (m.kind == 'F') m.b = below(m.a + 1);
  if (m.kind == 'B') m.b = below(4);
  if (m.kind == 'p') m.a = below(n_kv + 1);
  if (m.kind == 's' && below(8) == 0) m.a = 1 + below(most + 9);
  if (m.kind == 'r') draw_set(&m, n_q);
  if (m.kind == 'C') draw_set(&m, n_kv);
  if (m.kind == 'g') draw_set(&m, most);
  if (m.kind == 'S') draw_set(&m, n_q < n_kv ? n_q : n_kv);
  return m;
}

static int draw(tree *t, int64_t n_q, int64_t n_kv, int64_t size, int depth) {
  node m;
  if (depth == 0 || below(6) == 0) {
    m = draw_mask(n_q, n_kv, size);
  } else {
    m = (node){.kind = "|&-"[below(3)]};
    m.left = draw(t, n_q, n_kv, size, depth - 1);
    m.right = draw(t, n_q, n_kv, size, depth - 1);
  }
  t->nodes[t->n] = m;
  return t->n++;
}

static gattn_counts brute(const tree *t, int root, int64_t begin, int64_t end,
                          int64_t n_kv) {
  gattn_counts counts = {.min_degree = INT64_MAX};
  for (int64_t i = begin; i < end; ++i) {
    int64_t degree = 0;
    for (int64_t j = 0; j < n_kv; ++j) degree += has_edge(t, root, i, j);
    counts.edges += (gattn_wide)degree;
    if (degree < counts.min_degree) counts.min_degree = degree;
    if (degree > counts.max_degree) counts.max_degree = degree;
    counts.empty_rows += degree == 0;
  }
  return counts;
}

static bool equal(const gattn_counts *a, const gattn_counts *b) {
  return a->edges == b->edges && a->min_degree == b->min_degree &&
         a->max_degree == b->max_degree && a->empty_rows == b->empty_rows;
}

/* ------------------------------------------------------------ small graphs */

/* False when the formula is too large to be counted. */
static bool check_random(int64_t most, int64_t size) {
  int64_t n_q = 1 + below(most), n_kv = below(3) ? n_q : 1 + below(most);
  int64_t begin = below(2) ? 0 : below(n_q);
  int64_t end = below(2) ? n_q : begin + 1 + below(n_q - begin);
  char buffer[4096];
  gattn_text text = gattn_text_start(buffer, sizeof buffer);
  tree t = {.n = 0};
  int root = draw(&t, n_q, n_kv, 1 + below(size), (int)below(4));
  say(&t, root, &text);
  gattn_graph *graph = parse(buffer, n_q, n_kv);
  gattn_counts expected = brute(&t, root, begin, end, n_kv), counts;
  if (!gattn_count_expression(graph, begin, end, &counts)) {
    gattn_graph_release(graph);
    return false;
  }
  ck_assert_msg(equal(&counts, &expected),
                "%s, %d x %d, rows %d:%d: %d edges, %d … %d, %d empty; not %d, "
                "%d … %d, %d",
                buffer, (int)n_q, (int)n_kv, (int)begin, (int)end,
                (int)counts.edges, (int)counts.min_degree,
                (int)counts.max_degree, (int)counts.empty_rows,
                (int)expected.edges, (int)expected.min_degree,
                (int)expected.max_degree, (int)expected.empty_rows);
  int64_t i = below(n_q), degree;
  expected = brute(&t, root, i, i + 1, n_kv);
  ck_assert_msg(gattn_degree_expression(graph, i, &degree) &&
                    degree == (int64_t)expected.edges,
                "%s, %d x %d, row %d", buffer, (int)n_q, (int)n_kv, (int)i);
  gattn_graph_release(graph);
  return true;
}

START_TEST(random_expressions) {
  state = 1;
  for (int k = 0; k < 2000; ++k) ck_assert(check_random(60, 12));
}
END_TEST

/* Many periods a graph, so that zones repeat on several levels. */
START_TEST(random_expressions_of_short_periods) {
  state = 2;
  for (int k = 0; k < 150; ++k) ck_assert(check_random(250, 6));
}
END_TEST

/* Periods too long to be looked at row by row, so that they are frozen. */
START_TEST(random_expressions_of_long_periods) {
  state = 5;
  for (int k = 0; k < 150; ++k) ck_assert(check_random(250, 70));
}
END_TEST

/* strided(s) & (fixed(t, c) - local(0)): a tail's keys, stride by stride. */
static void check_stride_in_tail(int64_t s, int64_t t, int64_t c, int64_t n) {
  tree masks = {.nodes = {{.kind = 's', .a = s},
                          {.kind = 'F', .a = t, .b = c},
                          {.kind = 'l', .a = 0, .b = 0},
                          {.kind = '-', .left = 1, .right = 2},
                          {.kind = '&', .left = 0, .right = 3}},
                .n = 5};
  char buffer[256];
  gattn_text text = gattn_text_start(buffer, sizeof buffer);
  say(&masks, 4, &text);
  gattn_graph *graph = parse(buffer, n, n);
  gattn_counts expected = brute(&masks, 4, 0, n, n), counts;
  ck_assert(gattn_count_expression(graph, 0, n, &counts));
  ck_assert_msg(equal(&counts, &expected), "%s, n = %d", buffer, (int)n);
  gattn_graph_release(graph);
}

START_TEST(strides_in_tails) {
  for (int64_t s = 2; s <= 8; ++s)
    for (int64_t t = s; t <= 3 * s; t += s)
      for (int64_t c = 1; c < t; c += 2)
        for (int64_t n = 28; n < 34; ++n) check_stride_in_tail(s, t, c, n);
}
END_TEST

/* Classes with both a stride and tails. */
START_TEST(random_strides_and_tails) {
  state = 6;
  kinds = "FFFssdlc";
  int counted = 0;
  for (int k = 0; k < 400; ++k) counted += check_random(100, 30);
  ck_assert_int_gt(counted, 350);
}
END_TEST

/* ------------------------------------------------------------ large graphs */

/* The value at k of the quadratic through values[0 … 2] at 0, 1, 2. */
static __int128 extrapolate(const __int128 values[3], __int128 k) {
  __int128 first = values[1] - values[0];
  __int128 second = values[2] - 2 * values[1] + values[0];
  return values[0] + first * k + second * (k * (k - 1) / 2);
}

/* Of n_q = n_kv = base + period·k rows the edges and the empty rows are
 * polynomials in k when all masks are shorter than base: brute force at three
 * small k tells them for k = 2^30. */
static void check_extrapolation(void) {
  enum { BASE = 84, SETS = 60 };
  static const int64_t sizes[] = {1, 2, 3, 4, 6, 8, 12};
  char buffer[4096];
  gattn_text text = gattn_text_start(buffer, sizeof buffer);
  tree t = {.n = 0};
  int root = draw(&t, SETS, SETS, 4, (int)below(3));
  for (int k = 0; k < t.n; ++k) {
    node *m = &t.nodes[k];
    if (m->kind == 'd' || m->kind == 'D') m->b = sizes[below(4)];
    if (m->kind != 'l' && m->kind != 'p' && m->a > 0)
      m->a = m->kind == 'F' && m->b == m->a ? m->a : sizes[below(5)];
    if (m->kind == 'F' && m->b > m->a) m->b = m->a;
  }
  say(&t, root, &text);
  __int128 edges[3], empty[3];
  for (int64_t k = 0; k < 3; ++k) {
    int64_t n = BASE + 24 * k;
    gattn_counts counts = brute(&t, root, 0, n, n);
    edges[k] = (__int128)counts.edges;
    empty[k] = counts.empty_rows;
  }
  int64_t k = (int64_t)1 << 30, n = BASE + 24 * k;
  gattn_graph *graph = parse(buffer, n, n);
  gattn_counts counts;
  ck_assert_msg(gattn_count_expression(graph, 0, n, &counts), "%s", buffer);
  ck_assert_msg((__int128)counts.edges == extrapolate(edges, k) &&
                    counts.empty_rows == (int64_t)extrapolate(empty, k),
                "%s, n = %lld: %g edges, not %g", buffer, (long long)n,
                (double)counts.edges, (double)extrapolate(edges, k));
  gattn_graph_release(graph);
}

START_TEST(extrapolation) {
  state = 3;
  for (int k = 0; k < 300; ++k) check_extrapolation();
}
END_TEST

/* Any cut of the rows into two gives the same sums, up to n = 2^62. */
static void check_cut(int64_t n, int64_t size) {
  char buffer[4096];
  gattn_text text = gattn_text_start(buffer, sizeof buffer);
  tree t = {.n = 0};
  int root = draw(&t, 1000, 1000, size, (int)below(3));
  say(&t, root, &text);
  gattn_graph *graph = parse(buffer, n, n);
  gattn_counts all, low, high;
  int64_t middle = 1 + below(n - 1);
  if (gattn_count_expression(graph, 0, n, &all) &&
      gattn_count_expression(graph, 0, middle, &low) &&
      gattn_count_expression(graph, middle, n, &high)) {
    low.edges += high.edges;
    low.empty_rows += high.empty_rows;
    if (high.min_degree < low.min_degree) low.min_degree = high.min_degree;
    if (high.max_degree > low.max_degree) low.max_degree = high.max_degree;
    ck_assert_msg(equal(&all, &low), "%s, n = %lld cut at %lld", buffer,
                  (long long)n, (long long)middle);
  }
  gattn_graph_release(graph);
}

START_TEST(cuts) {
  state = 4;
  for (int k = 0; k < 60; ++k) {
    check_cut(((int64_t)1 << 40) - below(99), 12);
    check_cut(((int64_t)1 << 62) - below(99), 12);
    check_cut(GATTN_MAX_VERTICES, 40);
  }
}
END_TEST

/* ------------------------------------------------------------ known numbers */

/* Derived by hand for n = 2^40 with big integers. */
static const struct known {
  const char *mask;
  uint64_t edges_high, edges_low;
  int64_t min_degree, max_degree, empty_rows;
} known[] = {
    {"longformer(256,64)", 0u, 704786953301696u, 321, 1099511627776, 0},
    {"streaming(4,1024)", 0u, 1131397464452598u, 1, 1029, 0},
    {"sparsetransformer(64)", 512u, 69818988361760u, 1, 17179869247, 0},
    {"sparsetransformer(1m)", 0u, 1729381157399166976u, 1, 2097151, 0},
    {"longnet(2048,1,4096,2,8192,4,16384,8,32768,16)",
     0u, 3307330976350208u, 2048, 6144, 0},
    {"local(256) - dilated(3,2)", 0u, 556352883588888u, 253, 506, 0},
    {"fixed(128,8) & causal", 2048u, 66520453480448u, 1, 68719476856, 0},
    {"blocks(1m) | strided(2)",
     32768u, 576460752303423488u, 549756338176, 549756338176, 0},
    {"documents(0,1000,5000) & causal",
     32767u, 18441247065347485504u, 1, 1099511622776, 0},
    {"rows(0:10) & cols(5:1t) - causal",
     0u, 10995116277695u, 0, 1099511627771, 1099511627766},
};

START_TEST(known_counts) {
  const struct known *row = &known[_i];
  int64_t n = (int64_t)1 << 40;
  gattn_graph *graph = parse(row->mask, n, n);
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  ck_assert_int_eq(gattn_graph_count(context, graph, 0, n, &stats),
                   GATTN_SUCCESS);
  ck_assert_uint_eq(stats.edges_high, row->edges_high);
  ck_assert_uint_eq(stats.edges_low, row->edges_low);
  ck_assert_int_eq(stats.min_degree, row->min_degree);
  ck_assert_int_eq(stats.max_degree, row->max_degree);
  ck_assert_int_eq(stats.empty_rows, row->empty_rows);
  gattn_graph_release(graph);
}
END_TEST

/* strided(64) has 2^33 keys at or before row 2^39, none of them but i itself
 * among the 64 of local(63, 0). */
START_TEST(degree_of_an_endless_row) {
  int64_t n = (int64_t)1 << 40, degree = 0;
  gattn_graph *graph = parse("sparsetransformer(64)", n, n);
  ck_assert_int_eq(gattn_graph_degree(context, graph, n / 2, &degree),
                   GATTN_SUCCESS);
  ck_assert_int_eq(degree, 63 + n / 128 + 1);
  gattn_graph_release(graph);
}
END_TEST

START_TEST(no_closed_form) {
  int64_t n = (int64_t)1 << 40, degree;
  gattn_graph *graph = parse("longformer(256,64) - random(8,1)", n, n);
  gattn_graph_stats stats = {.struct_size = sizeof stats};
  gattn_counts counts;
  ck_assert(!gattn_count_expression(graph, 0, n, &counts));
  ck_assert(!gattn_degree_expression(graph, 0, &degree));
  ck_assert_int_eq(gattn_graph_count(context, graph, 0, n, &stats),
                   GATTN_ERROR_TOO_LARGE);
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_count_suite(void) {
  Suite *suite = suite_create("count");
  TCase *tcase = tcase_create("count");
  tcase_add_checked_fixture(tcase, create_context, destroy_context);
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, random_expressions);
  tcase_add_test(tcase, random_expressions_of_short_periods);
  tcase_add_test(tcase, random_expressions_of_long_periods);
  tcase_add_test(tcase, strides_in_tails);
  tcase_add_test(tcase, random_strides_and_tails);
  tcase_add_test(tcase, extrapolation);
  tcase_add_test(tcase, cuts);
  tcase_add_loop_test(tcase, known_counts, 0,
                      (int)(sizeof known / sizeof known[0]));
  tcase_add_test(tcase, degree_of_an_endless_row);
  tcase_add_test(tcase, no_closed_form);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_count_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
