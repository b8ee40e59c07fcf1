/* The arguments of one mask of an expression: read, bound to a form of its
 * row, and handed to the constructor. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_ARGUMENTS_H
#define GATTN_MASKS_ARGUMENTS_H

#include "masks/lexer.h"
#include "masks/table.h"

typedef struct gattn_argument {
  gattn_token name;  /* kind 0: given by position */
  gattn_token value; /* an integer, a range or a string */
  int64_t end;       /* of a range that begins at value.integer */
} gattn_argument;

/* Room for the arguments of any mask of one expression; used again for each. */
typedef struct gattn_arguments {
  gattn_lexer *lexer;
  gattn_argument *given;        /* [n] as they stand in the expression */
  const gattn_argument **bound; /* the form's arguments; null: missing */
  int64_t *integers;            /* and their values */
  gattn_range *set;
  char *paths;
  int64_t n;
  const char *end; /* where the arguments end: where one may be missing */
  int64_t capacity;
  int64_t path_bytes;
} gattn_arguments;

gattn_status gattn_arguments_create(gattn_lexer *lexer,
                                    gattn_arguments *arguments);
void gattn_arguments_destroy(gattn_arguments *arguments);

/* Reads `[ "(" [ arg { "," arg } ] ")" ]`. */
gattn_status gattn_arguments_read(gattn_arguments *arguments);

/* Makes the graph of row's mask, called at `name`, with the arguments just
 * read. */
gattn_status gattn_arguments_make(gattn_arguments *arguments,
                                  const gattn_token *name,
                                  const gattn_mask_row *row, int64_t n_q,
                                  int64_t n_kv, gattn_graph **graph);

#endif
