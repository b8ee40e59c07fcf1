/* The machine's own limits, measured. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIMITS_H
#define GATTN_LIMITS_H

#include <gattn/context.h>

GATTN_BEGIN_DECLS

/* What the context's threads and instruction set reach together, or its
 * device. */
typedef struct gattn_limits {
  size_t struct_size;         /* sizeof(gattn_limits), set by the caller */
  double copy_bytes;          /* bytes/s read plus written by a copy that does
                               * not fit the caches */
  double multiply_add;        /* float32 operations/s of independent
                               * multiply-adds in registers, two each */
  double random_row_bytes;    /* bytes/s of reading rows in random order */
  /* On a device; 0 on the CPU: operations/s of products of
   * random float16 matrices accumulated in float32, two a multiply-add. */
  double mma_sync;            /* by a warp's instruction, out of registers */
  double wgmma;               /* by a warp group's, out of shared memory; 0
                               * where the build or the device lacks it */
} gattn_limits;

/* Measures, for about a second; on a device for some tenths, with 2 GiB of its
 * memory and that of the rows. random rows: `row_bytes` (a multiple of 64)
 * each, out of `rows` rows (on a device at most 2^31) in an array of rows ·
 * row_bytes; 0 and 0 for 256 bytes out of 2^18. Medians of repeated runs.
 * GATTN_ERROR_ARGUMENT, GATTN_ERROR_OVERFLOW. */
GATTN_API gattn_status gattn_measure_limits(gattn_context *context,
                                            int64_t rows, int64_t row_bytes,
                                            gattn_limits *limits);

GATTN_END_DECLS

#endif
