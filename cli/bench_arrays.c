/* Operands of gattn bench. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/bench_arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_of(int array) { return (uint64_t)(array + 1) << 56; }

gattn_status bench_arrays_draw(const bench_arrays *arrays, int array) {
  return gattn_fill_normal(arrays->context, seed_of(array),
                           &arrays->view[array]);
}

static gattn_status array_create(bench_arrays *arrays, int array) {
  const int64_t rows =
      array == BENCH_K || array == BENCH_V ? arrays->n : arrays->n_f;
  const int64_t shape[3] = {arrays->heads, rows, arrays->d};
  const bool one = arrays->heads == 1;
  const int32_t rank = (array == BENCH_LSE ? 2 : 3) - one;
  const gattn_type type = array == BENCH_LSE ? GATTN_FLOAT32 : arrays->type;
  gattn_tensor *view = &arrays->view[array];
  /* The shape's overflow is checked before there is memory to point at. */
  gattn_status status = gattn_tensor_dense(arrays->context, arrays, type, rank,
                                           shape + one, view);
  if (status) return status;
  view->data = NULL;
  const size_t bytes =
      (size_t)gattn_tensor_elements(view) * gattn_type_size(type);
  status = gattn_memory_allocate(arrays->context, bytes, &view->data);
  if (status) return status;
  arrays->bytes[array] = bytes;
  view->device = gattn_context_device(arrays->context);
  return array < BENCH_O ? bench_arrays_draw(arrays, array) : GATTN_SUCCESS;
}

gattn_status bench_arrays_create(gattn_context *context, gattn_type type,
                                 int64_t heads, int64_t n_f, int64_t n,
                                 int64_t d, bool over_q,
                                 bench_arrays *arrays) {
  gattn_status status = GATTN_SUCCESS;
  *arrays = (bench_arrays){.context = context,
                           .type = type,
                           .heads = heads,
                           .n_f = n_f,
                           .n = n,
                           .d = d};
  for (int a = 0; a < BENCH_ARRAYS && !status; a++)
    if (a == BENCH_O && over_q)
      arrays->view[a] = arrays->view[BENCH_Q];
    else
      status = array_create(arrays, a);
  return status;
}

void bench_arrays_release(bench_arrays *arrays) {
  for (int a = 0; a < BENCH_ARRAYS; a++)
    if (arrays->bytes[a])
      gattn_memory_release(arrays->context, arrays->view[a].data,
                           arrays->bytes[a]);
}

gattn_status bench_arrays_shape(gattn_program *program,
                                const gattn_value *value,
                                bench_arrays *arrays) {
  for (int a = BENCH_O; a < BENCH_ARRAYS; a++) {
    gattn_tensor *view = &arrays->view[a];
    const gattn_device device = view->device;
    gattn_type type;
    int32_t rank;
    int64_t shape[GATTN_MAX_RANK];
    gattn_status status =
        gattn_program_value(program, value[a], &type, &rank, shape);
    if (!status)
      status = gattn_tensor_dense(arrays->context, view->data, type, rank,
                                  shape, view);
    if (status) return status;
    view->device = device;
  }
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ error */

static float rounded(float value, gattn_type type) {
  if (type == GATTN_FLOAT16)
    return gattn_float16_to_float(gattn_float16_from_float(value));
  if (type == GATTN_BFLOAT16)
    return gattn_bfloat16_to_float(gattn_bfloat16_from_float(value));
  return value;
}

static float widened(const void *values, gattn_type type, int64_t c) {
  if (type == GATTN_FLOAT32) return ((const float *)values)[c];
  const uint16_t bits = ((const uint16_t *)values)[c];
  return type == GATTN_FLOAT16 ? gattn_float16_to_float(bits)
                               : gattn_bfloat16_to_float(bits);
}

/* Operands are made again, which needs no copy of theirs on the host. */
static void row_of(const void *source, int array, int64_t head, int64_t row,
                   int64_t d, float *values) {
  const bench_arrays *arrays = source;
  const int64_t rows = array == BENCH_Q ? arrays->n_f : arrays->n;
  const int64_t first = (head * rows + row) * d;
  for (int64_t c = 0; c < d; c++)
    values[c] = rounded(gattn_normal(seed_of(array), first + c), arrays->type);
}

/* o[d] as float32 and lse of a row. */
static gattn_status download(const bench_arrays *arrays, int64_t head,
                             int64_t row, float *o, float *lse) {
  const int64_t at = head * arrays->n_f + row;
  const size_t size = gattn_type_size(arrays->type);
  const size_t bytes = (size_t)arrays->d * size;
  void *stored = malloc(bytes);
  if (!stored) return GATTN_ERROR_MEMORY;
  gattn_status status = gattn_memory_download(
      arrays->context, stored,
      (const char *)arrays->view[BENCH_O].data + (size_t)at * bytes, bytes);
  if (!status)
    status = gattn_memory_download(
        arrays->context, lse, (const float *)arrays->view[BENCH_LSE].data + at,
        sizeof *lse);
  for (int64_t c = 0; c < arrays->d && !status; c++)
    o[c] = widened(stored, arrays->type, c);
  free(stored);
  return status;
}

/* Rows of more edges would take the oracle minutes. */
static gattn_status too_long(const bench_arrays *arrays,
                             const gattn_graph *graph, int64_t vertex,
                             bool *yes) {
  const int64_t most = (int64_t)1 << 22;
  int64_t degree = 0;
  gattn_status status =
      gattn_graph_degree(arrays->context, graph, vertex, &degree);
  *yes = degree > most && arrays->heads * arrays->n_f > 1;
  return status;
}

static gattn_status sample_error(const bench_arrays *arrays,
                                 const gattn_graph *graph,
                                 const gattn_frontier *frontier, int64_t unit,
                                 float *o, int64_t *edges, double *error) {
  bool passed_over = false;
  bench_sample sample = {
      .head = unit / arrays->n_f, .row = unit % arrays->n_f, .o = o};
  sample.vertex = sample.row;
  int64_t count;
  gattn_status status = GATTN_SUCCESS;
  if (frontier)
    status = gattn_frontier_vertices(arrays->context, frontier, sample.row, 1,
                                     &sample.vertex, &count);
  if (!status) status = too_long(arrays, graph, sample.vertex, &passed_over);
  *error = 0;
  if (passed_over) return status;
  if (!status)
    status = download(arrays, sample.head, sample.row, o, &sample.lse);
  if (!status)
    status = bench_oracle_error(arrays->context, graph, arrays->d, row_of,
                                arrays, &sample, edges, error);
  return status;
}

gattn_status bench_arrays_error(const bench_arrays *arrays,
                                const gattn_graph *graph,
                                const gattn_frontier *frontier,
                                double *error) {
  enum { SAMPLES = 64, STRIDE = 37 }; /* the stride visits every sample */
  const int64_t most_edges = (int64_t)1 << 20;
  const int64_t units = arrays->heads * arrays->n_f;
  const int64_t samples = units < SAMPLES ? units : SAMPLES;
  float *o = malloc((size_t)arrays->d * sizeof *o);
  if (!o) return GATTN_ERROR_MEMORY;
  gattn_status status = GATTN_SUCCESS;
  int64_t edges = 0;
  double worst = 0, one = 0;
  for (int64_t s = 0; s < SAMPLES && edges < most_edges && !status; s++) {
    const int64_t sample = s * STRIDE % SAMPLES;
    if (sample >= samples) continue;
    const int64_t unit =
        samples > 1 ? (units - 1) / (samples - 1) * sample +
                          (units - 1) % (samples - 1) * sample / (samples - 1)
                    : 0;
    status = sample_error(arrays, graph, frontier, unit, o, &edges, &one);
    if (!status && !(one <= worst)) worst = one;
  }
  free(o);
  if (!status) *error = worst;
  return status;
}
