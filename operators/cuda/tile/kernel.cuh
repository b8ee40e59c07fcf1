/* Attention of one pass of tiles on tensor cores.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block of four warps takes one query tile, 16·M rows a warp, and visits its
 * key tiles of 64, which travel through a ring of STAGES in shared memory while
 * earlier ones are computed. Q, scores, weights and outputs stay in registers
 * (Dao 2023, arXiv:2307.08691). A warp skips tiles that none of its rows has an
 * edge to. */
#ifndef GATTN_OPERATORS_CUDA_TILE_KERNEL_CUH
#define GATTN_OPERATORS_CUDA_TILE_KERNEL_CUH

#include <cuda_runtime.h>

#include "operators/cuda/follow.cuh"
#include "operators/cuda/score.cuh"
#include "operators/cuda/tile/product.cuh"
#include "operators/cuda/tile/recompute.cuh"
#include "operators/cuda/tile/softmax.cuh"
#include "operators/cuda/tile/stage.cuh"
#include "operators/cuda/tile/store.cuh"
#include "operators/cuda/tile/tile.h"
#include "operators/cuda/tile/visit.cuh"

/* Everything of a block in shared memory. */
template <int D, int M, int STAGES>
struct gattn_tile_shared {
  static constexpr int LANES = GATTN_TILE_WARPS * 16 * M;
  char q[LANES * D * 2]; /* then o, on its way out */
  char k[STAGES][GATTN_TILE_KEYS * D * 2];
  char v[STAGES][GATTN_TILE_KEYS * D * 2];
  uint64_t words[STAGES][LANES]; /* of list tiles, and of formulas without
                                  * bounds */
  int64_t keys[STAGES][GATTN_TILE_KEYS]; /* vertices, for score functors */
  gattn_tile_block<LANES> block;
};

/* What every thread of a block holds throughout. */
template <typename T, int D, int M, int STAGES>
struct gattn_tile_run {
  typedef gattn_tile_shared<D, M, STAGES> shared_type;
  const gattn_device_attention &a;
  const gattn_tile_pass &pass;
  const gattn_key_form &form;
  gattn_source<T> k, v;
  const T *k_origin, *v_origin;
  shared_type *shared;
  bool band;

  __device__ __forceinline__ gattn_key_place place(int n) const {
    return band ? gattn_band_place(shared->block.band[threadIdx.x / 32],
                                   form.step, n)
                : shared->block.places[n % GATTN_PLACES];
  }
};

/* All threads: starts K of key tile n of the sequence, and what says its edges,
 * on their way. */
template <class Score, typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_stage_edges(const gattn_tile_run<T, D, M, STAGES> &run,
                                    const gattn_key_place &place, int stage) {
  auto *shared = run.shared;
  gattn_stage_keys<T, D>(run.k, run.k_origin, run.form, place,
                         gattn_shared_address(shared->k[stage]));
  if (place.word >= 0 || place.word == GATTN_WORDS_OF_FORMULA)
    gattn_stage_words(run.pass, run.form, shared->block, place,
                      shared->words[stage]);
  if (!Score::plain && threadIdx.x < GATTN_TILE_KEYS) {
    const int lane = threadIdx.x;
    int64_t key = place.base + gattn_key_number(run.form, lane);
    if (run.form.table && gattn_key_present(run.form, place, lane))
      key = run.form.table[key];
    shared->keys[stage][lane] = key;
  }
}

/* All threads: the same for V. */
template <typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_stage_values(const gattn_tile_run<T, D, M, STAGES> &run,
                                     const gattn_key_place &place, int stage) {
  gattn_stage_keys<T, D>(run.v, run.v_origin, run.form, place,
                         gattn_shared_address(run.shared->v[stage]));
}

/* All lanes: dot products of the warp's rows from `first` on, with 8·N keys of
 * the tile from `key` on, to scores. */
template <class Score, typename T, int D, int W, int M, int STAGES, int N>
GATTN_DEVICE void gattn_score_tile(const gattn_tile_run<T, D, W, STAGES> &run,
                                   const Score &score_of, int stage, int first,
                                   float (&s)[M][N][4], int key = 0) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < N; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) {
      const int64_t j = run.shared->keys[stage][key + 8 * n + lane % 4 * 2 + e];
#pragma unroll
      for (int f = 0; f < M; f++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          float &x = s[f][n][2 * half + e];
          const int row = first + 16 * f + 8 * half + lane / 4;
          x = score_of(x * run.a.scale, run.shared->block.lanes[row].vertex, j,
                       0.f);
        }
    }
}

/* All lanes: where the lane reads the first chunk of K, and of V. */
template <int D>
GATTN_DEVICE uint32_t gattn_keys_at(const char *k) {
  const int lane = threadIdx.x % 32;
  return gattn_shared_address(k) +
         gattn_chunk_at<D>(lane / 16 * 8 + lane % 8, lane / 8 % 2);
}
template <int D>
GATTN_DEVICE uint32_t gattn_values_at(const char *v) {
  const int lane = threadIdx.x % 32;
  return gattn_shared_address(v) + gattn_chunk_at<D>(lane % 16, lane / 16);
}

/* All lanes: the weights of 8·N keys of a tile from `key` on, which lie at k.
 * By the maxima that there are, unless they are the first of all (*fresh); where
 * weights come out too large, once more after these have been raised. At the
 * edges of a mask rows begin, so that they are raised at once. */
template <class Score, typename T, int D, int M, int STAGES, int N>
GATTN_DEVICE void gattn_find_weights(
    const gattn_tile_run<T, D, M, STAGES> &run,
    const gattn_warp_queries<T, D, M> &queries, const Score &score_of,
    int stage, int key, uint32_t k, gattn_cover cover, uint64_t word,
    float rate, bool *fresh, gattn_warp_state<M, D> *state,
    float (&s)[M][N][4]) {
  float sums[M][2];
#pragma unroll 1
  for (bool raise = *fresh || cover == GATTN_COVER_SOME;; raise = true) {
    gattn_multiply_keys<T, D, M>(queries, k, s);
    if (!Score::plain)
      gattn_score_tile(run, score_of, stage, threadIdx.x / 32 * 16 * M, s,
                       key);
    if (cover == GATTN_COVER_SOME) gattn_mask_scores(s, word);
    if (raise) gattn_renew_maxima(s, rate, state);
    const bool small = gattn_weigh_keys(s, rate, *state, sums);
    if (raise || __all_sync(~0u, small)) break;
  }
  *fresh = false;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) state->sum[f][half] += sums[f][half];
}

/* All lanes: one key tile that has arrived, 8·N keys at a time. */
template <int N, class Score, typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_visit_tile(const gattn_tile_run<T, D, M, STAGES> &run,
                                   const gattn_warp_queries<T, D, M> &queries,
                                   const Score &score_of, int n, float rate,
                                   bool *fresh, gattn_warp_state<M, D> *state) {
  const int stage = n % STAGES;
  const gattn_key_place place = run.place(n);
  uint64_t word = ~(uint64_t)0;
  const gattn_cover cover = gattn_tile_cover<16 * M>(
      run.form, run.shared->block, run.shared->words[stage], place, &word);
  if (cover == GATTN_COVER_NONE) return;
  uint32_t k = gattn_keys_at<D>(run.shared->k[stage]);
  uint32_t v = gattn_values_at<D>(run.shared->v[stage]);
#pragma unroll 1
  for (int key = 0; key < GATTN_TILE_KEYS; key += 8 * N) {
    if (N == 8 || cover == GATTN_COVER_ALL ||
        __any_sync(~0u, (uint32_t)word != 0)) {
      float s[M][N][4];
      gattn_find_weights(run, queries, score_of, stage, key, k, cover, word,
                         rate, fresh, state, s);
      gattn_multiply_values<T, D, M>(s, v, state->o);
    }
    if (N == 8) break;
    word >>= 32;
    k += 8 * N * D * 2;
    v += 8 * N * D * 2;
  }
}

/* An empty state, or the one that earlier passes left, of the warp's rows from
 * `first` on. */
template <typename T, int D, int W, int M, int STAGES>
GATTN_DEVICE void gattn_begin_state(const gattn_tile_run<T, D, W, STAGES> &run,
                                    float unit, int first,
                                    gattn_warp_state<M, D> *state) {
  const int lane = threadIdx.x % 32;
  const gattn_device_attention &a = run.a;
#pragma unroll
  for (int f = 0; f < M; f++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int64_t position =
          run.shared->block.lanes[first + 16 * f + 8 * half + lane / 4]
              .position;
      float lse = -INFINITY;
      const float *o = nullptr;
      if (run.pass.resume && run.pass.pieces == 1 && position >= 0) {
        const int64_t at =
            gattn_state_row(a, run.shared->block.item, a.n_f, position);
        lse = run.pass.state.lse[at];
        o = run.pass.state.o + at * a.dim_v;
      }
      state->maximum[f][half] = lse == -INFINITY ? lse : lse / unit;
      state->sum[f][half] = lse != -INFINITY && lane % 4 == 0;
#pragma unroll
      for (int n = 0; n < D / 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          const int d = 8 * n + lane % 4 * 2 + e;
          state->o[f][n][2 * half + e] = o && d < a.dim_v ? o[d] : 0.f;
        }
    }
}

template <int M, int D>
GATTN_DEVICE void gattn_empty_state(gattn_warp_state<M, D> *state) {
#pragma unroll
  for (int f = 0; f < M; f++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      state->maximum[f][half] = -INFINITY;
      state->sum[f][half] = 0;
    }
#pragma unroll
    for (int n = 0; n < D / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) state->o[f][n][e] = 0;
  }
}

/* Warp 0: lays out places ahead of tile n, where half of them are free. Both
 * halves were laid out at first. */
template <typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_fill_ahead(const gattn_tile_run<T, D, M, STAGES> &run,
                                   int n) {
  auto *block = &run.shared->block;
  if (n % 32 == 0 && n && threadIdx.x < 32 && !run.band)
    gattn_fill_places(run.a, run.pass, block->item.head, block->kind,
                      n / 32 + 1, &block->sequence, block->places);
}

/* All threads: visits `count` key tiles, which pass through the ring. Q may be
 * on its way still. */
template <int N, class Score, typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_visit_ring(const gattn_tile_run<T, D, M, STAGES> &run,
                                   const Score &score_of, float rate, int count,
                                   gattn_warp_queries<T, D, M> queries,
                                   gattn_warp_state<M, D> *state) {
  bool fresh = true;
#pragma unroll 1
  for (int n = 1 - STAGES; n < count; n++) {
    const int next = n + STAGES - 1;
    if (n >= 0) {
      gattn_copy_wait<STAGES - 2>();
      __syncthreads();
    }
    if (next < count) {
      const gattn_key_place place = run.place(next);
      gattn_stage_values(run, place, next % STAGES);
      gattn_stage_edges<Score>(run, place, next % STAGES);
    }
    gattn_copy_commit();
    if (n < 0) continue;
    if (n == 0) queries.hold();
    gattn_fill_ahead(run, n);
    gattn_visit_tile<N>(run, queries, score_of, n, rate, &fresh, state);
  }
}

/* The same with places for one K and one V: V is copied while the keys' product
 * is computed, the next K while the values' is. */
template <class Score, typename T, int D, int M>
GATTN_DEVICE void gattn_visit_in_turn(const gattn_tile_run<T, D, M, 1> &run,
                                      const Score &score_of, float rate,
                                      int count,
                                      gattn_warp_queries<T, D, M> queries,
                                      gattn_warp_state<M, D> *state) {
  auto *shared = run.shared;
  bool fresh = true;
  if (count) gattn_stage_edges<Score>(run, run.place(0), 0);
#pragma unroll 1
  for (int n = 0; n < count; n++) {
    gattn_copy_wait_all();
    __syncthreads(); /* K is there, and V before it read no more */
    if (n == 0) queries.hold();
    const gattn_key_place place = run.place(n);
    gattn_stage_values(run, place, 0);
    gattn_fill_ahead(run, n);
    uint64_t word = ~(uint64_t)0;
    const gattn_cover cover = gattn_tile_cover<16 * M>(
        run.form, shared->block, shared->words[0], place, &word);
    float s[M][8][4];
    if (cover != GATTN_COVER_NONE)
      gattn_find_weights(run, queries, score_of, 0, 0,
                         gattn_keys_at<D>(shared->k[0]), cover, word, rate,
                         &fresh, state, s);
    gattn_copy_wait_all();
    __syncthreads(); /* V is there, and K read no more */
    if (n + 1 < count) gattn_stage_edges<Score>(run, run.place(n + 1), 0);
    if (cover != GATTN_COVER_NONE)
      gattn_multiply_values<T, D, M>(s, gattn_values_at<D>(shared->v[0]),
                                     state->o);
  }
}

/* All threads: visits the block's key tiles. */
template <int N, class Score, typename T, int D, int M, int STAGES>
GATTN_DEVICE void gattn_visit_tiles(const gattn_tile_run<T, D, M, STAGES> &run,
                                    const Score &score_of, float unit,
                                    gattn_warp_state<M, D> *state) {
  const auto *block = &run.shared->block;
  gattn_warp_queries<T, D, M> queries;
  queries.at = gattn_shared_address(run.shared->q) +
               gattn_chunk_at<D>(threadIdx.x / 32 * 16 * M + threadIdx.x % 16,
                                 threadIdx.x % 32 / 16);
  const int count = run.band
                        ? block->band[threadIdx.x / 32].count
                        : (int)(block->sequence.end - block->sequence.begin);
  const float rate = unit * GATTN_LOG2E;
  if constexpr (STAGES == 1)
    gattn_visit_in_turn(run, score_of, rate, count, queries, state);
  else
    gattn_visit_ring<N>(run, score_of, rate, count, queries, state);
  gattn_copy_wait_all();
  __syncwarp(); /* a warp's outputs take the place of its rows of Q */
}

/* What a thread reads for an item. */
template <typename T, int D, int M, int STAGES>
GATTN_DEVICE gattn_tile_run<T, D, M, STAGES> gattn_tile_run_of(
    const gattn_device_attention &a, const gattn_tile_pass &pass,
    const gattn_tile_launch_facts &facts, const gattn_tile_item &item,
    gattn_tile_shared<D, M, STAGES> *shared) {
  const int64_t kv_head = gattn_quotient(item.head, facts.group);
  gattn_tile_run<T, D, M, STAGES> run = {
      a,
      pass,
      facts.form,
      gattn_source_of<T>(a.k, item.batch, kv_head, a.dim, facts.k_chunks),
      gattn_source_of<T>(a.v, item.batch, kv_head, a.dim_v, facts.v_chunks),
      nullptr,
      nullptr,
      shared,
      facts.band != 0};
  const int64_t first =
      gattn_key_number(run.form, threadIdx.x / gattn_share<D>::CHUNKS);
  const int64_t chunk = threadIdx.x % gattn_share<D>::CHUNKS * 8;
  run.k_origin = run.k.data + first * run.k.row + chunk;
  run.v_origin = run.v.data + first * run.v.row + chunk;
  return run;
}

/* All threads: one item of the grid. */
template <class Score, typename T, int D, int M, int N, int STAGES>
GATTN_DEVICE void gattn_tile_item_run(const gattn_device_attention &a,
                                      const gattn_tile_pass &pass,
                                      const gattn_tile_launch_facts &facts,
                                      int64_t n,
                                      gattn_tile_shared<D, M, STAGES> *shared) {
  auto *block = &shared->block;
  const int first = threadIdx.x / 32 * 16 * M;
  const gattn_tile_item item = gattn_tile_item_of(a, pass, facts.group, n);
  const gattn_tile_run<T, D, M, STAGES> run =
      gattn_tile_run_of<T, D, M, STAGES>(a, pass, facts, item, shared);
  gattn_lay_out<M>(a, pass, facts, item, block);
  gattn_stage_warp_queries<T, D, 16 * M>(
      gattn_source_of<T>(a.q, item.batch, item.head, a.dim, facts.q_chunks),
      block->lanes, gattn_shared_address(shared->q));

  const Score score_of(a.score, item.head);
  const float unit = Score::plain ? a.scale : 1.f;
  gattn_warp_state<M, D> state;
  if (pass.resume && pass.pieces == 1) {
    __syncthreads(); /* a band's item */
    gattn_begin_state(run, unit, first, &state);
  } else {
    gattn_empty_state(&state);
  }
  gattn_visit_tiles<N>(run, score_of, unit, &state);
  gattn_store_rows<T, D, M>(a, pass, item, unit, facts.o_chunks, first,
                            block->lanes, shared->q, state);
  const int lane = threadIdx.x % 32 % (16 * M);
  if (!__any_sync(~0u, block->lanes[first + lane].position < -1)) return;
  gattn_key_sequence own;
  if (facts.band) own = gattn_band_sequence(a, pass, *block);
  gattn_recompute_rows<Score, T, 16 * M>(
      a, pass, item, facts.band ? own : block->sequence, block->lanes);
}

template <class Score, typename T, int D, int M, int N, int STAGES, int BLOCKS>
__global__ void __launch_bounds__(GATTN_TILE_THREADS, BLOCKS)
    gattn_tile_kernel(const __grid_constant__ gattn_device_attention a,
                      const __grid_constant__ gattn_tile_pass pass,
                      const __grid_constant__ gattn_tile_launch_facts facts) {
  gattn_let_follow(); /* the merge of pieces */
  extern __shared__ __align__(128) char memory[];
  auto *shared = (gattn_tile_shared<D, M, STAGES> *)memory;
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < facts.items; n += gridDim.x) {
    gattn_tile_item_run<Score, T, D, M, N>(a, pass, facts, n, shared);
    if (n + gridDim.x < facts.items) __syncthreads();
  }
}

template <class Score, typename T, int D, int M, int N, int STAGES, int BLOCKS>
static int gattn_tile_launch_kernel(const gattn_device_attention *a,
                                    const gattn_tile_pass *pass,
                                    const gattn_tile_launch_facts *facts,
                                    cudaStream_t stream) {
  const auto kernel = gattn_tile_kernel<Score, T, D, M, N, STAGES, BLOCKS>;
  const int bytes = (int)sizeof(gattn_tile_shared<D, M, STAGES>);
  const int64_t most = INT32_MAX;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error != cudaSuccess) return (int)error;
  kernel<<<(unsigned)(facts->items < most ? facts->items : most),
           GATTN_TILE_THREADS, bytes, stream>>>(*a, *pass, *facts);
  return (int)cudaGetLastError();
}

#endif
