/* What measuring needs: a timer, and numbers that can be made again.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MEASURE_H
#define GATTN_MEASURE_H

#include <gattn/tensor.h>

GATTN_BEGIN_DECLS

/* ------------------------------------------------------------ timer */

/* Marks in the work of a context, and the seconds between them. On a device
 * they are events of a stream: setting one waits for nothing, so that the work
 * between two marks is timed without what the host does. On the CPU they are
 * readings of a clock. Opaque. */
typedef struct gattn_timer gattn_timer;

/* A timer of at most `marks` marks, 1 … 65536. GATTN_ERROR_ARGUMENT,
 * GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_timer_create(gattn_context *context,
                                          int64_t marks, gattn_timer **timer);
/* Null is allowed. */
GATTN_API void gattn_timer_destroy(gattn_timer *timer);

/* Sets the next mark, behind all that was given to `stream` so far; null is
 * the context's stream, and what it must be on the CPU. GATTN_ERROR_STATE (all
 * are set), GATTN_ERROR_ARGUMENT, GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_timer_mark(gattn_timer *timer, void *stream);

/* Waits for the last mark, and begins anew. seconds[marks set − 1]: from each
 * mark to the next. GATTN_ERROR_STATE (fewer than two are set),
 * GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_timer_read(gattn_timer *timer, double *seconds);

/* ------------------------------------------------------------ numbers */

/* Number `element` >= 0 of a pseudo-random sequence, of mean 0 and variance 1,
 * between −3.5 and 3.5, nearly normal: the sum of four uniform numbers. The
 * same on every machine. */
GATTN_API float gattn_normal(uint64_t seed, int64_t element);

/* Fills a tensor, on the context's device, with the numbers of a seed, rounded
 * to its type: its element e, counted in C order, is gattn_normal(seed, e).
 * In the order of the context's stream; waits for nothing. GATTN_ERROR_TYPE,
 * GATTN_ERROR_STRIDE (zero), GATTN_ERROR_DEVICE (another device's), and those
 * of gattn_tensor_check. */
GATTN_API gattn_status gattn_fill_normal(gattn_context *context, uint64_t seed,
                                         const gattn_tensor *tensor);

GATTN_END_DECLS

#endif
