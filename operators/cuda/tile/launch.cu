/* Tile passes: which kernel takes one. SPDX-License-Identifier: Apache-2.0 */
#include "operators/cuda/tile/bounds.h"
#include "operators/cuda/tile/hopper.h"
#include "operators/cuda/tile/shared.h"
#include "operators/cuda/tile/tile.h"
#include "operators/cuda/tile/variants.cuh"
#include "operators/cuda/tile32/tile32.h"

#include <gattn/score.h>
#include <gattn/tensor.h>

namespace {

/* Kernels of a type, of the least dimension that holds `most`. */
struct tile_row {
  int32_t type;
  int64_t most;
  gattn_tile_kernels *kernels;
};

const tile_row rows[] = {
    {GATTN_FLOAT16, 64, gattn_tile_float16_64},
    {GATTN_FLOAT16, 128, gattn_tile_float16_128},
    {GATTN_FLOAT16, 256, gattn_tile_float16_256},
    {GATTN_BFLOAT16, 64, gattn_tile_bfloat16_64},
    {GATTN_BFLOAT16, 128, gattn_tile_bfloat16_128},
    {GATTN_BFLOAT16, 256, gattn_tile_bfloat16_256},
};

/* `each` elements are 16 bytes. */
bool whole_chunks(const gattn_operand &x, int64_t dim, int64_t each) {
  return (uintptr_t)x.data % 16 == 0 && (x.dim == 1 || dim == 1) &&
         x.row % each == 0 && x.head % each == 0 && x.batch % each == 0;
}

gattn_key_form form_of(const gattn_numbering &numbering) {
  const bool patches = numbering.kind == GATTN_NUMBER_PATCHES;
  gattn_key_form form;
  form.step = numbering.kind == GATTN_NUMBER_CLASSES ? numbering.stride : 1;
  form.shift = patches ? 3 : 7;
  form.line_step = patches ? numbering.grid_w : 0;
  form.table =
      numbering.kind == GATTN_NUMBER_TABLE ? numbering.table : nullptr;
  return form;
}

/* The INTERVAL of a pass that is a band, or −1. */
int32_t band_atom_of(const gattn_tile_pass &pass) {
  const gattn_formula &formula = pass.formula;
  const int32_t kind = pass.numbering.kind;
  if (pass.rows || pass.row_all || pass.head_formulas || pass.head_lists ||
      pass.list[0].offsets)
    return -1;
  if (kind == GATTN_NUMBER_LINEAR && formula.n_steps == 1 &&
      formula.atoms[0].kind == GATTN_KEYS_INTERVAL)
    return 0;
  if (kind != GATTN_NUMBER_CLASSES || formula.n_steps != 3 ||
      formula.steps[2] != -1 - GATTN_KEYS_INTERSECTION)
    return -1;
  for (int32_t n = 0; n < 2; n++)
    if (formula.atoms[formula.steps[n]].kind == GATTN_KEYS_INTERVAL &&
        formula.atoms[formula.steps[1 - n]].kind == GATTN_KEYS_STRIDE)
      return formula.steps[n];
  return -1;
}

/* A kernel's block: its shared memory, and as many as registers leave room for
 * in a multiprocessor. */
struct tile_block {
  int64_t shared, blocks;
};

template <int D, int M>
tile_block block_of_shape() {
  typedef gattn_tile_shape<D, M> shape;
  return {sizeof(gattn_tile_shared<D, M, shape::stages>), shape::blocks};
}

tile_block block_of(int32_t type, int64_t dim, int64_t dim_v, int32_t lanes) {
  const int64_t widest = dim > dim_v ? dim : dim_v;
  const bool wide = lanes == 128;
  if (type == GATTN_FLOAT32)
    return {gattn_tile_float32_shared_bytes(dim, dim_v, lanes),
            gattn_tile_float32_blocks(dim, dim_v, lanes)};
  if (widest <= 64)
    return wide ? block_of_shape<64, 2>() : block_of_shape<64, 1>();
  if (widest <= 128)
    return wide ? block_of_shape<128, 2>() : block_of_shape<128, 1>();
  return block_of_shape<256, 1>();
}

}  // namespace

/* Narrow windows leave most of a tile of 128 queries without edges. For float32
 * see gattn_tile32_shape. */
int32_t gattn_tile_lanes(int32_t type, int64_t dim, int64_t dim_v,
                         double degree) {
  const int64_t widest = dim > dim_v ? dim : dim_v;
  const bool single = type == GATTN_FLOAT32;
  if (widest > 256) return 0;
  if (widest > (single ? 64 : 128)) return 64;
  return degree < (single ? 384 : 40) ? 64 : 128;
}

int64_t gattn_tile_shared_bytes(int32_t type, int64_t dim, int64_t dim_v,
                                int32_t lanes) {
  return block_of(type, dim, dim_v, lanes).shared;
}

int64_t gattn_tile_blocks(int32_t type, int64_t dim, int64_t dim_v,
                          int32_t lanes, int64_t shared_bytes) {
  enum { OWN = 1024 }; /* a block has that of the system's besides */
  const tile_block block = block_of(type, dim, dim_v, lanes);
  const int64_t fit = (shared_bytes + OWN) / (block.shared + OWN);
  const int64_t blocks = fit < block.blocks ? fit : block.blocks;
  return blocks < 1 ? 1 : blocks;
}

int gattn_tile_launch(const gattn_device_attention *attention,
                      const gattn_tile_pass *pass, void *stream) {
  const gattn_device_attention &a = *attention;
  const int64_t widest = a.dim > a.dim_v ? a.dim : a.dim_v;
  const int64_t items =
      pass->n_tiles * a.heads * a.batch * (int64_t)pass->pieces;
  if (items == 0) return 0;
  const int64_t each = a.type == GATTN_FLOAT32 ? 4 : 8;
  gattn_tile_launch_facts facts;
  facts.items = items;
  facts.group = a.heads / a.kv_heads;
  /* Plain scores are compared before they are scaled. */
  facts.plain_score =
      a.score.kind == GATTN_SCORE_IDENTITY && a.scale > 1e-30f &&
      a.scale < 1e30f;
  facts.q_chunks = whole_chunks(a.q, a.dim, each);
  facts.k_chunks = whole_chunks(a.k, a.dim, each);
  facts.v_chunks = whole_chunks(a.v, a.dim_v, each);
  facts.o_chunks = whole_chunks(a.o, a.dim_v, each);
  facts.form = form_of(pass->numbering);
  facts.bounds = gattn_pass_bounds(pass, &pass->formula);
  facts.only_interval = pass->formula.n_steps == 1 && !pass->head_formulas &&
                        facts.bounds == GATTN_BOUNDS_INTERVALS &&
                        pass->numbering.kind != GATTN_NUMBER_CLASSES &&
                        pass->formula.atoms[0].kind == GATTN_KEYS_INTERVAL;
  facts.only_range = pass->numbering.kind == GATTN_NUMBER_LINEAR &&
                     !pass->rows && !pass->row_all && !pass->n_skip && !a.size;
  facts.band_atom = band_atom_of(*pass);
  facts.band = facts.band_atom >= 0 && facts.bounds == GATTN_BOUNDS_INTERVALS;
  if (a.type == GATTN_FLOAT32)
    return gattn_tile_float32_launch(attention, pass, &facts,
                                     (cudaStream_t)stream);
  const int done =
      gattn_hopper_launch(attention, pass, &facts, (cudaStream_t)stream);
  if (done >= 0) return done;
  for (const tile_row &row : rows)
    if (row.type == a.type && widest <= row.most)
      return row.kernels(attention, pass, &facts, (cudaStream_t)stream);
  return (int)cudaErrorInvalidValue;
}
