/* Memory where a context computes. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MEMORY_H
#define GATTN_MEMORY_H

#include <gattn/context.h>

GATTN_BEGIN_DECLS

/* Programs that own no CUDA memory of their own can use these for the operands
 * of a device context; on the CPU they are plain memory, so that one program
 * serves both. */

/* `bytes` bytes on the context's device, from its allocator; not cleared; 0 is
 * allowed. GATTN_ERROR_NULL, GATTN_ERROR_MEMORY, GATTN_ERROR_DEVICE (one in a
 * state of error). */
GATTN_API gattn_status gattn_memory_allocate(gattn_context *context,
                                             size_t bytes, void **memory);

/* Gives back what gattn_memory_allocate gave, with the same bytes. Null is
 * allowed. Waits for the context's stream first. */
GATTN_API void gattn_memory_release(gattn_context *context, void *memory,
                                    size_t bytes);

/* Copies bytes from host memory to the context's device, and back, in the
 * order of the context's stream; returns when it is done. GATTN_ERROR_NULL,
 * GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_memory_upload(gattn_context *context,
                                           void *memory, const void *host,
                                           size_t bytes);
GATTN_API gattn_status gattn_memory_download(gattn_context *context,
                                             void *host, const void *memory,
                                             size_t bytes);

/* Waits until everything that was given to the context's stream is done, and
 * returns what failed there. On the CPU nothing is ever pending.
 * GATTN_ERROR_NULL, GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_synchronize(gattn_context *context);

GATTN_END_DECLS

#endif
