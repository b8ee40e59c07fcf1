/* Text built into a fixed buffer. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

gattn_text gattn_text_start(char *buffer, size_t size) {
  if (size) buffer[0] = '\0';
  return (gattn_text){.buffer = buffer, .size = size};
}

void gattn_text_append(gattn_text *text, const char *format, ...) {
  size_t room = text->size - text->length;
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(room ? text->buffer + text->length : NULL, room,
                         format, arguments);
  va_end(arguments);
  if (wanted < 0 || (size_t)wanted >= room) {
    text->truncated = true;
    text->length = text->size ? text->size - 1 : 0;
  } else {
    text->length += (size_t)wanted;
  }
}
