/* Zones: runs of rows over which a formula repeats.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_ZONES_H
#define GATTN_MASKS_ZONES_H

#include "masks/formula.h"

enum { GATTN_LEVELS = 16 };

/* On this level blocks, strides and tails at or above `frozen` stand; the
 * others repeat after `period` rows, but for strides, which only some zones
 * depend on. A period of 0 is too long to matter. */
typedef struct gattn_level {
  int64_t frozen, period;
} gattn_level;

typedef struct gattn_zones {
  const gattn_atoms *atoms;
  gattn_row *row;       /* scratch, and the count of work */
  bool mixed_residues;  /* some class has both a stride and tails */
  int n_levels, n_constants;
  gattn_level levels[GATTN_LEVELS];
  int64_t constants[2 * GATTN_ATOMS_MOST + 2];
} gattn_zones;

void gattn_zones_start(gattn_zones *zones, gattn_row *row);

/* The end, at most `end`, of the zone of a level that begins at row i, and the
 * period with which its rows repeat, 0 when they do not. */
int64_t gattn_zone_end(gattn_zones *zones, const gattn_level *level, int64_t i,
                       int64_t end, int64_t *period);

#endif
