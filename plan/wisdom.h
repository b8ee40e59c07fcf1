/* Wisdom from inside: what is known of which work.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_WISDOM_H
#define GATTN_PLAN_WISDOM_H

#include <gattn/wisdom.h>

#include "plan/attend.h"

enum {
  GATTN_WISDOM_DEVICE = 96,  /* with the terminator, as the next two */
  GATTN_WISDOM_VERSION = 32,
  GATTN_WISDOM_NOTE = 72
};

/* What an entry is about. */
typedef struct gattn_wisdom_key {
  char device[GATTN_WISDOM_DEVICE];
  char version[GATTN_WISDOM_VERSION];
  gattn_type type;
  int64_t batch, heads, kv_heads, rows, queries, keys, dim, dim_v, score;
  uint64_t frontier, mask; /* hashes */
} gattn_wisdom_key;

typedef struct gattn_wisdom_entry {
  gattn_wisdom_key key;
  gattn_choice choice;
  double seconds;
  char note[GATTN_WISDOM_NOTE]; /* the mask, for people */
} gattn_wisdom_entry;

/* The entry without choice and seconds that a problem on one graph (no stack)
 * has. */
gattn_wisdom_entry gattn_wisdom_entry_of(const gattn_context *context,
                                         const gattn_attend_problem *problem,
                                         gattn_graph *graph);

/* Whether there is anything to look up. */
bool gattn_wisdom_any(gattn_context *context);

/* Fills choice and seconds of an entry whose key is known; false: it is not. */
bool gattn_wisdom_find(gattn_context *context, gattn_wisdom_entry *entry);

/* Adds n entries, replacing those of the same keys. On failure none. */
gattn_status gattn_wisdom_add(gattn_context *context,
                              const gattn_wisdom_entry *entries, int64_t n);

/* Gives problem->planning the choice that is known for the graph, unless it has
 * one. */
void gattn_wisdom_consult(gattn_context *context, gattn_graph *graph,
                          gattn_attend_problem *problem);

/* ------------------------------------------------ text (wisdom_text.c) */

enum { GATTN_WISDOM_LINE = 1024 };

/* Makes what would end a quoted text, or a line, a question mark: texts of
 * entries are such. */
void gattn_wisdom_plain(char *text);

/* An entry as a line without its newline. */
void gattn_wisdom_write(const gattn_wisdom_entry *entry,
                        char line[GATTN_WISDOM_LINE]);

/* Line number `number` of a text, line[length]: GATTN_ERROR_FORMAT. */
gattn_status gattn_wisdom_read(gattn_context *context, int64_t number,
                               const char *line, int64_t length,
                               gattn_wisdom_entry *entry);

#endif
