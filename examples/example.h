/* What the examples share: leaving on an error, and numbers to work on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_EXAMPLE_H
#define GATTN_EXAMPLE_H

#include <gattn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program when a call on `context` fails, saying why. */
#define TRY(call)                                                   \
  do {                                                              \
    gattn_status status_ = (call);                                  \
    if (status_ < 0) {                                              \
      fprintf(stderr, "%s\n  %s: %s\n", #call,                      \
              gattn_status_string(status_),                         \
              gattn_context_message(context));                      \
      exit(1);                                                      \
    }                                                               \
  } while (0)

/* count floats between -1 and 1, the same on every run. */
static inline float *numbers(int64_t count, uint32_t seed) {
  float *array = malloc((size_t)count * sizeof *array);
  if (!array) exit(1);
  for (int64_t e = 0; e < count; e++) {
    seed = seed * 1664525u + 1013904223u;
    array[e] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
  return array;
}

#endif
