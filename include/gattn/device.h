/* The CUDA devices there are. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_DEVICE_H
#define GATTN_DEVICE_H

#include <gattn/context.h>

GATTN_BEGIN_DECLS

/* How many CUDA devices the driver shows this process: GATTN_CUDA(0) to
 * GATTN_CUDA(count - 1). 0 in a build without CUDA and without a driver;
 * gattn_device_describe(GATTN_CUDA(0), …) says why. */
GATTN_API int32_t gattn_device_count(void);

/* What a device is, and whether contexts can be made on it. What is not known
 * is 0 or "". */
typedef struct gattn_device_description {
  size_t struct_size;      /* sizeof(gattn_device_description) */
  int32_t usable;          /* 1: contexts can be made; 0: problem says why not */
  int32_t capability;      /* compute capability, 10 * major + minor: 80, 90 */
  int32_t multiprocessors;
  int32_t reserved;        /* zero */
  int64_t memory_bytes;    /* of the device, used or not */
  char name[64];
  char problem[256];       /* a sentence; "" when usable */
} gattn_device_description;

/* Describes a CUDA device, also one that is not there: that is its problem, not
 * the call's. Starts the device, which can take a second.
 * GATTN_ERROR_NULL, GATTN_ERROR_STRUCT_SIZE, GATTN_ERROR_ARGUMENT (the CPU, or
 * a negative one). */
GATTN_API gattn_status gattn_device_describe(
    gattn_device device, gattn_device_description *description);

GATTN_END_DECLS

#endif
