/* Running the gattn command in a directory of the test's own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_COMMAND_H
#define GATTN_TESTS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMAND_TEXT = 1 << 20 };

/* How a run ended and what it printed; the last run's. */
extern int command_status; /* exit status; 256 + n for signal n */
extern char command_out[COMMAND_TEXT], command_err[COMMAND_TEXT];

/* What a run finds around it. Zero is an ordinary run. */
typedef struct command_setting {
  const char *out;    /* standard output is this file; null: captured */
  bool closed;        /* standard output, too, is closed */
  int64_t file_limit; /* RLIMIT_FSIZE in bytes; 0: none */
} command_setting;

/* Runs gattn with these words, the last of them null. */
void command_run(const command_setting *setting, const char *const *words);

#define GATTN_IN(setting, ...) \
  command_run(setting, (const char *const[]){__VA_ARGS__, NULL})
#define GATTN(...) GATTN_IN(NULL, __VA_ARGS__)

/* Starts gattn with standard error on a terminal of its own; returns the
 * terminal's other end, and *child. Standard output is dropped. */
int command_start(const char *const *words, int *child);

/* Reads from the terminal into command_err until `until` was seen there (null:
 * until its end); false when the end came first. */
bool command_watch(int terminal, const char *until);

/* Waits for the end of a run that was started. */
void command_wait(int terminal, int child);

/* The last run succeeded and said nothing on standard error. */
void command_assert_success(void);

/* The last run ended with status, printed `gattn: where: …` holding `what` as
 * its only line on standard error, and the directory holds what it held before
 * the run. */
void command_assert_failure(int status, const char *where, const char *what);

/* Fixtures of a test case: makes a directory and enters it; removes it. */
void command_enter(void);
void command_leave(void);

/* Entries of the working directory. */
int command_files(void);
bool command_exists(const char *path);

/* The whole of a file; *length of it. Freed by the caller. */
char *command_read(const char *path, size_t *length);
void command_write(const char *path, const void *bytes, size_t length);

/* An .npy file of version 1.0: descr such as "<f4", shape such as "(2, 3)". */
void command_write_npy(const char *path, const char *descr, const char *shape,
                       const void *data, size_t bytes);
/* Asserts descr and shape of a file and copies out its data of `bytes`. */
void command_read_npy(const char *path, const char *descr, const char *shape,
                      void *data, size_t bytes);

#endif
