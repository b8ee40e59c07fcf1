/* The limits of a context's device, measured on its stream.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/limits/device.h"

#include <gattn/measure.h>

#include "lib/device.h"

enum { REPEATS = 10, MARKS = REPEATS + 2 };
static const int64_t copy_size = INT64_C(1) << 30; /* bytes of each array */
static const int64_t rows_size = INT64_C(1) << 32; /* bytes of rows read */
/* Some milliseconds on any device: its clock settles within one. */
static const int64_t iterations[] = {1 << 16, 1 << 14, 1 << 14};

typedef enum work_kind { COPY, ROWS, MULTIPLY_ADD, MMA, WGMMA } work_kind;

typedef struct work {
  gattn_context *context;
  gattn_timer *timer;
  work_kind kind;
  void *from, *to; /* COPY; ROWS: the table; MMA, WGMMA: the numbers */
  int64_t rows, row_bytes;
  float *sink;
  double amount; /* bytes, or operations, of one run */
} work;

static int launch(work *w, void *stream) {
  const int32_t n =
      gattn_device_facts_of(w->context)->multiprocessors;
  switch (w->kind) {
    case COPY:
      w->amount = 2.0 * (double)copy_size;
      return gattn_limits_copy_launch(w->from, w->to, copy_size, stream);
    case ROWS:
      w->amount = (double)(rows_size / w->row_bytes * w->row_bytes);
      return gattn_limits_rows_launch(w->from, w->rows, w->row_bytes,
                                      rows_size / w->row_bytes, w->sink,
                                      stream);
    case MULTIPLY_ADD:
      return gattn_limits_multiply_add_launch(n, iterations[0], w->sink,
                                              &w->amount, stream);
    case MMA:
      return gattn_limits_mma_launch(n, iterations[1], w->from, w->sink,
                                     &w->amount, stream);
    default:
      return gattn_limits_wgmma_launch(n, iterations[2], w->from, w->sink,
                                       &w->amount, stream);
  }
}

/* The median of repeated runs, after two that do not count. */
static gattn_status measure(work *w, double *rate) {
  double laps[MARKS - 1];
  gattn_status status = GATTN_SUCCESS;
  int previous;
  for (int mark = 0; mark < MARKS && !status; mark++) {
    status = gattn_timer_mark(w->timer, NULL);
    if (status || mark == MARKS - 1) break;
    status = gattn_device_enter(w->context, &previous);
    if (status) break;
    status = gattn_device_check(
        w->context, launch(w, gattn_device_stream(w->context)), "limits");
    gattn_device_leave(w->context, previous);
  }
  if (!status) status = gattn_timer_read(w->timer, laps);
  if (status) return status;
  double *times = laps + 1;
  for (int r = 1; r < REPEATS; r++)
    for (int at = r; at > 0 && times[at - 1] > times[at]; at--) {
      const double swap = times[at];
      times[at] = times[at - 1];
      times[at - 1] = swap;
    }
  *rate = 2 * w->amount / (times[REPEATS / 2 - 1] + times[REPEATS / 2]);
  return GATTN_SUCCESS;
}

/* Runs `kind` on one or two arrays of `bytes` bytes of random numbers. */
static gattn_status measure_arrays(work *w, work_kind kind, int64_t bytes,
                                   int arrays, double *rate) {
  int64_t half = bytes / 2;
  gattn_tensor numbers;
  w->kind = kind;
  gattn_status status = gattn_device_allocate(w->context, "limits", bytes,
                                              (size_t)arrays, &w->from);
  if (status) return status;
  w->to = (char *)w->from + (arrays - 1) * bytes;
  status = gattn_tensor_dense(w->context, w->from, GATTN_FLOAT16, 1, &half,
                              &numbers);
  numbers.device = gattn_context_device(w->context);
  if (!status) status = gattn_fill_normal(w->context, 1, &numbers);
  if (!status) status = measure(w, rate);
  if (!status) status = gattn_device_synchronize(w->context);
  gattn_device_free(w->context, w->from, bytes, (size_t)arrays);
  return status;
}

static gattn_status measure_matrix(work *w, gattn_limits *limits) {
  const int64_t bytes = 2 * GATTN_LIMITS_NUMBERS;
  float ran;
  gattn_status status = measure_arrays(w, MMA, bytes, 1, &limits->mma_sync);
  if (!status) status = measure_arrays(w, WGMMA, bytes, 1, &limits->wgmma);
  if (!status)
    status = gattn_device_download(w->context, &ran, w->sink, sizeof ran);
  if (!status && ran != 1) limits->wgmma = 0;
  return status;
}

static gattn_status measure_all(work *w, gattn_limits *limits) {
  int64_t bytes;
  if (!gattn_multiply(w->rows, w->row_bytes, &bytes))
    return gattn_fail(w->context, GATTN_ERROR_OVERFLOW,
                      "rows: %lld rows of %lld bytes overflow",
                      (long long)w->rows, (long long)w->row_bytes);
  gattn_status status =
      measure_arrays(w, COPY, copy_size, 2, &limits->copy_bytes);
  if (!status)
    status = measure_arrays(w, ROWS, bytes, 1, &limits->random_row_bytes);
  w->kind = MULTIPLY_ADD;
  if (!status) status = measure(w, &limits->multiply_add);
  if (!status) status = measure_matrix(w, limits);
  return status;
}

gattn_status gattn_measure_device(gattn_context *context, int64_t rows,
                                  int64_t row_bytes, gattn_limits *limits) {
  work w = {.context = context, .rows = rows, .row_bytes = row_bytes};
  if (rows > INT64_C(1) << 31)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "rows: %lld is above 2^31 on a device", (long long)rows);
  gattn_status status = gattn_timer_create(context, MARKS, &w.timer);
  if (status) return status;
  status = gattn_device_allocate(context, "limits", GATTN_LIMITS_SINK,
                                 sizeof *w.sink, (void **)&w.sink);
  if (status) goto destroy_timer;
  status = measure_all(&w, limits);
  gattn_device_free(context, w.sink, GATTN_LIMITS_SINK, sizeof *w.sink);
destroy_timer:
  gattn_timer_destroy(w.timer);
  return status;
}
