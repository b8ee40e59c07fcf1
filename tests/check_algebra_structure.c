/* How unions, intersections and differences are built: depth, terms, forms.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "dense.h"
#include "masks/algebra.h"
#include "masks/terms.h"
#include "tests/backend.h"

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = 2};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

static gattn_graph *parsed(const char *expression, int64_t n) {
  gattn_graph *graph = NULL;
  gattn_status status =
      gattn_mask_parse(context, expression, n, n, &graph);
  ck_assert_msg(!status, "%s: %s", expression, gattn_context_message(context));
  return graph;
}

/* The union of n columns, one by one, on the left or the right. */
static gattn_graph *chain(gattn_status (*make)(gattn_context *, gattn_graph *,
                                               gattn_graph *, gattn_graph **),
                          int64_t n, bool grow_left) {
  gattn_graph *all = NULL;
  for (int64_t c = 0; c < n; c++) {
    gattn_graph *one = NULL, *more = NULL;
    gattn_range set = {c, c + 1};
    ck_assert_int_eq(gattn_mask_cols(context, 4, n + 1, &set, 1, &one), 0);
    if (!all) {
      all = one;
      continue;
    }
    ck_assert_int_eq(grow_left ? make(context, one, all, &more)
                               : make(context, all, one, &more),
                     0);
    gattn_graph_release(one);
    gattn_graph_release(all);
    all = more;
  }
  return all;
}

START_TEST(long_unions_stay_shallow) {
  enum { TERMS = 5000 };
  gattn_graph *all = chain(gattn_graph_union, TERMS, _i);
  ck_assert_int_le(gattn_algebra_of(all)->depth, 19);
  int64_t degree = 0;
  ck_assert_int_eq(gattn_graph_degree(context, all, 3, &degree), 0);
  ck_assert_int_eq(degree, TERMS);
  static gattn_graph *terms[TERMS];
  int64_t count = 0;
  ck_assert_int_eq(gattn_terms(context, all, TERMS, terms, &count), 0);
  ck_assert_int_eq(count, TERMS);
  for (int64_t t = 0; t < TERMS; t++) {
    if (gattn_next(terms[t], 0, 0) != (_i ? TERMS - 1 - t : t))
      ck_abort_msg("term %d is out of order", (int)t);
    gattn_graph_release(terms[t]);
  }
  ck_assert_int_eq(gattn_terms(context, all, 10, terms, &count), 0);
  ck_assert_int_eq(count, 1);
  ck_assert_ptr_eq(terms[0], all);
  gattn_graph_release(terms[0]);
  gattn_graph_release(all);
}
END_TEST

/* Terms where a union stands below another operator. */
START_TEST(terms_of_other_graphs) {
  static const struct {
    const char *mask;
    int64_t terms;
  } cases[] = {
      {"causal - (full | strided(2))", 1},
      {"(local(3) | strided(2)) & causal", 2},
      {"causal & (local(3) | strided(2))", 2},
      {"(cols(0) | local(3) | rows(1)) - blocks(2)", 3},
      {"(local(1) | cols(2)) & (rows(1) | causal)", 4},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    gattn_graph *graph = parsed(cases[c].mask, 8), *terms[5], *all = NULL;
    int64_t n = 0;
    ck_assert_int_eq(gattn_terms(context, graph, 5, terms, &n), 0);
    for (int64_t t = 0; t < n; t++) {
      gattn_graph *more = NULL;
      ck_assert(n < 2 || terms[t]->class_ != &gattn_union_class);
      if (all)
        ck_assert_int_eq(gattn_graph_union(context, all, terms[t], &more), 0);
      else
        more = gattn_graph_retain(terms[t]);
      gattn_graph_release(all);
      gattn_graph_release(terms[t]);
      all = more;
    }
    for (int64_t i = 0; i < 8; i++)
      for (int64_t j = 0; j <= 8; j++)
        ck_assert_int_eq(gattn_next(all, i, j), gattn_next(graph, i, j));
    ck_assert_int_eq(n, cases[c].terms);
    gattn_graph_release(all);
    gattn_graph_release(graph);
  }
}
END_TEST

/* full - c0 - c1 - …: what is left is the last column. */
START_TEST(long_differences) {
  enum { TERMS = 3000 };
  gattn_graph *rest = NULL, *less = NULL;
  ck_assert_int_eq(gattn_mask_full(context, 4, TERMS + 1, &rest), 0);
  for (int64_t c = 0; c < TERMS; c++) {
    gattn_graph *one = NULL;
    gattn_range set = {c, c + 1};
    ck_assert_int_eq(gattn_mask_cols(context, 4, TERMS + 1, &set, 1, &one), 0);
    ck_assert_int_eq(gattn_graph_difference(context, rest, one, &less), 0);
    gattn_graph_release(one);
    gattn_graph_release(rest);
    rest = less;
  }
  ck_assert_int_le(gattn_algebra_of(rest)->depth, 100);
  ck_assert_int_eq(gattn_next(rest, 0, 0), TERMS);
  ck_assert_int_eq(gattn_degree(rest, 2), 1);
  gattn_graph_release(rest);
}
END_TEST

/* Operators in turns nest as they are written, up to a depth. */
START_TEST(alternation_is_bounded) {
  gattn_graph *a = NULL, *b = NULL;
  gattn_range first = {0, 1}, second = {1, 2};
  ck_assert_int_eq(gattn_mask_cols(context, 2, 3, &first, 1, &a), 0);
  ck_assert_int_eq(gattn_mask_cols(context, 2, 3, &second, 1, &b), 0);
  gattn_graph *all = gattn_graph_retain(a), *more = NULL;
  gattn_status status = GATTN_SUCCESS;
  int nested = 0;
  while (!status) {
    status = nested % 2 ? gattn_graph_difference(context, all, b, &more)
                        : gattn_graph_union(context, all, b, &more);
    if (status) break;
    nested++;
    gattn_graph_release(all);
    all = more;
  }
  expect_failure(context, status, GATTN_ERROR_UNSUPPORTED, "16385 deep");
  ck_assert_int_eq(nested, GATTN_ALGEBRA_DEPTH);
  ck_assert_int_eq(gattn_next(all, 0, 0), 0);
  ck_assert_int_eq(gattn_next(all, 0, 1), 3);
  ck_assert_int_eq(gattn_degree(all, 0), 1);
  gattn_graph_release(all);
  gattn_graph_release(a);
  gattn_graph_release(b);
}
END_TEST

static gattn_form form_of(const char *expression) {
  gattn_graph *graph = parsed(expression, 12);
  gattn_form form = gattn_shape_of(graph).form;
  gattn_graph_release(graph);
  return form;
}

static int64_t stride_of(const char *expression) {
  gattn_graph *graph = parsed(expression, 48);
  int64_t stride = gattn_shape_of(graph).stride;
  gattn_graph_release(graph);
  return stride;
}

START_TEST(shapes) {
  ck_assert_int_eq(form_of("local(2) & causal"), GATTN_FORM_BAND);
  ck_assert_int_eq(form_of("local(2) - causal"), GATTN_FORM_BAND);
  ck_assert_int_eq(form_of("cols(0:2) & causal"), GATTN_FORM_BAND);
  ck_assert_int_eq(form_of("cols(0:2) & cols(1)"), GATTN_FORM_COLUMNS);
  ck_assert_int_eq(form_of("rows(0:2) & rows(1:3)"), GATTN_FORM_BAND);
  ck_assert_int_eq(form_of("strided(2) & causal"), GATTN_FORM_STRIDED);
  ck_assert_int_eq(form_of("causal & strided(2)"), GATTN_FORM_STRIDED);
  ck_assert_int_eq(form_of("random(2, 1) & causal"), GATTN_FORM_LIST);
  ck_assert_int_eq(form_of("causal & random(2, 1)"), GATTN_FORM_LIST);
  ck_assert_int_eq(form_of("causal - random(2, 1)"), GATTN_FORM_GENERAL);
  ck_assert_int_eq(form_of("neighborhood2d(3, 4, 3, 3) & causal"),
                   GATTN_FORM_GRID);
  ck_assert_int_eq(form_of("causal | strided(2)"), GATTN_FORM_GENERAL);
  ck_assert_int_eq(stride_of("strided(4) | strided(6)"), 2);
  ck_assert_int_eq(stride_of("strided(4) & strided(6)"), 12);
  ck_assert_int_eq(stride_of("strided(4) - strided(6)"), 4);
  ck_assert_int_eq(stride_of("causal - strided(6)"), 1);
}
END_TEST

/* Rows without end come back in bounded time, and closed forms answer. */
START_TEST(endless_rows) {
  gattn_graph *graph = NULL;
  int64_t n = (int64_t)1 << 40, upto = 0, degree = -1;
  ck_assert_int_eq(gattn_mask_parse(context, "strided(2) - random(8, 1)", n, n,
                                    &graph),
                   0);
  gattn_run runs[64];
  ck_assert_int_eq(gattn_runs(graph, 7, 1, 0, n, runs, 64, &upto), 64);
  ck_assert_int_lt(upto, 200);
  expect_failure(context, gattn_graph_degree(context, graph, 7, &degree),
                 GATTN_ERROR_TOO_LARGE, "this degree would walk about 5");
  ck_assert_int_eq(degree, -1);
  gattn_graph_release(graph);
  ck_assert_int_eq(
      gattn_mask_parse(context, "strided(2) & fixed(2, 1)", n, n, &graph), 0);
  int64_t found = gattn_runs(graph, 8, 1, 10, n, runs, 64, &upto);
  ck_assert_int_eq(found, 0);
  ck_assert_int_gt(upto, 10);
  gattn_graph_release(graph);
}
END_TEST

static Suite *make_algebra_structure_suite(void) {
  Suite *suite = suite_create("algebra structure");
  TCase *tcase = tcase_create("structure");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, long_unions_stay_shallow, 0, 2);
  tcase_add_test(tcase, terms_of_other_graphs);
  tcase_add_test(tcase, long_differences);
  tcase_add_test(tcase, alternation_is_bounded);
  tcase_add_test(tcase, shapes);
  tcase_add_test(tcase, endless_rows);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *suite = make_algebra_structure_suite();
  return test_run(&suite, 1);
}
