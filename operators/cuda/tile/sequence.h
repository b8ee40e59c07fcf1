/* What the lanes of a query tile stand for, and the key tiles they visit.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All tile kernels share this, whatever their type. It also compiles as C. */
#ifndef GATTN_OPERATORS_CUDA_TILE_SEQUENCE_H
#define GATTN_OPERATORS_CUDA_TILE_SEQUENCE_H

#include "operators/cuda/attention.h"

/* A lane of a query tile. */
typedef struct gattn_query_lane {
  int64_t position; /* row of q, o, lse and of `state`; −1: the lane is absent */
  int64_t row;      /* row of piece_state */
  int64_t vertex;
  int64_t number; /* the formula's i: the vertex, or its place in the table */
} gattn_query_lane;

/* Whether v lies in one of ranges[n], sorted and disjoint. */
GATTN_HD int gattn_ranges_hold(const gattn_device_range *ranges, int32_t n,
                               int64_t v) {
  int32_t low = 0, high = n;
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    if (ranges[middle].end <= v)
      low = middle + 1;
    else
      high = middle;
  }
  return low < n && ranges[low].begin <= v;
}

/* Lane `lane` of query tile t, 0 <= t < pass->n_tiles. Lanes without a query,
 * past *size, or that other passes own are absent. */
GATTN_HD gattn_query_lane gattn_query_lane_at(
    const gattn_device_attention *attention, const gattn_tile_pass *pass,
    int64_t t, int lane) {
  gattn_query_lane found;
  found.position = -1;
  found.row = found.vertex = found.number = 0;
  int64_t position = -1;
  if (pass->rows || pass->row_all) {
    const int64_t place = t * pass->lanes + lane;
    if (place >= (pass->rows ? pass->n_rows : attention->n_f)) return found;
    position = pass->rows ? pass->rows[place] : place;
    found.row = place;
    found.vertex = attention->vertices ? attention->vertices[position]
                                       : attention->begin + position;
    found.number = found.vertex;
  } else {
    const gattn_tile tile = gattn_tile_at(&pass->numbering, pass->lanes,
                                          attention->n_q, pass->first_tile + t);
    if (!gattn_tile_has(&tile, lane)) return found;
    found.number = gattn_tile_number(&tile, lane);
    found.vertex = pass->numbering.kind == GATTN_NUMBER_TABLE
                       ? pass->numbering.table[found.number]
                       : found.number;
    position = found.vertex - attention->begin;
    found.row = position;
    if (position < 0 || position >= attention->n_f) return found;
  }
  if (attention->size && position >= *attention->size) return found;
  if (pass->n_skip &&
      gattn_ranges_hold(pass->skip, pass->n_skip, found.vertex))
    return found;
  found.position = position;
  return found;
}

/* The key tiles of a query tile that one piece visits: places [begin, end) of
 * the formula's spans, one after another, and of the list behind them. */
typedef struct gattn_key_sequence {
  gattn_span spans[GATTN_SPANS_MOST];
  int32_t n_spans;
  int64_t in_spans;  /* places of spans; the list's follow */
  int64_t list_begin; /* entry of the list at place in_spans */
  int64_t begin, end;
} gattn_key_sequence;

GATTN_HD const gattn_formula *gattn_pass_formula(const gattn_tile_pass *pass,
                                                 int64_t head) {
  return pass->head_formulas ? pass->head_formulas + head : &pass->formula;
}

GATTN_HD const gattn_tile_list *gattn_pass_list(const gattn_tile_pass *pass,
                                                int64_t head) {
  return pass->head_lists ? pass->head_lists + head : pass->list;
}

/* Gives piece `piece` of query tile t its share of the places; the spans are
 * known already. */
GATTN_HD void gattn_key_sequence_cut(const gattn_tile_pass *pass, int64_t head,
                                     int64_t t, int64_t piece,
                                     gattn_key_sequence *sequence) {
  const gattn_tile_list *list = gattn_pass_list(pass, head);
  int64_t places = 0;
  for (int s = 0; s < sequence->n_spans; s++)
    places += sequence->spans[s].end - sequence->spans[s].begin;
  sequence->in_spans = places;
  sequence->list_begin = list->offsets ? list->offsets[t] : 0;
  if (list->offsets) places += list->offsets[t + 1] - sequence->list_begin;
  const int64_t each = gattn_quotient(places, pass->pieces);
  const int64_t more = places - each * pass->pieces;
  sequence->begin = each * piece + (piece < more ? piece : more);
  sequence->end = sequence->begin + each + (piece < more);
}

/* Fills *sequence for query tile t; first and last are the least and the
 * largest `number` of its lanes that are present. */
GATTN_HD void gattn_key_sequence_of(const gattn_device_attention *attention,
                                    const gattn_tile_pass *pass, int64_t head,
                                    int64_t t, int64_t piece, int64_t first,
                                    int64_t last,
                                    gattn_key_sequence *sequence) {
  const gattn_formula *formula = gattn_pass_formula(pass, head);
  sequence->n_spans = 0;
  if (formula->n_steps) {
    const gattn_tile queries = gattn_tile_at(
        &pass->numbering, pass->lanes, attention->n_q, pass->first_tile + t);
    sequence->n_spans = gattn_formula_spans(
        formula, &pass->numbering, &queries, first, last, sequence->spans);
  }
  gattn_key_sequence_cut(pass, head, t, piece, sequence);
}

/* The key tile at a place of the sequence. *entry is its entry in the list, or
 * −1 when the formula gives its words. */
GATTN_HD int64_t gattn_key_sequence_at(const gattn_key_sequence *sequence,
                                       const gattn_tile_list *list,
                                       int64_t place, int64_t *entry) {
  *entry = -1;
  if (place >= sequence->in_spans) {
    *entry = sequence->list_begin + (place - sequence->in_spans);
    return list->entries[*entry];
  }
  int s = 0;
  for (; s < sequence->n_spans - 1; s++) {
    const int64_t length = sequence->spans[s].end - sequence->spans[s].begin;
    if (place < length) break;
    place -= length;
  }
  return sequence->spans[s].begin + place;
}

/* The lanes of a key tile that exist, as a mask word. */
GATTN_HD uint64_t gattn_key_lanes(const gattn_tile *keys) {
  const uint64_t line = keys->columns >= 64
                            ? ~(uint64_t)0
                            : ((uint64_t)1 << keys->columns) - 1;
  uint64_t word = 0;
  if (keys->lines == 1) return line;
  for (int y = 0; y < keys->lines; y++) word |= line << (y << keys->shift);
  return word;
}

/* The edges of a lane against a key tile: bit b for its lane b. */
GATTN_HD uint64_t gattn_lane_word(const gattn_tile_pass *pass, int64_t head,
                                  const gattn_query_lane *query, int lane,
                                  const gattn_tile *keys, int64_t entry) {
  if (query->position < 0) return 0;
  if (entry < 0)
    return gattn_formula_word(gattn_pass_formula(pass, head), query->number,
                              keys);
  const gattn_tile_list *list = gattn_pass_list(pass, head);
  const int32_t word = list->words[entry];
  if (word == GATTN_FULL_TILE) return gattn_key_lanes(keys);
  return list->bits[(int64_t)word * pass->lanes + lane];
}

#endif
