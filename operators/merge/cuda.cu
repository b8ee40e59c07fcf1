/* Merging partial states on the device. SPDX-License-Identifier: Apache-2.0 */
#include <math_constants.h>

#include "operators/cuda/elements.cuh"
#include "operators/cuda/operators.h"

enum { THREADS = 256, LANES = 32 };

/* What the two sides weigh. An empty one (−inf) weighs 0 and its o is not
 * looked at. */
typedef struct weights {
  float a, b, lse;
} weights;

static __device__ __forceinline__ weights weigh(float a, float b) {
  if (a == -CUDART_INF_F && b == -CUDART_INF_F) return {0, 0, -CUDART_INF_F};
  const double larger = a > b ? a : b;
  const double x = a == -CUDART_INF_F ? 0 : exp(a - larger);
  const double y = b == -CUDART_INF_F ? 0 : exp(b - larger);
  return {(float)(x / (x + y)), (float)(y / (x + y)),
          (float)(larger + log(x + y))};
}

/* A warp a row: outputs may be inputs, so lse is written when all have read. */
template <typename T>
__global__ void merge_kernel(const __grid_constant__ gattn_device_merge job) {
  const int64_t rows = job.batch * job.heads * job.rows;
  const int64_t step = (int64_t)gridDim.x * (THREADS / LANES);
  const int lane = threadIdx.x % LANES;
  for (int64_t t = (int64_t)blockIdx.x * (THREADS / LANES) +
                   threadIdx.x / LANES;
       t < rows; t += step) {
    const int64_t row = t % job.rows, h = t / job.rows % job.heads;
    const int64_t b = t / job.rows / job.heads;
    const weights w = weigh(*gattn_row_of<float>(job.lse_a, b, h, row),
                            *gattn_row_of<float>(job.lse_b, b, h, row));
    const T *o_a = gattn_row_of<T>(job.o_a, b, h, row);
    const T *o_b = gattn_row_of<T>(job.o_b, b, h, row);
    T *o = gattn_row_of<T>(job.o, b, h, row);
    for (int64_t c = lane; c < job.dim; c += LANES) {
      float sum = 0;
      if (w.a != 0) sum += w.a * gattn_float(o_a[c * job.o_a.dim]);
      if (w.b != 0) sum += w.b * gattn_float(o_b[c * job.o_b.dim]);
      o[c * job.o.dim] = gattn_element<T>(sum);
    }
    __syncwarp();
    if (lane == 0) *gattn_row_of<float>(job.lse, b, h, row) = w.lse;
  }
}

extern "C" int gattn_merge_states_launch(const gattn_device_merge *job,
                                         void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const int64_t rows = job->batch * job->heads * job->rows, most = 1 << 20;
  const int64_t wanted = (rows + THREADS / LANES - 1) / (THREADS / LANES);
  const int blocks = (int)(wanted < most ? wanted : most);
  if (rows == 0) return cudaSuccess;
  switch (job->type) {
    case GATTN_FLOAT32:
      merge_kernel<float><<<blocks, THREADS, 0, stream>>>(*job);
      break;
    case GATTN_FLOAT16:
      merge_kernel<__half><<<blocks, THREADS, 0, stream>>>(*job);
      break;
    default:
      merge_kernel<__nv_bfloat16><<<blocks, THREADS, 0, stream>>>(*job);
  }
  return cudaGetLastError();
}
