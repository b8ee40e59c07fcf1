/* What planning may choose, and what it has to choose by.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_CHOICE_H
#define GATTN_PLAN_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include <gattn/limits.h>
#include <gattn/program.h>

/* How the edges of one term of a mask run. */
typedef enum gattn_way {
  GATTN_WAY_ANY = 0,    /* in what is predicted to be the fastest */
  GATTN_WAY_BAND,       /* tiles in the vertices' own order */
  GATTN_WAY_RENUMBERED, /* tiles of residue classes, of patches of a grid, or
                         * of vertices sorted by bucket */
  GATTN_WAY_JOINED,     /* the tiles of the first renumbered term; on a device
                         * alone */
  GATTN_WAY_LIST,       /* a stored list of tiles; on a device alone */
  GATTN_WAY_SPLIT,      /* dense tiles in a list, the rest edge by edge; on a
                         * device alone */
  GATTN_WAY_EDGES,      /* edge by edge */
  GATTN_WAY_HUBS,       /* whole rows, cut along the keys */
  GATTN_WAYS
} gattn_way;

/* "any", "band", "renumbered", "joined", "list", "split",
 * "edges", "hubs". */
const char *gattn_way_name(gattn_way way);

/* Terms as gattn_terms cuts a mask; one of more is one term. */
enum { GATTN_CHOICE_TERMS = 16 };

/* What one graph's plan is to do. What cannot be done with a graph is passed
 * over, as GATTN_WAY_ANY and 0 are. */
typedef struct gattn_choice {
  int32_t n_terms; /* 0: nothing is chosen */
  int8_t way[GATTN_CHOICE_TERMS]; /* [n_terms] */
  int32_t lanes;  /* queries of a tile; 0: any */
  int32_t pieces; /* that a tile's keys are cut into; 0: any; a device's */
} gattn_choice;

/* The way of term t of n. A choice made for other terms says nothing. */
gattn_way gattn_choice_way(const gattn_choice *choice, int64_t n, int64_t t);

bool gattn_choice_equal(const gattn_choice *a, const gattn_choice *b);

/* "band,edges lanes 128 pieces 1", with "any" for a 0. */
enum { GATTN_CHOICE_TEXT = 256 };
const char *gattn_choice_text(const gattn_choice *choice,
                              char text[GATTN_CHOICE_TEXT]);

/* What a caller asked of planning. */
typedef struct gattn_planning {
  gattn_effort effort;
  int64_t effort_bytes; /* 0: no bound */
  bool has_limits;
  gattn_limits limits;  /* in place of the library's table */
  gattn_choice choice;  /* what to do; else wisdom is asked, or the costs */
  double measured;      /* seconds that the choice took; 0: it was not timed */
} gattn_planning;

/* One thing of a choice made otherwise. */
typedef struct gattn_move {
  int32_t term; /* −1: none */
  gattn_way way;
  int32_t lanes, pieces; /* where not 0 */
} gattn_move;

enum { GATTN_MOVES = 32 };

gattn_choice gattn_choice_moved(const gattn_choice *choice,
                                const gattn_move *move);

#endif
