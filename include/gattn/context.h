/* Contexts: device, threads, allocators, logger. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CONTEXT_H
#define GATTN_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <gattn/status.h>

GATTN_BEGIN_DECLS

/* A context owns what calls share: the device, the number of threads, the
 * allocators, the message of the last failure. Opaque. */
typedef struct gattn_context gattn_context;

/* A device: the CPU, or the CUDA device of an ordinal. */
typedef int32_t gattn_device;
#define GATTN_CPU ((gattn_device)0)
#define GATTN_CUDA(ordinal) ((gattn_device)(1 + (ordinal)))

/* Instruction sets of the CPU kernels. AUTO takes the widest that processor
 * and library both have; naming one that is missing is GATTN_ERROR_DEVICE. */
typedef enum gattn_isa {
  GATTN_ISA_AUTO = 0,
  GATTN_ISA_PORTABLE = 1,
  GATTN_ISA_AVX2 = 2,
  GATTN_ISA_AVX512 = 3
} gattn_isa;

/* Memory of the host, or of a device. allocate returns `bytes` bytes aligned
 * to `alignment` (a power of two, at least 64) or null; release takes what
 * allocate returned, with the same `bytes`. Both may be called from any thread
 * that uses the context or a handle made with it. Both null: the C library's,
 * or cudaMalloc and cudaFree.
 *
 * For device memory `alignment` is 256, and the context's device is current
 * during the call. What is released may still be in use by work that was given
 * to the context's stream before: a pool gives it to later work of that stream
 * alone, or waits, as cudaFree does. */
typedef struct gattn_allocator {
  void *user;
  void *(*allocate)(void *user, size_t bytes, size_t alignment);
  void (*release)(void *user, void *memory, size_t bytes);
} gattn_allocator;

typedef enum gattn_log_level {
  GATTN_LOG_ERROR = 0, /* a call is about to return an error */
  GATTN_LOG_NOTE = 1,  /* something a user may want to know */
  GATTN_LOG_DEBUG = 2  /* decisions of the planner */
} gattn_log_level;

/* Receives one line, without newline; valid only during the call. */
typedef void (*gattn_logger)(void *user, gattn_log_level level,
                             const char *line);

/* Called by the executing thread now and then with 0 <= done <= total, in
 * units of the running call's own. A non-zero return ends the call with
 * GATTN_ERROR_CANCELLED; outputs are then partly written. */
typedef int (*gattn_progress)(void *user, int64_t done, int64_t total);

/* Most threads of a context. */
#define GATTN_MAX_THREADS 1024

/* Zero every field but struct_size for the defaults. Structures of earlier
 * versions, which are shorter, are taken. */
typedef struct gattn_context_options {
  size_t struct_size;        /* sizeof(gattn_context_options) */
  gattn_device device;       /* default GATTN_CPU */
  int32_t threads;           /* default 0: as many as OpenMP would start and
                              * the system grants */
  gattn_isa isa;             /* default GATTN_ISA_AUTO */
  gattn_allocator allocator; /* host memory */
  gattn_logger logger;       /* default null: silent */
  void *logger_user;
  gattn_progress progress;   /* default null */
  void *progress_user;
  /* Added with devices; a structure that ends here has them zero. */
  void *stream;              /* a cudaStream_t of the device, on which every
                              * call puts its work; default null: the device's
                              * default stream. The caller's: outlives the
                              * context. Null on the CPU */
  gattn_allocator device_allocator; /* memory of the device */
} gattn_context_options;

/* Creates a context. options may be null for the defaults.
 * GATTN_ERROR_STRUCT_SIZE, GATTN_ERROR_ARGUMENT (threads < 0 or above
 * GATTN_MAX_THREADS, an unknown isa, one allocator function without the other,
 * a stream on the CPU), GATTN_ERROR_DEVICE (a device or instruction set that
 * this build or machine does not have: no CUDA in the build, no driver, no such
 * device, one older than compute capability 8.0, one in a state of error),
 * GATTN_ERROR_MEMORY (also threads that the system does not grant: OpenMP would
 * end the process over one, so they are tried here). */
GATTN_API gattn_status gattn_context_create(
    const gattn_context_options *options, gattn_context **context);

/* Gives the context up. Null is allowed. Graphs, frontiers, programs and plans
 * made with it stay valid: the memory goes with the last of them. */
GATTN_API void gattn_context_destroy(gattn_context *context);

/* The sentence of the last call on this context that failed, naming the
 * argument and the offending value; "" when none has. Valid until the next
 * call on the context. Never null. */
GATTN_API const char *gattn_context_message(const gattn_context *context);

/* Device, number of threads and instruction set in use. 0 for null. */
GATTN_API gattn_device gattn_context_device(const gattn_context *context);
GATTN_API int32_t gattn_context_threads(const gattn_context *context);
GATTN_API gattn_isa gattn_context_isa(const gattn_context *context);

/* "portable", "avx2", "avx512"; "unknown" for anything else. */
GATTN_API const char *gattn_isa_name(gattn_isa isa);

/* Whether this library and this processor have the instruction set: 1 or 0. */
GATTN_API int gattn_isa_available(gattn_isa isa);

GATTN_END_DECLS

#endif
