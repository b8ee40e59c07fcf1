/* Long, deep and random mask expressions. SPDX-License-Identifier: Apache-2.0
 */
#include <check.h>
#include <gattn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 65536, DEEPEST = 256 };

static gattn_context *context;
static char *expression; /* [LONGEST + 2] */

static void create(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  expression = calloc(LONGEST + 2, 1);
  ck_assert_ptr_nonnull(expression);
}

static void destroy(void) {
  free(expression);
  gattn_context_destroy(context);
}

static gattn_status parse(int64_t n, gattn_graph **graph) {
  *graph = NULL;
  gattn_status status = gattn_mask_parse(context, expression, n, n, graph);
  ck_assert(status ? !*graph : !!*graph);
  return status;
}

static gattn_graph *parsed(int64_t n) {
  gattn_graph *graph;
  gattn_status status = parse(n, &graph);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  return graph;
}

static int contains(gattn_graph *graph, int64_t i, int64_t j) {
  int answer = -1;
  ck_assert_int_eq(gattn_graph_contains(context, graph, i, j, &answer),
                   GATTN_SUCCESS);
  return answer;
}

/* ------------------------------------------------------------ limits */

START_TEST(length_is_limited) {
  gattn_graph *graph;
  memset(expression, ' ', LONGEST + 1);
  memcpy(expression + LONGEST - 6, "causal", 6);
  expression[LONGEST] = '\0';
  gattn_graph_release(parsed(4));
  expression[LONGEST] = ' ';
  ck_assert_int_eq(parse(4, &graph), GATTN_ERROR_SYNTAX);
  ck_assert_str_eq(gattn_context_message(context),
                   "column 65537: the expression is longer than 65536 bytes");
}
END_TEST

static void nest(int deep) {
  memset(expression, '(', (size_t)deep);
  strcpy(expression + deep, "local(1)");
  memset(expression + strlen(expression), ')', (size_t)deep);
}

START_TEST(nesting_is_limited) {
  gattn_graph *graph;
  nest(DEEPEST);
  gattn_graph_release(parsed(4));
  memset(expression, 0, LONGEST);
  nest(DEEPEST + 1);
  ck_assert_int_eq(parse(4, &graph), GATTN_ERROR_SYNTAX);
  ck_assert_str_eq(gattn_context_message(context),
                   "column 257: parentheses nest deeper than 256");
  memset(expression, '(', LONGEST);
  ck_assert_int_eq(parse(4, &graph), GATTN_ERROR_SYNTAX);
}
END_TEST

/* Parentheses one behind the other do not nest. */
START_TEST(parentheses_end) {
  for (int k = 0; k < 1000; k++) strcat(expression, "(full)&");
  strcat(expression, "causal");
  gattn_graph *graph = parsed(4);
  ck_assert(contains(graph, 2, 1) && !contains(graph, 1, 2));
  gattn_graph_release(graph);
}
END_TEST

/* One mask of as many arguments as fit. */
START_TEST(lists_are_long) {
  static const char *const beginnings[] = {"rows(0", "longnet(1,1",
                                           "documents(0"};
  size_t length = (size_t)sprintf(expression, "%s", beginnings[_i]);
  for (int k = 1; length + 16 < LONGEST; k++)
    length += (size_t)sprintf(expression + length, _i == 1 ? ",1,1" : ",%d", k);
  strcpy(expression + length, ")");
  gattn_graph *graph = parsed(1 << 16);
  ck_assert(contains(graph, 9, 9) && contains(graph, 100, 100));
  ck_assert_int_eq(contains(graph, 9, 10), _i == 0);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ chains */

static bool leaf(int kind, int64_t i, int64_t j) {
  return kind == 0 ? true : kind == 1 ? i == 0 : j <= i;
}

/* Terms k of kind k % 3 with the operators ops[] between them in turn, from
 * left to right, & before the others. */
static bool chain_contains(const char *ops, int n, int64_t i, int64_t j) {
  size_t n_ops = strlen(ops);
  bool sum = false, term = leaf(0, i, j);
  char op = '|';
  for (int k = 1; k <= n; k++) {
    char next = k < n ? ops[(size_t)(k - 1) % n_ops] : '|';
    if (next == '&') {
      term = term && leaf(k % 3, i, j);
      continue;
    }
    sum = op == '|' ? sum || term : sum && !term;
    op = next;
    term = leaf(k % 3, i, j);
  }
  return sum;
}

static const char *const operators[] = {"|",  "-",   "&",   "|-",
                                        "&-", "|&-", "||--"};

/* As many terms as fit: who recurses through them must not run out of stack,
 * and who walks them must end. */
START_TEST(chains_are_long) {
  static const char *const terms[] = {"full", "rows(0)", "causal"};
  const char *ops = operators[_i];
  size_t length = 0;
  int n = 0;
  for (; length + 8 <= LONGEST; n++) {
    if (n) expression[length++] = ops[(size_t)(n - 1) % strlen(ops)];
    length += (size_t)sprintf(expression + length, "%s", terms[n % 3]);
  }
  ck_assert_int_ge(n, 9000);
  gattn_graph *graph = parsed(3);
  for (int64_t i = 0; i < 3; i++) {
    int64_t degree = 0, told = -1;
    for (int64_t j = 0; j < 3; j++) {
      bool expected = chain_contains(ops, n, i, j);
      ck_assert_int_eq(contains(graph, i, j), expected);
      degree += expected;
    }
    ck_assert_int_eq(gattn_graph_degree(context, graph, i, &told),
                     GATTN_SUCCESS);
    ck_assert_int_eq(told, degree);
  }
  char *text = calloc(2 * LONGEST, 1);
  ck_assert_int_eq(gattn_graph_describe(context, graph, text, 2 * LONGEST),
                   GATTN_SUCCESS);
  free(text);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ random */

enum { N = 64, EXPRESSIONS = 40, TERMS = 3, DEEP = 3 };

typedef struct grid {
  bool edge[N][N];
} grid;

static uint64_t state;

static uint64_t draw(uint64_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (state >> 33) % below;
}

static void read_grid(gattn_graph *graph, grid *g) {
  for (int64_t i = 0; i < N; i++)
    for (int64_t j = 0; j < N; j++) g->edge[i][j] = contains(graph, i, j);
}

static void write_leaf(grid *g) {
  const gattn_mask_info *row = NULL;
  while (!row || !row->example) row = gattn_mask_table((int64_t)draw(28));
  gattn_graph *graph = NULL;
  ck_assert_int_eq(gattn_mask_parse(context, row->example, N, N, &graph),
                   GATTN_SUCCESS);
  read_grid(graph, g);
  gattn_graph_release(graph);
  strcat(expression, row->example);
}

/* Appends an expression and draws what it means, by booleans alone. */
static void write_expression(int deep, grid *g);

static void write_factor(int deep, grid *g) {
  if (deep == DEEP || draw(3)) {
    write_leaf(g);
    return;
  }
  strcat(expression, "(");
  write_expression(deep + 1, g);
  strcat(expression, draw(2) ? ")" : " )");
}

static void write_term(int deep, grid *g) {
  grid factor;
  write_factor(deep, g);
  while (draw(3) == 0) {
    strcat(expression, draw(2) ? "&" : " & ");
    write_factor(deep, &factor);
    for (int e = 0; e < N * N; e++)
      g->edge[e / N][e % N] &= factor.edge[e / N][e % N];
  }
}

static void write_expression(int deep, grid *g) {
  grid term;
  write_term(deep, g);
  for (uint64_t n = draw(TERMS); n; n--) {
    bool add = draw(2);
    strcat(expression, add ? " | " : "-");
    write_term(deep, &term);
    for (int e = 0; e < N * N; e++) {
      bool *edge = &g->edge[e / N][e % N], other = term.edge[e / N][e % N];
      *edge = add ? *edge || other : *edge && !other;
    }
  }
}

/* A random expression means what its booleans say, and so does what its graph
 * describes itself as. */
START_TEST(describes_what_it_parsed) {
  grid expected, found;
  state = (uint64_t)_i;
  write_expression(0, &expected);
  for (int again = 0; again < 2; again++) {
    gattn_graph *graph = parsed(N);
    read_grid(graph, &found);
    ck_assert_msg(!memcmp(&expected, &found, sizeof found), "%s", expression);
    ck_assert_int_eq(gattn_graph_describe(context, graph, expression, LONGEST),
                     GATTN_SUCCESS);
    gattn_graph_release(graph);
  }
}
END_TEST

static Suite *make_expressions_suite(void) {
  Suite *suite = suite_create("expressions");
  TCase *tcase = tcase_create("long, deep, random");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_test(tcase, length_is_limited);
  tcase_add_test(tcase, nesting_is_limited);
  tcase_add_test(tcase, parentheses_end);
  tcase_add_loop_test(tcase, lists_are_long, 0, 3);
  tcase_add_loop_test(tcase, chains_are_long, 0,
                      sizeof operators / sizeof *operators);
  tcase_add_loop_test(tcase, describes_what_it_parsed, 0, EXPRESSIONS);
  tcase_set_timeout(tcase, 60);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_expressions_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
