/* The float64 oracle of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "cli/bench.h"

typedef struct oracle {
  gattn_context *context;
  const gattn_graph *graph;
  int64_t n, d;
  const float *q, *k, *v;
  double maximum, sum; /* of the row's scores so far; of exp(score − maximum) */
  double *o;           /* [d], not yet divided by sum */
} oracle;

static double score(const oracle *x, int64_t i, int64_t j) {
  double dot = 0;
  for (int64_t c = 0; c < x->d; c++)
    dot += (double)x->q[i * x->d + c] * (double)x->k[j * x->d + c];
  return dot / sqrt((double)x->d);
}

/* Takes one edge in, keeping everything relative to the largest score. */
static void take_edge(oracle *x, int64_t i, int64_t j) {
  double s = score(x, i, j);
  if (s > x->maximum) {
    double shrink = exp(x->maximum - s);
    x->sum *= shrink;
    for (int64_t c = 0; c < x->d; c++) x->o[c] *= shrink;
    x->maximum = s;
  }
  double weight = exp(s - x->maximum);
  x->sum += weight;
  for (int64_t c = 0; c < x->d; c++)
    x->o[c] += weight * (double)x->v[j * x->d + c];
}

static gattn_status row_of(oracle *x, int64_t i) {
  x->maximum = -INFINITY;
  x->sum = 0;
  for (int64_t c = 0; c < x->d; c++) x->o[c] = 0;
  for (int64_t j = 0; j < x->n; j++) {
    gattn_status status = gattn_graph_next(x->context, x->graph, i, j, &j);
    if (status || j == x->n) return status;
    take_edge(x, i, j);
  }
  return GATTN_SUCCESS;
}

static double largest(double a, double b) {
  if (isnan(b)) b = INFINITY;
  return a > b ? a : b;
}

static double row_error(const oracle *x, const float *o, float lse) {
  double expected = x->sum > 0 ? x->maximum + log(x->sum) : -INFINITY;
  bool same = isinf(expected) && expected == (double)lse;
  double error = same ? 0 : fabs((double)lse - expected) / (1 + fabs(expected));
  error = largest(0, error);
  for (int64_t c = 0; c < x->d; c++) {
    double value = x->sum > 0 ? x->o[c] / x->sum : 0;
    error = largest(error, fabs((double)o[c] - value));
  }
  return error;
}

gattn_status bench_oracle_error(gattn_context *context,
                                const gattn_graph *graph, int64_t n, int64_t d,
                                const float *q, const float *k, const float *v,
                                const float *o, const float *lse,
                                double *error) {
  enum { SAMPLES = 64 };
  oracle x = {.context = context,
              .graph = graph,
              .n = n,
              .d = d,
              .q = q,
              .k = k,
              .v = v,
              .o = malloc((size_t)d * sizeof *x.o)};
  if (!x.o) return GATTN_ERROR_MEMORY;
  gattn_status status = GATTN_SUCCESS;
  int64_t samples = n < SAMPLES ? n : SAMPLES;
  double worst = 0;
  for (int64_t s = 0; s < samples && !status; s++) {
    int64_t i = samples > 1 ? (n - 1) * s / (samples - 1) : 0;
    status = row_of(&x, i);
    if (!status) worst = largest(worst, row_error(&x, o + i * d, lse[i]));
  }
  free(x.o);
  if (!status) *error = worst;
  return status;
}
