/* The gattn command. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"

/* A file opened later must not become a standard stream that the caller has
 * closed. Reading from and writing to what stands in for one fails. */
static void keep_standard_streams(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) == -1)
      (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* Mapped files are read as memory, so a file that shrinks, or whose disk fails,
 * shows as this signal. Outputs have no name yet, so none is left. */
static void on_lost_page(int number) {
  static const char line[] =
      "gattn: input: a file could not be read while it was in use\n";
  (void)number;
  (void)!write(STDERR_FILENO, line, sizeof line - 1);
  _exit(CLI_FAILURE);
}

static int dispatch(int argc, char **argv) {
  if (argc < 2)
    return cli_fail(CLI_BAD_REQUEST, "usage",
                    "gattn run|mask|bench|info|help ...; see gattn help");
  if (!strcmp(argv[1], "--version")) {
    if (argc > 2)
      return cli_fail(CLI_BAD_REQUEST, "--version", "takes no operand, not %s",
                      argv[2]);
    printf("gattn %s\n", gattn_version_string());
    return CLI_SUCCESS;
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
    return cli_help(argc - 2, argv + 2);
  const cli_command *command = cli_find_command("usage", argv[1]);
  return command ? command->run(argc - 2, argv + 2) : CLI_BAD_REQUEST;
}

int main(int argc, char **argv) {
  keep_standard_streams();
  /* A full disk and a closed pipe are failures to report, not to die of. */
  signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  signal(SIGXFSZ, SIG_IGN);
#endif
  signal(SIGBUS, on_lost_page);
  int status = dispatch(argc, argv);
  if (status == CLI_SUCCESS) status = cli_flush_stdout("output");
  return status;
}
