/* gattn run against the oracle. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/command.h"
#include "tests/oracle.h"
#include "tests/suites.h"

typedef struct arrays {
  oracle_array q, k, v, o, lse;
} arrays;

static const char *descr_of(gattn_type type) {
  return type == GATTN_FLOAT32 ? "<f4" : "<f2";
}

/* "(2, 3)" from the last `rank` of four extents. */
static const char *shape_text(const int64_t *shape, int rank, char text[64]) {
  int length = snprintf(text, 64, "(");
  for (int a = 4 - rank; a < 4; a++)
    length += snprintf(text + length, (size_t)(64 - length), "%s%lld",
                       a > 4 - rank ? ", " : "", (long long)shape[a]);
  snprintf(text + length, (size_t)(64 - length), rank == 1 ? ",)" : ")");
  return text;
}

static void write_array(const char *path, const oracle_array *array, int rank,
                        const int64_t *shape) {
  char text[64];
  command_write_npy(
      path, descr_of(array->tensor.type), shape_text(shape, rank, text),
      array->tensor.data,
      (size_t)array->elements * gattn_type_size(array->tensor.type));
}

static void read_array(const char *path, oracle_array *array, int rank,
                       const int64_t *shape) {
  char text[64];
  command_read_npy(
      path, descr_of(array->tensor.type), shape_text(shape, rank, text),
      array->tensor.data,
      (size_t)array->elements * gattn_type_size(array->tensor.type));
  oracle_array_read(array);
}

/* A problem, and the command's words that pose it. */
typedef struct run_case {
  const char *name;
  gattn_type type;
  int rank;
  int64_t batch, heads, kv_heads, rows, n_kv, dim, dim_v;
  const char *mask;
  bool (*edge)(int64_t i, int64_t j);
  const char *frontier;
  int64_t vertices[4]; /* of the frontier */
  const char *scale_text;
  double scale;
  const char *extra;
} run_case;

static bool full_edge(int64_t i, int64_t j) {
  (void)i;
  (void)j;
  return true;
}
static bool causal_edge(int64_t i, int64_t j) { return j <= i; }
static bool local_edge(int64_t i, int64_t j) { return llabs(i - j) <= 3; }
static bool hub_edge(int64_t i, int64_t j) {
  return llabs(i - j) <= 2 || i < 2 || j < 2;
}
static bool sparse_edge(int64_t i, int64_t j) {
  return (i - j) % 4 == 0 && !(i >= 8 && i < 12);
}

/* Batch, heads, heads of K and V, rows, keys, dim, dim of V. */
#define SIZES(b, h, hk, r, n, d, dv)                                      \
  .batch = b, .heads = h, .kv_heads = hk, .rows = r, .n_kv = n, .dim = d, \
  .dim_v = dv

static const run_case cases[] = {
    {.name = "rank 2",
     .rank = 2,
     SIZES(1, 1, 1, 40, 40, 16, 16),
     .mask = "local(3)",
     .edge = local_edge,
     .extra = "--threads=2"},
    {.name = "rank 3",
     .rank = 3,
     SIZES(1, 4, 2, 33, 33, 8, 8),
     .mask = "local(2) | global(0:2)",
     .edge = hub_edge,
     .extra = "--device=cpu"},
    {.name = "rank 4",
     .rank = 4,
     SIZES(2, 3, 1, 17, 17, 5, 7),
     .mask = "causal",
     .edge = causal_edge},
    {.name = "half",
     .type = GATTN_FLOAT16,
     .rank = 3,
     SIZES(1, 2, 2, 24, 24, 32, 32),
     .mask = "full",
     .edge = full_edge},
    {.name = "more keys",
     .rank = 2,
     SIZES(1, 1, 1, 9, 50, 64, 64),
     .mask = "local(3)",
     .edge = local_edge},
    {.name = "empty rows",
     .rank = 2,
     SIZES(1, 1, 1, 20, 20, 4, 4),
     .mask = "strided(4) - rows(8:12)",
     .edge = sparse_edge},
    {.name = "scale",
     .rank = 2,
     SIZES(1, 1, 1, 12, 12, 8, 8),
     .mask = "full",
     .edge = full_edge,
     .scale_text = "--scale=-0.25",
     .scale = -0.25},
    {.name = "decode",
     .rank = 3,
     SIZES(1, 2, 2, 1, 30, 8, 8),
     .mask = "causal",
     .edge = causal_edge,
     .frontier = "--frontier=last:1",
     .vertices = {29}},
    {.name = "frontier",
     .rank = 2,
     SIZES(1, 1, 1, 3, 30, 8, 4),
     .mask = "local(3)",
     .edge = local_edge,
     .frontier = "--frontier=list:7,0,20",
     .vertices = {7, 0, 20}},
    {.name = "one token",
     .rank = 2,
     SIZES(1, 1, 1, 1, 1, 1, 1),
     .mask = "causal",
     .edge = causal_edge},
};

static void make_arrays(const run_case *c, arrays *a) {
  int64_t q[] = {c->batch, c->heads, c->rows, c->dim};
  int64_t k[] = {c->batch, c->kv_heads, c->n_kv, c->dim};
  int64_t v[] = {c->batch, c->kv_heads, c->n_kv, c->dim_v};
  int64_t o[] = {c->batch, c->heads, c->rows, c->dim_v};
  a->q = oracle_array_make(c->type, 4, q, ORACLE_DENSE, 1);
  a->k = oracle_array_make(c->type, 4, k, ORACLE_DENSE, 2);
  a->v = oracle_array_make(c->type, 4, v, ORACLE_DENSE, 3);
  a->o = oracle_array_make(c->type, 4, o, ORACLE_DENSE, 4);
  a->lse = oracle_array_make(GATTN_FLOAT32, 3, o, ORACLE_DENSE, 5);
  write_array("q.npy", &a->q, c->rank, q);
  write_array("k.npy", &a->k, c->rank, k);
  write_array("v.npy", &a->v, c->rank, v);
}

static void free_arrays(arrays *a) {
  oracle_array *all[] = {&a->q, &a->k, &a->v, &a->o, &a->lse};
  for (int x = 0; x < 5; x++) oracle_array_free(all[x]);
}

static void run_case_command(const run_case *c) {
  const char *words[20] = {"run",   "--mask", c->mask,      "--q",
                           "q.npy", "--k",    "k.npy",      "--v=v.npy",
                           "--out", "o.npy",  "--lse=l.npy"};
  int n = 11;
  if (c->frontier) words[n++] = c->frontier;
  if (c->scale_text) words[n++] = c->scale_text;
  if (test_on_device())
    words[n++] = "--device=cuda:0";
  else if (c->extra)
    words[n++] = c->extra;
  command_run(NULL, words);
  command_assert_success();
  ck_assert_str_eq(command_out, "");
}

static void expect_answer(const run_case *c, arrays *a) {
  int64_t n_q = c->frontier ? c->n_kv : c->rows;
  bool *edge = malloc((size_t)(n_q * c->n_kv));
  double *o = calloc((size_t)a->o.elements, sizeof *o);
  double *lse = calloc((size_t)a->lse.elements, sizeof *lse);
  for (int64_t i = 0; i < n_q; i++)
    for (int64_t j = 0; j < c->n_kv; j++) edge[i * c->n_kv + j] = c->edge(i, j);
  oracle_problem problem = {.batch = c->batch,
                            .heads = c->heads,
                            .kv_heads = c->kv_heads,
                            .n_q = n_q,
                            .n_f = c->rows,
                            .n_kv = c->n_kv,
                            .dim = c->dim,
                            .dim_v = c->dim_v,
                            .vertices = c->frontier ? c->vertices : NULL,
                            .edge = edge,
                            .mask_heads = 1,
                            .q = a->q.values,
                            .k = a->k.values,
                            .v = a->v.values,
                            .scale = c->scale};
  oracle_attention(&problem, o, lse);
  int64_t shape[] = {c->batch, c->heads, c->rows, c->dim_v};
  int64_t rows[] = {0, c->batch, c->heads, c->rows};
  read_array("o.npy", &a->o, c->rank, shape);
  read_array("l.npy", &a->lse, c->rank - 1, rows);
  oracle_assert_close("o", &a->o, o, 2 + 2 * test_weight_error(c->type) / 1e-5);
  oracle_assert_close("lse", &a->lse, lse, 10);
  free(edge);
  free(o);
  free(lse);
}

START_TEST(equals_the_oracle) {
  arrays a;
  make_arrays(&cases[_i], &a);
  run_case_command(&cases[_i]);
  ck_assert_int_eq(command_files(), 2 + 5);
  expect_answer(&cases[_i], &a);
  free_arrays(&a);
  test_settle();
}
END_TEST

Suite *make_cli_answers_suite(void) {
  Suite *suite = suite_create("cli answers");
  TCase *tcase = tcase_create("answers");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_loop_test(tcase, equals_the_oracle, 0,
                      sizeof cases / sizeof *cases);
  suite_add_tcase(suite, tcase);
  return suite;
}
