/* Frontiers on the device. SPDX-License-Identifier: Apache-2.0 */
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_select.cuh>

#include <iterator>

#include "frontier/cuda/launch.h"

static const int threads = 256;
static const int64_t most_blocks = 1 << 16; /* threads stride beyond */
static const size_t alignment = 256;

static int blocks_for(int64_t count) {
  const int64_t blocks = (count + threads - 1) / threads;
  return (int)(blocks < 1 ? 1 : blocks < most_blocks ? blocks : most_blocks);
}

static __device__ int64_t first_index() {
  return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ int64_t index_step() {
  return (int64_t)gridDim.x * blockDim.x;
}

/* ------------------------------------------------------------ selection */

/* An iterator whose element p is f(first + p). */
template <typename F>
struct indexed {
  using value_type = decltype(F()(int64_t()));
  using difference_type = int64_t;
  using reference = value_type;
  using pointer = value_type *;
  using iterator_category = std::random_access_iterator_tag;
  F f;
  int64_t first;
  __host__ __device__ value_type operator[](int64_t p) const {
    return f(first + p);
  }
  __host__ __device__ value_type operator*() const { return f(first); }
  __host__ __device__ indexed operator+(int64_t p) const {
    return {f, first + p};
  }
  __host__ __device__ indexed &operator+=(int64_t p) {
    first += p;
    return *this;
  }
};

struct position {
  __host__ __device__ int64_t operator()(int64_t p) const { return p; }
};

struct element {
  const int64_t *from;
  __host__ __device__ int64_t operator()(int64_t p) const { return from[p]; }
};

struct bit_set {
  const int64_t *words;
  int64_t stride;
  __host__ __device__ bool operator()(int64_t v) const {
    return (uint64_t)words[v / 64 * stride] >> (v % 64) & 1;
  }
};

/* In a sorted list, padded with -1 as the largest number. */
struct first_of_equals {
  const uint64_t *sorted;
  __host__ __device__ bool operator()(int64_t p) const {
    return sorted[p] != UINT64_MAX && (p == 0 || sorted[p] != sorted[p - 1]);
  }
};

struct sorted_vertex {
  const uint64_t *sorted;
  __host__ __device__ int64_t operator()(int64_t p) const {
    return (int64_t)sorted[p];
  }
};

struct row_has_edges {
  const int64_t *from, *offsets;
  __host__ __device__ bool operator()(int64_t p) const {
    return from[p] >= 0 && offsets[p] < offsets[p + 1];
  }
};

struct marked {
  const unsigned char *marks;
  __host__ __device__ bool operator()(int64_t j) const { return marks[j]; }
};

__global__ void pad_kernel(int64_t *vertices, const int64_t *size,
                           int64_t capacity) {
  for (int64_t p = first_index(); p < capacity; p += index_step())
    if (p >= *size) vertices[p] = -1;
}

/* What f(p) is for every p < count that keep(p) holds for, in order. bytes:
 * asks for the scratch alone. */
template <typename F, typename Keep>
static cudaError_t select(void *temp, size_t *bytes, F f, Keep keep,
                          int64_t count, int64_t *vertices, int64_t *size,
                          cudaStream_t stream) {
  return cub::DeviceSelect::Flagged(temp, *bytes, indexed<F>{f, 0},
                                    indexed<Keep>{keep, 0}, vertices, size,
                                    count, stream);
}

template <typename F, typename Keep>
static int select_padded(void *temp, size_t bytes, F f, Keep keep,
                         int64_t count, int64_t capacity, int64_t *vertices,
                         int64_t *size, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  cudaError_t error =
      count ? select(temp, &bytes, f, keep, count, vertices, size, stream)
            : cudaMemsetAsync(size, 0, sizeof *size, stream);
  if (error != cudaSuccess || capacity == 0) return error;
  pad_kernel<<<blocks_for(capacity), threads, 0, stream>>>(vertices, size,
                                                           capacity);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ scratch */

/* A sorted list, the marks of keys, and what CUB wants. */
typedef struct scratch {
  uint64_t *sorted;
  unsigned char *marks;
  void *cub;
  size_t cub_bytes, bytes;
} scratch;

static size_t aligned(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

static size_t cub_bytes(int64_t count) {
  size_t most = 0, bytes = 0;
  select(nullptr, &bytes, position{}, marked{}, count, nullptr, nullptr, 0);
  if (bytes > most) most = bytes;
  select(nullptr, &bytes, sorted_vertex{}, first_of_equals{}, count, nullptr,
         nullptr, 0);
  if (bytes > most) most = bytes;
  select(nullptr, &bytes, element{}, row_has_edges{}, count, nullptr, nullptr,
         0);
  if (bytes > most) most = bytes;
  select(nullptr, &bytes, position{}, bit_set{}, count, nullptr, nullptr, 0);
  if (bytes > most) most = bytes;
  cub::DeviceRadixSort::SortKeys(nullptr, bytes, (uint64_t *)nullptr,
                                 (uint64_t *)nullptr, count);
  return bytes > most ? bytes : most;
}

static scratch lay_out(void *temp, int64_t count, int64_t marks) {
  scratch s;
  char *at = (char *)temp;
  const size_t list = aligned((size_t)count * sizeof(uint64_t));
  s.sorted = (uint64_t *)at;
  s.marks = (unsigned char *)(at + list);
  s.cub = at + list + aligned((size_t)marks);
  s.cub_bytes = cub_bytes(count > marks ? count : marks);
  s.bytes = list + aligned((size_t)marks) + aligned(s.cub_bytes);
  return s;
}

extern "C" size_t gattn_frontier_temp(int64_t count, int64_t marks) {
  const int64_t most = INT64_MAX / 64;
  if (count > most || marks > most) return SIZE_MAX;
  return lay_out(nullptr, count, marks).bytes;
}

/* ------------------------------------------------------------ lists */

__global__ void fill_kernel(const int64_t *from, int64_t stride, int64_t begin,
                            int64_t count, int64_t *vertices, int64_t *size) {
  if (size && first_index() == 0) *size = count;
  for (int64_t p = first_index(); p < count; p += index_step())
    vertices[p] = from ? from[p * stride] : begin + p;
}

extern "C" int gattn_frontier_fill_launch(const int64_t *from, int64_t stride,
                                          int64_t begin, int64_t count,
                                          int64_t *vertices, int64_t *size,
                                          void *stream) {
  fill_kernel<<<blocks_for(count), threads, 0, (cudaStream_t)stream>>>(
      from, stride, begin, count, vertices, size);
  return cudaGetLastError();
}

__global__ void size_kernel(int64_t capacity, const int64_t *given,
                            int64_t *size, gattn_frontier_record *record) {
  const int64_t asked = given ? *given : capacity;
  const bool fits = asked >= 0 && asked <= capacity;
  *size = fits ? asked : 0;
  *record = {INT64_MAX, fits ? INT64_MAX : asked, INT64_MAX, INT64_MAX};
}

/* Keeps the smallest. */
static __device__ void note(int64_t *noted, int64_t value) {
  if (value < *noted) atomicMin((long long *)noted, (long long)value);
}

__global__ void list_kernel(const int64_t *from, int64_t stride,
                            int64_t capacity, int64_t n, int64_t *vertices,
                            const int64_t *size,
                            gattn_frontier_record *record) {
  for (int64_t p = first_index(); p < capacity; p += index_step()) {
    const bool in = p < *size;
    const int64_t vertex = in ? from[p * stride] : -1;
    vertices[p] = vertex;
    if (in && (vertex < 0 || vertex >= n)) note(&record->outside, p);
    if (p + 1 < *size && from[(p + 1) * stride] <= vertex)
      note(&record->descent, p);
  }
}

extern "C" int gattn_frontier_list_launch(const int64_t *from, int64_t stride,
                                          int64_t capacity,
                                          const int64_t *given, int64_t n,
                                          int64_t *vertices, int64_t *size,
                                          gattn_frontier_record *record,
                                          void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  size_kernel<<<1, 1, 0, stream>>>(capacity, given, size, record);
  list_kernel<<<blocks_for(capacity), threads, 0, stream>>>(
      from, stride, capacity, n, vertices, size, record);
  return cudaGetLastError();
}

/* ------------------------------------------------------------ bitmaps */

/* One thread: the bits of the last word that stand for no vertex. */
__global__ void last_word_kernel(const int64_t *words, int64_t stride,
                                 int64_t n, gattn_frontier_record *record) {
  const uint64_t word = n % 64 ? (uint64_t)words[n / 64 * stride] : 0;
  const uint64_t past = word >> (n % 64);
  *record = {past ? n + __ffsll((long long)past) - 1 : INT64_MAX, INT64_MAX,
             INT64_MAX, INT64_MAX};
}

extern "C" int gattn_frontier_bitmap_launch(const int64_t *words,
                                            int64_t stride, int64_t n,
                                            int64_t *vertices, int64_t *size,
                                            gattn_frontier_record *record,
                                            void *temp, void *stream) {
  const scratch s = lay_out(temp, n, 0);
  last_word_kernel<<<1, 1, 0, (cudaStream_t)stream>>>(words, stride, n, record);
  return select_padded(s.cub, s.cub_bytes, position{}, bit_set{words, stride},
                       n, n, vertices, size, stream);
}

/* ------------------------------------------------------------ sets */

__global__ void duplicate_kernel(const uint64_t *sorted, int64_t count,
                                 gattn_frontier_record *record) {
  for (int64_t p = first_index(); p + 1 < count; p += index_step())
    if (sorted[p] != UINT64_MAX && sorted[p] == sorted[p + 1])
      note(&record->duplicate, (int64_t)sorted[p]);
}

extern "C" int gattn_frontier_unique_launch(const int64_t *from, int64_t count,
                                            int64_t capacity, int64_t *vertices,
                                            int64_t *size,
                                            gattn_frontier_record *record,
                                            void *temp, void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const scratch s = lay_out(temp, count, 0);
  size_t bytes = s.cub_bytes;
  cudaError_t error = cub::DeviceRadixSort::SortKeys(
      s.cub, bytes, (const uint64_t *)from, s.sorted, count, 0, 64, stream);
  if (error != cudaSuccess) return error;
  if (record)
    duplicate_kernel<<<blocks_for(count), threads, 0, stream>>>(s.sorted, count,
                                                                record);
  if (!vertices) return cudaGetLastError();
  return select_padded(s.cub, s.cub_bytes, sorted_vertex{s.sorted},
                       first_of_equals{s.sorted}, count, capacity, vertices,
                       size, stream);
}

/* ------------------------------------------------------------ reach */

extern "C" int gattn_frontier_occupied_launch(const int64_t *from,
                                              const int64_t *offsets,
                                              int64_t count, int64_t *vertices,
                                              int64_t *size, void *temp,
                                              void *stream) {
  const scratch s = lay_out(temp, count, 0);
  return select_padded(s.cub, s.cub_bytes, element{from},
                       row_has_edges{from, offsets}, count, count, vertices,
                       size, stream);
}

__global__ void mark_kernel(const int64_t *offsets, int64_t rows,
                            const void *columns, int narrow,
                            unsigned char *marks) {
  const int64_t end = offsets[rows];
  for (int64_t e = offsets[0] + first_index(); e < end; e += index_step())
    marks[narrow ? ((const int32_t *)columns)[e]
                 : ((const int64_t *)columns)[e]] = 1;
}

extern "C" int gattn_frontier_reached_launch(const int64_t *offsets,
                                             int64_t rows, const void *columns,
                                             int narrow, int64_t edges,
                                             int64_t n_kv, int64_t *vertices,
                                             int64_t *size, void *temp,
                                             void *stream_) {
  cudaStream_t stream = (cudaStream_t)stream_;
  const scratch s = lay_out(temp, 0, n_kv);
  cudaError_t error = cudaMemsetAsync(s.marks, 0, (size_t)n_kv, stream);
  if (error != cudaSuccess) return error;
  mark_kernel<<<blocks_for(edges), threads, 0, stream>>>(
      offsets, rows, columns, narrow, s.marks);
  return select_padded(s.cub, s.cub_bytes, position{}, marked{s.marks}, n_kv,
                       n_kv, vertices, size, stream);
}
