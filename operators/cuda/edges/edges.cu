/* Attention over edge lists: workspace and launch.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn/tensor.h>

#include "operators/cuda/edges/launch.h"
#include "operators/cuda/edges/merge.cuh"

/* ------------------------------------------------------------ workspace */

/* Warps of these kernels that a multiprocessor holds, about. */
enum { WARPS = 16, ALIGNMENT = 256 };

/* Chunks of one head of one batch, and their size. */
static void measure(const gattn_device_attention *a, int64_t edges,
                    gattn_edge_arguments *arguments) {
  const int64_t places = gattn_edge_start(a->n_f, edges);
  const int64_t pairs = a->batch * a->heads;
  const int64_t most = INT64_MAX / (pairs > 0 ? pairs : 1);
  arguments->size = gattn_edge_chunk_size(places < most ? places * pairs
                                                        : INT64_MAX / 16384,
                                          (int64_t)WARPS * a->multiprocessors);
  arguments->chunks = gattn_edge_chunks(places, arguments->size);
  arguments->pieces.o_row = (a->dim_v + 3) / 4 * 4;
}

/* count · size bytes after *bytes, aligned; UINT64_MAX once it overflows. */
static uint64_t extend(uint64_t *bytes, uint64_t count, uint64_t size) {
  const uint64_t at = *bytes;
  uint64_t more;
  if (at == UINT64_MAX || __builtin_mul_overflow(count, size, &more) ||
      more > UINT64_MAX / 2 || at > UINT64_MAX / 4) {
    *bytes = UINT64_MAX;
    return 0;
  }
  *bytes = at + (more + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return at;
}

/* Lays the workspace out; returns its bytes. */
static uint64_t lay_out(const gattn_device_attention *a,
                        gattn_edge_arguments *arguments, char *workspace) {
  const uint64_t chunks =
      (uint64_t)arguments->chunks * (uint64_t)(a->batch * a->heads);
  gattn_edge_pieces *pieces = &arguments->pieces;
  uint64_t bytes = 0;
  const uint64_t o = extend(&bytes, 2 * chunks,
                            (uint64_t)pieces->o_row * sizeof *pieces->o);
  const uint64_t sums = extend(&bytes, 2 * chunks, sizeof *pieces->sums);
  const uint64_t ends = extend(&bytes, chunks, sizeof *pieces->ends);
  if (workspace) {
    pieces->o = (float *)(workspace + o);
    pieces->sums = (float2 *)(workspace + sums);
    pieces->ends = (int64_t *)(workspace + ends);
  }
  return bytes;
}

uint64_t gattn_edges_workspace(const gattn_device_attention *attention,
                               int64_t edges) {
  gattn_edge_arguments arguments = {};
  measure(attention, edges, &arguments);
  return lay_out(attention, &arguments, nullptr);
}

/* ------------------------------------------------------------ launch */

/* Whether rows of an operand can be read 16 bytes at a time. */
static bool in_vectors(const gattn_operand *operand, int64_t size,
                       int64_t dim) {
  const int64_t bytes[] = {operand->batch * size, operand->head * size,
                           operand->row * size, dim * size};
  if ((uintptr_t)operand->data % 16 || operand->dim != 1) return false;
  for (int64_t b : bytes)
    if (b % 16) return false;
  return bytes[2] <= INT32_MAX && bytes[2] >= INT32_MIN;
}

static bool all_in_vectors(const gattn_device_attention *a,
                           const gattn_edge_pass *pass, int64_t size) {
  return a->n_kv <= INT32_MAX && in_vectors(&a->q, size, a->dim) &&
         in_vectors(&a->k, size, a->dim) && in_vectors(&a->v, size, a->dim_v) &&
         (pass->store_state || in_vectors(&a->o, size, a->dim_v));
}

static cudaError_t merge(const gattn_edge_arguments &arguments,
                         cudaStream_t stream) {
  const gattn_device_attention &a = arguments.attention;
  int64_t blocks = (arguments.chunks + 31) / 32 * a.heads * a.batch;
  if (blocks > INT32_MAX) blocks = INT32_MAX;
  const unsigned threads = 32 * GATTN_MERGE_WARPS;
  if (a.dim_v <= 64)
    gattn_edge_merge<2><<<(unsigned)blocks, threads, 0, stream>>>(arguments);
  else if (a.dim_v <= 256)
    gattn_edge_merge<8><<<(unsigned)blocks, threads, 0, stream>>>(arguments);
  else
    gattn_edge_merge<32><<<(unsigned)blocks, threads, 0, stream>>>(arguments);
  return cudaGetLastError();
}

int gattn_edges_launch(const gattn_device_attention *attention,
                       const gattn_edge_pass *pass, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  gattn_edge_arguments arguments = {};
  arguments.attention = *attention;
  arguments.pass = *pass;
  if (attention->dim > GATTN_EDGES_DIM || attention->dim_v > GATTN_EDGES_DIM)
    return cudaErrorInvalidValue;
  measure(attention, pass->edges, &arguments);
  lay_out(attention, &arguments, (char *)pass->workspace);
  if (!arguments.chunks || !attention->batch || !attention->heads)
    return cudaSuccess;
  cudaError_t error = cudaErrorInvalidValue;
  if (attention->type == GATTN_FLOAT32)
    error = gattn_edges_float32(arguments, all_in_vectors(attention, pass, 4),
                                stream);
  else if (attention->type == GATTN_FLOAT16)
    error = gattn_edges_float16(arguments, all_in_vectors(attention, pass, 2),
                                stream);
  else if (attention->type == GATTN_BFLOAT16)
    error = gattn_edges_bfloat16(arguments, all_in_vectors(attention, pass, 2),
                                 stream);
  return error ? error : merge(arguments, stream);
}
