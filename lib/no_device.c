/* The device functions of a build without CUDA: no context is on a device, so
 * nobody calls them but to learn so. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "lib/device.h"

static gattn_status refuse(gattn_context *context) {
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "device: this build has no CUDA support");
}

int32_t gattn_device_number(void) { return 0; }

gattn_status gattn_device_open(gattn_device device, gattn_device_facts *facts,
                               char *text) {
  *facts = (gattn_device_facts){0};
  snprintf(text, GATTN_MESSAGE_SIZE,
           "cuda:%d is not available: this build has no CUDA support",
           (int)device - 1);
  return GATTN_ERROR_DEVICE;
}

gattn_status gattn_device_enter(gattn_context *context, int *previous) {
  (void)previous;
  return refuse(context);
}

void gattn_device_leave(gattn_context *context, int previous) {
  (void)context, (void)previous;
}

gattn_status gattn_device_allocate(gattn_context *context, const char *what,
                                   int64_t count, size_t size, void **memory) {
  (void)what, (void)count, (void)size, (void)memory;
  return refuse(context);
}

void gattn_device_free(gattn_context *context, void *memory, int64_t count,
                       size_t size) {
  (void)context, (void)memory, (void)count, (void)size;
}

gattn_status gattn_device_upload(gattn_context *context, void *device,
                                 const void *host, size_t bytes) {
  (void)device, (void)host, (void)bytes;
  return refuse(context);
}

gattn_status gattn_device_download(gattn_context *context, void *host,
                                   const void *device, size_t bytes) {
  (void)host, (void)device, (void)bytes;
  return refuse(context);
}

gattn_status gattn_device_synchronize(gattn_context *context) {
  return refuse(context);
}

gattn_status gattn_device_event_create(gattn_context *context, void **event) {
  (void)event;
  return refuse(context);
}

void gattn_device_event_destroy(gattn_context *context, void *event) {
  (void)context, (void)event;
}

gattn_status gattn_device_event_record(gattn_context *context, void *event,
                                       void *stream) {
  (void)event, (void)stream;
  return refuse(context);
}

gattn_status gattn_device_event_elapsed(gattn_context *context, void *from,
                                        void *to, double *seconds) {
  (void)from, (void)to, (void)seconds;
  return refuse(context);
}

gattn_status gattn_device_branches_make(gattn_context *context) {
  return refuse(context);
}

void gattn_device_branches_free(gattn_context *context) { (void)context; }

int gattn_device_fork(gattn_context *context, void *stream,
                      gattn_device_branch **branch) {
  (void)context, (void)stream;
  *branch = NULL;
  return 0;
}

void *gattn_device_branch_stream(const gattn_device_branch *branch) {
  (void)branch;
  return NULL;
}

int gattn_device_join(gattn_device_branch *branch, void *stream) {
  (void)branch, (void)stream;
  return 0;
}

bool gattn_device_capturing(gattn_context *context, void *stream) {
  (void)context, (void)stream;
  return false;
}

gattn_status gattn_device_check(gattn_context *context, int error,
                                const char *what) {
  (void)what;
  return error ? refuse(context) : GATTN_SUCCESS;
}
