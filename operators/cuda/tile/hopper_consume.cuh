/* The consumers of a Hopper block: warpgroups of 64 rows each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every function is called by all threads of a warpgroup unless it says
 * otherwise. Weights stay in registers. Where registers allow it, the keys'
 * product of one tile and the values' product of the tile before it are under
 * way together, and the softmax of the one runs beside the other (Shah et al.
 * 2024, arXiv:2407.08608); else it is the other warpgroups of the
 * multiprocessor that fill the tensor cores meanwhile. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_CONSUME_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_CONSUME_CUH

#include "operators/cuda/tile/hopper_softmax.cuh"
#include "operators/cuda/tile/hopper_store.cuh"

/* A warpgroup at its work. */
template <int D, int STAGES>
struct gattn_consumer {
  const gattn_hopper_run &run;
  gattn_hopper_shared<D, STAGES> *shared;
  int group, first; /* row of the warp in an item */
  gattn_ring_place<GATTN_HOPPER_ITEMS> item;
  gattn_ring_place<STAGES> key; /* the next key tile */
  int left; /* key tiles of the item */
  /* The group's rows of Q in item 0, K and V in place 0 of the ring, in shared
   * memory, in units of 16 bytes, as matrix descriptors count. */
  uint32_t q, k, v;
};

/* Takes the key tile that follows, and returns its place in the ring; −1 where
 * the item has no more, or where the group's rows have no edge to it, and it is
 * let go. */
template <int D, int STAGES>
GATTN_DEVICE int gattn_take_following(gattn_consumer<D, STAGES> *consumer) {
  if (!consumer->left) return -1;
  const int stage = consumer->key.stage;
  gattn_arrival_wait(gattn_shared_address(&consumer->shared->full[stage]),
                     consumer->key.phase);
  consumer->left--;
  gattn_next_place(&consumer->key);
  if (consumer->shared->entries[stage].cover[consumer->group] !=
      GATTN_COVER_NONE)
    return stage;
  gattn_release(&consumer->shared->empty[stage]);
  return -1;
}

/* The next that the group's rows have an edge to, or −1. A group that holds a
 * place of the ring must not ask: it might wait for that very place. */
template <int D, int STAGES>
GATTN_DEVICE int gattn_take_tile_of(gattn_consumer<D, STAGES> *consumer) {
#pragma unroll 1
  while (consumer->left) {
    const int stage = gattn_take_following(consumer);
    if (stage >= 0) return stage;
  }
  return -1;
}

/* Starts s = Q·Kᵀ. */
template <typename T, int D, int STAGES>
GATTN_DEVICE void gattn_start_keys(const gattn_consumer<D, STAGES> &consumer,
                                   int stage, float (&s)[8][4]) {
  const uint32_t q =
      consumer.q + consumer.item.stage * (GATTN_HOPPER_LANES * D * 2 / 16);
  const uint32_t k = consumer.k + stage * (GATTN_TILE_KEYS * D * 2 / 16);
  gattn_hold(s);
  gattn_group_begin();
#pragma unroll
  for (int d = 0; d < D / 16; d++)
    gattn_group_multiply_keys(
        s,
        gattn_matrix<0>(q, d / 4 * GATTN_HOPPER_LANES * 8 + d % 4 * 2),
        gattn_matrix<0>(k, d / 4 * GATTN_TILE_KEYS * 8 + d % 4 * 2), d > 0,
        T());
  gattn_group_commit();
}

/* Starts o += P·V. */
template <typename T, int D, int STAGES>
GATTN_DEVICE void gattn_start_values(const gattn_consumer<D, STAGES> &consumer,
                                     int stage, const uint32_t (&weights)[4][4],
                                     float (&o)[D / 8][4]) {
  const uint32_t v = consumer.v + stage * (GATTN_TILE_KEYS * D * 2 / 16);
  gattn_hold(o);
  gattn_group_begin();
#pragma unroll
  for (int n = 0; n < 4; n++)
    gattn_group_multiply_values(
        o, weights[n], gattn_matrix<GATTN_TILE_KEYS * 128>(v, n * 128), T());
  gattn_group_commit();
}

/* Products of the keys become weights, by way of scores, as gattn_weigh_rows
 * says; DONE is how many groups of products may be under way still. */
template <class Score, int DONE, int D, int STAGES>
GATTN_DEVICE bool gattn_weigh_tile(const gattn_consumer<D, STAGES> &consumer,
                                   const Score &score_of, int stage, float rate,
                                   float (&s)[8][4],
                                   gattn_warp_state<1, D> *state,
                                   float (&shrink)[2]) {
  const gattn_hopper_item &item = consumer.shared->items[consumer.item.stage];
  const gattn_ring_entry &entry = consumer.shared->entries[stage];
  const bool all = entry.cover[consumer.group] == GATTN_COVER_ALL;
  const int row = consumer.first + threadIdx.x % 32 / 4;
  uint2 words[2];
  if (!all)
#pragma unroll
    for (int half = 0; half < 2; half++)
      words[half] =
          entry.word >= 0
              ? *(const uint2 *)&consumer.shared->words[stage][row + 8 * half]
              : gattn_word_of_bounds(consumer.run,
                                     item.bounds[row + 8 * half], entry);
  gattn_group_wait<DONE>();
  gattn_hold(s);
  if (!Score::plain)
    gattn_score_rows(consumer.run, score_of, entry.base, item.lanes + row, s);
  if (!all) gattn_mask_rows(words, s);
  return gattn_weigh_rows(s, rate, state, shrink);
}

/* Visits the item's key tiles one after the other; PAIRS: with the values of a
 * tile and the keys of the one that follows under way together. */
template <class Score, typename T, bool PAIRS, int D, int STAGES>
GATTN_DEVICE void gattn_visit_item(gattn_consumer<D, STAGES> *consumer,
                                   const Score &score_of, float rate,
                                   gattn_warp_state<1, D> *state) {
  uint64_t *empty = consumer->shared->empty;
#pragma unroll 1
  for (int stage; (stage = gattn_take_tile_of(consumer)) >= 0;) {
    float s[8][4], shrink[2];
    uint32_t weights[4][4];
    gattn_start_keys<T>(*consumer, stage, s);
    if (gattn_weigh_tile<Score, 0>(*consumer, score_of, stage, rate, s, state,
                                   shrink))
      gattn_shrink_outputs<D>(shrink, state->o[0]);
    gattn_pack_weights<T>(s, weights);
#pragma unroll 1
    for (int next; PAIRS && (next = gattn_take_following(consumer)) >= 0;
         stage = next) {
      gattn_start_keys<T>(*consumer, next, s);
      gattn_start_values<T>(*consumer, stage, weights, state->o[0]);
      const bool raised = gattn_weigh_tile<Score, 1>(
          *consumer, score_of, next, rate, s, state, shrink);
      gattn_group_wait<0>();
      gattn_hold(state->o[0]);
      gattn_release(&empty[stage]);
      if (raised) gattn_shrink_outputs<D>(shrink, state->o[0]);
      gattn_pack_weights<T>(s, weights);
    }
    gattn_start_values<T>(*consumer, stage, weights, state->o[0]);
    gattn_group_wait<0>();
    gattn_hold(state->o[0]);
    gattn_release(&empty[stage]);
  }
}

/* The group's rows of Q, where they do not come by boxes. */
template <typename T, int D, int STAGES>
GATTN_DEVICE void gattn_stage_group_queries(
    const gattn_consumer<D, STAGES> &consumer) {
  const gattn_device_attention &a = consumer.run.a;
  const gattn_hopper_item &item = consumer.shared->items[consumer.item.stage];
  const gattn_source<T> source =
      gattn_source_of<T>(a.q, item.item.batch, item.item.head, a.dim,
                         consumer.run.facts.q_chunks);
  const uint32_t tile =
      gattn_shared_address(consumer.shared->q[consumer.item.stage]);
#pragma unroll 1
  for (int n = threadIdx.x % 128; n < 64 * (D / 8); n += 128) {
    const int row = consumer.group * 64 + n / (D / 8), chunk = n % (D / 8);
    const int64_t position = item.lanes[row].position;
    gattn_copy_chunk(source, source.data + position * source.row, position >= 0,
                     chunk, tile + gattn_chunk_at<D>(row, chunk));
  }
  gattn_copy_commit();
  gattn_copy_wait<0>();
  gattn_show_shared();
  gattn_group_barrier(consumer.group);
}

/* One item, which is full. */
template <class Score, typename T, bool PAIRS, int D, int STAGES>
GATTN_DEVICE void gattn_consume_item(gattn_consumer<D, STAGES> *consumer) {
  const gattn_hopper_run &run = consumer->run;
  const int slot = consumer->item.stage;
  gattn_hopper_item *item = &consumer->shared->items[slot];
  const float unit = Score::plain ? run.a.scale : 1.f;
  const float rate = unit * GATTN_LOG2E;
  consumer->left = item->tiles.count;
  if (!run.hopper.q_boxes) gattn_stage_group_queries<T>(*consumer);
  const Score score_of(run.a.score, item->item.head);
  gattn_warp_state<1, D> state;
  gattn_begin_rows<D>(run, *item, unit, consumer->first, &state);
  gattn_visit_item<Score, T, PAIRS>(consumer, score_of, rate, &state);
  /* Outputs leave by way of Q's rows, which the whole group has read. */
  gattn_group_barrier(consumer->group);
  gattn_store_item<Score, T, D>(run, unit, consumer->first, item,
                                consumer->shared->q[slot], state);
  gattn_release(&consumer->shared->item_empty[slot]);
}

/* Every item of the block. */
template <class Score, typename T, bool PAIRS, int D, int STAGES>
GATTN_DEVICE void gattn_consume(const gattn_hopper_run &run,
                                gattn_hopper_shared<D, STAGES> *shared) {
  const int first = ((int)threadIdx.x - GATTN_HOPPER_PRODUCERS) / 32 * 16;
  const int group = __shfl_sync(~0u, first / 64, 0);
  gattn_consumer<D, STAGES> consumer = {
      run,
      shared,
      group,
      first,
      {0, 0},
      {0, 0},
      0,
      gattn_shared_address(shared->q) / 16 + group * 64 * 8,
      gattn_shared_address(shared->k) / 16,
      gattn_shared_address(shared->v) / 16};
#pragma unroll 1
  for (int64_t n = blockIdx.x; n < run.facts.items; n += gridDim.x) {
    gattn_arrival_wait(
        gattn_shared_address(&shared->item_full[consumer.item.stage]),
        consumer.item.phase);
    gattn_consume_item<Score, T, PAIRS>(&consumer);
    gattn_next_place(&consumer.item);
  }
}

#endif
