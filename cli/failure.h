/* Exit statuses, and the one line a failure prints.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_FAILURE_H
#define GATTN_CLI_FAILURE_H

#include <stddef.h>

#include <gattn.h>

enum {
  CLI_SUCCESS = 0,
  CLI_FAILURE = 1,    /* memory, disk, device, an output that cannot be */
  CLI_BAD_REQUEST = 2 /* usage, malformed or mismatched input */
};

/* Prints `gattn: where: what` as one line on standard error, whatever the
 * texts in it hold, and returns exit_status. */
int cli_fail(int exit_status, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a status of the library means to a caller of the command. FILE counts
 * as an input that is missing: outputs say CLI_FAILURE themselves. */
int cli_exit_status(gattn_status status);

/* Copies text so that it prints on one line of valid UTF-8: control
 * characters, line separators and stray bytes become \n, \t, \xNN. What does
 * not fit is cut and ends in "...". size >= 8. Returns the length. */
size_t cli_escape(const char *text, char *out, size_t size);

/* Flushes standard output; CLI_FAILURE, with its line, when it cannot take
 * what was printed. */
int cli_flush_stdout(const char *where);

#endif
