/* Attention against the float64 oracle. SPDX-License-Identifier: Apache-2.0 */
#include "tests/attend_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gattn_isa isas[ATTEND_ISAS] = {
    GATTN_ISA_PORTABLE, GATTN_ISA_AVX2, GATTN_ISA_AVX512};

gattn_context *attend_context(gattn_isa isa, int32_t threads) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .isa = test_on_device() ? GATTN_ISA_AUTO
                                                           : isa,
                                   .threads = threads};
  return test_context(&options);
}

gattn_context *attend_context_of(int number, int32_t threads) {
  const bool there = test_on_device() ? number == 0
                                      : gattn_isa_available(isas[number]);
  return there ? attend_context(isas[number], threads) : NULL;
}

/* ------------------------------------------------------------ the parts */

typedef struct operands {
  gattn_graph *graph;
  gattn_frontier *frontier;
  bool *edge; /* [mask heads, n_q, n_kv] */
  int64_t n_f, *vertices;
  oracle_array q, k, v, o, lse, values;
  double *edge_values; /* [batch, heads, n_f, n_kv] */
} operands;

static int64_t mask_heads(const attend_case *c) {
  return c->stack ? c->heads : 1;
}

static void dense_edges(gattn_context *context, const gattn_graph *graph,
                        bool *edge) {
  const int64_t n_q = gattn_graph_queries(graph);
  const int64_t n_kv = gattn_graph_keys(graph);
  /* An assertion of Check writes to a file: one for all cells. */
  gattn_status status = GATTN_SUCCESS;
  for (int64_t i = 0; i < n_q && !status; i++)
    for (int64_t j = 0; j < n_kv && !status; j++) {
      int contains = 0;
      status = gattn_graph_contains(context, graph, i, j, &contains);
      edge[i * n_kv + j] = contains;
    }
  ck_success(context, status);
}

static void make_graph(gattn_context *context, const attend_case *c,
                       operands *made) {
  enum { MOST = 8 };
  gattn_graph *graphs[MOST];
  const int64_t n = mask_heads(c), cells = c->n_q * c->n_kv;
  ck_assert_int_le(n, MOST);
  made->edge = malloc((size_t)(n * cells) + 1);
  if (c->graph) {
    made->graph = gattn_graph_retain(c->graph);
    dense_edges(context, c->graph, made->edge);
    return;
  }
  for (int64_t h = 0; h < n; h++) {
    ck_success(context,
               gattn_mask_parse(context, c->stack ? c->stack[h] : c->mask,
                                c->n_q, c->n_kv, &graphs[h]));
    dense_edges(context, graphs[h], made->edge + h * cells);
  }
  if (!c->stack) {
    made->graph = graphs[0];
    return;
  }
  ck_success(context, gattn_graph_stack(context, graphs, n, &made->graph));
  for (int64_t h = 0; h < n; h++) gattn_graph_release(graphs[h]);
}

static void make_frontier(gattn_context *context, const attend_case *c,
                          operands *made) {
  made->n_f = c->n_q;
  if (!c->frontier) return;
  ck_success(context, gattn_frontier_parse(context, c->frontier, c->n_q,
                                           &made->frontier));
  made->n_f = gattn_frontier_size(made->frontier);
  made->vertices = malloc((size_t)made->n_f * sizeof *made->vertices + 1);
  ck_success(context,
             gattn_frontier_vertices(context, made->frontier, 0, made->n_f,
                                     made->vertices, &made->n_f));
}

/* A NaN in the middle of the array, an infinity at its end. */
static void poison(oracle_array *array) {
  oracle_array_set(array, array->elements / 2, NAN);
  oracle_array_set(array, array->elements - 1, INFINITY);
}

static void place_arrays(gattn_context *context, operands *made) {
  oracle_array *const arrays[] = {&made->q, &made->k,   &made->v,
                                  &made->o, &made->lse, &made->values};
  for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++)
    if (arrays[a]->memory) oracle_array_place(arrays[a], context);
}

static void make_arrays(const attend_case *c, operands *made) {
  int64_t q_shape[] = {c->batch, c->heads, made->n_f, c->dim};
  int64_t k_shape[] = {c->batch, c->kv_heads, c->n_kv, c->dim};
  int64_t v_shape[] = {c->batch, c->kv_heads, c->n_kv, c->dim_v};
  int64_t o_shape[] = {c->batch, c->heads, made->n_f, c->dim_v};
  made->q = oracle_array_make(c->type, 4, q_shape, c->layout, 1);
  made->k = oracle_array_make(c->type, 4, k_shape, c->layout, 2);
  made->v = oracle_array_make(c->type, 4, v_shape, c->layout, 3);
  made->o = oracle_array_make(c->type, 4, o_shape, c->layout, 4);
  made->lse = oracle_array_make(GATTN_FLOAT32, 3, o_shape, ORACLE_DENSE, 5);
  for (int64_t e = 0; c->amplitude != 0 && e < made->q.elements; e++)
    oracle_array_set(&made->q, e, (float)(made->q.values[e] * c->amplitude));
  if (c->poison)
    poison(*c->poison == 'q'   ? &made->q
           : *c->poison == 'k' ? &made->k
                               : &made->v);
}

static oracle_problem problem_of(const attend_case *c, const operands *made) {
  return (oracle_problem){
      .batch = c->batch, .heads = c->heads, .kv_heads = c->kv_heads,
      .n_q = c->n_q, .n_f = made->n_f, .n_kv = c->n_kv, .dim = c->dim,
      .dim_v = c->dim_v, .vertices = made->vertices, .edge = made->edge,
      .mask_heads = mask_heads(c),
      .q = made->q.values, .k = made->k.values, .v = made->v.values,
      .scale = c->scale ? *c->scale : 0, .score = c->oracle,
      .parameters = c->parameters, .edge_values = made->edge_values};
}

/* A value a cell of the dense mask, and those of the edges packed. */
static void make_edge_values(const attend_case *c, operands *made) {
  oracle_problem problem = problem_of(c, made);
  const int64_t cells = c->batch * c->heads * made->n_f * c->n_kv;
  int64_t shape[] = {c->batch, c->heads, oracle_edges(&problem)};
  uint64_t seed = 77;
  made->edge_values = malloc((size_t)cells * sizeof(double) + 1);
  for (int64_t e = 0; e < cells; e++)
    made->edge_values[e] = (double)(oracle_random(&seed) % 64) / 16 - 2;
  made->values = oracle_array_make(GATTN_FLOAT32, 3, shape, c->layout, 6);
  double *packed = malloc((size_t)made->values.elements * sizeof(double) + 1);
  oracle_pack(&problem, made->edge_values, NAN, packed);
  for (int64_t e = 0; e < made->values.elements; e++)
    oracle_array_set(&made->values, e, packed[e]);
  free(packed);
}

static void free_operands(operands *made) {
  gattn_graph_release(made->graph);
  gattn_frontier_release(made->frontier);
  free(made->edge);
  free(made->vertices);
  free(made->edge_values);
  oracle_array_free(&made->q);
  oracle_array_free(&made->k);
  oracle_array_free(&made->v);
  oracle_array_free(&made->o);
  oracle_array_free(&made->lse);
  oracle_array_free(&made->values);
}

/* ------------------------------------------------------------ compare */

static double largest(const double *values, int64_t count) {
  double most = 0;
  for (int64_t e = 0; e < count; e++)
    if (isfinite(values[e])) most = fmax(most, fabs(values[e]));
  return most;
}

/* float32 has a score of s to within some 1e-7·s, and its weight with it;
 * scores of 10^8 and more stand so far apart that one edge has all weight. */
static double weight_error(double score) {
  return score < 1e8 ? 1 + score / 20 : 1;
}

static void name_case(gattn_context *context, const attend_case *c, char *name,
                      size_t size) {
  snprintf(name, size,
           "%.120s n %lld x %lld dim %lld %lld b %lld h %lld/%lld %s %s "
           "layout %d score %d %s%s",
           c->mask ? c->mask : c->stack[0], (long long)c->n_q,
           (long long)c->n_kv, (long long)c->dim, (long long)c->dim_v,
           (long long)c->batch, (long long)c->heads, (long long)c->kv_heads,
           gattn_isa_name(gattn_context_isa(context)),
           gattn_type_name(c->type), c->layout,
           c->score ? (int)c->score->kind : 0, c->frontier ? c->frontier : "",
           c->poison ? " poisoned" : "");
}

static void assert_close(gattn_context *context, const attend_case *c,
                         operands *made) {
  oracle_problem problem = problem_of(c, made);
  double *o = malloc((size_t)made->o.elements * sizeof(double) + 1);
  double *lse = malloc((size_t)made->lse.elements * sizeof(double) + 1);
  oracle_attention(&problem, o, lse);
  char what[300];
  name_case(context, c, what, sizeof what - 4);
  const double top = largest(lse, made->lse.elements);
  oracle_assert_close(what, &made->o, o,
                      (largest(made->v.values, made->v.elements) + 1) *
                          (weight_error(top) +
                           test_weight_error(c->type) / 1e-5));
  oracle_assert_close(strcat(what, " lse"), &made->lse, lse, top + 1);
  free(o);
  free(lse);
}

static gattn_status expected_status(const attend_case *c) {
  const bool function = c->score && c->score->kind == GATTN_SCORE_FUNCTION;
  return function && test_on_device() ? GATTN_ERROR_UNSUPPORTED
                                      : GATTN_SUCCESS;
}

void attend_compare(gattn_context *context, const attend_case *given) {
  attend_case c = *given;
  if (!c.batch) c.batch = 1;
  if (!c.heads) c.heads = 1;
  if (!c.kv_heads) c.kv_heads = 1;
  operands made = {0};
  make_graph(context, &c, &made);
  make_frontier(context, &c, &made);
  make_arrays(&c, &made);
  if (c.edge_values) make_edge_values(&c, &made);
  place_arrays(context, &made);
  gattn_attention_args args = {
      .struct_size = sizeof args, .q = &made.q.tensor, .k = &made.k.tensor,
      .v = &made.v.tensor, .o = &made.o.tensor, .lse = &made.lse.tensor,
      .edge_values = c.edge_values ? &made.values.tensor : NULL,
      .scale = c.scale, .score = c.score};
  gattn_status status =
      gattn_attention(context, made.graph, made.frontier, &args);
  if (status != expected_status(&c)) {
    char what[300];
    name_case(context, &c, what, sizeof what);
    test_fail("%s: %s: %s", what, gattn_status_name(status),
              gattn_context_message(context));
  } else if (!status) {
    assert_close(context, &c, &made);
  }
  free_operands(&made);
}

void attend_compare_all(const attend_case *cases, size_t n) {
  for (int i = 0; i < ATTEND_ISAS; i++) {
    gattn_context *context = attend_context_of(i, 2);
    if (!context) continue;
    for (size_t e = 0; e < n; e++) attend_compare(context, &cases[e]);
    gattn_context_destroy(context);
  }
}
