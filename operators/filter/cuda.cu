/* Top-k and threshold on the device. SPDX-License-Identifier: Apache-2.0
 *
 * A warp selects among the edges of a row, a block among those of a long one.
 * Values are compared as unsigned numbers in the same order, NaN the smallest.
 * Of a row the edges above a cut stay, and of those at the cut the first. */
#include <cub/device/device_scan.cuh>

#include "operators/cuda/elements.cuh"
#include "operators/cuda/segments.cuh"

/* Rows of more edges are a block's. */
static const int64_t long_degree = 1024;

enum { WARP = 32, BLOCK = 1024, DIGITS = 256 };

static __device__ __forceinline__ uint32_t rank_of(float value) {
  if (value != value) return 0;
  const uint32_t bits = __float_as_uint(value + 0.0f); /* −0 is 0 */
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/* The edges of a row whose rank is above the cut stay, and `ties` of those at
 * it. */
typedef struct cut {
  uint32_t rank;
  int64_t ties;
} cut;

typedef struct segment {
  const float *first;
  int64_t stride, count;
  __device__ __forceinline__ uint32_t rank(int64_t e) const {
    return rank_of(first[e * stride]);
  }
} segment;

/* ------------------------------------------------------------ teams */

/* The threads of a warp, or of a block: all of them call, and get the same
 * sums. */
template <int threads>
static __device__ __forceinline__ int team_lane() {
  return threads == WARP ? threadIdx.x % WARP : threadIdx.x;
}

/* Σ number over the team. */
template <int threads>
static __device__ __forceinline__ int64_t team_sum(int64_t number) {
  for (int apart = WARP / 2; apart > 0; apart /= 2)
    number += __shfl_xor_sync(~0u, (long long)number, apart);
  if (threads == WARP) return number;
  __shared__ int64_t sums[BLOCK / WARP];
  __syncthreads();
  if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = number;
  __syncthreads();
  number = 0;
  for (int w = 0; w < BLOCK / WARP; w++) number += sums[w];
  return number;
}

/* How many threads before this one have the flag, and in all. */
template <int threads>
static __device__ __forceinline__ int team_rank(bool flag, int *total) {
  const unsigned flags = __ballot_sync(~0u, flag);
  int before = __popc(flags & ((1u << threadIdx.x % WARP) - 1));
  *total = __popc(flags);
  if (threads == WARP) return before;
  __shared__ int counts[BLOCK / WARP];
  __syncthreads();
  if (threadIdx.x % WARP == 0) counts[threadIdx.x / WARP] = *total;
  __syncthreads();
  *total = 0;
  for (int w = 0; w < BLOCK / WARP; w++) {
    if (w == (int)threadIdx.x / WARP) before += *total;
    *total += counts[w];
  }
  return before;
}

/* ------------------------------------------------------------ cuts */

/* The k-th largest rank, bit by bit; 0 < k <= count. A warp's. */
static __device__ uint32_t bitwise_cut(const segment &s, int64_t k) {
  uint32_t found = 0;
  for (int bit = 31; bit >= 0; bit--) {
    const uint32_t trial = found | 1u << bit;
    int64_t reach = 0;
    for (int64_t e = threadIdx.x % WARP; e < s.count; e += WARP)
      reach += s.rank(e) >= trial;
    if (team_sum<WARP>(reach) >= k) found = trial;
  }
  return found;
}

/* How many edges of this warp have each digit, below the digits found: equal
 * ones are counted together, so that no two lanes write to one number. */
static __device__ void count_digits(const segment &s, uint32_t found,
                                    int shift, uint32_t *counts) {
  for (int64_t strip = 0; strip < s.count; strip += BLOCK) {
    const int64_t e = strip + threadIdx.x;
    const uint32_t rank = e < s.count ? s.rank(e) : 0;
    const bool below = e < s.count &&
                       ((uint64_t)(rank ^ found) >> shift >> 8) == 0;
    const int digit = below ? (int)(rank >> shift & 255) : DIGITS;
    const unsigned equal = __match_any_sync(~0u, digit);
    if (below && (int)threadIdx.x % WARP == __ffs(equal) - 1)
      counts[digit] += __popc(equal);
    __syncwarp();
  }
}

/* The same as bitwise_cut digit by digit, for a block. A warp's counts fit 32
 * bits in any row that fits a device. */
static __device__ uint32_t digitwise_cut(const segment &s, int64_t k) {
  __shared__ uint32_t counts[BLOCK / WARP][DIGITS];
  __shared__ int64_t sums[DIGITS];
  uint32_t found = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    uint32_t *own = counts[threadIdx.x / WARP];
    for (int d = threadIdx.x % WARP; d < DIGITS; d += WARP) own[d] = 0;
    __syncwarp();
    count_digits(s, found, shift, own);
    __syncthreads();
    if (threadIdx.x < DIGITS) {
      int64_t sum = 0;
      for (int w = 0; w < BLOCK / WARP; w++) sum += counts[w][threadIdx.x];
      sums[threadIdx.x] = sum;
    }
    __syncthreads();
    int digit = DIGITS - 1;
    for (; digit > 0 && sums[digit] < k; digit--) k -= sums[digit];
    found |= (uint32_t)digit << shift;
    __syncthreads();
  }
  return found;
}

template <int threads>
static __device__ __forceinline__ cut cut_of(const gattn_device_select &job,
                                             const segment &s) {
  if (!job.k) {
    const bool none = job.threshold != job.threshold;
    return {none ? UINT32_MAX : rank_of(job.threshold), none ? 0 : INT64_MAX};
  }
  if (s.count <= job.k) return {0, INT64_MAX};
  const uint32_t rank = threads == WARP ? bitwise_cut(s, job.k)
                                        : digitwise_cut(s, job.k);
  int64_t above = 0;
  for (int64_t e = team_lane<threads>(); e < s.count; e += threads)
    above += s.rank(e) > rank;
  return {rank, job.k - team_sum<threads>(above)};
}

/* ------------------------------------------------------------ rows */

static __device__ __forceinline__ segment
segment_at(const gattn_device_select &job, int64_t row) {
  const int64_t *offsets = job.edges.rows.offsets;
  const float *values = (const float *)job.values.data;
  return {values + (offsets[row] - offsets[0]) * job.values.row, job.values.row,
          offsets[row + 1] - offsets[row]};
}

static __device__ __forceinline__ int64_t
vertex_at(const gattn_device_edges &edges, int64_t row) {
  return edges.vertices ? edges.vertices[row] : edges.begin + row;
}

/* What a row contributes to out_offsets, where counts are put before they are
 * summed up. */
template <int threads>
static __device__ __forceinline__ void count_row(const gattn_device_select &job,
                                                 int64_t row) {
  const segment s = segment_at(job, row);
  int64_t stay;
  if (job.k) {
    stay = s.count < job.k ? s.count : job.k;
  } else {
    const cut c = cut_of<threads>(job, s);
    stay = 0;
    for (int64_t e = team_lane<threads>(); e < s.count; e += threads)
      stay += s.rank(e) >= c.rank && c.ties > 0;
    stay = team_sum<threads>(stay);
  }
  if (team_lane<threads>() == 0)
    job.out_offsets[vertex_at(job.edges, row)] = stay;
}

static __device__ __forceinline__ void put_column(
    const gattn_device_select &job, int64_t at, int64_t column) {
  if (job.edges.rows.narrow)
    ((int32_t *)job.out_columns)[at] = (int32_t)column;
  else
    ((int64_t *)job.out_columns)[at] = column;
}

template <int threads>
static __device__ __forceinline__ void select_row(
    const gattn_device_select &job, int64_t row) {
  const segment s = segment_at(job, row);
  const cut c = cut_of<threads>(job, s);
  const int64_t first = job.edges.rows.offsets[row];
  int64_t at = job.out_offsets[vertex_at(job.edges, row)], ties = 0;
  for (int64_t strip = 0; strip < s.count; strip += threads) {
    const int64_t e = strip + team_lane<threads>();
    const uint32_t rank = e < s.count ? s.rank(e) : 0;
    int tied, staying;
    const bool tie = e < s.count && rank == c.rank;
    const int tie_rank = team_rank<threads>(tie, &tied);
    const bool stays = e < s.count && (rank > c.rank ||
                                       (tie && ties + tie_rank < c.ties));
    const int place = team_rank<threads>(stays, &staying);
    if (stays)
      put_column(job, at + place, gattn_column_of(job.edges.rows, first + e));
    ties += tied;
    at += staying;
  }
}

/* ------------------------------------------------------------ kernels */

/* Whether rows are counted or written. */
template <int threads, bool count>
static __device__ __forceinline__ void treat_row(const gattn_device_select &job,
                                                 int64_t row) {
  if constexpr (count)
    count_row<threads>(job, row);
  else
    select_row<threads>(job, row);
}

template <bool count>
__global__ void short_rows_kernel(
    const __grid_constant__ gattn_device_select job) {
  const int64_t step = (int64_t)gridDim.x * (blockDim.x / WARP);
  for (int64_t row =
           (int64_t)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
       row < job.edges.n_f; row += step)
    if (gattn_row_exists(job.edges, row) &&
        segment_at(job, row).count <= long_degree)
      treat_row<WARP, count>(job, row);
}

/* Neighbouring rows, which are often long together, go to different blocks. */
template <bool count>
__global__ void __launch_bounds__(BLOCK)
    long_rows_kernel(const __grid_constant__ gattn_device_select job) {
  __shared__ int64_t found[BLOCK];
  const int64_t step = (int64_t)gridDim.x * BLOCK;
  for (int64_t base = 0; base < job.edges.n_f; base += step) {
    const int64_t row = base + (int64_t)threadIdx.x * gridDim.x + blockIdx.x;
    const bool is_long = row < job.edges.n_f &&
                         gattn_row_exists(job.edges, row) &&
                         segment_at(job, row).count > long_degree;
    int rows;
    const int place = team_rank<BLOCK>(is_long, &rows);
    __syncthreads();
    if (is_long) found[place] = row;
    __syncthreads();
    for (int r = 0; r < rows; r++) treat_row<BLOCK, count>(job, found[r]);
  }
}

template <bool count>
static int treat_rows(const gattn_device_select &job, cudaStream_t stream) {
  const gattn_device_edges &edges = job.edges;
  short_rows_kernel<count>
      <<<gattn_worker_blocks(edges.n_f, WARP), GATTN_SEGMENT_THREADS, 0,
         stream>>>(job);
  if (edges.edges > long_degree) {
    const int64_t most = 2 * (int64_t)edges.multiprocessors;
    long_rows_kernel<count>
        <<<(int)(edges.n_f < most ? edges.n_f : most), BLOCK, 0, stream>>>(job);
  }
  return cudaGetLastError();
}

extern "C" uint64_t gattn_select_workspace(const gattn_device_edges *edges,
                                           int64_t n_q) {
  size_t bytes = 0;
  (void)edges;
  cub::DeviceScan::ExclusiveSum(nullptr, bytes, (int64_t *)nullptr, n_q + 1);
  return bytes;
}

extern "C" int gattn_select_launch(const gattn_device_select *job,
                                   void *workspace, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  size_t bytes = 0;
  cudaError_t error = cudaMemsetAsync(
      job->out_offsets, 0, (size_t)(job->n_q + 1) * sizeof(int64_t), stream);
  if (error != cudaSuccess || job->edges.n_f == 0) return error;
  error = (cudaError_t)treat_rows<true>(*job, stream);
  if (error != cudaSuccess) return error;
  bytes = (size_t)gattn_select_workspace(&job->edges, job->n_q);
  error = cub::DeviceScan::ExclusiveSum(workspace, bytes, job->out_offsets,
                                        job->n_q + 1, stream);
  if (error != cudaSuccess) return error;
  return treat_rows<false>(*job, stream);
}
