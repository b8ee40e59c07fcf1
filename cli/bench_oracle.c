/* The float64 oracle of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "cli/bench.h"

/* A row's edges, and what it takes to weigh them. */
typedef struct oracle {
  bench_row row;
  const void *source;
  int32_t threads; /* that the context was granted */
  int64_t head, d, edges;
  int64_t *columns; /* [edges] */
  double *weights;  /* [edges]: scores, then weights */
  float *q;         /* [d] */
  double maximum, sum;
} oracle;

static double largest(double a, double b) {
  if (isnan(b)) b = INFINITY;
  return a > b ? a : b;
}

static gattn_status list_edges(gattn_context *context, const gattn_graph *graph,
                               int64_t vertex, oracle *x) {
  gattn_status status =
      gattn_graph_degree(context, graph, vertex, &x->edges);
  if (status) return status;
  const size_t count = x->edges ? (size_t)x->edges : 1;
  x->columns = malloc(count * sizeof *x->columns);
  x->weights = malloc(count * sizeof *x->weights);
  x->q = malloc((size_t)x->d * sizeof *x->q);
  if (!x->columns || !x->weights || !x->q) return GATTN_ERROR_MEMORY;
  int64_t listed;
  return gattn_graph_row(context, graph, vertex, 0, x->edges, x->columns,
                         &listed);
}

/* s_ij of every edge; false without memory. */
static bool score_edges(oracle *x) {
  enum { LEAST_EDGES = 4096 }; /* that are worth starting threads for */
  bool done = true;
#pragma omp parallel reduction(&& : done) num_threads(x->threads) \
    if (x->edges > LEAST_EDGES)
  {
    float *k = malloc((size_t)x->d * sizeof *k);
    done = k != NULL;
#pragma omp for
    for (int64_t e = 0; e < x->edges; e++) {
      double dot = 0;
      if (!k) continue;
      x->row(x->source, BENCH_K, x->head, x->columns[e], x->d, k);
      for (int64_t c = 0; c < x->d; c++) dot += (double)x->q[c] * (double)k[c];
      x->weights[e] = dot / sqrt((double)x->d);
    }
    free(k);
  }
  return done;
}

static void weigh_edges(oracle *x) {
  x->maximum = -INFINITY;
  x->sum = 0;
  for (int64_t e = 0; e < x->edges; e++)
    if (x->weights[e] > x->maximum) x->maximum = x->weights[e];
  for (int64_t e = 0; e < x->edges; e++) {
    x->weights[e] = exp(x->weights[e] - x->maximum);
    x->sum += x->weights[e];
  }
}

/* Σ weights · v into o[d]; false without memory. */
static bool gather_edges(const oracle *x, double *o) {
  float *v = malloc((size_t)x->d * sizeof *v);
  if (!v) return false;
  for (int64_t e = 0; e < x->edges; e++) {
    x->row(x->source, BENCH_V, x->head, x->columns[e], x->d, v);
    for (int64_t c = 0; c < x->d; c++) o[c] += x->weights[e] * (double)v[c];
  }
  free(v);
  return true;
}

static double row_error(const oracle *x, const double *o,
                        const bench_sample *sample) {
  const double expected =
      x->sum > 0 ? x->maximum + log(x->sum) : -INFINITY;
  const double lse = (double)sample->lse;
  const bool same = isinf(expected) && expected == lse;
  double error =
      largest(0, same ? 0 : fabs(lse - expected) / (1 + fabs(expected)));
  for (int64_t c = 0; c < x->d; c++) {
    const double value = x->sum > 0 ? o[c] / x->sum : 0;
    error = largest(error, fabs((double)sample->o[c] - value));
  }
  return error;
}

gattn_status bench_oracle_error(gattn_context *context,
                                const gattn_graph *graph, int64_t d,
                                bench_row row, const void *source,
                                const bench_sample *sample, int64_t *edges,
                                double *error) {
  oracle x = {.row = row,
              .source = source,
              .threads = gattn_context_threads(context),
              .head = sample->head,
              .d = d};
  double *o = calloc((size_t)d, sizeof *o);
  gattn_status status =
      o ? list_edges(context, graph, sample->vertex, &x) : GATTN_ERROR_MEMORY;
  if (status) goto free_row;
  row(source, BENCH_Q, sample->head, sample->row, d, x.q);
  if (score_edges(&x)) {
    weigh_edges(&x);
    if (!gather_edges(&x, o)) status = GATTN_ERROR_MEMORY;
  } else {
    status = GATTN_ERROR_MEMORY;
  }
  if (status) goto free_row;
  *error = row_error(&x, o, sample);
  *edges += x.edges;
free_row:
  free(x.columns);
  free(x.weights);
  free(x.q);
  free(o);
  return status;
}

double bench_tolerance(gattn_type type) {
  return type == GATTN_FLOAT32 ? 5e-5 : type == GATTN_FLOAT16 ? 4e-3 : 3e-2;
}
