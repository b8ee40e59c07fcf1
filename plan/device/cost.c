/* The cost model of the device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/cost.h"

#include <gattn/tensor.h>

#include "operators/cuda/geometry.h"

/* ------------------------------------------------------------ devices */

/* Limits, as `gattn bench --device cuda --suite limits` measures them, from
 * which capability on. */
static const gattn_device_costs devices[] = {
    /* Not measured here: an A100's data sheet, times what 90 reached of its. */
    {.capability = 80,
     .multiprocessors = 108,
     .l2_bytes = INT64_C(40) << 20,
     .copy = 1.7e12,
     .matrix = 280e12,
     .mma_sync = 280e12,
     .multiply_add = 18e12,
     .rows_cached = 4.0e12,
     .rows = 1.8e12},
    /* H200, CUDA 13.0: copy 4.1 TB/s; wgmma 830 to 900, mma.sync 632, multiply-
     * adds 60 to 62 Tflop/s; rows of 128 bytes 9.3 TB/s out of 2^18, 4.9 out of
     * 2^21, 4.4 out of 2^23. */
    {.capability = 90,
     .multiprocessors = 132,
     .l2_bytes = INT64_C(50) << 20,
     .copy = 4.1e12,
     .matrix = 860e12,
     .mma_sync = 632e12,
     .multiply_add = 61e12,
     .rows_cached = 9.3e12,
     .rows = 4.6e12},
};
enum { DEVICES = sizeof devices / sizeof *devices };

/* ------------------------------------------------------------ kernels */

/* Tile kernels: the share of the limit that full tiles reach, and microseconds
 * that a query tile takes of a multiprocessor beside its key tiles, in each
 * order of rows. The first row that fits is taken. All of one H200, 8 heads,
 * float16 but where it says; the share is that of `full`, n = 16384, and the
 * rest is what n = 131072 leaves over. What was not timed in an order goes with
 * the row above. */
static const struct {
  int32_t capability; /* from which on */
  bool single;        /* float32, of the multiply-add rate */
  int32_t lanes;
  int64_t dim; /* at most */
  bool matrix; /* a share of the better product, not of mma_sync */
  double share;
  double tile[4]; /* by gattn_rows_order */
} kernels[] = {
    /* full 1.60 ms, local(64) 0.32, local(256) 0.62, dilated(64,4) 0.47,
     * neighborhood2d 13 x 13 0.87 */
    {90, false, 128, 64, true, 0.400, {1.5, 4.4, 4.9, 4.9}},
    /* full 2.14 ms, local(64) 0.44, local(256) 0.81, dilated(64,4) 0.54,
     * neighborhood2d 1.22 */
    {90, false, 128, 128, true, 0.598, {2.1, 4.4, 7.4, 7.4}},
    /* On mma.sync: local(256) 0.95 ms, full 266 Tflop/s */
    {80, false, 128, 64, false, 0.421, {4.9, 7.8, 7.2, 7.2}},
    /* local(256) 1.50 ms, full 314 Tflop/s */
    {80, false, 128, 128, false, 0.497, {6.5, 15.4, 9.1, 9.1}},
    /* local(4) 0.46 ms, dilated(64,4) 0.60, neighborhood2d 1.19; one query over
     * 2^20 keys 0.54, which is the keys' bytes */
    {80, false, 64, 64, false, 0.413, {2.7, 3.3, 4.5, 4.5}},
    /* One query over 2^20 keys 1.07 ms, the keys' bytes */
    {80, false, 64, 128, false, 0.417, {4.0, 5.0, 6.8, 6.8}},
    /* local(256) 3.9 ms */
    {80, false, 64, 256, false, 0.300, {2.2, 3.3, 4.5, 4.5}},
    /* float32, n = 16384: full 21.3 ms, local(256) 0.80 */
    {80, true, 64, 64, false, 0.416, {3.3, 4.0, 5.5, 5.5}},
    /* full 43.1 ms, local(256) 1.59 */
    {80, true, 64, 128, false, 0.411, {5.0, 6.0, 8.3, 8.3}},
    /* full 130 ms, local(256) 4.33 */
    {80, true, 64, INT64_MAX, false, 0.278, {4, 5, 7, 7}},
    /* full 18.0 ms, local(256) 0.77 */
    {80, true, 128, 64, false, 0.492, {8.5, 10, 14, 14}},
    {0, false, 0, INT64_MAX, false, 0.25, {8, 16, 12, 12}},
};

/* A formula that no tile holds without looking at every pair: dilated(64,2) in
 * the vertices' own order takes 1.15 ms for 6 key tiles a query tile, where
 * local(255,0) takes 0.38. */
static const double pair_by_pair = 3.5;

/* The edge kernel, of the rate of random rows: 32 keys a row, float16, one head,
 * d = 64: 0.190 ms at n = 131072, 2.15 ms at 2^20, 9.03 ms at 2^22. */
static const struct {
  double cached, memory;
} edge_share = {0.64, 0.80};

/* Bytes of a row are read in lines. */
enum { LINE = 128 };

/* A tile out of a list: its entry and its words, where a formula has bounds.
 * local(64) as a list takes 0.331 ms, by its formula 0.321. */
static const double listed_tile = 1.03;

/* From one kernel of a stream to the next, with its tail. streaming(64,4096),
 * frontier last:1, of two takes 21 us, most of it the keys of one piece. */
static const double launch = 5e-6;

/* A multiprocessor's exponentials: 16 a clock of 1.75 GHz. */
static const double exponentials = 28e9;

/* ------------------------------------------------------------ rates */

static double larger(double a, double b) { return a > b ? a : b; }

gattn_device_costs gattn_device_costs_of(int32_t capability,
                                         int32_t multiprocessors,
                                         int64_t l2_bytes,
                                         const gattn_limits *limits) {
  int row = DEVICES - 1;
  while (row > 0 && capability < devices[row].capability) row--;
  gattn_device_costs costs = devices[row];
  /* Other sizes of the same make: memory is not scaled, it is bought apart. */
  const double size =
      (double)multiprocessors / (double)costs.multiprocessors;
  costs.capability = capability;
  costs.multiprocessors = multiprocessors;
  costs.matrix *= size;
  costs.mma_sync *= size;
  costs.multiply_add *= size;
  costs.rows_cached *= size;
  if (l2_bytes) costs.l2_bytes = l2_bytes;
  if (!limits) return costs;
  costs.copy = limits->copy_bytes;
  costs.multiply_add = limits->multiply_add;
  if (limits->mma_sync > 0) costs.mma_sync = limits->mma_sync;
  costs.matrix = larger(costs.mma_sync, limits->wgmma);
  /* They were measured out of arrays that fit the cache, or did not; the other
   * rate goes with them. */
  const bool cached = limits->random_row_bytes > limits->copy_bytes * 1.25;
  const double ratio =
      limits->random_row_bytes / (cached ? costs.rows_cached : costs.rows);
  costs.rows_cached *= ratio;
  costs.rows *= ratio;
  return costs;
}

static double row_bytes(const gattn_work *work) {
  return (double)(work->dim + work->dim_v) *
         (double)gattn_type_size((gattn_type)work->type);
}

/* Kernels compute on dimensions of 64, 128 or 256. */
static double padded(int64_t dim) {
  return dim <= 64 ? 64 : dim <= 128 ? 128 : dim <= 256 ? 256 : (double)dim;
}

/* ------------------------------------------------------------ tiles */

static int kernel_of(const gattn_device_costs *costs, const gattn_work *work,
                     int32_t lanes) {
  const int64_t dim = work->dim > work->dim_v ? work->dim : work->dim_v;
  const bool single = work->type == GATTN_FLOAT32;
  int k = 0;
  for (; kernels[k].capability; k++)
    if (costs->capability >= kernels[k].capability &&
        single == kernels[k].single && lanes == kernels[k].lanes &&
        dim <= kernels[k].dim)
      break;
  return k;
}

/* Seconds of one multiprocessor for a key tile against a query tile. */
static double visit_seconds(const gattn_device_costs *costs,
                            const gattn_work *work, int kernel,
                            const gattn_tile_work *tiles) {
  const int64_t dim = work->dim > work->dim_v ? work->dim : work->dim_v;
  const double pairs = (double)tiles->lanes * GATTN_TILE_KEYS;
  const double rate = kernels[kernel].single   ? costs->multiply_add
                      : kernels[kernel].matrix ? costs->matrix
                                               : costs->mma_sync;
  const double products = 4 * pairs * padded(dim) / kernels[kernel].share /
                          rate * (double)costs->multiprocessors;
  const double seconds = larger(products, pairs / exponentials);
  if (tiles->pair_by_pair) return seconds * pair_by_pair;
  return tiles->listed ? seconds * listed_tile : seconds;
}

/* Q and O once, K and V as far as there are edges, and what crosses from the
 * cache to the tiles. */
static double tile_bytes_seconds(const gattn_device_costs *costs,
                                 const gattn_work *work,
                                 const gattn_tile_work *tiles) {
  const double visits = tiles->tiles * tiles->key_tiles;
  const double keys = visits * GATTN_TILE_KEYS < work->n_kv
                          ? visits * GATTN_TILE_KEYS
                          : work->n_kv;
  const double rows = tiles->tiles * tiles->lanes < work->rows
                          ? tiles->tiles * tiles->lanes
                          : work->rows;
  const double moved =
      row_bytes(work) * (rows * work->heads + keys * work->kv_heads);
  const double crossed =
      row_bytes(work) * visits * GATTN_TILE_KEYS * work->heads;
  return larger(moved / costs->copy, crossed / costs->rows_cached);
}

/* Pieces leave states, which a launch of its own merges. */
static double pieces_seconds(const gattn_device_costs *costs,
                             const gattn_work *work,
                             const gattn_tile_work *tiles) {
  if (tiles->pieces <= 1) return 0;
  const double rows = tiles->tiles * tiles->lanes < work->rows
                          ? tiles->tiles * tiles->lanes
                          : work->rows;
  return launch + 2 * tiles->pieces * rows * work->heads *
                      (double)(work->dim_v + 1) * 4 / costs->copy;
}

double gattn_tiles_seconds(const gattn_device_costs *costs,
                           const gattn_work *work,
                           const gattn_tile_work *tiles) {
  if (tiles->tiles <= 0) return 0;
  const int kernel = kernel_of(costs, work, tiles->lanes);
  const double visit = visit_seconds(costs, work, kernel, tiles);
  const double tile = kernels[kernel].tile[tiles->order] * 1e-6;
  const double pieces = tiles->pieces > 1 ? tiles->pieces : 1;
  const double blocks = tiles->tiles * work->heads * pieces;
  const double each = tile + tiles->key_tiles / pieces * visit;
  const double longest =
      tile + larger(tiles->most, tiles->key_tiles) / pieces * visit;
  const double computed =
      larger(blocks / costs->multiprocessors * each, longest);
  return launch + larger(computed, tile_bytes_seconds(costs, work, tiles)) +
         pieces_seconds(costs, work, tiles);
}

/* ------------------------------------------------------------ edges, states */

double gattn_edges_seconds(const gattn_device_costs *costs,
                           const gattn_work *work, double edges) {
  const double size = (double)gattn_type_size((gattn_type)work->type);
  const double k = (double)work->dim * size, v = (double)work->dim_v * size;
  const double line = larger(k, LINE) + larger(v, LINE);
  const double share = (double)costs->l2_bytes / (work->n_kv * (k + v) + 1);
  const double cached = share < 1 ? share : 1;
  const double byte = cached / (costs->rows_cached * edge_share.cached) +
                      (1 - cached) / (costs->rows * edge_share.memory);
  const double own = row_bytes(work) * work->rows * work->heads / costs->copy;
  return launch + edges * work->heads * line * byte + own;
}

double gattn_state_seconds(const gattn_device_costs *costs,
                           const gattn_work *work) {
  return 2 * work->rows * work->heads * (double)(work->dim_v + 1) * 4 /
         costs->copy;
}

double gattn_edges_bytes(const gattn_work *work, double edges) {
  const double column = work->n_kv <= (double)INT32_MAX ? 4 : 8;
  return edges * column + (work->rows + 1) * 8;
}
