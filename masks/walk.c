/* Walking rows where no closed form answers. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/walk.h"

enum {
  CHUNK = 64,
  PIECES = 96, /* into which a sampled row is cut at most */
  SAMPLE = 64, /* rows spread evenly */
  BLOCKS = 8,  /* blocks a thread and round: evens out uneven rows */
  LONG_ROW = 1 << 16 /* runs after which a row is looked at as a whole */
};

/* Rows and runs between two reports of progress: about a tenth of a second. */
#define ROUND ((double)(1 << 22))

/* Keys [lo, hi) of a row, and how many runs they seem to have: those that one
 * call found, as often as what it covered fits in. */
typedef struct piece {
  int64_t lo, hi;
  double work;
  bool whole; /* the call covered all of it */
} piece;

static piece probe(const gattn_graph *graph, int64_t i, int64_t lo,
                   int64_t hi) {
  gattn_run runs[CHUNK];
  int64_t upto;
  int64_t n = gattn_runs(graph, i, 1, lo, hi, runs, CHUNK, &upto);
  if (upto == hi) return (piece){lo, hi, (double)n, true};
  double share = (double)(upto - lo) / (double)(hi - lo);
  return (piece){lo, hi, (n ? n : CHUNK) / share, false};
}

/* Cuts the piece that weighs most in two, again and again: a row that is dense
 * in one place and empty elsewhere is then not taken for a dense one. */
double gattn_row_work(const gattn_graph *graph, int64_t i) {
  if (graph->class_->degree || !graph->n_kv) return 0;
  piece pieces[PIECES];
  int n = 1;
  for (pieces[0] = probe(graph, i, 0, graph->n_kv); n < PIECES; n++) {
    int worst = -1;
    for (int p = 0; p < n; p++)
      if (!pieces[p].whole &&
          (worst < 0 || pieces[p].work > pieces[worst].work))
        worst = p;
    if (worst < 0) break;
    int64_t lo = pieces[worst].lo, hi = pieces[worst].hi;
    int64_t middle = lo + (hi - lo) / 2;
    pieces[worst] = probe(graph, i, lo, middle);
    pieces[n] = probe(graph, i, middle, hi);
  }
  double work = 0;
  for (int p = 0; p < n; p++) work += pieces[p].work;
  return work;
}

/* Rows that repeat the one before cost no walk. */
static double sampled_work(const gattn_graph *graph, int64_t begin,
                           int64_t i) {
  if (i > begin && gattn_same_row(graph, i - 1, i)) return 0;
  return gattn_row_work(graph, i);
}

/* Hub rows stand at the ends of a sequence more often than anywhere else, and
 * one that does not end is enough. */
static double worst_near_ends(const gattn_graph *graph, int64_t begin,
                              int64_t end) {
  double worst = 0;
  for (int64_t step = 1; step <= end - begin; step *= 2) {
    double first = gattn_row_work(graph, begin + step - 1);
    double last = gattn_row_work(graph, end - step);
    if (first > worst) worst = first;
    if (last > worst) worst = last;
    if (step > GATTN_MAX_VERTICES / 2) break;
  }
  return worst;
}

double gattn_walk_work(const gattn_graph *graph, int64_t begin, int64_t end) {
  int64_t rows = end - begin;
  if (rows > GATTN_WALK_LIMIT || graph->class_->degree || !rows)
    return (double)rows;
  int64_t sample = rows < SAMPLE ? rows : SAMPLE;
  double sum = 0;
  for (int64_t s = 0; s < sample; s++) {
    int64_t first = begin + rows * s / sample;
    int64_t after = begin + rows * (s + 1) / sample;
    uint64_t spread = (uint64_t)(s + 1) * 0x9E3779B97F4A7C15u >> 32;
    sum += sampled_work(graph, begin,
                        first + (int64_t)(spread % (uint64_t)(after - first)));
  }
  double worst = worst_near_ends(graph, begin, end);
  double work = (double)rows + sum * ((double)rows / (double)sample);
  return work > worst ? work : worst;
}

int64_t gattn_walk_degree(const gattn_graph *graph, int64_t i,
                          int64_t *walked) {
  if (graph->class_->degree) return graph->class_->degree(graph, i);
  gattn_run runs[CHUNK];
  int64_t degree = 0, passed = 0, look = LONG_ROW;
  for (int64_t lo = 0; lo < graph->n_kv && *walked <= GATTN_WALK_LOST;) {
    int64_t n = gattn_runs(graph, i, 1, lo, graph->n_kv, runs, CHUNK, &lo);
    for (int64_t r = 0; r < n; r++) degree += runs[r].end - runs[r].begin;
    passed += n ? n : CHUNK;
    *walked += n ? n : CHUNK;
    if (passed < look) continue;
    look = INT64_MAX;
    if (gattn_row_work(graph, i) > (double)GATTN_WALK_LOST)
      *walked = GATTN_WALK_LOST + 1;
  }
  return degree;
}

gattn_status gattn_walk_check(gattn_context *context, const char *what,
                              double work) {
  if (work <= (double)GATTN_WALK_LIMIT) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_TOO_LARGE,
                    "graph: %s would walk about %.3g rows and runs, more than "
                    "%lld",
                    what, work, (long long)GATTN_WALK_LIMIT);
}

/* One round: rows [begin, end) on all threads. Returns rows and runs. */
static int64_t walk_round(gattn_context *context, int64_t begin, int64_t end,
                          gattn_walk_block block, void *user) {
  int64_t blocks = (int64_t)BLOCKS * context->threads, rows = end - begin;
  if (blocks > rows) blocks = rows;
  int64_t walked = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : walked) \
    num_threads(gattn_team(context)) if (rows > 64)
  for (int64_t b = 0; b < blocks; b++)
    walked += block(user, begin + rows / blocks * b + rows % blocks * b / blocks,
                    begin + rows / blocks * (b + 1) +
                        rows % blocks * (b + 1) / blocks);
  return walked;
}

gattn_status gattn_walk_rows(gattn_context *context, const char *what,
                             int64_t begin, int64_t end, double work,
                             gattn_walk_block block, void *user) {
  gattn_status status = gattn_walk_check(context, what, work);
  if (status) return status;
  int64_t rows = end - begin;
  double per_row = work / (double)(rows ? rows : 1);
  int64_t step = (int64_t)(ROUND / (per_row > 1 ? per_row : 1));
  if (step < context->threads) step = context->threads;
  int64_t walked = 0;
  for (int64_t i = begin; i < end;) {
    int64_t next = end - i > step ? i + step : end;
    walked += walk_round(context, i, next, block, user);
    i = next;
    if (walked > GATTN_WALK_LOST)
      return gattn_walk_check(context, what, (double)walked);
    if (gattn_progress_report(context, i - begin, rows))
      return gattn_fail(context, GATTN_ERROR_CANCELLED,
                        "progress: the callback stopped %s at row %lld", what,
                        (long long)i);
  }
  return GATTN_SUCCESS;
}
