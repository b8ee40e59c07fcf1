/* A context with what the command adds: failures in one line, progress on a
 * terminal, interruption. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_SESSION_H
#define GATTN_CLI_SESSION_H

#include <stdbool.h>

#include "cli/failure.h"

typedef struct cli_session {
  const char *where; /* the command, for failures */
  gattn_context *context;
  char message[512]; /* a failure before there is a context */
  double started;    /* of the work that progress tells about */
  double shown;      /* when progress was last printed; 0: never */
  const char *doing;
  double base, share; /* of the work, where the library's call lies in it */
} cli_session;

/* Device and instruction set by name: cpu, cuda, cuda:N; auto, portable, avx2,
 * avx512. Null is the default. threads 0 is the default. */
typedef struct cli_session_options {
  const char *device;
  const char *isa;
  int64_t threads;
  const gattn_allocator *device_allocator; /* null: the library's */
} cli_session_options;

/* At most this many threads are asked of OpenMP, which dies when the system
 * refuses it one. */
#define CLI_MAX_THREADS ((int64_t)1024)

/* Exit statuses; a failure was printed. */
int cli_session_open(const char *where, const cli_session_options *options,
                     cli_session *session);
void cli_session_close(cli_session *session);

/* Prints the context's last message as `where: what: message`. */
int cli_session_fail(cli_session *session, gattn_status status,
                     const char *what);

/* The same where the file at fault is an output. */
int cli_session_fail_output(cli_session *session, gattn_status status,
                            const char *path);

/* Work begins that cli_progress_tick and the library report on; it ends, and
 * what is left of it on the terminal is wiped. */
void cli_progress_start(cli_session *session, const char *doing);
void cli_progress_end(cli_session *session);

/* True when the work is to stop: somebody has interrupted it. */
bool cli_progress_tick(cli_session *session, double fraction);

/* Seconds of a clock that only runs forward. */
double cli_seconds(void);

#endif
