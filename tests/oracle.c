/* The naive oracle. SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle.h"

#include <math.h>
#include <stdlib.h>

bool oracle_edge(const oracle_problem *problem, int64_t h, int64_t p,
                 int64_t j) {
  int64_t i = problem->vertices ? problem->vertices[p] : p;
  int64_t head = problem->mask_heads > 1 ? h : 0;
  return problem->edge[(head * problem->n_q + i) * problem->n_kv + j];
}

/* Row p of head h of batch b in [batch, heads, n_f]. */
static int64_t row_index(const oracle_problem *problem, int64_t b, int64_t h,
                         int64_t p) {
  return (b * problem->heads + h) * problem->n_f + p;
}

/* Row j of the keys or values that query head h uses. */
static int64_t key_index(const oracle_problem *problem, int64_t b, int64_t h,
                         int64_t j) {
  int64_t group = problem->heads / problem->kv_heads;
  return (b * problem->kv_heads + h / group) * problem->n_kv + j;
}

static double score_of(const oracle_problem *problem, int64_t b, int64_t h,
                       int64_t p, int64_t j) {
  const double *q = problem->q + row_index(problem, b, h, p) * problem->dim;
  const double *k = problem->k + key_index(problem, b, h, j) * problem->dim;
  double dot = 0;
  for (int64_t c = 0; c < problem->dim; c++) dot += q[c] * k[c];
  double scale =
      problem->scale ? problem->scale : 1 / sqrt((double)problem->dim);
  if (!problem->score) return scale * dot;
  int64_t i = problem->vertices ? problem->vertices[p] : p;
  int64_t at = row_index(problem, b, h, p) * problem->n_kv + j;
  double value = problem->edge_values ? problem->edge_values[at] : 0;
  return problem->score(scale * dot, i, j, h, b, value, problem->parameters);
}

#define FOR_EACH_ROW(problem, b, h, p)             \
  for (int64_t b = 0; b < (problem)->batch; b++)   \
    for (int64_t h = 0; h < (problem)->heads; h++) \
      for (int64_t p = 0; p < (problem)->n_f; p++)

void oracle_scores(const oracle_problem *problem, double *scores) {
  FOR_EACH_ROW(problem, b, h, p) {
    double *row = scores + row_index(problem, b, h, p) * problem->n_kv;
    for (int64_t j = 0; j < problem->n_kv; j++)
      row[j] = oracle_edge(problem, h, p, j) ? score_of(problem, b, h, p, j)
                                             : -INFINITY;
  }
}

/* The weights of one row of scores; returns its lse. */
static double softmax_row(const double *scores, int64_t n, double *weights) {
  double largest = -INFINITY, sum = 0;
  for (int64_t j = 0; j < n; j++) {
    if (isnan(scores[j]) || isnan(largest))
      largest = NAN;
    else if (scores[j] > largest)
      largest = scores[j];
  }
  bool empty = largest == -INFINITY;
  for (int64_t j = 0; j < n; j++) {
    bool removed = scores[j] == -INFINITY;
    weights[j] = removed ? 0 : exp(scores[j] - largest);
    sum += weights[j];
  }
  for (int64_t j = 0; j < n; j++)
    weights[j] = scores[j] == -INFINITY ? 0 : weights[j] / sum;
  return empty ? -INFINITY : largest + log(sum);
}

void oracle_softmax(const oracle_problem *problem, const double *scores,
                    double *weights, double *lse) {
  FOR_EACH_ROW(problem, b, h, p) {
    int64_t row = row_index(problem, b, h, p);
    int64_t at = row * problem->n_kv;
    lse[row] = softmax_row(scores + at, problem->n_kv, weights + at);
  }
}

void oracle_gather(const oracle_problem *problem, const double *weights,
                   double *o) {
  FOR_EACH_ROW(problem, b, h, p) {
    int64_t row = row_index(problem, b, h, p);
    double *sum = o + row * problem->dim_v;
    for (int64_t c = 0; c < problem->dim_v; c++) sum[c] = 0;
    for (int64_t j = 0; j < problem->n_kv; j++) {
      double weight = weights[row * problem->n_kv + j];
      if (!oracle_edge(problem, h, p, j) || weight == 0) continue;
      const double *v = problem->v + key_index(problem, b, h, j) * problem->dim_v;
      for (int64_t c = 0; c < problem->dim_v; c++) sum[c] += weight * v[c];
    }
  }
}

void oracle_attention(const oracle_problem *problem, double *o, double *lse) {
  int64_t rows = problem->batch * problem->heads * problem->n_f;
  size_t cells = (size_t)(rows * problem->n_kv + 1);
  double *scores = malloc(cells * sizeof *scores);
  double *weights = malloc(cells * sizeof *weights);
  if (!scores || !weights) abort();
  oracle_scores(problem, scores);
  oracle_softmax(problem, scores, weights, lse);
  oracle_gather(problem, weights, o);
  free(weights);
  free(scores);
}

static int64_t head_edges(const oracle_problem *problem, int64_t h) {
  int64_t count = 0;
  for (int64_t p = 0; p < problem->n_f; p++)
    for (int64_t j = 0; j < problem->n_kv; j++)
      count += oracle_edge(problem, h, p, j);
  return count;
}

int64_t oracle_edges(const oracle_problem *problem) {
  int64_t most = 0;
  for (int64_t h = 0; h < problem->mask_heads; h++) {
    int64_t count = head_edges(problem, h);
    if (count > most) most = count;
  }
  return most;
}

void oracle_pack(const oracle_problem *problem, const double *dense, double pad,
                 double *packed) {
  int64_t edges = oracle_edges(problem);
  for (int64_t e = 0; e < problem->batch * problem->heads * edges; e++)
    packed[e] = pad;
  for (int64_t b = 0; b < problem->batch; b++)
    for (int64_t h = 0; h < problem->heads; h++) {
      double *to = packed + (b * problem->heads + h) * edges;
      for (int64_t p = 0; p < problem->n_f; p++)
        for (int64_t j = 0; j < problem->n_kv; j++)
          if (oracle_edge(problem, h, p, j))
            *to++ = dense[row_index(problem, b, h, p) * problem->n_kv + j];
    }
}
