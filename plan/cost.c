/* What it costs to run a set of edges in one form or another, from a few
 * sampled tiles. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/attend/walk.h"
#include "plan/lower.h"

/* Tiles looked at, blocks of keys in each, and fetches that may come back
 * empty: some 10^5 keys at most, whatever the size of the graph, also where
 * rows have runs without end of which nothing remains. */
enum { SAMPLE_TILES = 8, SAMPLE_BLOCKS = 32, SAMPLE_PATIENCE = 16 };

enum { EDGES_SPAN = 256 }; /* positions of a span without tiles */

/* Most bytes of a worker's (o, m, l). They are read and written once a tile,
 * so a share of the last-level cache will do. */
static const int64_t state_bytes = INT64_C(1) << 23;

int64_t gattn_longest_span(int64_t dim_v) {
  const int64_t most = state_bytes / (int64_t)sizeof(float) / (dim_v + 2);
  return most > GATTN_TILE_LANES ? most : GATTN_TILE_LANES;
}

int64_t gattn_candidate_span(const gattn_candidate *candidate) {
  if (candidate->form == GATTN_PART_EDGES) return EDGES_SPAN;
  switch (candidate->order) {
    case GATTN_ORDER_CLASSES:
      return candidate->lanes * candidate->stride;
    case GATTN_ORDER_PATCHES:
      return candidate->patch_h * candidate->grid_w;
    case GATTN_ORDER_LINEAR:
      break;
  }
  return candidate->lanes;
}

/* Costs in vector operations (a load, a multiply-add, an exponential's step
 * each count one). Measured on one core of an EPYC 9004 (AVX-512), d = 64,
 * `gattn bench --suite forward` and `--suite edges`; ratios alone matter.
 *
 *   softmax   of one vector of a key: maximum, exponential, sum, mask
 *   narrow    a tile of one vector runs this much slower per lane than one of
 *             two: each broadcast serves one multiply-add only
 *   edge      of one gathered key besides its arithmetic: reduction of the dot
 *             product, exponential, pointer
 *   line      of one cache line read for one row alone */
static const struct {
  int64_t vector;
  double softmax, narrow, edge, line;
} costs[] = {
    {16, 26, 1.03, 30, 3.5},
    {8, 26, 1.40, 26, 3.5},
    {4, 26, 1.20, 22, 3.5},
};

static int64_t cost_row(int64_t vector) {
  return vector == 16 ? 0 : vector == 8 ? 1 : 2;
}

static int64_t vertex_at(const gattn_sample *sample, int64_t position) {
  if (sample->order) position = sample->order[position];
  return sample->frontier ? gattn_frontier_vertex(sample->frontier, position)
                          : position;
}

/* Position of lane l of the tile that begins at p, or −1. */
static int64_t lane_position(const gattn_sample *sample,
                             const gattn_candidate *candidate, int64_t p,
                             int64_t l) {
  int64_t at = p;
  switch (candidate->order) {
    case GATTN_ORDER_LINEAR:
      at = p + l;
      break;
    case GATTN_ORDER_CLASSES:
      at = p + l * candidate->stride;
      break;
    case GATTN_ORDER_PATCHES:
      if (p % candidate->grid_w + l % candidate->patch_w >= candidate->grid_w)
        return -1;
      at = p + l / candidate->patch_w * candidate->grid_w +
           l % candidate->patch_w;
      break;
  }
  return at < sample->n_f ? at : -1;
}

/* Where sampled tile t begins: spread over the positions, aligned as the
 * execution aligns its tiles. */
static int64_t tile_start(const gattn_sample *sample,
                          const gattn_candidate *candidate, int64_t t) {
  int64_t p = (int64_t)((double)sample->n_f * (2 * t + 1) /
                        (2 * SAMPLE_TILES));
  const int64_t lanes = candidate->lanes, w = candidate->grid_w;
  switch (candidate->order) {
    case GATTN_ORDER_LINEAR:
      return p / lanes * lanes;
    case GATTN_ORDER_CLASSES: {
      int64_t unit = lanes * candidate->stride;
      /* Another class each time: rows of some classes may be empty. */
      p = p / unit * unit + (t % 2 ? t % candidate->stride : 0);
      return p < sample->n_f ? p : sample->n_f - 1;
    }
    case GATTN_ORDER_PATCHES:
      break;
  }
  int64_t y = p / w / candidate->patch_h * candidate->patch_h;
  int64_t x = p % w / candidate->patch_w * candidate->patch_w;
  return y * w + x;
}

typedef struct tally {
  double edges, slots; /* edges, and lanes times keys */
  double rows, row_edges; /* the same beyond the blocks that were looked at */
} tally;

static void tally_tile(const gattn_sample *sample,
                       const gattn_candidate *candidate, int64_t start,
                       gattn_walk *walk, tally *sum) {
  int64_t vertex[GATTN_TILE_LANES], keys[GATTN_KEY_BLOCK], count;
  uint32_t masks[GATTN_KEY_BLOCK];
  for (int64_t l = 0; l < candidate->lanes; l++) {
    int64_t p = lane_position(sample, candidate, start, l);
    vertex[l] = p < 0 ? -1 : vertex_at(sample, p);
  }
  const int64_t residue = vertex[0] % candidate->stride;
  gattn_walk_begin(walk, sample->graph, candidate->stride, vertex,
                   candidate->lanes, 0,
                   gattn_class_keys(sample->n_kv, residue,
                                    candidate->stride));
  walk->patience = SAMPLE_PATIENCE;
  const double before = sum->edges;
  int b = 0;
  for (; b < SAMPLE_BLOCKS; b++) {
    count = gattn_walk_next(walk, keys, masks);
    if (count == 0) break;
    for (int64_t r = 0; r < count; r++)
      sum->edges += __builtin_popcount(masks[r]);
    sum->slots += (double)(count * candidate->lanes);
  }
  const bool closed = b == SAMPLE_BLOCKS && sample->graph->class_->degree;
  if (!closed) sum->row_edges += sum->edges - before;
  for (int64_t l = 0; l < candidate->lanes; l++) {
    if (vertex[l] < 0) continue;
    sum->rows++;
    if (closed)
      sum->row_edges += (double)gattn_degree(sample->graph, vertex[l]);
  }
}

static double lines_a_row(int64_t dim) { return ((double)dim * 4 + 63) / 64; }

static double cost_an_edge(const gattn_sample *sample,
                           const gattn_candidate *candidate) {
  const int64_t vector = sample->kernels->vector, row = cost_row(vector);
  const double width = (double)(sample->dim + sample->dim_v);
  if (candidate->form == GATTN_PART_EDGES)
    return 2 * width / (double)vector + costs[row].edge +
           costs[row].line *
               (lines_a_row(sample->dim) + lines_a_row(sample->dim_v));
  double cost = (width + costs[row].softmax) / (double)vector /
                (candidate->density > 0 ? candidate->density : 1);
  return candidate->lanes == vector ? cost * costs[row].narrow : cost;
}

void gattn_candidate_measure(const gattn_sample *sample,
                             gattn_candidate *candidate) {
  gattn_walk walk;
  tally sum = {0};
  if (candidate->lanes == 0) candidate->lanes = sample->kernels->vector;
  for (int64_t t = 0; t < SAMPLE_TILES && sample->n_f > 0; t++)
    tally_tile(sample, candidate, tile_start(sample, candidate, t), &walk,
               &sum);
  candidate->density = sum.slots > 0 ? sum.edges / sum.slots : 1;
  /* Spans too short for whole tiles leave lanes idle. */
  const int64_t span = gattn_candidate_span(candidate);
  const int64_t most = gattn_longest_span(sample->dim_v);
  if (candidate->form == GATTN_PART_TILES && span > most)
    candidate->density *= (double)most / (double)span;
  candidate->degree = sum.rows > 0 ? sum.row_edges / sum.rows : 0;
  candidate->cost = cost_an_edge(sample, candidate);
}

/* ------------------------------------------------------------ candidates */

/* Candidates in the order of their costs; equal ones as they came. */
typedef struct ranking {
  const gattn_sample *sample;
  gattn_candidate *candidates;
  int n;
} ranking;

static void insert(ranking *ranking, const gattn_candidate *candidate) {
  gattn_candidate *sorted = ranking->candidates;
  int at = ranking->n++;
  for (; at > 0 && sorted[at - 1].cost > candidate->cost; at--)
    sorted[at] = sorted[at - 1];
  sorted[at] = *candidate;
}

/* The tiles of an order in both widths. */
static void insert_tiles(ranking *ranking, gattn_candidate candidate) {
  const int64_t vector = ranking->sample->kernels->vector;
  for (int64_t lanes = vector; lanes <= 2 * vector; lanes += vector) {
    candidate.lanes = lanes;
    if (candidate.order == GATTN_ORDER_PATCHES) {
      candidate.patch_h = lanes >= 8 ? 4 : 2;
      candidate.patch_w = lanes / candidate.patch_h;
    }
    gattn_candidate_measure(ranking->sample, &candidate);
    insert(ranking, &candidate);
  }
}

int gattn_candidates(const gattn_sample *sample, bool renumbered,
                     gattn_candidate candidates[GATTN_CANDIDATES]) {
  const gattn_shape shape = gattn_shape_of(sample->graph);
  const int64_t most = gattn_longest_span(sample->dim_v);
  ranking ranking = {.sample = sample, .candidates = candidates};
  insert_tiles(&ranking, (gattn_candidate){.stride = 1});
  if (renumbered && shape.form == GATTN_FORM_GRID && shape.grid_w <= most)
    insert_tiles(&ranking, (gattn_candidate){.order = GATTN_ORDER_PATCHES,
                                             .stride = 1,
                                             .grid_w = shape.grid_w});
  else if (renumbered && shape.stride > 1 && shape.stride < sample->n_f &&
           shape.stride <= most)
    insert_tiles(&ranking, (gattn_candidate){.order = GATTN_ORDER_CLASSES,
                                             .stride = shape.stride});
  /* Every edge costs the same: nothing need be sampled. */
  gattn_candidate edges = {.form = GATTN_PART_EDGES, .stride = 1,
                           .lanes = sample->kernels->vector};
  edges.cost = cost_an_edge(sample, &edges);
  insert(&ranking, &edges);
  return ranking.n;
}

gattn_way gattn_candidate_way(const gattn_candidate *candidate) {
  if (candidate->form == GATTN_PART_EDGES) return GATTN_WAY_EDGES;
  return candidate->order == GATTN_ORDER_LINEAR ? GATTN_WAY_BAND
                                                : GATTN_WAY_RENUMBERED;
}

gattn_candidate gattn_candidate_best(const gattn_sample *sample,
                                     bool renumbered, gattn_way way,
                                     int64_t lanes) {
  gattn_candidate candidates[GATTN_CANDIDATES];
  const int n = gattn_candidates(sample, renumbered, candidates);
  int same_way = -1;
  for (int c = 0; c < n; c++) {
    if (way != GATTN_WAY_ANY && gattn_candidate_way(&candidates[c]) != way)
      continue;
    if (lanes == 0 || candidates[c].lanes == lanes) return candidates[c];
    if (same_way < 0) same_way = c;
  }
  return candidates[same_way < 0 ? 0 : same_way];
}
