/* Statuses: what went wrong, one code a kind. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_STATUS_H
#define GATTN_STATUS_H

#include <gattn/export.h>

GATTN_BEGIN_DECLS

/* Every status, its number and its sentence. Zero is success, negative an
 * error, positive a note. Numbers are part of the ABI and are never reused. */
#define GATTN_STATUS_TABLE(X)                                                  \
  X(GATTN_SUCCESS, 0, "success")                                               \
  X(GATTN_NOTE_TRUNCATED, 1, "the text did not fit its buffer and was cut")    \
  X(GATTN_ERROR_NULL, -1, "a required handle or pointer is null")              \
  X(GATTN_ERROR_ARGUMENT, -2, "an argument is outside its range")              \
  X(GATTN_ERROR_TYPE, -3, "an element type is not supported here")             \
  X(GATTN_ERROR_SIZE, -4, "a size is negative")                                \
  X(GATTN_ERROR_SHAPE, -5, "shapes do not agree")                              \
  X(GATTN_ERROR_STRIDE, -6, "data or strides do not fit the element type")     \
  X(GATTN_ERROR_OVERFLOW, -7, "a product of sizes does not fit 63 bits")       \
  X(GATTN_ERROR_MEMORY, -8, "memory could not be allocated")                   \
  X(GATTN_ERROR_OFFSETS, -9, "row offsets are not monotone")                   \
  X(GATTN_ERROR_INDEX, -10, "a vertex is outside the graph")                   \
  X(GATTN_ERROR_CYCLE, -11, "a tree is cyclic or not in order")                \
  X(GATTN_ERROR_SYNTAX, -12, "an expression is malformed")                     \
  X(GATTN_ERROR_NAME, -13, "a name is not known")                              \
  X(GATTN_ERROR_FILE, -14, "a file could not be opened, read or written")      \
  X(GATTN_ERROR_FORMAT, -15, "the content of a file is malformed")             \
  X(GATTN_ERROR_DEVICE, -16, "the device is not available")                    \
  X(GATTN_ERROR_UNSUPPORTED, -17, "this combination is not supported")         \
  X(GATTN_ERROR_TOO_LARGE, -18, "only walking too many rows could answer")     \
  X(GATTN_ERROR_DUPLICATE, -19, "a vertex is named twice")                     \
  X(GATTN_ERROR_WORKSPACE, -20, "the workspace is missing, small or unaligned")\
  X(GATTN_ERROR_STRUCT_SIZE, -21, "struct_size is not one this library knows") \
  X(GATTN_ERROR_CALLBACK, -22, "a callback broke its contract")                \
  X(GATTN_ERROR_STATE, -23, "a handle is not in a state that allows this")     \
  X(GATTN_ERROR_CANCELLED, -24, "the progress callback asked to stop")         \
  X(GATTN_ERROR_NO_SPACE, -25, "the device that holds the file is full")

typedef enum gattn_status {
#define GATTN_STATUS_ENUM(name, number, sentence) name = number,
  GATTN_STATUS_TABLE(GATTN_STATUS_ENUM)
#undef GATTN_STATUS_ENUM
} gattn_status;

/* The status's identifier, "GATTN_ERROR_SHAPE"; "GATTN_STATUS_UNKNOWN" for a
 * number that is no status. Never null; do not free. */
GATTN_API const char *gattn_status_name(gattn_status status);

/* The status's sentence from the table above. Never null; do not free. The
 * sentence with names and values in it is gattn_context_message(). */
GATTN_API const char *gattn_status_string(gattn_status status);

GATTN_END_DECLS

#endif
