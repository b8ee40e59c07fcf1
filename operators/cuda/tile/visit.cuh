/* What a block of four warps does for its query tile and the key tiles it
 * visits, whatever the kernel: rows and key tiles laid out, and the words of a
 * tile's edges. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_CUDA_TILE_VISIT_CUH
#define GATTN_OPERATORS_CUDA_TILE_VISIT_CUH

#include "operators/cuda/tile/block.cuh"

GATTN_DEVICE gattn_tile gattn_place_tile(const gattn_key_form &form,
                                         const gattn_key_place &place) {
  gattn_tile tile;
  tile.base = place.base;
  tile.step = form.step;
  tile.line_step = form.line_step;
  tile.shift = form.shift;
  tile.columns = place.columns;
  tile.lines = place.lines;
  return tile;
}

/* All threads: words of the block's rows against a tile, where they are not
 * worked out from bounds. */
template <int LANES>
GATTN_DEVICE void gattn_stage_words(const gattn_tile_pass &pass,
                                    const gattn_key_form &form,
                                    const gattn_tile_block<LANES> &block,
                                    const gattn_key_place &place,
                                    uint64_t *words) {
  const int lane = threadIdx.x;
  if (lane >= LANES) return;
  if (place.word >= 0)
    gattn_copy_8(gattn_shared_address(words + lane),
                 gattn_pass_list(&pass, block.item.head)->bits +
                     (int64_t)place.word * LANES + lane);
  else
    words[lane] = gattn_row_word(pass, block.item.head, block.lanes[lane],
                                 gattn_place_tile(form, place));
}

/* The edges of a row of the block to a key tile; `words` are those of the
 * block's rows, of tiles that have some. */
template <int LANES>
GATTN_DEVICE uint64_t gattn_place_word(const gattn_key_form &form,
                                       const gattn_tile_block<LANES> &block,
                                       const uint64_t *words,
                                       const gattn_key_place &place, int row) {
  const gattn_row_bounds &bounds = block.bounds[row];
  if (place.word == GATTN_WORDS_OF_INTERVALS)
    return gattn_interval_word(bounds.begin[0], bounds.end[0], place.first) |
           gattn_interval_word(bounds.begin[1], bounds.end[1], place.first);
  if (place.word == GATTN_WORDS_OF_RECTANGLE)
    return gattn_rectangle_word(&bounds, place.first >> 32,
                                place.first & 0xffffffff);
  if (place.word != GATTN_FULL_TILE) return words[row];
  const gattn_tile tile = gattn_place_tile(form, place);
  return gattn_key_lanes(&tile);
}

enum gattn_cover { GATTN_COVER_NONE, GATTN_COVER_SOME, GATTN_COVER_ALL };

/* How a warp's rows meet a tile of words from intervals. */
GATTN_DEVICE gattn_cover gattn_interval_cover(const gattn_warp_cover &cover,
                                              int t) {
  gattn_cover found = GATTN_COVER_NONE;
#pragma unroll
  for (int n = 0; n < 2; n++) {
    /* The core of a warp without rows is everything, its hull nothing. */
    if (t < cover.hull_begin[n] || cover.hull_end[n] <= t) continue;
    if (cover.core_begin[n] <= t && t < cover.core_end[n])
      return GATTN_COVER_ALL;
    found = GATTN_COVER_SOME;
  }
  return found;
}

/* All lanes of a warp of ROWS rows: whether all rows have all of the tile's
 * edges, or none any; else *word are those of row `lane` of the warp. */
template <int ROWS, int LANES>
GATTN_DEVICE gattn_cover gattn_tile_cover(
    const gattn_key_form &form, const gattn_tile_block<LANES> &block,
    const uint64_t *words, const gattn_key_place &place, uint64_t *word) {
  const int warp = threadIdx.x / 32;
  const int row = warp * ROWS + threadIdx.x % ROWS;
  if (place.word == GATTN_WORDS_OF_INTERVALS) {
    const gattn_cover cover =
        gattn_interval_cover(block.covers[warp], place.tile);
    if (cover == GATTN_COVER_SOME)
      *word = gattn_place_word(form, block, words, place, row);
    return cover;
  }
  *word = gattn_place_word(form, block, words, place, row);
  const bool absent = block.lanes[row].position < 0;
  if (__all_sync(~0u, absent || *word == 0)) return GATTN_COVER_NONE;
  return __all_sync(~0u, absent || *word == ~(uint64_t)0) ? GATTN_COVER_ALL
                                                          : GATTN_COVER_SOME;
}

/* All threads: the rows of an item and its key tiles. */
template <int M, int LANES>
GATTN_DEVICE void gattn_lay_out(const gattn_device_attention &a,
                                const gattn_tile_pass &pass,
                                const gattn_tile_launch_facts &facts,
                                const gattn_tile_item &item,
                                gattn_tile_block<LANES> *block) {
  if (threadIdx.x == 0) block->item = item;
  if (facts.band) {
    gattn_lay_out_band<16 * M>(a, pass, item, facts, block);
    return;
  }
  const gattn_bounds_kind kind = pass.head_formulas
                                     ? gattn_head_bounds(pass, item.head)
                                     : (gattn_bounds_kind)facts.bounds;
  if (threadIdx.x == 0) block->kind = kind;
  gattn_lay_out_rows<16 * M>(a, pass, item, facts, kind, block);
  __syncthreads();
  if (threadIdx.x < 32) {
    if (threadIdx.x == 0) gattn_tile_sequence(a, pass, item, kind, block);
    __syncwarp();
    const int64_t count = block->sequence.end - block->sequence.begin;
    for (int half = 0; half < 2 && 32 * half < count; half++)
      gattn_fill_places(a, pass, item.head, kind, half, &block->sequence,
                        block->places);
  }
  __syncthreads();
}

/* Any thread, of a band: the item's key tiles as a sequence, for rows that are
 * computed again. */
template <int LANES>
GATTN_DEVICE gattn_key_sequence gattn_band_sequence(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_block<LANES> &block) {
  const gattn_tile_band &band = block.band[threadIdx.x / 32];
  gattn_key_sequence sequence;
  int64_t origin = band.tile;
  if (pass.numbering.kind == GATTN_NUMBER_CLASSES)
    origin += band.residue *
              gattn_class_tiles(&pass.numbering, GATTN_TILE_KEYS, a.n_kv);
  sequence.n_spans = 1;
  sequence.spans[0].begin = origin;
  sequence.spans[0].end = origin + band.count;
  sequence.in_spans = sequence.end = band.count;
  sequence.begin = sequence.list_begin = 0;
  return sequence;
}

#endif
