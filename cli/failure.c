/* Exit statuses, and the one line a failure prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 2048 };

/* Length of the UTF-8 character at text, 0 when it is malformed; *code is what
 * it encodes. */
static size_t decode(const unsigned char *text, uint32_t *code) {
  static const struct {
    unsigned char mask, lead, bits;
    uint32_t least;
  } forms[] = {{0x80, 0x00, 0x7f, 0},
               {0xe0, 0xc0, 0x1f, 0x80},
               {0xf0, 0xe0, 0x0f, 0x800},
               {0xf8, 0xf0, 0x07, 0x10000}};
  for (size_t extra = 0; extra < 4; extra++) {
    if ((text[0] & forms[extra].mask) != forms[extra].lead) continue;
    uint32_t value = text[0] & forms[extra].bits;
    for (size_t b = 1; b <= extra; b++) {
      if ((text[b] & 0xc0) != 0x80) return 0;
      value = value << 6 | (text[b] & 0x3f);
    }
    if (value < forms[extra].least || value > 0x10ffff) return 0;
    if (value >= 0xd800 && value <= 0xdfff) return 0;
    *code = value;
    return extra + 1;
  }
  return 0;
}

/* Controls, separators of lines, and marks that reorder what is shown. */
static bool prints(uint32_t code) {
  return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) &&
         !(code >= 0x2028 && code <= 0x202e) &&
         !(code >= 0x2066 && code <= 0x2069);
}

static size_t escape_byte(unsigned char byte, char *out) {
  static const char named[][3] = {"\tt", "\nn", "\rr"};
  for (size_t e = 0; e < sizeof named / sizeof *named; e++)
    if (byte == (unsigned char)named[e][0]) {
      out[0] = '\\';
      out[1] = named[e][1];
      return 2;
    }
  return (size_t)snprintf(out, 5, "\\x%02x", byte);
}

size_t cli_escape(const char *text, char *out, size_t size) {
  const unsigned char *in = (const unsigned char *)text;
  size_t length = 0;
  while (*in) {
    char piece[20];
    uint32_t code;
    size_t taken = decode(in, &code), wide = 0;
    if (taken && prints(code)) {
      memcpy(piece, in, taken);
      wide = taken;
    } else {
      if (!taken) taken = 1;
      for (size_t b = 0; b < taken; b++)
        wide += escape_byte(in[b], piece + wide);
    }
    if (length + wide + 4 > size) {
      memcpy(out + length, "...", 3);
      length += 3;
      break;
    }
    memcpy(out + length, piece, wide);
    length += wide;
    in += taken;
  }
  out[length] = '\0';
  return length;
}

int cli_fail(int exit_status, const char *where, const char *format, ...) {
  char what[LINE_SIZE], line[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  cli_escape(what, line, sizeof line);
  fprintf(stderr, "gattn: %s: %s\n", where, line);
  return exit_status;
}

int cli_exit_status(gattn_status status) {
  switch (status) {
    case GATTN_ERROR_ARGUMENT:
    case GATTN_ERROR_TYPE:
    case GATTN_ERROR_SIZE:
    case GATTN_ERROR_SHAPE:
    case GATTN_ERROR_STRIDE:
    case GATTN_ERROR_OVERFLOW:
    case GATTN_ERROR_OFFSETS:
    case GATTN_ERROR_INDEX:
    case GATTN_ERROR_CYCLE:
    case GATTN_ERROR_SYNTAX:
    case GATTN_ERROR_NAME:
    case GATTN_ERROR_FILE:
    case GATTN_ERROR_FORMAT:
    case GATTN_ERROR_UNSUPPORTED:
    case GATTN_ERROR_TOO_LARGE:
    case GATTN_ERROR_DUPLICATE:
      return CLI_BAD_REQUEST;
    default:
      return status < 0 ? CLI_FAILURE : CLI_SUCCESS;
  }
}

int cli_flush_stdout(const char *where) {
  errno = 0;
  bool failed = ferror(stdout) != 0;
  if (fflush(stdout)) failed = true;
  if (!failed) return CLI_SUCCESS;
  return cli_fail(CLI_FAILURE, where, "standard output: %s",
                  errno ? strerror(errno) : "could not be written");
}
