/* Options of a command, parsed from a table. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef GATTN_CLI_OPTIONS_H
#define GATTN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/failure.h"

typedef enum cli_option_kind {
  CLI_FLAG, /* bool */
  CLI_TEXT, /* const char *, not empty */
  CLI_EXPRESSION, /* const char *; what is empty is its parser's to refuse */
  CLI_SIZE, /* int64_t, with the suffixes of the mask grammar */
  CLI_REAL  /* double, finite */
} cli_option_kind;

/* A row of a command's table. */
typedef struct cli_option {
  const char *name; /* as it is typed: "--mask", "-n" */
  cli_option_kind kind;
  void *value; /* where it goes, by kind */
  bool required;
  int64_t minimum, maximum; /* SIZE; maximum 0 is none */
  bool given;               /* set by the parser */
} cli_option;

/* A row: name, kind, where the value goes, and then what else is not zero. */
#define CLI_OPTION(name_, kind_, value_, ...) \
  { .name = name_, .kind = kind_, .value = value_, __VA_ARGS__ }

/* Returned where --help or -h was asked for; nothing was printed. */
enum { CLI_HELP = -1 };

/* Parses argv[argc], the words behind the command's name, into the table:
 * `--name value`, `--name=value`, `-n value`, `-nvalue`. Every option at most
 * once, no operands. CLI_SUCCESS, CLI_HELP, or a failure that was printed. */
int cli_parse_options(const char *where, cli_option *options, size_t n,
                      int argc, char **argv);

/* Where `name` differs from the n names by the fewest edits. n >= 1. */
size_t cli_closest(const char *name, const char *const *names, size_t n);

/* text as a size in [minimum, maximum]: the one reader of sizes. `what` names
 * it in the failure. */
int cli_parse_size(const char *where, const char *what, const char *text,
                   int64_t minimum, int64_t maximum, int64_t *value);

#endif
