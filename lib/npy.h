/* .npy headers from inside. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_NPY_H
#define GATTN_LIB_NPY_H

#include <gattn/npy.h>

#include "lib/context.h"

/* Long paths are cut in messages, so that what went wrong still shows. */
#define GATTN_NPY_NAME "%.300s"

enum { GATTN_NPY_HEADER_SIZE = 256 }; /* enough for any header written here */

/* Writes the header of an array that gattn_tensor_dense accepts: version 1,
 * padded to a multiple of 64 bytes. Returns its length; 0 for a type that .npy
 * does not have. */
size_t gattn_npy_header(gattn_type type, int32_t rank, const int64_t *shape,
                        char header[GATTN_NPY_HEADER_SIZE]);

/* Records what a system call on path said: GATTN_ERROR_NO_SPACE,
 * GATTN_ERROR_MEMORY or GATTN_ERROR_FILE. */
gattn_status gattn_file_error(gattn_context *context, const char *path,
                              int error);

#endif
