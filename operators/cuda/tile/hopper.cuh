/* Attention of one pass of tiles on Hopper's tensor cores.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As kernel.cuh, whose rows, key tiles and state it shares, with asynchronous
 * products: a warpgroup of four warps takes a query tile of 128 rows as two
 * fragments of 64, fragment f's rows 64·f + 16·warp … in each warp. The values'
 * product of the first fragment runs beside the keys' product of the second;
 * otherwise it is the blocks that share a multiprocessor that fill each other's
 * waits. Fragments skip key tiles that none of their rows has an edge to. K and
 * V come through tensor maps, started by one thread. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_CUH

#define GATTN_TILE_ATOMS

#include "operators/cuda/tile/hopper.h"
#include "operators/cuda/tile/kernel.cuh"
#include "operators/cuda/tile/wgmma.cuh"

/* As gattn_tile_shared; K and V lie in panels [D / 64][64 keys][64 elements],
 * as boxes arrive. */
template <int D, int STAGES>
struct gattn_hopper_shared {
  gattn_tile_shared<D, 2, STAGES> tile;
  uint64_t arrivals[STAGES]; /* of K and V */
};

/* The key tiles of an item, where they follow from its rows' intervals: two
 * spans of tiles of the queries' class, one after the other. */
struct gattn_direct_tiles {
  int32_t begin[2], length; /* of the first span */
  int64_t residue;
};

/* All threads, after gattn_lay_out_rows and a barrier. Returns how many tiles
 * there are. */
template <int LANES>
GATTN_DEVICE int gattn_find_direct(const gattn_device_attention &a,
                                   const gattn_tile_pass &pass,
                                   const gattn_tile_block<LANES> &block,
                                   gattn_direct_tiles *direct) {
  const gattn_warp_cover hull = gattn_block_hull(block);
  const int low = hull.hull_begin[1] < hull.hull_begin[0];
  const int begin[2] = {low ? hull.hull_begin[1] : hull.hull_begin[0],
                        low ? hull.hull_begin[0] : hull.hull_begin[1]};
  const int end[2] = {low ? hull.hull_end[1] : hull.hull_end[0],
                      low ? hull.hull_end[0] : hull.hull_end[1]};
  direct->length = begin[0] < end[0] ? end[0] - begin[0] : 0;
  direct->begin[0] = begin[0];
  direct->begin[1] =
      direct->length && begin[1] < end[0] ? end[0] : begin[1];
  direct->residue =
      pass.numbering.kind == GATTN_NUMBER_CLASSES
          ? gattn_quotient(pass.first_tile + block.item.tile,
                           gattn_class_tiles(&pass.numbering, pass.lanes,
                                             a.n_q))
          : 0;
  const int more = direct->begin[1] < end[1] ? end[1] - direct->begin[1] : 0;
  return direct->length + more;
}

GATTN_DEVICE gattn_key_place gattn_direct_place(
    const gattn_device_attention &a, const gattn_numbering &numbering,
    const gattn_direct_tiles &direct, int n) {
  gattn_key_place place;
  place.tile = n < direct.length ? direct.begin[0] + n
                                 : direct.begin[1] + n - direct.length;
  place.first = (int64_t)place.tile * GATTN_TILE_KEYS;
  int64_t keys = a.n_kv;
  place.base = place.first;
  if (numbering.kind == GATTN_NUMBER_CLASSES) {
    keys = gattn_quotient(a.n_kv, numbering.stride);
    place.base = direct.residue + place.first * numbering.stride;
  }
  place.columns = gattn_clip_lanes(keys - place.first, GATTN_TILE_KEYS);
  place.lines = 1;
  place.word = GATTN_WORDS_OF_INTERVALS;
  return place;
}

/* What every thread of a block holds throughout. */
template <typename T, int D, int STAGES>
struct gattn_hopper_run {
  gattn_tile_run<T, D, 2, STAGES> tile;
  const gattn_hopper_facts &hopper;
  gattn_hopper_shared<D, STAGES> *shared;
  gattn_direct_tiles direct;
  int32_t count;   /* key tiles */
  int32_t visited; /* of earlier items: phases of the arrivals go on */
};

template <typename T, int D, int STAGES>
GATTN_DEVICE gattn_key_place gattn_place_at(
    const gattn_hopper_run<T, D, STAGES> &run, int n) {
  return run.hopper.direct
             ? gattn_direct_place(run.tile.a, run.tile.pass.numbering,
                                  run.direct, n)
             : run.tile.shared->block.places[n % GATTN_PLACES];
}

/* All threads: starts key tile n on its way. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_fetch_tile(const gattn_hopper_run<T, D, STAGES> &run,
                                   int n) {
  auto *shared = run.tile.shared;
  const int stage = (run.visited + n) % STAGES;
  const gattn_numbering &numbering = run.tile.pass.numbering;
  if (threadIdx.x == 0) {
    const gattn_key_place place = gattn_place_at(run, n);
    const auto &item = shared->block.item;
    int32_t at[5] = {0, (int32_t)place.base, 0,
                     (int32_t)gattn_quotient(
                         item.head, run.tile.a.heads / run.tile.a.kv_heads),
                     (int32_t)item.batch};
    if (numbering.kind == GATTN_NUMBER_CLASSES) {
      at[2] = (int32_t)gattn_quotient(place.base, numbering.stride);
      at[1] = (int32_t)(place.base - at[2] * numbering.stride);
    } else if (numbering.kind == GATTN_NUMBER_PATCHES) {
      at[2] = (int32_t)gattn_quotient(place.base, numbering.grid_w);
      at[1] = (int32_t)(place.base - at[2] * numbering.grid_w);
    }
    const uint32_t arrival =
        gattn_shared_address(&run.shared->arrivals[stage]);
    gattn_arrival_expect(arrival, 2 * GATTN_TILE_KEYS * D * 2);
#pragma unroll
    for (int p = 0; p < D / 64; p++, at[0] += 64) {
      const int panel = p * GATTN_TILE_KEYS * 128;
      gattn_copy_box(gattn_shared_address(shared->k[stage] + panel),
                     &run.hopper.k, arrival, at);
      gattn_copy_box(gattn_shared_address(shared->v[stage] + panel),
                     &run.hopper.v, arrival, at);
    }
  }
  if (Score::plain && run.hopper.direct) return;
  const gattn_key_place place = gattn_place_at(run, n);
  if (place.word >= 0 || place.word == GATTN_WORDS_OF_FORMULA)
    gattn_stage_words(run.tile.pass, run.tile.form, shared->block, place,
                      shared->words[stage]);
  if (!Score::plain && threadIdx.x < GATTN_TILE_KEYS)
    shared->keys[stage][threadIdx.x] =
        place.base + gattn_key_number(run.tile.form, threadIdx.x);
}

/* How the fragments meet 32 key tiles on end: bit n for tile n. The same in all
 * lanes. */
struct gattn_tile_flags {
  uint32_t some[2], all[2];
};

/* How fragment f meets a key tile of words from intervals; its rows are those
 * that two warps laid out. */
template <int LANES>
GATTN_DEVICE gattn_cover gattn_fragment_cover(
    const gattn_tile_block<LANES> &block, int t, int f) {
  const gattn_warp_cover &low = block.covers[2 * f];
  const gattn_warp_cover &high = block.covers[2 * f + 1];
  bool some = false;
#pragma unroll
  for (int n = 0; n < 2; n++) {
    if (max(low.core_begin[n], high.core_begin[n]) <= t &&
        t < min(low.core_end[n], high.core_end[n]))
      return GATTN_COVER_ALL;
    some = some || (low.hull_begin[n] <= t && t < low.hull_end[n]) ||
           (high.hull_begin[n] <= t && t < high.hull_end[n]);
  }
  return some ? GATTN_COVER_SOME : GATTN_COVER_NONE;
}

/* All lanes of a warp: lane l looks at key tile n + l. */
template <typename T, int D, int STAGES>
GATTN_DEVICE gattn_tile_flags
gattn_find_flags(const gattn_hopper_run<T, D, STAGES> &run, int n) {
  const auto &block = run.tile.shared->block;
  const int tile = n + threadIdx.x % 32;
  gattn_cover cover[2] = {GATTN_COVER_NONE, GATTN_COVER_NONE};
  if (tile < run.count) {
    const gattn_key_place place = gattn_place_at(run, tile);
    const bool full = place.word == GATTN_FULL_TILE &&
                      place.columns * place.lines == GATTN_TILE_KEYS;
    for (int f = 0; f < 2; f++)
      cover[f] = place.word == GATTN_WORDS_OF_INTERVALS
                     ? gattn_fragment_cover(block, place.tile, f)
                 : full ? GATTN_COVER_ALL
                        : GATTN_COVER_SOME;
  }
  gattn_tile_flags flags;
#pragma unroll
  for (int f = 0; f < 2; f++) {
    flags.some[f] = __ballot_sync(~0u, cover[f] != GATTN_COVER_NONE);
    flags.all[f] = __ballot_sync(~0u, cover[f] == GATTN_COVER_ALL);
  }
  return flags;
}

/* All threads: the edges of a row to key tile n. */
template <typename T, int D, int STAGES>
GATTN_DEVICE uint64_t gattn_word_at(const gattn_hopper_run<T, D, STAGES> &run,
                                    int n, int row) {
  const auto *shared = run.tile.shared;
  const gattn_key_place place = gattn_place_at(run, n);
  const gattn_row_bounds &bounds = shared->block.bounds[row];
  if (place.word == GATTN_WORDS_OF_INTERVALS)
    return gattn_interval_word(bounds.begin[0], bounds.end[0], place.first) |
           gattn_interval_word(bounds.begin[1], bounds.end[1], place.first);
  if (place.word == GATTN_WORDS_OF_RECTANGLE)
    return gattn_rectangle_word(&bounds, place.first >> 32,
                                place.first & 0xffffffff);
  if (place.word == GATTN_FULL_TILE) {
    const gattn_tile tile = gattn_place_tile(run.tile.form, place);
    return gattn_key_lanes(&tile);
  }
  return shared->words[(run.visited + n) % STAGES][row];
}

/* All threads: starts s = Q·Kᵀ of one fragment, `q` and `k` the addresses of
 * its rows and of the keys. */
template <typename T, int D>
GATTN_DEVICE void gattn_start_keys(uint32_t q, uint32_t k,
                                   float (&s)[8][4]) {
#ifdef GATTN_WGMMA
  gattn_hold(s);
  gattn_group_begin();
#pragma unroll
  for (int d = 0; d < D / 16; d++)
    gattn_group_multiply_keys(
        s, gattn_matrix(q + d / 4 * 1024 + d % 4 * 32, 0, D * 16),
        gattn_matrix(k + d / 4 * GATTN_TILE_KEYS * 128 + d % 4 * 32, 0, 1024),
        d > 0, T());
  gattn_group_commit();
#endif
}

/* All threads: the scores of one fragment become weights and meet V, whose
 * product is started. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_weigh_fragment(
    const gattn_hopper_run<T, D, STAGES> &run, const Score &score_of, int n,
    int f, bool all, float rate, float (&s)[1][8][4],
    gattn_warp_state<1, D> *state) {
  const int first = 64 * f + threadIdx.x / 32 * 16;
  const int stage = (run.visited + n) % STAGES;
  if (!Score::plain) gattn_score_tile(run.tile, score_of, stage, first, s);
  if (!all)
    gattn_mask_scores(s, gattn_word_at(run, n, first + threadIdx.x % 16));
  float base[1][2];
  gattn_raise_maxima(s, rate, state, base);
  uint32_t weights[4][1][4];
#pragma unroll
  for (int n = 0; n < 4; n++)
    gattn_weigh_scores<T>(s, n, rate, base, state, weights[n]);
#ifdef GATTN_WGMMA
  const uint32_t v = gattn_shared_address(run.tile.shared->v[stage]);
  gattn_hold(state->o[0]);
  gattn_group_begin();
#pragma unroll
  for (int n = 0; n < 4; n++)
    gattn_group_multiply_values(state->o[0], weights[n][0],
                                gattn_matrix(v + n * 2048,
                                             GATTN_TILE_KEYS * 128, 1024),
                                T());
  gattn_group_commit();
#endif
}

/* All threads: key tile n, which has arrived. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_visit_fragments(
    const gattn_hopper_run<T, D, STAGES> &run, const Score &score_of, int n,
    const gattn_tile_flags &flags, float rate,
    gattn_warp_state<1, D> (&state)[2]) {
  auto *shared = run.tile.shared;
  const int stage = (run.visited + n) % STAGES;
  const uint32_t bit = 1u << n % 32;
  const uint32_t q = gattn_shared_address(shared->q);
  const uint32_t k = gattn_shared_address(shared->k[stage]);
  float s[1][8][4];
  if (flags.some[0] & bit) {
    gattn_start_keys<T, D>(q, k, s[0]);
    gattn_group_wait<0>();
    gattn_hold(s[0]);
    gattn_weigh_fragment(run, score_of, n, 0, flags.all[0] & bit, rate, s,
                         &state[0]);
  }
  if (flags.some[1] & bit) {
    gattn_start_keys<T, D>(q + 64 * D * 2, k, s[0]);
    gattn_group_wait<0>();
    gattn_hold(s[0]);
    gattn_hold(state[0].o[0]);
    gattn_weigh_fragment(run, score_of, n, 1, flags.all[1] & bit, rate, s,
                         &state[1]);
  }
  gattn_group_wait<0>();
  gattn_hold(state[0].o[0]);
  gattn_hold(state[1].o[0]);
}

/* All threads: visits the item's key tiles, of which the first STAGES - 1 are
 * on their way. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_visit_all(const gattn_hopper_run<T, D, STAGES> &run,
                                  const Score &score_of, float unit,
                                  gattn_warp_state<1, D> (&state)[2]) {
  auto *block = &run.tile.shared->block;
  gattn_tile_flags flags;
#pragma unroll 1
  for (int n = 0; n < run.count; n++) {
    const int next = n + STAGES - 1;
    const int at = run.visited + n, stage = at % STAGES;
    if (n) {
      gattn_copy_wait<STAGES - 2>();
      __syncthreads();
    }
    if (next < run.count) gattn_fetch_tile<Score>(run, next);
    gattn_copy_commit();
    if (!run.hopper.direct && next % 32 == STAGES && next > 32 &&
        threadIdx.x < 32)
      gattn_fill_places(run.tile.a, run.tile.pass, block->item.head,
                        block->kind, next / 32 + 1, &block->sequence,
                        block->places);
    if (n % 32 == 0) flags = gattn_find_flags(run, n);
    gattn_arrival_wait(gattn_shared_address(&run.shared->arrivals[stage]),
                       at / STAGES % 2);
    gattn_visit_fragments(run, score_of, n, flags, unit * GATTN_LOG2E, state);
  }
  gattn_copy_wait<0>();
  __syncthreads();
}

/* All threads: lays out an item; its queries have arrived and its first key
 * tiles are on their way afterwards. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_begin_fragments(
    const gattn_tile_launch_facts &facts, const gattn_tile_item &item,
    gattn_hopper_run<T, D, STAGES> *run) {
  const gattn_device_attention &a = run->tile.a;
  const gattn_tile_pass &pass = run->tile.pass;
  auto *shared = run->tile.shared;
  auto *block = &shared->block;
  const gattn_bounds_kind kind = pass.head_formulas
                                     ? gattn_head_bounds(pass, item.head)
                                     : (gattn_bounds_kind)facts.bounds;
  if (threadIdx.x == 0) {
    block->item = item;
    block->kind = kind;
  }
  gattn_lay_out_rows<32>(a, pass, item, facts, kind, block);
  __syncthreads();
  gattn_stage_queries<T, D>(
      gattn_source_of<T>(a.q, item.batch, item.head, a.dim, facts.q_chunks),
      *block, gattn_shared_address(shared->q));
  if (run->hopper.direct) {
    run->count = gattn_find_direct(a, pass, *block, &run->direct);
  } else {
    if (threadIdx.x < 32) {
      if (threadIdx.x == 0) gattn_tile_sequence(a, pass, item, kind, block);
      __syncwarp();
      for (int half = 0; half < 2; half++)
        gattn_fill_places(a, pass, item.head, kind, half, &block->sequence,
                          block->places);
    }
    __syncthreads();
    run->count = (int)(block->sequence.end - block->sequence.begin);
  }
  run->count = __shfl_sync(~0u, run->count, 0);
#pragma unroll 1
  for (int n = 0; n < STAGES - 1; n++) {
    if (n < run->count) gattn_fetch_tile<Score>(*run, n);
    gattn_copy_commit();
  }
  gattn_copy_wait<0>();
  gattn_show_shared();
  __syncthreads();
}

/* All threads, after the rows are stored: those that were not finite. */
template <class Score, typename T, int D, int STAGES>
GATTN_DEVICE void gattn_end_fragments(
    const gattn_hopper_run<T, D, STAGES> &run) {
  auto *block = &run.tile.shared->block;
  /* Of the rows that this warp has stored: others may not have yet. */
  const int lane = threadIdx.x % 32;
  const int row = lane / 16 * 64 + threadIdx.x / 32 * 16 + lane % 16;
  if (!__syncthreads_or(block->lanes[row].position < -1)) return;
  if (run.hopper.direct && threadIdx.x == 0)
    gattn_tile_sequence(run.tile.a, run.tile.pass, block->item, block->kind,
                        block);
  __syncthreads();
  gattn_recompute_rows<Score, T, 32>(run.tile.a, run.tile.pass, block->item,
                                     block->sequence, block->lanes);
  __syncthreads();
}

template <class Score, typename T, int D, int STAGES, int BLOCKS>
__global__ void __launch_bounds__(GATTN_TILE_THREADS, BLOCKS)
    gattn_hopper_kernel(const __grid_constant__ gattn_device_attention a,
                        const __grid_constant__ gattn_tile_pass pass,
                        const __grid_constant__ gattn_tile_launch_facts facts,
                        const __grid_constant__ gattn_hopper_facts hopper) {
#if defined(GATTN_WGMMA)
  extern __shared__ __align__(1024) char memory[];
  auto *shared = (gattn_hopper_shared<D, STAGES> *)memory;
  const int first = threadIdx.x / 32 * 16;
  if (threadIdx.x == 0)
    for (int n = 0; n < STAGES; n++)
      gattn_arrival_create(gattn_shared_address(&shared->arrivals[n]));
  int visited = 0;
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < facts.items; n += gridDim.x) {
    const gattn_tile_item item = gattn_tile_item_of(a, pass, facts.group, n);
    gattn_hopper_run<T, D, STAGES> run = {
        gattn_tile_run_of<T, D, 2, STAGES>(a, pass, facts, item,
                                           &shared->tile),
        hopper, shared};
    run.visited = visited;
    gattn_begin_fragments<Score>(facts, item, &run);
    const Score score_of(a.score, item.head);
    const float unit = Score::plain ? a.scale : 1.f;
    gattn_warp_state<1, D> state[2];
#pragma unroll
    for (int f = 0; f < 2; f++)
      gattn_begin_state(run.tile, unit, 64 * f + first, &state[f]);
    gattn_visit_all(run, score_of, unit, state);
    visited += run.count;
#pragma unroll
    for (int f = 0; f < 2; f++)
      gattn_store_rows<T, D, 1>(a, pass, item, unit, facts.o_chunks,
                                64 * f + first, shared->tile.block.lanes,
                                shared->tile.q, state[f]);
    gattn_end_fragments<Score>(run);
  }
#endif
}

template <class Score, typename T, int D, int STAGES, int BLOCKS>
static int gattn_hopper_launch_kernel(const gattn_device_attention *a,
                                      const gattn_tile_pass *pass,
                                      const gattn_tile_launch_facts *facts,
                                      const gattn_hopper_facts *hopper,
                                      cudaStream_t stream) {
  const auto kernel = gattn_hopper_kernel<Score, T, D, STAGES, BLOCKS>;
  const int bytes = (int)sizeof(gattn_hopper_shared<D, STAGES>);
  const int64_t most = INT32_MAX;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error != cudaSuccess) return (int)error;
  kernel<<<(unsigned)(facts->items < most ? facts->items : most),
           GATTN_TILE_THREADS, bytes, stream>>>(*a, *pass, *facts, *hopper);
  return (int)cudaGetLastError();
}

/* BLOCKS that share a multiprocessor leave registers for two fragments of
 * outputs, scores and weights; stages of K and V then fill shared memory. */
#define GATTN_HOPPER_VARIANTS(name, type, dim, blocks)                        \
  int name(const gattn_device_attention *attention,                           \
           const gattn_tile_pass *pass, const gattn_tile_launch_facts *facts, \
           const gattn_hopper_facts *hopper, cudaStream_t stream) {           \
    return facts->plain_score                                                 \
               ? gattn_hopper_launch_kernel<gattn_plain_score, type, dim, 2,  \
                                            blocks>(attention, pass, facts,   \
                                                    hopper, stream)           \
               : gattn_hopper_launch_kernel<gattn_any_score, type, dim, 2,    \
                                            blocks>(attention, pass, facts,   \
                                                    hopper, stream);          \
  }

#endif
