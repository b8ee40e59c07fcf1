/* Rows of Q, K and V to shared memory. SPDX-License-Identifier: Apache-2.0
 *
 * A tile [rows][D] of 16-bit elements lies in chunks of 8 elements. Chunk c of
 * row r is at place c XOR (r mod 8) of its row (D = 32: c XOR (r / 2 mod 4)),
 * so that eight rows of one chunk, which ldmatrix reads together, lie in
 * different banks. Elements past the operand's dimension and rows that do not
 * exist are zero. */
#ifndef GATTN_OPERATORS_CUDA_TILE_STAGE_CUH
#define GATTN_OPERATORS_CUDA_TILE_STAGE_CUH

#include "operators/cuda/tile/block.cuh"
#include "operators/cuda/tile/tile.h"

/* Bytes from the tile's beginning. GATTN_TILE_PANELS: rows wider than 128 bytes
 * lie in panels of 128 rows x 128 bytes, one after another. */
template <int D>
GATTN_DEVICE int gattn_chunk_at(int row, int chunk) {
#ifdef GATTN_TILE_PANELS
  if (D > 64)
    return (chunk / 8 * 128 + row) * 128 + (chunk % 8 ^ row % 8) * 16;
#endif
  const int twist = D == 32 ? row / 2 % 4 : row % 8;
  return (row * (D / 8) + (chunk ^ twist)) * 16;
}

/* How a block's threads share a tile: a thread takes chunk `chunk` and every
 * 16th after it of each STEP-th row. */
template <int D>
struct gattn_share {
  static constexpr int CHUNKS = D / 8 < 16 ? D / 8 : 16;
  static constexpr int STEP = GATTN_TILE_THREADS / CHUNKS; /* at least 8 */
  static constexpr int TIMES = D / 8 / CHUNKS;
};

/* One operand, as a thread reads it. */
template <typename T>
struct gattn_source {
  const T *data;     /* of the batch and head */
  int64_t row, step; /* strides */
  int32_t dim;
  bool chunks; /* whole chunks are aligned to 16 bytes */
};

template <typename T>
GATTN_DEVICE gattn_source<T> gattn_source_of(const gattn_operand &x,
                                             int64_t batch, int64_t head,
                                             int64_t dim, bool chunks) {
  gattn_source<T> source;
  source.data = (const T *)x.data + batch * x.batch + head * x.head;
  source.row = x.row;
  source.step = x.dim;
  source.dim = (int32_t)dim;
  source.chunks = chunks;
  return source;
}

/* Eight elements of `row` from `at` on, one by one. */
template <typename T>
GATTN_DEVICE uint4 gattn_load_elements(const gattn_source<T> &source,
                                       const T *row, int at) {
  uint32_t x[4] = {0, 0, 0, 0};
#pragma unroll
  for (int e = 0; e < 8; e++)
    if (at + e < source.dim)
      x[e / 2] |= (uint32_t) * (const uint16_t *)(row + (at + e) * source.step)
                  << 16 * (e % 2);
  return make_uint4(x[0], x[1], x[2], x[3]);
}

/* Chunk `chunk` of a row, present or not, to `shared`. */
template <typename T>
GATTN_DEVICE void gattn_copy_chunk(const gattn_source<T> &source, const T *row,
                                   bool present, int chunk, uint32_t shared) {
  const int left = 2 * (source.dim - 8 * chunk);
  const int bytes = !present || left < 0 ? 0 : left < 16 ? left : 16;
  gattn_copy_16(shared, bytes ? row + 8 * chunk : source.data, bytes);
}

/* The same where the operand has no whole chunks; at once. */
template <typename T>
GATTN_DEVICE void gattn_gather_chunk(const gattn_source<T> &source,
                                     const T *row, bool present, int chunk,
                                     uint32_t shared) {
  uint4 x = make_uint4(0, 0, 0, 0);
  if (present) x = gattn_load_elements(source, row, 8 * chunk);
  asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(shared),
               "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w)
               : "memory");
}

/* All lanes of a warp: its ROWS rows of Q. */
template <typename T, int D, int ROWS>
GATTN_DEVICE void gattn_stage_warp_queries(const gattn_source<T> &source,
                                           const gattn_query_lane *lanes,
                                           uint32_t tile) {
  const int first = threadIdx.x / 32 * ROWS;
#pragma unroll 4
  for (int n = threadIdx.x % 32; n < ROWS * (D / 8); n += 32) {
    const int row = first + n / (D / 8), chunk = n % (D / 8);
    const int64_t position = lanes[row].position;
    const T *from = source.data + position * source.row;
    const uint32_t to = tile + gattn_chunk_at<D>(row, chunk);
    if (source.chunks)
      gattn_copy_chunk(source, from, position >= 0, chunk, to);
    else
      gattn_gather_chunk(source, from, position >= 0, chunk, to);
  }
}

GATTN_DEVICE int64_t gattn_key_number(const gattn_key_form &form, int lane) {
  return (int64_t)(lane >> form.shift) * form.line_step +
         (lane & ((1 << form.shift) - 1)) * form.step;
}

GATTN_DEVICE bool gattn_key_present(const gattn_key_form &form,
                                    const gattn_key_place &place, int lane) {
  return (lane & ((1 << form.shift) - 1)) < place.columns &&
         (lane >> form.shift) < place.lines;
}

/* All threads: the 64 rows of K or V that `place` names, whatever they are. */
template <typename T, int D>
GATTN_DEVICE void gattn_gather_keys(const gattn_source<T> &source,
                                    const gattn_key_form &form,
                                    const gattn_key_place &place,
                                    uint32_t tile) {
#pragma unroll 1
  for (int n = threadIdx.x; n < GATTN_TILE_KEYS * (D / 8);
       n += GATTN_TILE_THREADS) {
    const int lane = n / (D / 8), chunk = n % (D / 8);
    const bool present = gattn_key_present(form, place, lane);
    int64_t key = place.base + gattn_key_number(form, lane);
    if (form.table && present) key = form.table[key];
    const T *row = source.data + key * source.row;
    const uint32_t to = tile + gattn_chunk_at<D>(lane, chunk);
    if (source.chunks)
      gattn_copy_chunk(source, row, present, chunk, to);
    else
      gattn_gather_chunk(source, row, present, chunk, to);
  }
}

/* All threads: the 64 rows of K or V that `place` names. `origin` is the
 * thread's chunk of its first key lane; the lanes it takes are a multiple of 8
 * apart, so that they advance evenly and their chunks are twisted alike. */
template <typename T, int D>
GATTN_DEVICE void gattn_stage_keys(const gattn_source<T> &source,
                                   const T *origin, const gattn_key_form &form,
                                   const gattn_key_place &place,
                                   uint32_t tile) {
  typedef gattn_share<D> share;
  if (!source.chunks || form.table ||
      place.columns * place.lines != GATTN_TILE_KEYS) {
    gattn_gather_keys<T, D>(source, form, place, tile);
    return;
  }
  const int chunk = threadIdx.x % share::CHUNKS;
  const uint32_t to =
      tile + gattn_chunk_at<D>(threadIdx.x / share::CHUNKS, chunk);
  int bytes[share::TIMES];
#pragma unroll
  for (int c = 0; c < share::TIMES; c++) {
    bytes[c] = 2 * (source.dim - 8 * (chunk + c * share::CHUNKS));
    bytes[c] = bytes[c] < 0 ? 0 : bytes[c] < 16 ? bytes[c] : 16;
  }
  /* What has no bytes is read from where there are some. */
  const T *from = bytes[0] ? origin + place.base * source.row : source.data;
  const int64_t advance =
      bytes[0] ? gattn_key_number(form, share::STEP) * source.row : 0;
#pragma unroll
  for (int r = 0; r < GATTN_TILE_KEYS / share::STEP; r++) {
#pragma unroll
    for (int c = 0; c < share::TIMES; c++)
      gattn_copy_16(to + r * share::STEP * D * 2 + c * share::CHUNKS * 16,
                    bytes[c] ? from + c * share::CHUNKS * 8 : from, bytes[c]);
    from += advance;
  }
}

#endif
