/* Output files that appear whole or not at all. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef GATTN_CLI_OUTPUT_H
#define GATTN_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Written beside its path and renamed over it by cli_output_commit; where the
 * path is a link, the link stays. A device or pipe is written directly. Zero is
 * an output that is not there. */
typedef struct cli_output {
  const char *where, *path;
  char *target; /* what path leads to */
  FILE *stream;
  char *temporary; /* null: a device, or a file that has no name yet */
  bool direct;
  mode_t mode; /* of the file to be replaced; 0: none */
} cli_output;

/* Exit statuses; a failure was printed, and left nothing behind. */
int cli_output_open(const char *where, const char *path, cli_output *output);
/* Everything is written: says whether it arrived. Call before committing. */
int cli_output_finish(cli_output *output);
int cli_output_commit(cli_output *output);
/* Ends an output; one that was not committed leaves no trace. */
void cli_output_close(cli_output *output);

/* Whether two paths, of files that may not exist yet, lead to one file. */
bool cli_same_output(const char *a, const char *b);

/* False when the file system says that `bytes` more will not fit. */
bool cli_output_fits(const cli_output *output, double bytes);

#endif
