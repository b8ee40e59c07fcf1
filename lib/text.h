/* Text built into a fixed buffer. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_TEXT_H
#define GATTN_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Appends never run past `size` and always leave the buffer terminated (when
 * size > 0); what did not fit sets `truncated`. */
typedef struct gattn_text {
  char *buffer;
  size_t size, length;
  bool truncated;
} gattn_text;

gattn_text gattn_text_start(char *buffer, size_t size);
void gattn_text_append(gattn_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
