/* Tiles of float32 beyond dimension 128. SPDX-License-Identifier: Apache-2.0 */
#include <cuda_runtime.h>

#include "operators/cuda/tile32/wide.cuh"
#include "operators/cuda/tile32/tile32.h"

/* What a block works on: one query tile, head, batch and piece. */
typedef struct wide_item {
  int64_t tile, head, batch, piece;
} wide_item;

/* What reads formulas is not inlined: it is long, and the loop over key tiles
 * needs the registers. */
typedef struct wide_block {
  gattn_query_lane query[GATTN_WIDE_LANES];
  gattn_formula_row row[GATTN_WIDE_LANES]; /* of the formula */
  uint64_t edges[GATTN_WIDE_LANES]; /* of the queries, to the key tile */
  int64_t key[GATTN_TILE_KEYS];       /* vertices; −1: absent */
  gattn_wide_rows q, k, v;
  int64_t first[2], last[2]; /* numbers of the present queries, a warp */
  gattn_key_sequence sequence;
} wide_block;

static __device__ wide_item item_of(const gattn_device_attention &a,
                                      const gattn_tile_pass &pass, int64_t n) {
  wide_item item;
  item.tile = n % pass.n_tiles;
  n /= pass.n_tiles;
  item.head = n % a.heads;
  n /= a.heads;
  item.batch = n % a.batch;
  item.piece = n / a.batch;
  return item;
}

/* Threads 0 … 63: finds the query of each, and where its row of Q begins.
 * Returns whether the calling thread has one. */
static __device__ __noinline__ bool find_queries(const gattn_device_attention &a,
                                    const gattn_tile_pass &pass,
                                    const wide_item &item,
                                    wide_block *block) {
  const int lane = threadIdx.x;
  if (lane >= GATTN_WIDE_LANES) return false;
  const gattn_query_lane query =
      gattn_query_lane_at(&a, &pass, item.tile, lane);
  const bool present = query.position >= 0;
  int64_t first = present ? query.number : INT64_MAX;
  int64_t last = present ? query.number : -1;
  for (int step = 16; step; step /= 2) {
    const int64_t f = __shfl_xor_sync(~0u, first, step);
    const int64_t l = __shfl_xor_sync(~0u, last, step);
    first = f < first ? f : first;
    last = l > last ? l : last;
  }
  if (lane % 32 == 0) {
    block->first[lane / 32] = first;
    block->last[lane / 32] = last;
  }
  block->query[lane] = query;
  const gattn_formula *formula = gattn_pass_formula(&pass, item.head);
  if (present && formula->n_steps)
    gattn_formula_row_of(formula, &pass.numbering, query.number,
                         &block->row[lane]);
  block->q.row[lane] =
      present ? (const float *)a.q.data + item.batch * a.q.batch +
                    item.head * a.q.head + query.position * a.q.row
              : nullptr;
  return present;
}

/* One thread, after find_queries and a barrier. */
static __device__ __noinline__ void find_keys(const gattn_device_attention &a,
                                 const gattn_tile_pass &pass,
                                 const wide_item &item,
                                 wide_block *block) {
  const int64_t *first = block->first, *last = block->last;
  gattn_key_sequence_of(&a, &pass, item.head, item.tile, item.piece,
                        first[0] < first[1] ? first[0] : first[1],
                        last[0] > last[1] ? last[0] : last[1],
                        &block->sequence);
}

/* The edges of one query to a key tile. A row that was resolved for classes
 * knows the keys of its own class alone. */
static __device__ __noinline__ uint64_t word_of(const gattn_tile_pass &pass,
                                   const wide_item &item,
                                   const wide_block &block, int lane,
                                   const gattn_tile &keys, int64_t entry) {
  const gattn_query_lane *query = &block.query[lane];
  const bool mixed = (pass.rows || pass.row_all) &&
                     pass.numbering.kind == GATTN_NUMBER_CLASSES;
  if (query->position < 0 || entry >= 0 || mixed)
    return gattn_lane_word(&pass, item.head, query, lane, &keys, entry);
  return gattn_formula_row_word(gattn_pass_formula(&pass, item.head),
                                &block.row[lane], query->number, &keys);
}

/* Every thread: lays out the key tile at a place of the sequence: threads 0 …
 * 63 the edges of their queries, 64 … 127 the rows of K and V. Returns whether
 * the calling thread found an edge. */
static __device__ bool visit_keys(const gattn_device_attention &a,
                                  const gattn_tile_pass &pass,
                                  const wide_item &item, int64_t place,
                                  wide_block *block) {
  if (threadIdx.x >= 2 * GATTN_TILE_KEYS) return false;
  const int lane = threadIdx.x % GATTN_TILE_KEYS;
  int64_t entry;
  const int64_t number =
      gattn_key_sequence_at(&block->sequence, gattn_pass_list(&pass, item.head),
                            place, &entry);
  const gattn_tile keys =
      gattn_tile_at(&pass.numbering, GATTN_TILE_KEYS, a.n_kv, number);
  if (threadIdx.x < GATTN_TILE_KEYS) {
    const uint64_t word = word_of(pass, item, *block, lane, keys, entry);
    block->edges[lane] = word;
    return word != 0;
  }
  int64_t key = -1;
  if (gattn_tile_has(&keys, lane)) {
    key = gattn_tile_number(&keys, lane);
    if (pass.numbering.kind == GATTN_NUMBER_TABLE)
      key = pass.numbering.table[key];
  }
  const int64_t head = item.head / (a.heads / a.kv_heads);
  block->key[lane] = key;
  block->k.row[lane] = key < 0 ? nullptr
                               : (const float *)a.k.data +
                                     item.batch * a.k.batch + head * a.k.head +
                                     key * a.k.row;
  block->v.row[lane] = key < 0 ? nullptr
                               : (const float *)a.v.data +
                                     item.batch * a.v.batch + head * a.v.head +
                                     key * a.v.row;
  return false;
}

/* Every thread: dot products to scores, −inf where there is no edge. */
template <class Score>
static __device__ __forceinline__ void score_edges(
    const gattn_device_attention &a, const wide_item &item,
    const wide_block *block, float s[4][4]) {
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  const Score score_of(a.score, item.head);
#pragma unroll
  for (int row = 0; row < 4; row++) {
    const uint64_t edges = block->edges[4 * y + row] >> x;
    const int64_t i = block->query[4 * y + row].vertex;
#pragma unroll
    for (int b = 0; b < 4; b++) {
      const float score =
          score_of(s[row][b] * a.scale, i, block->key[x + 16 * b], 0.f);
      s[row][b] = edges >> (16 * b) & 1 ? score : -INFINITY;
    }
  }
}

/* Every thread: an empty state, or the one that earlier passes left. */
template <int SLICES>
static __device__ __forceinline__ void begin_state(const gattn_device_attention &a,
                                   const gattn_tile_pass &pass,
                                   const wide_item &item,
                                   const wide_block *block,
                                   gattn_wide_state<SLICES> *state) {
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
#pragma unroll
  for (int row = 0; row < 4; row++) {
    const int64_t position = block->query[4 * y + row].position;
    const bool resume = pass.resume && pass.pieces == 1 && position >= 0;
    const int64_t at =
        (item.batch * a.heads + item.head) * a.n_f + position;
    state->maximum[row] = resume ? pass.state.lse[at] : -INFINITY;
    state->sum[row] = resume && x == 0 ? 1.f : 0.f;
#pragma unroll
    for (int i = 0; i < 4 * SLICES; i++) {
      const int c = 4 * x + 64 * (i / 4) + i % 4;
      state->o[row][i] =
          resume && c < a.dim_v ? pass.state.o[at * a.dim_v + c] : 0.f;
    }
  }
}

/* Every thread: one row's o and lse to where the pass leaves them. */
template <int SLICES>
static __device__ __forceinline__ void store_row(const gattn_device_attention &a,
                                 const gattn_tile_pass &pass,
                                 const wide_item &item,
                                 const gattn_query_lane &query,
                                 const float *o, float lse) {
  const int x = threadIdx.x % 16;
  int64_t step = 1, at = item.batch * a.heads + item.head;
  float *to, *to_lse;
  if (pass.pieces > 1 || pass.store_state) {
    const bool piece = pass.pieces > 1;
    const gattn_device_state *state = piece ? &pass.piece_state : &pass.state;
    const int64_t rows = piece && pass.rows ? pass.n_rows : a.n_f;
    if (piece) at += item.piece * a.batch * a.heads;
    at = at * rows + (piece ? query.row : query.position);
    to = state->o + at * a.dim_v;
    to_lse = state->lse + at;
  } else {
    to = (float *)a.o.data + item.batch * a.o.batch + item.head * a.o.head +
         query.position * a.o.row;
    step = a.o.dim;
    to_lse = a.lse.data ? (float *)a.lse.data + item.batch * a.lse.batch +
                              item.head * a.lse.head +
                              query.position * a.lse.row
                        : nullptr;
  }
  if (x == 0 && to_lse) *to_lse = lse;
#pragma unroll
  for (int i = 0; i < 4 * SLICES; i++) {
    const int c = 4 * x + 64 * (i / 4) + i % 4;
    if (c < a.dim_v) to[c * step] = o[i];
  }
}

template <int SLICES>
static __device__ __forceinline__ void end_state(const gattn_device_attention &a,
                                 const gattn_tile_pass &pass,
                                 const wide_item &item,
                                 const wide_block *block,
                                 gattn_wide_state<SLICES> *state) {
  const int y = threadIdx.x / 16;
#pragma unroll
  for (int row = 0; row < 4; row++) {
    const float sum = gattn_wide_row_sum(state->sum[row]);
    const float lse =
        sum == 0.f ? -INFINITY : state->maximum[row] + logf(sum);
#pragma unroll
    for (int i = 0; i < 4 * SLICES; i++)
      state->o[row][i] = sum == 0.f ? 0.f : state->o[row][i] / sum;
    const gattn_query_lane query = block->query[4 * y + row];
    if (query.position >= 0)
      store_row<SLICES>(a, pass, item, query, state->o[row], lse);
  }
}

template <int SLICES, class Score>
static __global__ void __launch_bounds__(GATTN_WIDE_THREADS)
    attend(const __grid_constant__ gattn_device_attention a,
           const __grid_constant__ gattn_tile_pass pass, int64_t items,
           int q_stride, int kv_stride) {
  extern __shared__ float4 memory[];
  __shared__ wide_block block;
  gattn_wide_memory m;
  m.q_stride = q_stride;
  m.kv_stride = kv_stride;
  m.q = (float *)memory;
  m.kv = m.q + GATTN_WIDE_LANES * q_stride;
  m.p = m.kv + GATTN_TILE_KEYS * kv_stride;
  const int dim = (int)a.dim, columns = (dim + 3) / 4 * 4;
  for (int64_t n = blockIdx.x; n < items; n += gridDim.x) {
    const wide_item item = item_of(a, pass, n);
    __syncthreads(); /* the item before is read no more */
    if (!__syncthreads_or(find_queries(a, pass, item, &block))) continue;
    if (threadIdx.x == 0) find_keys(a, pass, item, &block);
    gattn_wide_load(&a.q, &block.q, dim, columns, m.q, q_stride);
    gattn_wide_state<SLICES> state;
    begin_state(a, pass, item, &block, &state);
    __syncthreads();
    for (int64_t place = block.sequence.begin; place < block.sequence.end;
         place++) {
      if (!__syncthreads_or(visit_keys(a, pass, item, place, &block))) continue;
      gattn_wide_load(&a.k, &block.k, dim, columns, m.kv, kv_stride);
      __syncthreads();
      float s[4][4];
      gattn_wide_dots(&m, columns, s);
      score_edges<Score>(a, item, &block, s);
      gattn_wide_softmax(&m, s, &state);
      __syncthreads(); /* K is read no more, and the weights are there */
      const bool finite = gattn_wide_load(&a.v, &block.v, (int)a.dim_v,
                                            64 * SLICES, m.kv, kv_stride);
      if (__syncthreads_and(finite))
        gattn_wide_gather(&m, (const uint64_t *)nullptr, &state);
      else
        gattn_wide_gather(&m, block.edges, &state);
      __syncthreads(); /* V, the weights and the edges are read no more */
    }
    end_state(a, pass, item, &block, &state);
  }
}

/* Floats from row to row in dynamic shared memory, and the bytes of that. */
typedef struct wide_strides {
  int q, kv, bytes;
} wide_strides;

static wide_strides strides_of(int64_t dim, int slices) {
  const int padded = (int)((dim + 3) / 4 * 4);
  wide_strides strides;
  strides.q = padded + GATTN_WIDE_PAD;
  strides.kv = (padded > 64 * slices ? padded : 64 * slices) + GATTN_WIDE_PAD;
  strides.bytes = GATTN_WIDE_LANES * (int)sizeof(float) *
                  (strides.q + strides.kv + GATTN_WIDE_P_STRIDE);
  return strides;
}

/* Slices of 64 columns of V. */
enum { SLICES = 4 };

int64_t gattn_tile_float32_256_bytes(int64_t dim) {
  return strides_of(dim, SLICES).bytes + (int64_t)sizeof(wide_block);
}

/* A kind of score that is chosen at run time costs a few operations beside the
 * multiply-adds, and a kernel less to compile. */
int gattn_tile_float32_256(const gattn_device_attention *attention,
                           const gattn_tile_pass *pass,
                           const gattn_tile_launch_facts *facts,
                           cudaStream_t stream) {
  if (pass->lanes != GATTN_WIDE_LANES) return (int)cudaErrorInvalidValue;
  const auto kernel = attend<SLICES, gattn_any_score>;
  const wide_strides strides = strides_of(attention->dim, SLICES);
  const cudaError_t error = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, strides.bytes);
  if (error != cudaSuccess) return (int)error;
  const int64_t most = INT32_MAX;
  kernel<<<(unsigned)(facts->items < most ? facts->items : most),
           GATTN_WIDE_THREADS, strides.bytes, stream>>>(
      *attention, *pass, facts->items, strides.q, strides.kv);
  return (int)cudaGetLastError();
}
