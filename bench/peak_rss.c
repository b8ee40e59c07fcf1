/* Runs a command and writes the most memory that it had resident, in bytes, to
 * a file: what GNU time prints, for systems without it.
 * Usage: peak_rss FILE COMMAND…. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int status;
  struct rusage usage;
  if (argc < 3) {
    fprintf(stderr, "usage: peak_rss FILE COMMAND...\n");
    return 2;
  }
  pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  if (child < 0 || waitpid(child, &status, 0) != child ||
      getrusage(RUSAGE_CHILDREN, &usage)) {
    perror("peak_rss");
    return 1;
  }
  if (!WIFEXITED(status)) return 1;
  if (WEXITSTATUS(status)) return WEXITSTATUS(status);
  FILE *file = fopen(argv[1], "w");
  if (!file || fprintf(file, "%lld\n", 1024LL * usage.ru_maxrss) < 0 ||
      fclose(file)) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
