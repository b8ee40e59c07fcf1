/* Random keys are drawn on a device as they are on the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/device.h"
#include "masks/graph.h"
#include "operators/cuda/random_rows.h"
#include "tests/backend.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { ROWS = 60 };

static gattn_context *context;

static void setup(void) {
  gattn_context_options options = {.struct_size = sizeof options,
                                   .device = GATTN_CUDA(0)};
  ck_assert_int_eq(gattn_context_create(&options, &context), GATTN_SUCCESS);
}
static void teardown(void) { gattn_context_destroy(context); }

static void *memory(int64_t bytes) {
  void *made;
  ck_assert_int_eq(gattn_memory_allocate(context, (size_t)bytes, &made), 0);
  return made;
}

static void *uploaded(const void *host, int64_t bytes) {
  void *made = memory(bytes);
  ck_assert_int_eq(gattn_memory_upload(context, made, host, (size_t)bytes), 0);
  return made;
}

/* Sparse, dense, more than are drawn at once, all but a few, all, too many;
 * with many repeats among the draws. */
static const struct {
  int64_t n_kv, k, seed;
  bool narrow;
} shapes[] = {{1, 1, 0, true},
              {3, 1, 8, true},
              {7, 2, 8, true},
              {65, 32, 11, true},
              {70, 33, 8, true},
              {70, 35, 8, false},
              {70, 36, -8, true},
              {64, 63, INT64_MIN, true},
              {64, 64, 7, false},
              {64, 65, 7, true},
              {131072, 32, 5, true},
              {1000, 500, 3, true},
              {1000, 512, 3, true},
              {1000, 513, 3, true},
              {1024, 512, 1, false},
              {3000, 1500, 4, true},
              {3000, 2999, 4, false},
              {5001, 2400, 9, true},
              {1 << 20, 5000, 2, true},
              {(int64_t)1 << 40, 100, 8, false},
              {(int64_t)1 << 40, 1100, 8, false}};

/* The rows of a job as the host draws them; `filled` of them are there. */
static void check_rows(const gattn_random_rows *job, const int64_t *vertices,
                       int64_t filled, const void *columns,
                       const int64_t *offsets) {
  gattn_graph *graph;
  int64_t k = job->k < job->n_kv ? job->k : job->n_kv;
  ck_assert_int_eq(
      gattn_mask_random(context, 1000, job->n_kv, job->k, job->seed, &graph),
      0);
  for (int64_t p = 0; p < job->n_rows; p++) {
    int64_t i = vertices ? vertices[p] : job->begin + p, j = -1;
    ck_assert_int_eq(offsets[p], (p < filled ? p : filled) * k);
    for (int64_t e = p * k; e < (p + 1) * k && p < filled; e++) {
      j = gattn_next(graph, i, j + 1);
      int64_t column = job->narrow ? ((const int32_t *)columns)[e]
                                   : ((const int64_t *)columns)[e];
      if (column != j)
        ck_abort_msg(
            "random(%lld, %lld) over %lld: row %lld has %lld, not "
            "%lld",
            (long long)k, (long long)job->seed, (long long)job->n_kv,
            (long long)i, (long long)column, (long long)j);
    }
  }
  ck_assert_int_eq(offsets[job->n_rows], filled * k);
  gattn_graph_release(graph);
}

static void run(gattn_random_rows job, const int64_t *vertices,
                const int64_t *size) {
  int64_t k = job.k < job.n_kv ? job.k : job.n_kv;
  int64_t bytes = job.n_rows * k * (job.narrow ? 4 : 8);
  int64_t offset_bytes = (job.n_rows + 1) * (int64_t)sizeof(int64_t);
  void *columns = malloc((size_t)bytes),
       *offsets = malloc((size_t)offset_bytes);
  job.columns = memory(bytes);
  job.offsets = memory(offset_bytes);
  if (vertices)
    job.vertices = uploaded(vertices, job.n_rows * (int64_t)sizeof *vertices);
  if (size) job.size = uploaded(size, sizeof *size);
  ck_assert_int_eq(gattn_random_rows_launch(&job, gattn_device_stream(context)),
                   0);
  ck_assert_int_eq(
      gattn_memory_download(context, columns, job.columns, (size_t)bytes), 0);
  ck_assert_int_eq(gattn_memory_download(context, offsets, job.offsets,
                                         (size_t)offset_bytes),
                   0);
  check_rows(&job, vertices, size ? *size : job.n_rows, columns, offsets);
  if (size) gattn_memory_release(context, (void *)job.size, sizeof *size);
  if (vertices)
    gattn_memory_release(context, (void *)job.vertices,
                         (size_t)job.n_rows * sizeof *vertices);
  gattn_memory_release(context, job.offsets, (size_t)offset_bytes);
  gattn_memory_release(context, job.columns, (size_t)bytes);
  free(offsets);
  free(columns);
}

START_TEST(rows_of_a_range) {
  run((gattn_random_rows){.seed = shapes[_i].seed,
                          .k = shapes[_i].k,
                          .n_kv = shapes[_i].n_kv,
                          .n_rows = ROWS,
                          .begin = 17,
                          .narrow = shapes[_i].narrow},
      NULL, NULL);
}
END_TEST

START_TEST(rows_of_a_list) {
  int64_t vertices[ROWS], size = ROWS / 3;
  for (int p = 0; p < ROWS; p++) vertices[p] = p * 37 % 1000;
  gattn_random_rows job = {
      .seed = 3, .k = 40, .n_kv = 5000, .n_rows = ROWS, .narrow = _i % 2};
  run(job, vertices, NULL);
  run(job, vertices, &size);
  size = 0;
  run(job, vertices, &size);
  job.n_rows = 1;
  run(job, vertices, NULL);
}
END_TEST

static Suite *make_device_random_suite(void) {
  Suite *suite = suite_create("device_random");
  TCase *tcase = tcase_create("random");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, rows_of_a_range, 0, COUNT(shapes));
  tcase_add_loop_test(tcase, rows_of_a_list, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  Suite *(*const makers[])(void) = {make_device_random_suite};
  return test_device_main(makers, 1);
}
