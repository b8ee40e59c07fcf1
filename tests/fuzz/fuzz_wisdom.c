/* Wisdom as text: what is read is written as lines that are read again to the
 * same. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static char *exported(gattn_context *context, size_t *length) {
  FUZZ_HOLDS(gattn_wisdom_export(context, NULL, 0, length) >= 0);
  char *text = malloc(*length + 1);
  FUZZ_HOLDS(text != NULL);
  FUZZ_HOLDS(gattn_wisdom_export(context, text, *length + 1, NULL) ==
             GATTN_SUCCESS);
  FUZZ_HOLDS(strlen(text) == *length);
  return text;
}

/* A plan of its own work takes whatever there is. */
static void plan(gattn_context *context) {
  enum { N = 20, DIM = 4 };
  static float q[N * DIM], o[N * DIM];
  const int64_t shape[] = {N, DIM};
  gattn_tensor tq, to;
  gattn_graph *graph = NULL;
  FUZZ_HOLDS(!gattn_mask_parse(context, "local(2)", N, N, &graph));
  FUZZ_HOLDS(!gattn_tensor_dense(context, q, GATTN_FLOAT32, 2, shape, &tq));
  FUZZ_HOLDS(!gattn_tensor_dense(context, o, GATTN_FLOAT32, 2, shape, &to));
  const gattn_attention_args args = {.struct_size = sizeof args,
                                     .q = &tq,
                                     .k = &tq,
                                     .v = &tq,
                                     .o = &to};
  FUZZ_HOLDS(!gattn_attention(context, graph, NULL, &args));
  gattn_graph_release(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  gattn_context *context = fuzz_context();
  size_t before, after;
  const gattn_status status =
      gattn_wisdom_import(context, (const char *)bytes, length);
  char *text = exported(context, &before);
  if (status) {
    FUZZ_HOLDS(before == 0);
    fuzz_expect_message(context, status);
  } else {
    FUZZ_HOLDS(!gattn_wisdom_import(context, text, before));
    char *again = exported(context, &after);
    FUZZ_HOLDS(!strcmp(text, again));
    free(again);
    plan(context);
  }
  free(text);
  fuzz_context_end(context);
  return 0;
}
