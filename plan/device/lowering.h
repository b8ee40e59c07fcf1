/* The state of one lowering for the device. SPDX-License-Identifier: Apache-2.0
 */
#ifndef GATTN_PLAN_DEVICE_LOWERING_H
#define GATTN_PLAN_DEVICE_LOWERING_H

#include "plan/device/lowered.h"

enum {
  GATTN_DEVICE_TERMS = 16, /* a union of more is lowered as one graph */
  GATTN_DEVICE_GROUPS = 5, /* numberings of closed forms */
  GATTN_DEVICE_OPEN = GATTN_DEVICE_TERMS + GATTN_DEVICE_GROUPS
};

/* Terms that one pass runs by their formula. */
typedef struct gattn_pass_group {
  gattn_numbering numbering;
  gattn_graph *graph; /* a reference */
} gattn_pass_group;

typedef struct gattn_device_lowering {
  gattn_context *context;
  const gattn_attend_problem *problem;
  const gattn_device_target *target;
  gattn_graph *graph; /* the whole */
  int64_t heads;      /* of one launch */
  bool few;           /* tiles do not fill the device: keys are cut up */
  gattn_device_lowered *lowered;

  /* References. */
  int n_closed, n_open, n_hubs, n_groups;
  gattn_graph *closed[GATTN_DEVICE_TERMS];
  gattn_graph *hubs[GATTN_DEVICE_TERMS];
  gattn_graph *open[GATTN_DEVICE_OPEN]; /* no formula, or none that pays */
  gattn_pass_group groups[GATTN_DEVICE_GROUPS]; /* LINEAR first, if any */
  gattn_graph *earlier; /* what the parts made so far own */
} gattn_device_lowering;

/* A pass without edges yet, over the frontier's rows. */
gattn_tile_pass gattn_device_pass(const gattn_device_lowering *lowering,
                                  const gattn_numbering *numbering,
                                  int32_t lanes);

/* Lanes for windows of about `degree` keys: of a pass over so many rows; of one
 * over the frontier. */
int32_t gattn_device_lanes_for(const gattn_device_lowering *lowering,
                               int64_t rows, double degree);
int32_t gattn_device_lanes(const gattn_device_lowering *lowering,
                           double degree);

/* Pieces for the query tiles of a pass of which the longest visits `most` key
 * tiles. */
int32_t gattn_device_pieces(const gattn_device_lowering *lowering,
                            const gattn_tile_pass *pass, int64_t most);

/* Puts the closed terms into groups (arrange.c); terms for which no formula
 * pays become open. */
gattn_status gattn_device_arrange(gattn_device_lowering *lowering);

/* Parts for the groups, then for the open terms (parts.c). */
gattn_status gattn_device_make_parts(gattn_device_lowering *lowering);

#endif
