/* Score functions on the scores of a tile. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "operators/attend/worker.h"
#include "operators/score.h"

/* A block of scores: key r of the tile is residue + stride·keys[r]. Lanes that
 * do not attend to a key may be given any score: they are masked afterwards. */
typedef struct score_block {
  gattn_worker *worker;
  int64_t lanes, count, residue, stride;
} score_block;

static int64_t key_of(const score_block *block, int64_t r) {
  return block->residue + block->stride * block->worker->keys[r];
}

static float *scores_of(const score_block *block, int64_t r) {
  return block->worker->tile.p + r * block->lanes;
}

static void score_edges(const score_block *block) {
  gattn_worker *worker = block->worker;
  for (int64_t r = 0; r < block->count; r++) {
    const int64_t key = key_of(block, r);
    float *s = scores_of(block, r);
    for (int64_t l = 0; l < block->lanes; l++)
      if (worker->masks[r] >> l & 1)
        s[l] = gattn_score_edge(worker, s[l], worker->vertex[l], key, 0);
  }
}

/* Distances as floats from the first lane's, which vectors of them can do. */
static void score_alibi(const score_block *block) {
  const gattn_worker *worker = block->worker;
  const float slope = worker->run->score.table[worker->head];
  const int64_t first = worker->walk.groups[0].vertex;
  float from_first[GATTN_TILE_LANES];
  for (int64_t l = 0; l < block->lanes; l++)
    from_first[l] = (float)(worker->vertex[l] - first);
  for (int64_t r = 0; r < block->count; r++) {
    const float apart = (float)(first - key_of(block, r));
    float *s = scores_of(block, r);
    for (int64_t l = 0; l < block->lanes; l++)
      s[l] = (s[l] - slope * fabsf(apart + from_first[l])) * GATTN_LOG2E;
  }
}

static void score_relative(const score_block *block) {
  const gattn_worker *worker = block->worker;
  const gattn_score *score = &worker->run->score;
  for (int64_t r = 0; r < block->count; r++) {
    gattn_edge edge = {.j = key_of(block, r), .head = worker->head};
    float *s = scores_of(block, r);
    for (int64_t l = 0; l < block->lanes; l++) {
      edge.i = worker->vertex[l];
      s[l] = (s[l] + gattn_score_relative(score, &edge)) * GATTN_LOG2E;
    }
  }
}

void gattn_score_tile(gattn_worker *worker, int64_t lanes, int64_t count,
                      int64_t residue, int64_t stride) {
  const score_block block = {worker, lanes, count, residue, stride};
  switch (worker->run->score.kind) {
    case GATTN_SCORE_IDENTITY:
      return;
    case GATTN_SCORE_ALIBI:
      score_alibi(&block);
      return;
    case GATTN_SCORE_RELATIVE:
      score_relative(&block);
      return;
    default:
      score_edges(&block);
  }
}
