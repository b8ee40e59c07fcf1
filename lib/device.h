/* The device of a context, from inside. SPDX-License-Identifier: Apache-2.0
 *
 * Host code of every room reaches the device through these functions alone;
 * they exist in every build. In one without CUDA, and for a context on the
 * CPU, gattn_on_device is false and nothing else here is called. */
#ifndef GATTN_LIB_DEVICE_H
#define GATTN_LIB_DEVICE_H

#include "lib/context.h"

/* Whether the context computes on a CUDA device. */
bool gattn_on_device(const gattn_context *context);

/* "cpu", "cuda:0": for messages. */
enum { GATTN_DEVICE_TEXT = 20 };
const char *gattn_device_text(gattn_device device,
                              char text[GATTN_DEVICE_TEXT]);

/* Makes the context's device the calling thread's current one; *previous is
 * for gattn_device_leave, which restores what was. Every public function that
 * launches or allocates is between the two; the functions below do it
 * themselves. */
gattn_status gattn_device_enter(gattn_context *context, int *previous);
void gattn_device_leave(gattn_context *context, int previous);

/* Device memory, count · size bytes aligned to 256, through the context's
 * device allocator; not cleared. GATTN_ERROR_MEMORY, GATTN_ERROR_OVERFLOW,
 * naming `what`. count = 0 gives a valid pointer. Null may be freed. Freeing
 * waits for nothing: plans free only what no execution in flight can use, or
 * synchronise first. */
gattn_status gattn_device_allocate(gattn_context *context, const char *what,
                                   int64_t count, size_t size, void **memory);
void gattn_device_free(gattn_context *context, void *memory, int64_t count,
                       size_t size);

/* Copies on the context's stream, and waits: the source may be reused. */
gattn_status gattn_device_upload(gattn_context *context, void *device,
                                 const void *host, size_t bytes);
gattn_status gattn_device_download(gattn_context *context, void *host,
                                   const void *device, size_t bytes);
/* Waits for the context's stream, and reports what has failed on it. */
gattn_status gattn_device_synchronize(gattn_context *context);

/* The context's stream, a cudaStream_t; null is the default stream. */
void *gattn_device_stream(const gattn_context *context);

/* Points in the work of a stream, cudaEvent_t's. `elapsed` waits for `to`, and
 * gives the seconds from one to the other. */
gattn_status gattn_device_event_create(gattn_context *context, void **event);
void gattn_device_event_destroy(gattn_context *context, void *event);
gattn_status gattn_device_event_record(gattn_context *context, void *event,
                                       void *stream);
gattn_status gattn_device_event_elapsed(gattn_context *context, void *from,
                                        void *to, double *seconds);

/* BRANCHES. Work that need not wait for what follows it on the caller's stream
 * goes to a branch, a stream of the context's. `make` is for planning, and does
 * nothing once there are some; an execution forks at a point of its stream and
 * joins again, always, from the same thread and before it returns. *branch is
 * null where none is free, as in many captures or on many streams at once: the
 * work then goes to the stream itself. Branches are captured with the stream.
 * Fork and join return a CUDA error code, as launchers do; the context's device
 * is the current one. */
typedef struct gattn_device_branch gattn_device_branch;
gattn_status gattn_device_branches_make(gattn_context *context);
void gattn_device_branches_free(gattn_context *context);
int gattn_device_fork(gattn_context *context, void *stream,
                      gattn_device_branch **branch);
void *gattn_device_branch_stream(const gattn_device_branch *branch);
int gattn_device_join(gattn_device_branch *branch, void *stream);

/* Whether `stream` is being captured into a CUDA graph. */
bool gattn_device_capturing(gattn_context *context, void *stream);

/* The status of a CUDA error code (0: success), recorded with `what` that was
 * being done. cudaErrorMemoryAllocation is GATTN_ERROR_MEMORY, everything else
 * GATTN_ERROR_DEVICE. Clears the thread's last error unless it is sticky. */
gattn_status gattn_device_check(gattn_context *context, int error,
                                const char *what);

/* What planning needs to know of the device; of the context's own. */
typedef struct gattn_device_facts {
  int32_t capability; /* 10 · major + minor: 80, 90, … */
  int32_t multiprocessors;
  int64_t shared_bytes; /* a block may opt in to */
  int64_t l2_bytes, memory_bytes;
  void *encode_tiled; /* the driver's cuTensorMapEncodeTiled, or null */
  char name[64];
} gattn_device_facts;
const gattn_device_facts *gattn_device_facts_of(const gattn_context *context);

/* How many CUDA devices there are; 0 where the run time cannot tell. */
int32_t gattn_device_number(void);

/* Starts a CUDA device and fills in *facts; what stays unknown is 0. Where no
 * context can be on it, GATTN_ERROR_DEVICE or GATTN_ERROR_MEMORY, the reason is
 * in text[GATTN_MESSAGE_SIZE]: there is no context yet. */
gattn_status gattn_device_open(gattn_device device, gattn_device_facts *facts,
                               char *text);

#endif
