/* Branches: streams for work beside a caller's stream.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <cuda_runtime_api.h>
#include <string.h>

#include "lib/device.h"

/* Callers' streams that can have a branch at a time. */
enum { BRANCHES = 4 };

struct gattn_device_branch {
  atomic_flag taken; /* by an execution, while it is put on its streams */
  bool owned;
  cudaStream_t owner; /* the stream that had it last, when owned */
  cudaStream_t stream;
  cudaEvent_t forked, joined;
};

/* ------------------------------------------------------------ making */

static void destroy(gattn_device_branch *branches) {
  for (int b = 0; b < BRANCHES; b++) {
    if (branches[b].forked) cudaEventDestroy(branches[b].forked);
    if (branches[b].joined) cudaEventDestroy(branches[b].joined);
    if (branches[b].stream) cudaStreamDestroy(branches[b].stream);
  }
  cudaGetLastError();
}

/* What branches off is long and should begin at once: its blocks go before
 * those of the caller's stream that wait for a place. */
static cudaError_t create(gattn_device_branch *branches) {
  int least, greatest;
  cudaError_t error = cudaDeviceGetStreamPriorityRange(&least, &greatest);
  for (int b = 0; b < BRANCHES && !error; b++) {
    atomic_flag_clear(&branches[b].taken);
    error = cudaStreamCreateWithPriority(&branches[b].stream,
                                         cudaStreamNonBlocking, greatest);
    if (!error)
      error = cudaEventCreateWithFlags(&branches[b].forked,
                                       cudaEventDisableTiming);
    if (!error)
      error = cudaEventCreateWithFlags(&branches[b].joined,
                                       cudaEventDisableTiming);
  }
  return error;
}

gattn_status gattn_device_branches_make(gattn_context *context) {
  void *memory;
  int previous;
  gattn_device_branch *none = NULL;
  if (context->branches) return GATTN_SUCCESS;
  gattn_status status = gattn_device_enter(context, &previous);
  if (status) return status;
  status = gattn_allocate(context, "streams", BRANCHES,
                          sizeof(gattn_device_branch), &memory);
  if (status) goto leave_device;
  memset(memory, 0, BRANCHES * sizeof(gattn_device_branch));
  status = gattn_device_check(context, create(memory), "streams");
  /* Another thread may have been first. */
  if (status ||
      !atomic_compare_exchange_strong(&context->branches, &none, memory)) {
    destroy(memory);
    gattn_free(context, memory, BRANCHES, sizeof(gattn_device_branch));
  }
leave_device:
  gattn_device_leave(context, previous);
  return status;
}

void gattn_device_branches_free(gattn_context *context) {
  int previous;
  if (!context->branches) return;
  const bool entered = !gattn_device_enter(context, &previous);
  destroy(context->branches);
  if (entered) gattn_device_leave(context, previous);
  gattn_free(context, context->branches, BRANCHES,
             sizeof(gattn_device_branch));
}

/* ------------------------------------------------------------ using */

/* The number of the capture that a stream takes part in; 0: none. */
static cudaError_t capture_of(cudaStream_t stream, unsigned long long *id) {
  enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  unsigned long long found = 0;
#if CUDART_VERSION >= 13000
  const cudaError_t error = cudaStreamGetCaptureInfo(stream, &capture, &found,
                                                     NULL, NULL, NULL, NULL);
#else
  const cudaError_t error =
      cudaStreamGetCaptureInfo(stream, &capture, &found, NULL, NULL, NULL);
#endif
  *id = capture == cudaStreamCaptureStatusActive ? found : 0;
  if (capture == cudaStreamCaptureStatusInvalidated)
    return cudaErrorStreamCaptureInvalidated;
  return error;
}

/* Whether work that `stream` forks off may go there. A stream keeps its branch,
 * for behind another's work it would wait for what that waits for; in a capture
 * there is no such order, but a branch stays in the capture until it ends. */
static bool may_take(gattn_device_branch *branch, cudaStream_t stream,
                     unsigned long long capture) {
  unsigned long long own;
  if (capture_of(branch->stream, &own) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  if (own != 0 || capture != 0) return own == 0 || own == capture;
  return !branch->owned || branch->owner == stream;
}

/* A branch that is the caller's until it is given back; null: none. */
static gattn_device_branch *take(gattn_context *context, cudaStream_t stream) {
  unsigned long long capture;
  if (!context->branches) return NULL;
  if (capture_of(stream, &capture) != cudaSuccess) {
    cudaGetLastError();
    return NULL;
  }
  for (int b = 0; b < BRANCHES; b++) {
    gattn_device_branch *branch = &context->branches[b];
    if (atomic_flag_test_and_set(&branch->taken)) continue;
    if (may_take(branch, stream, capture)) {
      branch->owned |= capture == 0;
      if (capture == 0) branch->owner = stream;
      return branch;
    }
    atomic_flag_clear(&branch->taken);
  }
  return NULL;
}

static cudaError_t follow(cudaEvent_t event, cudaStream_t from,
                          cudaStream_t to) {
  const cudaError_t error = cudaEventRecord(event, from);
  return error ? error : cudaStreamWaitEvent(to, event, 0);
}

int gattn_device_fork(gattn_context *context, void *stream,
                      gattn_device_branch **out) {
  gattn_device_branch *branch = take(context, stream);
  *out = NULL;
  if (!branch) return cudaSuccess;
  const cudaError_t error = follow(branch->forked, stream, branch->stream);
  if (error)
    atomic_flag_clear(&branch->taken);
  else
    *out = branch;
  return error;
}

void *gattn_device_branch_stream(const gattn_device_branch *branch) {
  return branch->stream;
}

int gattn_device_join(gattn_device_branch *branch, void *stream) {
  const cudaError_t error = follow(branch->joined, branch->stream, stream);
  atomic_flag_clear(&branch->taken);
  return error;
}
