/* Cutting rows into zones. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/zones.h"

/* Combs of whose every combination a zone is asked. */
enum { COMBS_MOST = 4 };

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t c = a % b;
    a = b;
    b = c;
  }
  return a;
}

/* The least common multiple, or 0 when either is 0 or it is no int64_t. */
static int64_t lcm(int64_t a, int64_t b) {
  int64_t multiple = 0;
  if (a == 0 || b == 0) return 0;
  return gattn_multiply(a / gcd(a, b), b, &multiple) ? multiple : 0;
}

/* ------------------------------------------------------------ levels */

static bool is_frozen(const gattn_level *level, gattn_bound bound) {
  return bound.block > 1 && bound.block >= level->frozen;
}

/* Where strides and tails meet in one class, the keys between two ends move
 * through the tails with the row, even when the ends meet none: no tail can be
 * frozen then. */
static bool tail_frozen(const gattn_zones *zones, const gattn_level *level,
                        int64_t modulus) {
  return !zones->mixed_residues && modulus >= level->frozen;
}

static int64_t bound_period(const gattn_level *level, gattn_bound bound) {
  return bound.block > 1 && !is_frozen(level, bound) ? bound.block : 1;
}

static int64_t atom_period(const gattn_zones *zones, const gattn_level *level,
                           const gattn_atom *atom) {
  switch (atom->kind) {
    case GATTN_ATOM_KEYS:
      return lcm(bound_period(level, atom->begin),
                 bound_period(level, atom->end));
    case GATTN_ATOM_COMB:
      return atom->block > 0 && atom->block < level->frozen ? atom->block
                                                            : atom->modulus;
    case GATTN_ATOM_TAIL:
      return tail_frozen(zones, level, atom->modulus) ? 1 : atom->modulus;
    case GATTN_ATOM_STRIDE:
    case GATTN_ATOM_COLUMNS:
    case GATTN_ATOM_SEGMENTS:
    case GATTN_ATOM_ROWS:
    case GATTN_ATOM_BOUNDS:
    case GATTN_ATOM_GRID: break;
  }
  return 1;
}

static void larger(int64_t period, int64_t below, int64_t *best) {
  if (period < below && period > *best) *best = period;
}

/* The largest period below `below` that can be frozen, or 0. */
static int64_t next_period(const gattn_zones *zones, int64_t below) {
  const gattn_atoms *atoms = zones->atoms;
  int64_t best = 1;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    larger(atom->begin.block, below, &best);
    larger(atom->end.block, below, &best);
    larger(atom->block, below, &best);
    if (atom->kind == GATTN_ATOM_TAIL && !zones->mixed_residues)
      larger(atom->modulus, below, &best);
  }
  for (int q = 0; q < atoms->n_classes; ++q)
    if (atoms->classes[q].stride != GATTN_ONE_RESIDUE)
      larger(atoms->classes[q].stride, below, &best);
  return best > 1 ? best : 0;
}

void gattn_zones_start(gattn_zones *zones, gattn_row *row) {
  const gattn_atoms *atoms = row->atoms;
  zones->atoms = atoms;
  zones->row = row;
  zones->mixed_residues = false;
  zones->n_levels = 0;
  for (int q = 0; q < atoms->n_classes; ++q)
    if (atoms->classes[q].stride > 1 && atoms->classes[q].needed != 0)
      zones->mixed_residues = true;
  int64_t frozen = INT64_MAX;
  while (frozen > 0 && zones->n_levels < GATTN_LEVELS) {
    gattn_level *level = &zones->levels[zones->n_levels++];
    *level = (gattn_level){frozen, 1};
    for (int a = 0; a < atoms->n_atoms; ++a)
      level->period =
          lcm(level->period, atom_period(zones, level, &atoms->atom[a]));
    frozen = next_period(zones, frozen);
  }
}

/* ------------------------------------------------------------ meetings */

static void cut(int64_t row, int64_t *end) {
  if (row < *end) *end = row;
}

static void collect_bound(gattn_zones *zones, const gattn_level *level,
                          gattn_bound bound, int64_t i) {
  if (bound.block == 0 || is_frozen(level, bound))
    zones->constants[zones->n_constants++] = gattn_bound_at(bound, i);
}

/* The ends that stand in the rows from i on, but for those of long sets. */
static void collect_constants(gattn_zones *zones, const gattn_level *level,
                              int64_t i) {
  zones->constants[0] = 0;
  zones->constants[1] = zones->atoms->n_kv;
  zones->n_constants = 2;
  for (int a = 0; a < zones->atoms->n_atoms; ++a) {
    const gattn_atom *atom = &zones->atoms->atom[a];
    if (atom->kind == GATTN_ATOM_KEYS) {
      collect_bound(zones, level, atom->begin, i);
      collect_bound(zones, level, atom->end, i);
    } else if (atom->kind == GATTN_ATOM_SEGMENTS) {
      int64_t segment = gattn_starts_find(atom->starts, atom->n, i);
      zones->constants[zones->n_constants++] = atom->starts[segment];
      if (segment + 1 < atom->n)
        zones->constants[zones->n_constants++] = atom->starts[segment + 1];
    }
  }
}

static void nearer(int64_t key, int64_t x, int64_t *best) {
  if (key >= x && key < *best) *best = key;
}

static void nearer_edge(const gattn_atom *atom, int64_t x, int64_t *best) {
  int64_t range = gattn_ranges_find(atom->set, atom->n, x);
  if (range >= 0) {
    nearer(atom->set[range].begin, x, best);
    nearer(atom->set[range].end, x, best);
  }
  if (range + 1 < atom->n) nearer(atom->set[range + 1].begin, x, best);
}

/* The first standing key at or after x; INT64_MAX when none is left. A frozen
 * tail stands, too: within it, or without, its keys are linear. */
static int64_t next_constant(const gattn_zones *zones,
                             const gattn_level *level, int64_t x) {
  int64_t best = INT64_MAX, n_kv = zones->atoms->n_kv;
  for (int k = 0; k < zones->n_constants; ++k)
    nearer(zones->constants[k], x, &best);
  for (int a = 0; a < zones->atoms->n_atoms; ++a) {
    const gattn_atom *atom = &zones->atoms->atom[a];
    if (atom->kind == GATTN_ATOM_COLUMNS) {
      nearer_edge(atom, x, &best);
    } else if (atom->kind == GATTN_ATOM_TAIL && 0 <= x && x < n_kv &&
               tail_frozen(zones, level, atom->modulus)) {
      int64_t start = x - x % atom->modulus;
      nearer(start, x, &best);
      nearer(start + (atom->modulus - atom->width), x, &best);
      nearer(start + atom->modulus, x, &best);
    }
  }
  return best;
}

/* The lowest key that a moving end may stand at in row i; the highest is
 * i + offset. */
static int64_t lowest(gattn_bound bound, int64_t i) {
  return i + bound.offset - (bound.block - 1);
}

/* Cuts where an end that moves may meet one that stands. True when it is in
 * doubt already on which side of some it stands. */
static bool cut_at_meetings(gattn_zones *zones, const gattn_level *level,
                            gattn_bound bound, int64_t i, int64_t *end) {
  bool doubt = false;
  if (bound.block == 0) return false;
  if (is_frozen(level, bound)) {
    cut(i - i % bound.block + bound.block, end);
    return false;
  }
  int64_t highest = i + bound.offset;
  int64_t key = next_constant(zones, level, lowest(bound, i) + 1);
  if (key < highest) {
    doubt = true;
    cut(key - bound.offset + (bound.block - 1), end);
    key = next_constant(zones, level, highest);
  }
  if (key != INT64_MAX && key - bound.offset < *end)
    *end = key - bound.offset + 1;
  zones->row->work += 2 * zones->n_constants;
  return doubt;
}

static void cut_at_rows(const gattn_level *level, const gattn_atom *atom,
                        int64_t i, int64_t *end) {
  if (atom->kind == GATTN_ATOM_ROWS) {
    int64_t range = gattn_ranges_find(atom->set, atom->n, i);
    if (range >= 0 && i < atom->set[range].end)
      cut(atom->set[range].end, end);
    else if (range + 1 < atom->n)
      cut(atom->set[range + 1].begin, end);
  } else if (atom->kind == GATTN_ATOM_SEGMENTS) {
    int64_t segment = gattn_starts_find(atom->starts, atom->n, i);
    if (segment + 1 < atom->n) cut(atom->starts[segment + 1], end);
  } else if (atom->kind == GATTN_ATOM_COMB && atom->block > 0 &&
             atom->block >= level->frozen) {
    cut(i - i % atom->block + atom->block, end);
  }
}

/* ------------------------------------------------------------ strides */

/* A stride's keys between two moving ends stand at distances from the row that
 * depend on those of the ends alone. Only next to a standing end does the
 * residue of the row count, and only if the formula has edges in the stride's
 * class there: then a frozen stride cuts the zone, and any other must repeat
 * in its period. */
typedef struct residue_cuts {
  gattn_zones *zones;
  const gattn_level *level;
  int64_t i, end, period;
} residue_cuts;

static void depend(residue_cuts *cuts, int64_t key, int64_t stride) {
  if (stride != GATTN_ONE_RESIDUE && stride < cuts->level->frozen) {
    cuts->period = lcm(cuts->period, stride);
    return;
  }
  int64_t past = (key - cuts->i - 1) % stride;
  cut(cuts->i + 1 + (past < 0 ? past + stride : past), &cuts->end);
}

/* The keys next to a standing end: from it on, or before it. */
typedef struct neighborhood {
  int64_t end, key; /* key = end, or end - 1 */
} neighborhood;

static bool has_passed(const residue_cuts *cuts, gattn_bound bound,
                       const neighborhood *at) {
  if (bound.block == 0 || is_frozen(cuts->level, bound))
    return gattn_bound_at(bound, cuts->i) <= at->key;
  return lowest(bound, cuts->i) < at->end;
}

static bool in_set(const gattn_atom *atom, int64_t p) {
  int64_t range = gattn_ranges_find(atom->set, atom->n, p);
  return range >= 0 && p < atom->set[range].end;
}

static bool holds(const residue_cuts *cuts, const gattn_atom *atom,
                  const neighborhood *at) {
  switch (atom->kind) {
    case GATTN_ATOM_KEYS:
      return has_passed(cuts, atom->begin, at) &&
             !has_passed(cuts, atom->end, at);
    case GATTN_ATOM_COLUMNS: return in_set(atom, at->key);
    case GATTN_ATOM_ROWS: return in_set(atom, cuts->i);
    case GATTN_ATOM_SEGMENTS:
      return gattn_starts_find(atom->starts, atom->n, at->key) ==
             gattn_starts_find(atom->starts, atom->n, cuts->i);
    case GATTN_ATOM_COMB:
    case GATTN_ATOM_STRIDE:
    case GATTN_ATOM_TAIL:
    case GATTN_ATOM_BOUNDS:
    case GATTN_ATOM_GRID: break;
  }
  return false;
}

static void depend_on_classes(residue_cuts *cuts, int64_t end) {
  gattn_row *row = cuts->zones->row;
  const gattn_atoms *atoms = cuts->zones->atoms;
  gattn_row_invert(row, gattn_row_table(row));
  for (int q = 0; q < atoms->n_classes; ++q)
    if (row->coefficient[q] != 0 && atoms->classes[q].stride > 1)
      depend(cuts, end, atoms->classes[q].stride);
}

static void look_beside(residue_cuts *cuts, int64_t end, int64_t key) {
  gattn_row *row = cuts->zones->row;
  const gattn_atoms *atoms = cuts->zones->atoms;
  neighborhood at = {end, key};
  int combs[COMBS_MOST], n_combs = 0;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    if (atom->kind == GATTN_ATOM_COMB)
      combs[n_combs++] = a;
    else if (atom->kind != GATTN_ATOM_STRIDE && atom->kind != GATTN_ATOM_TAIL)
      row->word[a] = holds(cuts, atom, &at) ? ~(uint64_t)0 : 0;
  }
  for (int chosen = 0; chosen < 1 << n_combs; ++chosen) {
    for (int c = 0; c < n_combs; ++c)
      row->word[combs[c]] = chosen >> c & 1 ? ~(uint64_t)0 : 0;
    depend_on_classes(cuts, end);
  }
}

static void look_around(residue_cuts *cuts, int64_t end) {
  int64_t n_kv = cuts->zones->atoms->n_kv;
  if (0 < end && end <= n_kv) look_beside(cuts, end, end - 1);
  if (0 <= end && end < n_kv) look_beside(cuts, end, end);
}

/* Too many combs to ask: every stride counts everywhere. */
static void depend_on_all(residue_cuts *cuts, int64_t end) {
  const gattn_atoms *atoms = cuts->zones->atoms;
  for (int q = 0; q < atoms->n_classes; ++q)
    if (atoms->classes[q].stride > 1)
      depend(cuts, end, atoms->classes[q].stride);
  cuts->zones->row->work += atoms->n_classes;
}

static void cut_at_residues(residue_cuts *cuts) {
  const gattn_zones *zones = cuts->zones;
  const gattn_atoms *atoms = zones->atoms;
  int n_combs = 0;
  for (int a = 0; a < atoms->n_atoms; ++a)
    n_combs += atoms->atom[a].kind == GATTN_ATOM_COMB;
  void (*look)(residue_cuts *, int64_t) =
      n_combs > COMBS_MOST ? depend_on_all : look_around;
  for (int k = 0; k < zones->n_constants; ++k) look(cuts, zones->constants[k]);
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    if (atom->kind != GATTN_ATOM_COLUMNS) continue;
    for (int64_t r = 0; r < atom->n; ++r) {
      look(cuts, atom->set[r].begin);
      look(cuts, atom->set[r].end);
    }
  }
}

int64_t gattn_zone_end(gattn_zones *zones, const gattn_level *level, int64_t i,
                       int64_t end, int64_t *period) {
  const gattn_atoms *atoms = zones->atoms;
  bool doubt = false, strided = false;
  collect_constants(zones, level, i);
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    cut_at_rows(level, atom, i, &end);
    if (atom->kind == GATTN_ATOM_STRIDE) strided = true;
    if (atom->kind != GATTN_ATOM_KEYS) continue;
    doubt |= cut_at_meetings(zones, level, atom->begin, i, &end);
    doubt |= cut_at_meetings(zones, level, atom->end, i, &end);
  }
  zones->row->work += 4 * atoms->n_atoms;
  residue_cuts cuts = {zones, level, i, end, doubt ? 0 : level->period};
  if (strided && !doubt) cut_at_residues(&cuts);
  *period = cuts.period;
  return cuts.end;
}
