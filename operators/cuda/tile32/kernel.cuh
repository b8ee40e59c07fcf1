/* Attention of one pass of tiles in float32, on plain multiply-adds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As tile/kernel.cuh, whose query tiles, key tiles and words it shares: a block
 * of four warps takes 64·M rows, 16·M a warp. K and V of a tile are copied
 * while the product with the other is computed, where both have a place; where
 * they share one, it is the other block of the multiprocessor that computes.
 * Weights go through shared memory, half a tile at a time, each warp's its
 * own. Arithmetic is float32 alone, without TF32. */
#ifndef GATTN_OPERATORS_CUDA_TILE32_KERNEL_CUH
#define GATTN_OPERATORS_CUDA_TILE32_KERNEL_CUH

#include <cuda_runtime.h>

#include "operators/cuda/follow.cuh"
#include "operators/cuda/score.cuh"
#include "operators/cuda/tile/recompute.cuh"
#include "operators/cuda/tile/visit.cuh"
#include "operators/cuda/tile32/state.cuh"

/* Everything of a block in shared memory. BOTH: V has a place of its own. */
template <int D, int M, bool BOTH>
struct gattn_tile32_shared {
  static constexpr int LANES = GATTN_TILE_WARPS * 16 * M;
  static constexpr int STRIDE = D + GATTN_TILE32_PAD;
  float q[LANES * STRIDE];
  float kv[BOTH ? 2 : 1][GATTN_TILE_KEYS * STRIDE];
  float p[LANES * GATTN_TILE32_P];
  uint64_t words[LANES];        /* of list tiles, and of formulas without
                                 * bounds */
  int64_t keys[GATTN_TILE_KEYS]; /* vertices, for score functors */
  gattn_tile_block<LANES> block;
};

/* What every thread of a block holds throughout. */
template <int D, int M, bool BOTH>
struct gattn_tile32_run {
  typedef gattn_tile32_shared<D, M, BOTH> shared_type;
  static constexpr int STRIDE = shared_type::STRIDE;
  const gattn_device_attention &a;
  const gattn_tile_pass &pass;
  const gattn_key_form &form;
  gattn_source<float> k, v;
  shared_type *shared;
  bool band;

  __device__ __forceinline__ gattn_key_place place(int n) const {
    return band ? gattn_band_place(shared->block.band[threadIdx.x / 32],
                                   form.step, n)
                : shared->block.places[n % GATTN_PLACES];
  }
};

/* Four elements of a row from `at` on to shared memory, zero past the
 * dimension and where the row is absent. */
GATTN_DEVICE void gattn_tile32_copy(const gattn_source<float> &source,
                                    const float *row, bool present, int at,
                                    float *to) {
  const int left = present ? source.dim - at : 0;
  if (source.chunks) {
    const int bytes = left <= 0 ? 0 : left < 4 ? 4 * left : 16;
    gattn_copy_16(gattn_shared_address(to), bytes ? row + at : source.data,
                  bytes);
    return;
  }
  float4 x = make_float4(0, 0, 0, 0);
  if (left > 0) x.x = row[at * source.step];
  if (left > 1) x.y = row[(at + 1) * source.step];
  if (left > 2) x.z = row[(at + 2) * source.step];
  if (left > 3) x.w = row[(at + 3) * source.step];
  *(float4 *)to = x;
}

/* All lanes of a warp: its ROWS rows of Q. */
template <int D, int ROWS>
GATTN_DEVICE void gattn_tile32_stage_queries(const gattn_source<float> &source,
                                             const gattn_query_lane *lanes,
                                             float *q) {
  const int first = threadIdx.x / 32 * ROWS;
#pragma unroll 4
  for (int n = threadIdx.x % 32; n < ROWS * (D / 4); n += 32) {
    const int row = first + n / (D / 4), at = n % (D / 4) * 4;
    const int64_t position = lanes[row].position;
    gattn_tile32_copy(source, source.data + position * source.row,
                      position >= 0, at,
                      q + row * (D + GATTN_TILE32_PAD) + at);
  }
}

/* All threads: the 64 rows of K or V that `place` names. */
template <int D>
GATTN_DEVICE void gattn_tile32_stage_keys(const gattn_source<float> &source,
                                          const gattn_key_form &form,
                                          const gattn_key_place &place,
                                          float *kv) {
  constexpr int CHUNKS = D / 4, STEP = GATTN_TILE_THREADS / CHUNKS;
  const int at = threadIdx.x % CHUNKS * 4;
#pragma unroll 4
  for (int lane = threadIdx.x / CHUNKS; lane < GATTN_TILE_KEYS; lane += STEP) {
    const bool present = gattn_key_present(form, place, lane);
    int64_t key = place.base + gattn_key_number(form, lane);
    if (form.table && present) key = form.table[key];
    gattn_tile32_copy(source, source.data + key * source.row, present, at,
                      kv + lane * (D + GATTN_TILE32_PAD) + at);
  }
}

/* All threads: starts K of key tile n, and what says its edges. */
template <class Score, int D, int M, bool BOTH>
GATTN_DEVICE void gattn_tile32_stage(const gattn_tile32_run<D, M, BOTH> &run,
                                     int n) {
  auto *shared = run.shared;
  const gattn_key_place place = run.place(n);
  gattn_tile32_stage_keys<D>(run.k, run.form, place, shared->kv[0]);
  if (place.word >= 0 || place.word == GATTN_WORDS_OF_FORMULA)
    gattn_stage_words(run.pass, run.form, shared->block, place, shared->words);
  if (!Score::plain && threadIdx.x < GATTN_TILE_KEYS) {
    const int lane = threadIdx.x;
    int64_t key = place.base + gattn_key_number(run.form, lane);
    if (run.form.table && gattn_key_present(run.form, place, lane))
      key = run.form.table[key];
    shared->keys[lane] = key;
  }
}

/* All lanes: dot products of the warp's rows from `first` on to scores. */
template <class Score, int D, int M, bool BOTH>
GATTN_DEVICE void gattn_tile32_score(const gattn_tile32_run<D, M, BOTH> &run,
                                     const Score &score_of, int first,
                                     float (&s)[4 * M][8]) {
  const int x = gattn_tile32_x(), y = gattn_tile32_y();
#pragma unroll
  for (int b = 0; b < 8; b++) {
    const int64_t j = run.shared->keys[x + 8 * b];
#pragma unroll
    for (int a = 0; a < 4 * M; a++)
      s[a][b] =
          score_of(s[a][b] * run.a.scale,
                   run.shared->block.lanes[first + y + 4 * a].vertex, j, 0.f);
  }
}

/* All lanes: o += weights · V. Half a tile without edges is passed over. */
template <int D, int M, bool BOTH>
GATTN_DEVICE void gattn_tile32_gather(const gattn_tile32_run<D, M, BOTH> &run,
                                      int first, const float (&s)[4 * M][8],
                                      gattn_cover cover, uint64_t word,
                                      gattn_tile32_state<D, M> *state) {
  auto *shared = run.shared;
  const int x = gattn_tile32_x();
  float *p = shared->p + (first + gattn_tile32_y()) * GATTN_TILE32_P;
  const float *v = shared->kv[BOTH] + 4 * x;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const uint32_t edges = (uint32_t)(word >> 32 * half);
    if (cover == GATTN_COVER_SOME && !__any_sync(~0u, edges != 0)) continue;
    __syncwarp();
#pragma unroll
    for (int b = 0; b < 4; b++)
#pragma unroll
      for (int a = 0; a < 4 * M; a++)
        p[4 * a * GATTN_TILE32_P + 8 * b + x] = s[a][4 * half + b];
    __syncwarp();
    gattn_tile32_multiply_values<D, M>(
        p, v + half * GATTN_TILE32_HALF * run.STRIDE, (int)run.a.dim_v,
        state->o);
  }
}

/* All threads: visits the block's key tiles, the first of which is on its way
 * with Q. */
template <class Score, int D, int M, bool BOTH>
GATTN_DEVICE void gattn_tile32_visit(const gattn_tile32_run<D, M, BOTH> &run,
                                     const Score &score_of, int count,
                                     gattn_tile32_state<D, M> *state) {
  auto *shared = run.shared;
  auto *block = &shared->block;
  const int first = threadIdx.x / 32 * 16 * M;
  const int columns = ((int)run.a.dim + 3) / 4 * 4;
#pragma unroll 1
  for (int n = 0; n < count; n++) {
    gattn_copy_wait_all();
    __syncthreads(); /* K is there, and V before it read no more */
    const gattn_key_place place = run.place(n);
    if (BOTH)
      gattn_tile32_stage_keys<D>(run.v, run.form, place, shared->kv[1]);
    /* Both halves of the places were laid out at first. */
    if (n % 32 == 0 && n && threadIdx.x < 32 && !run.band)
      gattn_fill_places(run.a, run.pass, block->item.head, block->kind,
                        n / 32 + 1, &block->sequence, block->places);
    uint64_t word = ~(uint64_t)0;
    const gattn_cover cover = gattn_tile_cover<16 * M>(
        run.form, *block, shared->words, place, &word);
    float s[4 * M][8];
    if (cover != GATTN_COVER_NONE) {
      gattn_tile32_multiply_keys<D, M>(
          shared->q + (first + gattn_tile32_y()) * run.STRIDE,
          shared->kv[0] + gattn_tile32_x() * run.STRIDE, columns, s);
      gattn_tile32_score(run, score_of, first, s);
      if (cover == GATTN_COVER_SOME) gattn_tile32_mask<M>(s, word);
      gattn_tile32_weigh(s, state);
    }
    if (!BOTH) {
      __syncthreads(); /* K is read no more */
      gattn_tile32_stage_keys<D>(run.v, run.form, place, shared->kv[0]);
    }
    gattn_copy_wait_all();
    __syncthreads(); /* V is there, and K read no more */
    if (BOTH && n + 1 < count) gattn_tile32_stage<Score>(run, n + 1);
    if (cover != GATTN_COVER_NONE)
      gattn_tile32_gather(run, first, s, cover, word, state);
    if (!BOTH) {
      __syncthreads(); /* V is read no more */
      if (n + 1 < count) gattn_tile32_stage<Score>(run, n + 1);
    }
  }
  gattn_copy_wait_all();
}

/* All threads: one item of the grid. */
template <class Score, int D, int M, bool BOTH>
GATTN_DEVICE void gattn_tile32_item(const gattn_device_attention &a,
                                    const gattn_tile_pass &pass,
                                    const gattn_tile_launch_facts &facts,
                                    int64_t n,
                                    gattn_tile32_shared<D, M, BOTH> *shared) {
  auto *block = &shared->block;
  const int warp = threadIdx.x / 32, first = warp * 16 * M;
  const gattn_tile_item item = gattn_tile_item_of(a, pass, facts.group, n);
  const int64_t head = gattn_quotient(item.head, facts.group);
  const gattn_tile32_run<D, M, BOTH> run = {
      a,
      pass,
      facts.form,
      gattn_source_of<float>(a.k, item.batch, head, a.dim, facts.k_chunks),
      gattn_source_of<float>(a.v, item.batch, head, a.dim_v, facts.v_chunks),
      shared,
      facts.band != 0};
  gattn_lay_out<M>(a, pass, facts, item, block);
  gattn_tile32_stage_queries<D, 16 * M>(
      gattn_source_of<float>(a.q, item.batch, item.head, a.dim,
                             facts.q_chunks),
      block->lanes, shared->q);
  const int count = run.band
                        ? block->band[warp].count
                        : (int)(block->sequence.end - block->sequence.begin);
  if (count > 0) gattn_tile32_stage<Score>(run, 0);
  gattn_tile32_state<D, M> state;
  gattn_tile32_begin(a, pass, item, block->lanes, first, &state);
  gattn_tile32_visit(run, Score(a.score, item.head), count, &state);
  gattn_tile32_end(a, pass, item, facts.o_chunks, first, block->lanes, state);
  const int lane = threadIdx.x % (16 * M);
  if (!__any_sync(~0u, block->lanes[first + lane].position < -1)) return;
  gattn_key_sequence own;
  if (facts.band) own = gattn_band_sequence(a, pass, *block);
  gattn_recompute_rows<Score, float, 16 * M>(
      a, pass, item, facts.band ? own : block->sequence, block->lanes);
}

template <class Score, int D, int M, bool BOTH, int BLOCKS>
__global__ void __launch_bounds__(GATTN_TILE_THREADS, BLOCKS)
    gattn_tile32_kernel(const __grid_constant__ gattn_device_attention a,
                        const __grid_constant__ gattn_tile_pass pass,
                        const __grid_constant__ gattn_tile_launch_facts facts) {
  gattn_let_follow(); /* the merge of pieces */
  extern __shared__ __align__(128) char memory[];
  auto *shared = (gattn_tile32_shared<D, M, BOTH> *)memory;
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < facts.items; n += gridDim.x) {
    gattn_tile32_item<Score>(a, pass, facts, n, shared);
    if (n + gridDim.x < facts.items) __syncthreads();
  }
}

template <class Score, int D, int M, bool BOTH, int BLOCKS>
static int gattn_tile32_launch_kernel(const gattn_device_attention *a,
                                      const gattn_tile_pass *pass,
                                      const gattn_tile_launch_facts *facts,
                                      cudaStream_t stream) {
  const auto kernel = gattn_tile32_kernel<Score, D, M, BOTH, BLOCKS>;
  const int bytes = (int)sizeof(gattn_tile32_shared<D, M, BOTH>);
  const int64_t most = INT32_MAX;
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  if (error != cudaSuccess) return (int)error;
  kernel<<<(unsigned)(facts->items < most ? facts->items : most),
           GATTN_TILE_THREADS, bytes, stream>>>(*a, *pass, *facts);
  return (int)cudaGetLastError();
}

#endif
