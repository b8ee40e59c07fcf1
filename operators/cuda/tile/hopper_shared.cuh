/* What the warps of a Hopper block share: items under way, and a ring of key
 * tiles. SPDX-License-Identifier: Apache-2.0
 *
 * A block's first warpgroup produces: three warps lay out items ahead of the
 * fourth, the sender, which starts the copies of their rows. Two warpgroups
 * consume, 64 of an item's 128 rows each. The ring runs on from one item to the
 * next. Each place of the ring and each item has a barrier that says it is full
 * and one that says it is empty. */
#ifndef GATTN_OPERATORS_CUDA_TILE_HOPPER_SHARED_CUH
#define GATTN_OPERATORS_CUDA_TILE_HOPPER_SHARED_CUH

/* Rows wider than 128 bytes lie in panels, as boxes arrive. */
#define GATTN_TILE_PANELS
/* A warpgroup that gives registers away may not call. */
#define GATTN_TILE_CALLED GATTN_DEVICE

#include "operators/cuda/tile/hopper.h"
#include "operators/cuda/tile/kernel.cuh"
#include "operators/cuda/tile/wgmma.cuh"

enum {
  GATTN_HOPPER_LANES = 128,
  GATTN_HOPPER_PRODUCERS = 128,
  GATTN_HOPPER_GROUPS = 2, /* of consumers, 64 rows each */
  GATTN_HOPPER_THREADS = GATTN_HOPPER_PRODUCERS + 128 * GATTN_HOPPER_GROUPS,
  GATTN_HOPPER_LAYERS = 3, /* warps that lay out; the sender is warp 0 */
  GATTN_HOPPER_ITEMS = 2
};

/* Of a dimension and BLOCKS that share a multiprocessor: tiles in the ring;
 * whether the values of one tile and the keys of the next are multiplied
 * together; registers a thread, which sum up to those of three warpgroups at
 * 80 (two blocks) or 168 (one). 64 rows of scores are 32 registers a thread, of
 * outputs D / 2. A fourth place in two blocks' rings leaves the multiprocessor
 * hardly any first-level cache: local(256) takes 0.610 ms then, not 0.575. */
template <int D, int BLOCKS>
struct gattn_hopper_shape {
  static constexpr int stages = D <= 64 ? 3 : 4;
  static constexpr bool pairs = BLOCKS == 1;
  static constexpr int producer_registers = BLOCKS == 1 ? 40 : 32;
  static constexpr int consumer_registers = BLOCKS == 1 ? 232 : 104;
};

/* The key tiles of an item: those that the formula's bounds name, then those of
 * the list; of them the places [first, first + count). */
typedef struct gattn_hopper_tiles {
  int32_t begin[2], length; /* INTERVALS: where two spans of tiles begin, and the
                             * first one's length; RECTANGLE: first line and
                             * column of patches, patches across */
  int32_t count;
  int64_t residue, keys; /* of the class; LINEAR: 0 and all */
  int64_t first, in_formula, list_begin;
} gattn_hopper_tiles;

/* gattn_row_bounds in 32 bits, which tensor maps have anyway. */
typedef struct __align__(16) gattn_hopper_bounds {
  int32_t begin[2], end[2];
} gattn_hopper_bounds;

typedef struct gattn_hopper_item {
  gattn_tile_item item;
  gattn_hopper_tiles tiles;
  gattn_warp_cover covers[GATTN_HOPPER_LANES / 32]; /* of 32 rows each */
  gattn_hopper_bounds bounds[GATTN_HOPPER_LANES];
  gattn_query_lane lanes[GATTN_HOPPER_LANES];
} gattn_hopper_item;

/* A key tile in the ring, as consumers read it. */
typedef struct __align__(16) gattn_ring_entry {
  int32_t cover[GATTN_HOPPER_GROUPS]; /* gattn_cover, of each group's rows */
  int32_t word;                       /* as in gattn_key_place */
  int32_t at[2]; /* INTERVALS: the first key's place in its class; RECTANGLE:
                  * the first line and column */
  int32_t columns, lines;
  int64_t base;
} gattn_ring_entry;

template <int D, int STAGES>
struct gattn_hopper_shared {
  char q[GATTN_HOPPER_ITEMS][GATTN_HOPPER_LANES * D * 2]; /* [D / 64][128][64],
                                             * then o, on its way out */
  char k[STAGES][GATTN_TILE_KEYS * D * 2];    /* [D / 64][64 keys][64] */
  char v[STAGES][GATTN_TILE_KEYS * D * 2];    /* likewise */
  uint64_t words[STAGES][GATTN_HOPPER_LANES]; /* of list tiles */
  gattn_ring_entry entries[STAGES];
  gattn_hopper_item items[GATTN_HOPPER_ITEMS];
  uint64_t full[STAGES], empty[STAGES];
  uint64_t laid_out[GATTN_HOPPER_ITEMS]; /* all but the queries */
  uint64_t item_full[GATTN_HOPPER_ITEMS], item_empty[GATTN_HOPPER_ITEMS];
};

/* One thread, before a barrier of the block. */
template <int D, int STAGES>
GATTN_DEVICE void gattn_create_barriers(
    gattn_hopper_shared<D, STAGES> *shared) {
  const int warps = 4 * GATTN_HOPPER_GROUPS;
  for (int n = 0; n < STAGES; n++) {
    gattn_arrival_create(gattn_shared_address(&shared->full[n]), 1);
    gattn_arrival_create(gattn_shared_address(&shared->empty[n]), warps);
  }
  for (int n = 0; n < GATTN_HOPPER_ITEMS; n++) {
    gattn_arrival_create(gattn_shared_address(&shared->laid_out[n]), 1);
    gattn_arrival_create(gattn_shared_address(&shared->item_full[n]), 1);
    /* The sender, too: consumers may be done before it has seen an item that
     * has no key tiles. */
    gattn_arrival_create(gattn_shared_address(&shared->item_empty[n]),
                         warps + 1);
  }
}

/* All lanes of a warp: the warp is done with a place of the ring or an item. */
GATTN_DEVICE void gattn_release(uint64_t *empty) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) gattn_arrive(gattn_shared_address(empty));
}

/* Where a warp is in a ring of N places, and the parity of its round. */
template <int N>
struct gattn_ring_place {
  int stage, phase;
};

template <int N>
GATTN_DEVICE void gattn_next_place(gattn_ring_place<N> *place) {
  if (++place->stage < N) return;
  place->stage = 0;
  place->phase ^= 1;
}

/* What never changes while a block runs. */
struct gattn_hopper_run {
  const gattn_device_attention &a;
  const gattn_tile_pass &pass;
  const gattn_tile_launch_facts &facts;
  const gattn_hopper_facts &hopper;
};

/* (c1, c2) of the vertex that a tile of these numbers begins with. */
GATTN_DEVICE void gattn_box_corner(const gattn_numbering &numbering,
                                   int64_t base, int32_t *c1, int32_t *c2) {
  *c1 = (int32_t)base;
  *c2 = 0;
  if (numbering.kind == GATTN_NUMBER_LINEAR) return;
  const int64_t by = numbering.kind == GATTN_NUMBER_CLASSES ? numbering.stride
                                                            : numbering.grid_w;
  *c2 = (int32_t)gattn_quotient(base, by);
  *c1 = (int32_t)(base - *c2 * by);
}

/* A patch of keys, number n of a rectangle. */
GATTN_DEVICE void gattn_rectangle_place(const gattn_hopper_run &run,
                                        const gattn_hopper_tiles &tiles, int n,
                                        gattn_ring_entry *entry) {
  const gattn_numbering &numbering = run.pass.numbering;
  const int y = (tiles.begin[0] + n / tiles.length) * 8;
  const int x = (tiles.begin[1] + n % tiles.length) * 8;
  entry->base = y * numbering.grid_w + x;
  entry->at[0] = y;
  entry->at[1] = x;
  entry->columns = gattn_clip_lanes(numbering.grid_w - x, 8);
  entry->lines = gattn_clip_lanes(numbering.grid_h - y, 8);
  entry->word = GATTN_WORDS_OF_RECTANGLE;
}

/* Key tile n of a pair of spans. */
GATTN_DEVICE void gattn_interval_place(const gattn_hopper_run &run,
                                       const gattn_hopper_tiles &tiles, int n,
                                       gattn_ring_entry *entry) {
  const gattn_numbering &numbering = run.pass.numbering;
  const int tile = n < tiles.length ? tiles.begin[0] + n
                                    : tiles.begin[1] + n - tiles.length;
  const int first = tile * GATTN_TILE_KEYS;
  entry->at[0] = entry->at[1] = first;
  entry->base = numbering.kind == GATTN_NUMBER_CLASSES
                    ? tiles.residue + first * numbering.stride
                    : first;
  entry->columns = gattn_clip_lanes(tiles.keys - first, GATTN_TILE_KEYS);
  entry->lines = 1;
  entry->word = GATTN_WORDS_OF_INTERVALS;
}

/* Key tile n of the item, 0 <= n < count, but for its covers. */
GATTN_DEVICE void gattn_item_place(const gattn_hopper_run &run,
                                   const gattn_hopper_item &item, int n,
                                   gattn_ring_entry *entry) {
  const gattn_hopper_tiles &tiles = item.tiles;
  const int64_t at = tiles.first + n;
  if (at < tiles.in_formula) {
    if (run.facts.bounds == GATTN_BOUNDS_RECTANGLE)
      gattn_rectangle_place(run, tiles, (int)at, entry);
    else
      gattn_interval_place(run, tiles, (int)at, entry);
    return;
  }
  const gattn_tile_list *list = gattn_pass_list(&run.pass, item.item.head);
  const int64_t e = tiles.list_begin + at - tiles.in_formula;
  const gattn_tile tile = gattn_tile_at(&run.pass.numbering, GATTN_TILE_KEYS,
                                        run.a.n_kv, list->entries[e]);
  entry->base = tile.base;
  entry->at[0] = entry->at[1] = 0;
  entry->columns = tile.columns;
  entry->lines = tile.lines;
  entry->word = list->words[e];
}

/* Bits [begin, end) of 32, wherever they begin and end. */
GATTN_DEVICE uint32_t gattn_mask_between(int begin, int end) {
  uint32_t bits;
  const int from = max(begin, 0);
  asm("bmsk.clamp.b32 %0, %1, %2;" : "=r"(bits) : "r"(from),
      "r"(max(end - from, 0)));
  return bits;
}

GATTN_DEVICE uint2 gattn_word_between(int begin, int end) {
  return make_uint2(gattn_mask_between(begin, end),
                    gattn_mask_between(begin - 32, end - 32));
}

/* The edges of a row to a key tile whose words no list has. */
GATTN_DEVICE uint2 gattn_word_of_bounds(const gattn_hopper_run &run,
                                        const gattn_hopper_bounds &bounds,
                                        const gattn_ring_entry &entry) {
  const int at = entry.at[0];
  if (entry.word == GATTN_WORDS_OF_INTERVALS) {
    const uint2 low =
        gattn_word_between(bounds.begin[0] - at, bounds.end[0] - at);
    if (bounds.begin[1] >= bounds.end[1]) return low;
    const uint2 high =
        gattn_word_between(bounds.begin[1] - at, bounds.end[1] - at);
    return make_uint2(low.x | high.x, low.y | high.y);
  }
  if (entry.word == GATTN_WORDS_OF_RECTANGLE) {
    const int x = entry.at[1];
    const uint32_t columns =
        0x01010101u *
        (gattn_mask_between(bounds.begin[1] - x, bounds.end[1] - x) & 0xff);
    const uint2 lines =
        gattn_word_between(min(max(bounds.begin[0] - at, 0), 8) * 8,
                           min(max(bounds.end[0] - at, 0), 8) * 8);
    return make_uint2(lines.x & columns, lines.y & columns);
  }
  gattn_tile tile;
  tile.shift = run.facts.form.shift;
  tile.columns = entry.columns;
  tile.lines = entry.lines;
  const uint64_t word = gattn_key_lanes(&tile);
  return make_uint2((uint32_t)word, (uint32_t)(word >> 32));
}

#endif
