/* A lowering for the device, walked on the host as the kernels walk it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/lowered_case.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "operators/cuda/tile/sequence.h"
#include "tests/tile_list.h"

static int32_t lanes_64(int32_t type, int64_t dim, int64_t dim_v,
                        double degree) {
  (void)type, (void)dim, (void)dim_v, (void)degree;
  return 64;
}
static int32_t lanes_128(int32_t type, int64_t dim, int64_t dim_v,
                         double degree) {
  (void)type, (void)dim, (void)dim_v;
  return degree < 100 ? 64 : 128;
}
static int32_t lanes_0(int32_t type, int64_t dim, int64_t dim_v,
                       double degree) {
  (void)type, (void)dim, (void)dim_v, (void)degree;
  return 0;
}

static int64_t a_byte_a_lane(int32_t type, int64_t dim, int64_t dim_v,
                             int32_t lanes) {
  (void)type, (void)dim, (void)dim_v;
  return lanes;
}

static int64_t two_blocks(int32_t type, int64_t dim, int64_t dim_v,
                          int32_t lanes, int64_t shared_bytes) {
  (void)type, (void)dim, (void)dim_v, (void)lanes, (void)shared_bytes;
  return 2;
}

gattn_attend_problem lowered_problem(const lowered_case *c, gattn_graph *graph,
                                     gattn_frontier *frontier) {
  return (gattn_attend_problem){.graph = graph,
                                .frontier = frontier,
                                .type = c->type,
                                .batch = c->batch,
                                .heads = c->heads,
                                .kv_heads = c->heads,
                                .n_f = frontier ? gattn_frontier_size(frontier)
                                                : gattn_graph_queries(graph),
                                .n_kv = gattn_graph_keys(graph),
                                .dim = 64,
                                .dim_v = 64,
                                .scale = 1,
                                .score = {.struct_size = sizeof(gattn_score)},
                                .edge_values = c->edge_values,
                                .planning = {.choice = c->choice}};
}

gattn_device_target lowered_target(const lowered_case *c) {
  return (gattn_device_target){
      .multiprocessors = c->multiprocessors,
      .capability = c->capability,
      .tile_lanes = c->lanes == 0    ? lanes_0
                    : c->lanes == 64 ? lanes_64
                                     : lanes_128,
      .shared_bytes = c->short_of_shared ? c->shared_lanes : INT64_MAX,
      .tile_shared_bytes = a_byte_a_lane,
      .tile_blocks = two_blocks,
      .list_survey = tile_list_survey,
      .list_build = tile_list_build};
}

gattn_status lowered_make(gattn_context *context, const lowered_case *c,
                          gattn_graph *graph, gattn_frontier *frontier,
                          gattn_device_lowered *lowered) {
  const gattn_attend_problem problem = lowered_problem(c, graph, frontier);
  const gattn_device_target target = lowered_target(c);
  return gattn_device_lower(context, &problem, &target, graph, c->heads,
                            lowered);
}

/* ------------------------------------------------------------ walking */

typedef struct walked {
  const gattn_device_lowered *lowered;
  const char *name;
  int64_t n_f, n_kv;
  uint8_t *visits; /* [n_f, n_kv] */
  uint8_t *hub;    /* [n_f]: a row of a HUBS part */
  uint8_t *left;   /* [n_f]: the part that walks has left the row */
} walked;

static void visit(walked *w, int64_t position, int64_t key) {
  if (key < 0 || key >= w->n_kv)
    ck_abort_msg("%s: key %lld", w->name, (long long)key);
  w->visits[position * w->n_kv + key]++;
}

static void walk_key_tile(walked *w, const gattn_tile_pass *pass,
                          const gattn_query_lane *lanes,
                          const gattn_key_sequence *sequence, int64_t place) {
  int64_t entry;
  const int64_t number =
      gattn_key_sequence_at(sequence, &pass->list[0], place, &entry);
  const gattn_tile keys =
      gattn_tile_at(&pass->numbering, GATTN_TILE_KEYS, w->n_kv, number);
  for (int lane = 0; lane < pass->lanes; lane++) {
    uint64_t word = gattn_lane_word(pass, 0, &lanes[lane], lane, &keys, entry);
    for (; word; word &= word - 1) {
      const int bit = __builtin_ctzll(word);
      if (!gattn_tile_has(&keys, bit))
        ck_abort_msg("%s: an absent key", w->name);
      int64_t key = gattn_tile_number(&keys, bit);
      if (pass->numbering.kind == GATTN_NUMBER_TABLE)
        key = pass->numbering.table[key];
      visit(w, lanes[lane].position, key);
    }
  }
}

static void walk_query_tile(walked *w, const gattn_tile_pass *pass, int64_t t) {
  const gattn_device_attention *geometry = &w->lowered->geometry;
  gattn_query_lane lanes[128];
  int64_t first = INT64_MAX, last = -1;
  for (int lane = 0; lane < pass->lanes; lane++) {
    lanes[lane] = gattn_query_lane_at(geometry, pass, t, lane);
    if (lanes[lane].position < 0) continue;
    if (w->left[lanes[lane].position])
      ck_abort_msg("%s: row %lld twice", w->name,
                   (long long)lanes[lane].position);
    w->left[lanes[lane].position] = 1;
    if (lanes[lane].number < first) first = lanes[lane].number;
    if (lanes[lane].number > last) last = lanes[lane].number;
  }
  if (last < 0) return;
  for (int piece = 0; piece < pass->pieces; piece++) {
    gattn_key_sequence sequence;
    gattn_key_sequence_of(geometry, pass, 0, t, piece, first, last, &sequence);
    for (int64_t place = sequence.begin; place < sequence.end; place++)
      walk_key_tile(w, pass, lanes, &sequence, place);
  }
}

/* Which query tile of the pass has each row; or −1. */
static int64_t *tiles_of_rows(const walked *w, const gattn_tile_pass *pass) {
  int64_t *tiles = malloc((size_t)(w->n_f + 1) * sizeof *tiles);
  for (int64_t p = 0; p < w->n_f; p++) tiles[p] = -1;
  for (int64_t t = 0; t < pass->n_tiles; t++)
    for (int lane = 0; lane < pass->lanes; lane++) {
      const int64_t position =
          gattn_query_lane_at(&w->lowered->geometry, pass, t, lane).position;
      if (position >= 0) tiles[position] = t;
    }
  return tiles;
}

/* Whether the list of the part has the key tile. */
static bool is_listed(const gattn_device_part *part, int64_t t, int64_t key) {
  const gattn_tile_list *list = &part->list.list;
  for (int64_t e = list->offsets[t]; t >= 0 && e < list->offsets[t + 1]; e++)
    if (list->entries[e] == key / GATTN_TILE_KEYS) return true;
  return false;
}

static void walk_edges(walked *w, const gattn_device_part *part,
                       const gattn_frontier *frontier) {
  gattn_run runs[8];
  const gattn_graph *graph = part->graph;
  const gattn_device_part *apart =
      part->apart ? &w->lowered->parts[part->apart - 1] : NULL;
  int64_t *tiles = apart ? tiles_of_rows(w, &apart->tiles) : NULL;
  for (int64_t p = 0; p < w->n_f; p++) {
    const int64_t i = frontier ? gattn_frontier_vertex(frontier, p) : p;
    for (int64_t lo = 0; lo < w->n_kv;) {
      int64_t n = gattn_runs(graph, i, 1, lo, w->n_kv, runs, 8, &lo);
      for (int64_t r = 0; r < n; r++)
        for (int64_t j = runs[r].begin; j < runs[r].end; j++)
          if (!apart || !is_listed(apart, tiles[p], j)) visit(w, p, j);
    }
  }
  free(tiles);
  for (int64_t p = 0; p < w->n_f; p++) w->left[p] = 1;
}

/* ------------------------------------------------------------ checks */

static void check_order(const walked *w) {
  const gattn_device_lowered *lowered = w->lowered;
  for (int64_t p = 0; p < lowered->n_parts; p++) {
    const gattn_device_form form = lowered->parts[p].form;
    if (form == GATTN_DEVICE_HUBS)
      ck_assert_msg(p == 0, "%s: hubs are not first", w->name);
    if (form == GATTN_DEVICE_EDGES)
      ck_assert_msg(p + 1 == lowered->n_parts, "%s: edges are not last",
                    w->name);
  }
}

/* A row is left by every part but HUBS, or by HUBS and what has no skip. */
static void check_left(walked *w, const gattn_device_part *part) {
  for (int64_t p = 0; p < w->n_f; p++) {
    if (part->form == GATTN_DEVICE_HUBS)
      w->hub[p] = w->left[p];
    else if (w->left[p] == w->hub[p] && part->form != GATTN_DEVICE_EDGES)
      ck_abort_msg("%s: row %lld is %sleft", w->name, (long long)p,
                   w->left[p] ? "" : "not ");
  }
  if (part->form != GATTN_DEVICE_EDGES && part->tiles.n_skip)
    ck_assert_int_eq(part->tiles.pieces, 1);
}

static _Noreturn void fail_visits(gattn_context *context, const walked *w,
                                  gattn_graph *graph, int64_t p, int64_t j) {
  char text[256] = "";
  gattn_graph_describe(context, graph, text, sizeof text);
  ck_abort_msg("%s (%s): row %lld, key %lld: visited %d times in %lld parts",
               w->name, text, (long long)p, (long long)j,
               w->visits[p * w->n_kv + j], (long long)w->lowered->n_parts);
  abort();
}

/* Takes off each edge once: nothing is to be left. */
static void check_visits(gattn_context *context, const walked *w,
                         gattn_graph *graph, const gattn_frontier *frontier) {
  gattn_run runs[64];
  for (int64_t p = 0; p < w->n_f; p++) {
    const int64_t i = frontier ? gattn_frontier_vertex(frontier, p) : p;
    uint8_t *row = w->visits + p * w->n_kv;
    for (int64_t lo = 0; lo < w->n_kv;) {
      int64_t n = gattn_runs(graph, i, 1, lo, w->n_kv, runs, 64, &lo);
      for (int64_t r = 0; r < n; r++)
        for (int64_t j = runs[r].begin; j < runs[r].end; j++)
          if (row[j]-- != 1) fail_visits(context, w, graph, p, j);
    }
    for (int64_t j = 0; j < w->n_kv; j++)
      if (row[j]) fail_visits(context, w, graph, p, j);
  }
}

void lowered_check(gattn_context *context, const lowered_case *c,
                   gattn_graph *graph, gattn_frontier *frontier,
                   const char *name) {
  gattn_device_lowered lowered;
  gattn_status status = lowered_make(context, c, graph, frontier, &lowered);
  ck_assert_msg(!status, "%s: %s", name, gattn_context_message(context));
  walked w = {.lowered = &lowered,
              .name = name,
              .n_f = lowered.geometry.n_f,
              .n_kv = lowered.geometry.n_kv};
  w.visits = calloc((size_t)(w.n_f * w.n_kv) + 1, 1);
  w.hub = calloc((size_t)w.n_f + 1, 1);
  w.left = calloc((size_t)w.n_f + 1, 1);
  check_order(&w);
  for (int64_t p = 0; p < lowered.n_parts; p++) {
    const gattn_device_part *part = &lowered.parts[p];
    memset(w.left, 0, (size_t)w.n_f);
    if (part->form == GATTN_DEVICE_EDGES)
      walk_edges(&w, part, frontier);
    else
      for (int64_t t = 0; t < part->tiles.n_tiles; t++)
        walk_query_tile(&w, &part->tiles, t);
    check_left(&w, part);
  }
  check_visits(context, &w, graph, frontier);
  free(w.visits);
  free(w.hub);
  free(w.left);
  gattn_device_lowered_clear(context, &lowered);
}
