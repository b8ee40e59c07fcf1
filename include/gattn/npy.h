/* NumPy .npy files as tensors. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_NPY_H
#define GATTN_NPY_H

#include <gattn/tensor.h>

GATTN_BEGIN_DECLS

/* A .npy file mapped into memory: pages are read as they are used, so arrays
 * larger than memory stream. Its tensors view memory of the host, whatever the
 * context's device. Opaque. */
typedef struct gattn_npy gattn_npy;

/* Opens a file of version 1, 2 or 3, C order, little-endian: '<f4' (float32),
 * '<f2' (float16) or '<i8' (int64), rank 1 … 4. *tensor views the mapping,
 * which is read-only, until gattn_npy_close. GATTN_ERROR_FILE,
 * GATTN_ERROR_FORMAT (what is malformed or unsupported, a file shorter or
 * longer than its header says), GATTN_ERROR_TYPE, GATTN_ERROR_OVERFLOW. */
GATTN_API gattn_status gattn_npy_open(gattn_context *context, const char *path,
                                      gattn_tensor *tensor, gattn_npy **npy);

/* Reads the header at the start of bytes[length]: *tensor views the payload
 * behind it. Nothing is opened; name stands for the path in messages. */
GATTN_API gattn_status gattn_npy_parse(gattn_context *context,
                                       const char *name, const void *bytes,
                                       size_t length, gattn_tensor *tensor);

/* Starts a file that appears at `path` whole or not at all: *tensor views
 * writable memory of the given type and shape; gattn_npy_commit makes the file
 * appear, gattn_npy_close without it leaves no trace. Where path is a regular
 * file or none, the space is reserved at once and the memory is a mapping of a
 * temporary file beside it; where it is a device, a pipe or an open stream
 * (/dev/stdout), commit writes to it. A
 * symbolic link stays, and the file it names is replaced. The memory starts as
 * zeros and lasts until gattn_npy_close. bfloat16 has no .npy type:
 * GATTN_ERROR_TYPE. GATTN_ERROR_SHAPE, GATTN_ERROR_SIZE, GATTN_ERROR_FILE,
 * GATTN_ERROR_NO_SPACE, GATTN_ERROR_OVERFLOW. Commit also returns
 * GATTN_ERROR_STATE, for a file open for reading or committed already. */
GATTN_API gattn_status gattn_npy_create(gattn_context *context,
                                        const char *path, gattn_type type,
                                        int32_t rank, const int64_t *shape,
                                        gattn_tensor *tensor, gattn_npy **npy);
GATTN_API gattn_status gattn_npy_commit(gattn_context *context,
                                        gattn_npy *npy);

/* Ends either kind; null is allowed. */
GATTN_API void gattn_npy_close(gattn_npy *npy);

GATTN_END_DECLS

#endif
