/* Rows of edges cut into chunks of equal work, whatever their degrees.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Edges are counted from the first row's first, wherever that is in arrays that
 * a graph lends. The items of a graph's rows are its edges and the ends of its
 * rows, in one sequence: edge e of row r is item r + e, the end of row r is item
 * r + offsets[r + 1] (the merge path of Merrill and Garland, 2016). A chunk is
 * `length` items, so that neither a hub row nor a million empty ones make one
 * longer than another. A row that crosses chunks leaves a state in each: the
 * tail of a chunk where it goes on, the head of that where it ends. They are
 * joined, in order, by the chunk where it ends; for rows of very many chunks
 * the tails of a `group` that lies within one row are joined before. */
#ifndef GATTN_OPERATORS_CUDA_SEGMENTS_CUH
#define GATTN_OPERATORS_CUDA_SEGMENTS_CUH

#include "operators/cuda/operators.h"

enum { GATTN_CHUNK_GROUP = 64, GATTN_SEGMENT_THREADS = 256 };

/* Chunks of one length for all graphs of some edges. */
typedef struct gattn_chunks {
  int64_t length;  /* items */
  int64_t count;   /* of chunks, enough for the most edges */
  int64_t groups;  /* of chunks */
  int64_t planes;  /* batch · heads */
  int64_t *starts; /* [graphs, count + 1]: the row at which a chunk begins */
} gattn_chunks;

/* Long enough to be worth beginning, short enough that there are some for
 * every warp that the device can hold. */
static inline gattn_chunks gattn_chunks_of(const gattn_device_edges &edges) {
  gattn_chunks chunks;
  const int64_t items = edges.n_f + edges.edges;
  const int64_t wanted = (int64_t)edges.multiprocessors * 512;
  chunks.planes = edges.batch * edges.heads;
  chunks.length = 32;
  while (chunks.length < 512 &&
         items / chunks.length > wanted / (chunks.planes > 0 ? chunks.planes
                                                             : 1))
    chunks.length *= 2;
  chunks.count = (items + chunks.length - 1) / chunks.length;
  chunks.groups = chunks.count / GATTN_CHUNK_GROUP;
  chunks.starts = nullptr;
  return chunks;
}

/* Places one array after the other in a workspace; too_long once bytes would
 * overflow. */
typedef struct gattn_layout {
  uint64_t bytes;
  bool too_long;
} gattn_layout;

static inline uint64_t gattn_place(gattn_layout &layout, int64_t a, int64_t b,
                            uint64_t size) {
  const uint64_t at = layout.bytes;
  const unsigned __int128 wanted =
      ((unsigned __int128)(uint64_t)a * (uint64_t)b * size + 255) / 256 * 256;
  if (wanted > INT64_MAX || at + (uint64_t)wanted > INT64_MAX)
    layout.too_long = true;
  else
    layout.bytes += (uint64_t)wanted;
  return at;
}

static __device__ __forceinline__ const gattn_device_rows &gattn_rows_of(
    const gattn_device_edges &edges, int64_t graph) {
  return edges.head_rows ? edges.head_rows[graph] : edges.rows;
}

static __device__ __forceinline__ int64_t
gattn_column_of(const gattn_device_rows &rows, int64_t e) {
  return rows.narrow ? ((const int32_t *)rows.columns)[e]
                     : ((const int64_t *)rows.columns)[e];
}

static __device__ __forceinline__ bool gattn_row_exists(
    const gattn_device_edges &edges, int64_t row) {
  return row < edges.n_f && (!edges.size || row < *edges.size);
}

/* How many row ends are among the first `items`. */
static __device__ int64_t gattn_rows_before(const int64_t *offsets,
                                            int64_t n_f, int64_t items) {
  const int64_t base = offsets[0], edges = offsets[n_f] - base;
  int64_t low = items > edges ? items - edges : 0;
  int64_t high = items < n_f ? items : n_f;
  if (low > high) low = high;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (offsets[middle + 1] - base < items - middle)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static __global__ void gattn_chunks_kernel(const gattn_device_edges edges,
                                           const gattn_chunks chunks) {
  const int64_t boundaries = chunks.count + 1;
  for (int64_t t = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
       t < edges.graphs * boundaries; t += (int64_t)gridDim.x * blockDim.x) {
    const gattn_device_rows &rows = gattn_rows_of(edges, t / boundaries);
    chunks.starts[t] = gattn_rows_before(
        rows.offsets, edges.n_f, t % boundaries * chunks.length);
  }
}

/* Blocks for `workers` of `lanes` threads; loops stride beyond. */
static inline int gattn_worker_blocks(int64_t workers, int lanes) {
  const int64_t at_once = GATTN_SEGMENT_THREADS / lanes;
  const int64_t blocks = (workers + at_once - 1) / at_once, most = 1 << 20;
  return (int)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

static inline int gattn_chunks_launch(const gattn_device_edges &edges,
                               const gattn_chunks &chunks,
                               cudaStream_t stream) {
  gattn_chunks_kernel<<<
      gattn_worker_blocks(edges.graphs * (chunks.count + 1), 1),
      GATTN_SEGMENT_THREADS, 0, stream>>>(edges, chunks);
  return cudaGetLastError();
}

/* The chunk of one worker. */
typedef struct gattn_chunk {
  const gattn_device_rows *rows;
  int64_t base;          /* edge e's column is columns[base + e] */
  const int64_t *starts; /* of the graph */
  int64_t plane, b, h, number;
  int64_t row, edge;           /* the first item's */
  int64_t last_row, last_edge; /* of what follows the last item */
} gattn_chunk;

/* The first edge of a row, and past the last of the row before. */
static __device__ __forceinline__ int64_t gattn_first_edge(
    const gattn_chunk &chunk, int64_t row) {
  return chunk.rows->offsets[row] - chunk.base;
}

static __device__ __forceinline__ int64_t gattn_key_of(
    const gattn_chunk &chunk, int64_t edge) {
  return gattn_column_of(*chunk.rows, chunk.base + edge);
}

/* Edges of items, which may lie past the last. */
static __device__ __forceinline__ int64_t gattn_edge_at(
    const gattn_chunk &chunk, int64_t items, int64_t row, int64_t n_f) {
  const int64_t edges = gattn_first_edge(chunk, n_f), edge = items - row;
  return edge < edges ? edge : edges;
}

static __device__ __forceinline__ gattn_chunk gattn_chunk_at(
    const gattn_device_edges &edges, const gattn_chunks &chunks,
    int64_t worker) {
  gattn_chunk chunk;
  chunk.number = worker % chunks.count;
  chunk.plane = worker / chunks.count;
  chunk.b = chunk.plane / edges.heads;
  chunk.h = chunk.plane % edges.heads;
  const int64_t graph = edges.graphs > 1 ? chunk.h : 0;
  chunk.rows = &gattn_rows_of(edges, graph);
  chunk.base = chunk.rows->offsets[0];
  chunk.starts = chunks.starts + graph * (chunks.count + 1);
  const int64_t items = chunk.number * chunks.length;
  chunk.row = chunk.starts[chunk.number];
  chunk.last_row = chunk.starts[chunk.number + 1];
  chunk.edge = gattn_edge_at(chunk, items, chunk.row, edges.n_f);
  chunk.last_edge =
      gattn_edge_at(chunk, items + chunks.length, chunk.last_row, edges.n_f);
  return chunk;
}

/* Whether the chunk's first row began in an earlier one. */
static __device__ __forceinline__ bool gattn_chunk_resumes(
    const gattn_device_edges &edges, const gattn_chunk &chunk) {
  return chunk.row < edges.n_f &&
         gattn_first_edge(chunk, chunk.row) < chunk.edge;
}

/* Whether it ends in this one, after it began in an earlier one. */
static __device__ __forceinline__ bool gattn_chunk_joins(
    const gattn_device_edges &edges, const gattn_chunk &chunk) {
  return chunk.row < chunk.last_row && gattn_chunk_resumes(edges, chunk);
}

/* The chunk of a row's first edge. */
static __device__ __forceinline__ int64_t gattn_first_chunk(
    const gattn_chunks &chunks, const gattn_chunk &chunk) {
  return (chunk.row + gattn_first_edge(chunk, chunk.row)) / chunks.length;
}

/* Whether all of a group of chunks are edges of one row. */
static __device__ __forceinline__ bool gattn_group_within(
    const gattn_device_edges &edges, const gattn_chunk &chunk, int64_t group) {
  const int64_t row = chunk.starts[group * GATTN_CHUNK_GROUP];
  return row < edges.n_f &&
         row == chunk.starts[(group + 1) * GATTN_CHUNK_GROUP];
}

/* Calls tail(number) and group(number) for the states, before this chunk's
 * head, of the row that ends here, in order. */
template <typename Tail, typename Group>
static __device__ __forceinline__ void gattn_join_before(
    const gattn_device_edges &edges, const gattn_chunks &chunks,
    const gattn_chunk &chunk, Tail tail, Group group) {
  int64_t c = gattn_first_chunk(chunks, chunk);
  while (c < chunk.number) {
    if (c % GATTN_CHUNK_GROUP == 0 && c + GATTN_CHUNK_GROUP <= chunk.number &&
        gattn_group_within(edges, chunk, c / GATTN_CHUNK_GROUP)) {
      group(c / GATTN_CHUNK_GROUP);
      c += GATTN_CHUNK_GROUP;
    } else {
      tail(c++);
    }
  }
}

#endif
