/* gattn help. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"

const cli_command cli_commands[] = {
    {"run", "attention over .npy arrays", cli_help_run, cli_run},
    {"mask", "statistics, pictures and edges of a mask", cli_help_mask,
     cli_mask},
    {"bench", "time plans against the machine's own limits", cli_help_bench,
     cli_bench},
    {"info", "version, build options, devices", cli_help_info, cli_info},
    {"help", "this list, a command's options, or the masks", cli_help_help,
     cli_help},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

const char cli_help_help[] =
    "usage: gattn help [COMMAND | masks]\n"
    "\n"
    "Without an operand, lists the commands. With a command's name, prints\n"
    "its options; with `masks`, the table of masks.\n";

const cli_command *cli_find_command(const char *where, const char *name) {
  const char *names[8];
  for (size_t c = 0; c < cli_command_count; c++) {
    names[c] = cli_commands[c].name;
    if (!strcmp(name, names[c])) return &cli_commands[c];
  }
  cli_fail(CLI_BAD_REQUEST, where, "%s: no such command; the closest is %s",
           name, names[cli_closest(name, names, cli_command_count)]);
  return NULL;
}

static int print_commands(void) {
  printf(
      "usage: gattn COMMAND [OPTION ...]\n\n"
      "Exact attention over sparse masks.\n\n");
  for (size_t c = 0; c < cli_command_count; c++)
    printf("  %-6s %s\n", cli_commands[c].name, cli_commands[c].summary);
  printf(
      "\n`gattn help COMMAND` prints a command's options, `gattn help masks`\n"
      "the masks, `gattn --version` the version. Every size takes a suffix\n"
      "k, m, g or t (2^10, 2^20, 2^30, 2^40).\n");
  return CLI_SUCCESS;
}

static int print_masks(void) {
  printf(
      "expr   = term { (\"|\" | \"-\") term }     union, difference\n"
      "term   = factor { \"&\" factor }         intersection\n"
      "factor = name [ \"(\" arguments \")\" ] | \"(\" expr \")\"\n\n");
  const gattn_mask_info *mask;
  for (int64_t r = 0; (mask = gattn_mask_table(r)); r++) {
    printf("%s(%s)%s\n", mask->name, mask->arguments,
           mask->preset ? "   [preset]" : "");
    printf("    %s\n", mask->rule);
    if (mask->example) printf("    for example %s\n", mask->example);
  }
  return CLI_SUCCESS;
}

int cli_print_help(const char *name) {
  const cli_command *command = cli_find_command("help", name);
  if (!command) return CLI_BAD_REQUEST;
  fputs(command->help, stdout);
  return CLI_SUCCESS;
}

int cli_help(int argc, char **argv) {
  if (argc > 1)
    return cli_fail(CLI_BAD_REQUEST, "help", "'%s': one operand is enough",
                    argv[1]);
  if (argc == 0) return print_commands();
  if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
    return cli_print_help("help");
  if (!strcmp(argv[0], "masks")) return print_masks();
  return cli_print_help(argv[0]);
}
