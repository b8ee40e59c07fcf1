/* Measuring the limits of a device. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_OPERATORS_LIMITS_DEVICE_H
#define GATTN_OPERATORS_LIMITS_DEVICE_H

#include <gattn/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* gattn_measure_limits of a context on a device; checked arguments. */
gattn_status gattn_measure_device(gattn_context *context, int64_t rows,
                                  int64_t row_bytes, gattn_limits *limits);

/* Launchers return a CUDA error code. `sink` is memory that keeps results
 * alive, at least GATTN_LIMITS_SINK floats. */
enum { GATTN_LIMITS_SINK = 64 };

/* bytes: a multiple of 16. */
int gattn_limits_copy_launch(const void *from, void *to, int64_t bytes,
                             void *stream);

/* Independent multiply-adds in registers; *operations as many as it does. */
int gattn_limits_multiply_add_launch(int32_t multiprocessors,
                                     int64_t iterations, float *sink,
                                     double *operations, void *stream);

/* Reads `reads` rows, at random, of the `rows` <= 2^31 of a table. row_bytes: a
 * multiple of 64. */
int gattn_limits_rows_launch(const void *table, int64_t rows,
                             int64_t row_bytes, int64_t reads, float *sink,
                             void *stream);

/* Products of float16 matrices in registers (mma.sync) or shared memory
 * (wgmma), accumulated in float32. numbers: at least GATTN_LIMITS_NUMBERS
 * float16 values. wgmma leaves sink[0] = 0 where this build or the device
 * lacks the instruction, else 1. */
enum { GATTN_LIMITS_NUMBERS = 20480 };
int gattn_limits_mma_launch(int32_t multiprocessors, int64_t iterations,
                            const void *numbers, float *sink,
                            double *operations, void *stream);
int gattn_limits_wgmma_launch(int32_t multiprocessors, int64_t iterations,
                              const void *numbers, float *sink,
                              double *operations, void *stream);

#ifdef __cplusplus
}
#endif

#endif
