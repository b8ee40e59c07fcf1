/* The subcommands of gattn. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_COMMAND_H
#define GATTN_CLI_COMMAND_H

#include "cli/failure.h"

typedef struct cli_command {
  const char *name;
  const char *summary; /* for the list of commands */
  const char *help;    /* usage and options */
  /* Runs on the words behind the name; returns the exit status. */
  int (*run)(int argc, char **argv);
} cli_command;

extern const cli_command cli_commands[];
extern const size_t cli_command_count;

/* The command of a name; null, after its line, when there is none. */
const cli_command *cli_find_command(const char *where, const char *name);

/* Prints a command's help. */
int cli_print_help(const char *name);

int cli_run(int argc, char **argv);
int cli_mask(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_info(int argc, char **argv);
int cli_help(int argc, char **argv);

extern const char cli_help_run[], cli_help_mask[], cli_help_bench[],
    cli_help_info[], cli_help_help[];

#endif
