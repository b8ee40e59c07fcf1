/* Random keys: random. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/random.h"

#include "lib/random.h"
#include "masks/degrees.h"
#include "masks/draw.h"

/* k <= n_kv keys of every row. Up to GATTN_DRAW_LIMIT keys are drawn at once;
 * above, the keys are halved until a part has that few. */
typedef struct random_keys {
  gattn_graph graph;
  int64_t k, seed;
  int64_t given_k; /* before it was cut to n_kv */
  uint64_t key;    /* of the seed */
} random_keys;

typedef gattn_draw_part part;

static part part_of(const random_keys *self, int64_t i, int64_t j) {
  return gattn_draw_part_of(self->key, i, self->graph.n_kv, self->k, j);
}

static bool is_full(const part *at) { return at->k == at->end - at->begin; }

/* The neighbours in a part that is not full, ascending, offset by its begin. */
static void part_keys(const part *at, int64_t *keys) {
  gattn_draw(at->key, at->end - at->begin, at->k, keys);
}

/* The first of keys[n] that is >= j; n when there is none. Whole rows, where
 * that is an end, are asked for most. */
static int64_t first_from(const int64_t *keys, int64_t n, int64_t j) {
  if (n == 0 || keys[0] >= j) return 0;
  if (keys[n - 1] < j) return n;
  int64_t lo = 1, hi = n - 1;
  while (lo < hi) {
    int64_t middle = lo + (hi - lo) / 2;
    if (keys[middle] >= j)
      hi = middle;
    else
      lo = middle + 1;
  }
  return lo;
}

static int64_t random_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const random_keys *self = (const random_keys *)graph;
  int64_t keys[GATTN_DRAW_LIMIT];
  while (j < graph->n_kv) {
    part at = part_of(self, i, j);
    if (is_full(&at)) return j;
    part_keys(&at, keys);
    int64_t first = first_from(keys, at.k, j - at.begin);
    if (first < at.k) return at.begin + keys[first];
    j = at.end;
  }
  return graph->n_kv;
}

static int64_t random_stretch(const gattn_graph *graph, int64_t i, int64_t j) {
  const random_keys *self = (const random_keys *)graph;
  int64_t keys[GATTN_DRAW_LIMIT];
  if (self->k < graph->n_kv / 4) return j + 1; /* neighbours seldom touch */
  part at = part_of(self, i, j);
  if (is_full(&at)) return at.end;
  part_keys(&at, keys);
  int64_t first = first_from(keys, at.k, j - at.begin);
  do {
    j++;
    first++;
  } while (first < at.k && keys[first] == j - at.begin);
  return j;
}

static int64_t random_degree(const gattn_graph *graph, int64_t i) {
  (void)i;
  return ((const random_keys *)graph)->k;
}

static bool random_count(const gattn_graph *graph, int64_t begin, int64_t end,
                         gattn_counts *counts) {
  *counts = gattn_counts_none();
  gattn_counts_add(counts, end - begin, random_degree(graph, begin));
  return true;
}

/* ---------------------------------------------------------------- runs */

/* Where the runs of a row go: at most `capacity`. */
typedef struct sink {
  int64_t residue, stride, lo, hi;
  gattn_run *runs;
  int64_t n, capacity;
} sink;

/* Keys first … last-1 of a drawn part, each a run of its own: what few
 * neighbours among many keys nearly always are. */
static bool put_sparse(sink *out, const part *at, const int64_t *keys,
                       int64_t first, int64_t last, int64_t *upto) {
  int64_t n = gattn_min(last - first, out->capacity - out->n);
  gattn_run *runs = out->runs + out->n;
  for (int64_t r = 0; r < n; r++) {
    int64_t j = at->begin + keys[first + r];
    runs[r] = (gattn_run){j, j + 1};
  }
  out->n += n;
  if (first + n < last) *upto = at->begin + keys[first + n];
  return first + n == last;
}

/* The same, joined where they touch, and of the row's class alone. */
static bool put_joined(sink *out, const part *at, const int64_t *keys,
                       int64_t first, int64_t last, int64_t *upto) {
  for (int64_t r = first; r < last; r++) {
    int64_t t = at->begin + keys[r];
    if (out->stride > 1) {
      if (t % out->stride != out->residue) continue;
      t /= out->stride;
    }
    if (out->n && out->runs[out->n - 1].end == t) {
      out->runs[out->n - 1].end++;
      continue;
    }
    if (out->n == out->capacity) {
      *upto = t;
      return false;
    }
    out->runs[out->n++] = (gattn_run){t, t + 1};
  }
  return true;
}

/* The neighbours of a part within [key_begin, key_end), as runs; false, and
 * *upto, when there was no room for the next. */
static bool put_part(sink *out, const part *at, int64_t i, int64_t key_begin,
                     int64_t key_end, int64_t *upto) {
  if (!is_full(at)) {
    int64_t keys[GATTN_DRAW_LIMIT];
    part_keys(at, keys);
    int64_t first = first_from(keys, at->k, key_begin - at->begin);
    int64_t last = first_from(keys, at->k, key_end - at->begin);
    if (out->stride == 1 && at->k < (at->end - at->begin) / 16)
      return put_sparse(out, at, keys, first, last, upto);
    return put_joined(out, at, keys, first, last, upto);
  }
  gattn_run run;
  if (!gattn_runs_interval(i, out->stride, at->begin, at->end, out->lo, out->hi,
                           &run))
    return true;
  if (out->n == out->capacity) {
    *upto = run.begin;
    return false;
  }
  out->runs[out->n++] = run;
  return true;
}

static int64_t random_runs(const gattn_graph *graph, int64_t i, int64_t stride,
                           int64_t lo, int64_t hi, gattn_run *runs,
                           int64_t capacity, int64_t *upto) {
  const random_keys *self = (const random_keys *)graph;
  int64_t residue = stride > 1 ? i % stride : 0;
  sink out = {residue, stride, lo, hi, runs, 0, capacity};
  int64_t j = residue + stride * lo;
  /* The last key asked for, without overflow. */
  int64_t key_end = residue + stride * (hi - 1) + 1;
  while (j < key_end) {
    part at = part_of(self, i, j);
    if (!put_part(&out, &at, i, j, key_end, upto)) return out.n;
    j = at.end;
  }
  *upto = hi;
  return out.n;
}

/* ------------------------------------------------------------- making */

static void random_shape(const gattn_graph *graph, gattn_shape *shape) {
  (void)graph;
  shape->form = GATTN_FORM_LIST;
}

static void random_describe(const gattn_graph *graph, gattn_text *text) {
  const random_keys *self = (const random_keys *)graph;
  gattn_text_append(text, "random(%lld, %lld)", (long long)self->given_k,
                    (long long)self->seed);
}

static const gattn_graph_class random_class = {
    .name = "random",
    .next = random_next,
    .stretch = random_stretch,
    .degree = random_degree,
    .count = random_count,
    .runs = random_runs,
    .shape = random_shape,
    .describe = random_describe,
};

bool gattn_random_parameters(const gattn_graph *graph, int64_t *k,
                             int64_t *seed) {
  if (graph->class_ != &random_class) return false;
  *k = ((const random_keys *)graph)->given_k;
  *seed = ((const random_keys *)graph)->seed;
  return true;
}

gattn_status gattn_mask_random(gattn_context *context, int64_t n_q,
                               int64_t n_kv, int64_t k, int64_t seed,
                               gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "k", k, 1);
  if (status) return status;
  random_keys *self;
  status =
      gattn_graph_new(context, &random_class, sizeof *self, n_q, n_kv, &self);
  if (status) return status;
  self->k = gattn_min(k, n_kv);
  self->given_k = k;
  self->seed = seed;
  self->key = gattn_random_mix((uint64_t)seed);
  *graph = &self->graph;
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_randomblocks(gattn_context *context, int64_t n_q,
                                     int64_t n_kv, int64_t b, int64_t k,
                                     int64_t seed, gattn_graph **graph) {
  gattn_status status = gattn_mask_check(context, n_q, n_kv, graph);
  if (!status) status = gattn_check_least(context, "b", b, 1);
  if (status) return status;
  gattn_graph *blocks;
  status = gattn_mask_random(context, gattn_blocks_of(n_q, b),
                             gattn_blocks_of(n_kv, b), k, seed, &blocks);
  if (status) return status;
  status = gattn_mask_blockmask(context, n_q, n_kv, blocks, b, graph);
  gattn_graph_release(blocks);
  return status;
}
