/* Gives each file named on the command line to a fuzz target: the corpus as a
 * test, with any compiler. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static int replay(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    return 1;
  }
  static uint8_t bytes[1 << 20];
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  /* An exact copy, so that a sanitizer sees one byte too far. */
  uint8_t *exact = malloc(length ? length : 1);
  if (!exact) return 1;
  for (size_t b = 0; b < length; b++) exact[b] = bytes[b];
  LLVMFuzzerTestOneInput(exact, length);
  free(exact);
  return 0;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (int a = 1; a < argc; a++) failed += replay(argv[a]);
  printf("%d inputs replayed\n", argc - 1 - failed);
  return failed || argc == 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
