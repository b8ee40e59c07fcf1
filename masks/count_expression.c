/* Closed-form counts of whole mask expressions.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The degree of row i is a sum over the intervals between the ends of a
 * formula's atoms, and is linear in i for as long as nothing happens: see
 * masks/count_row.c, which evaluates one row and says for how long. Counting
 * n rows that way takes as many evaluations as things happen, and blocks or
 * strides make them happen again and again. But they happen periodically:
 *
 *     Let P be a multiple of every block, stride and tail. From row i to row
 *     i + P each end either stands (a constant) or moves by exactly P, and no
 *     residue changes. As long as no moving end meets a standing one, the
 *     intervals in row i + P are therefore those of row i, shifted, longer by
 *     P, or shorter by P; P more keys hold the same number of each residue
 *     class wherever they begin; and so degree(i + P) - degree(i) is the same
 *     number in every period.
 *
 * A run of rows in which no moving end can meet a standing one, in whatever
 * order the residues come, is a "zone". Zones are cut where that may change,
 * and only one period of a zone is looked at.
 *
 * P may be large, so the same is done again within one period: the largest
 * blocks, strides and tails are declared to stand ("frozen", level by level),
 * zones are cut where they step, and P is a multiple of the rest only. What is
 * left after all levels is a box of rows begin + x + Σ step·t over which the
 * degree is linear in x and in every t, and is summed in closed form. */
#include "config.h"

#include "masks/count.h"

#include "masks/formula.h"

enum {
  LEVELS = 16,
  SMALL_PERIOD = 16,      /* rows that are looked at one by one */
  WORK_MOST = 1 << 26,    /* steps of formulas: about a second */
};

/* The rows counted with one: row + step·t for t in [0, count). */
typedef struct dimension {
  int64_t step, count;
} dimension;

/* Blocks, strides and tails at or above `frozen` stand; period 0: too long. */
typedef struct level {
  int64_t frozen, period;
} level;

typedef struct expression {
  gattn_atoms atoms;
  gattn_row row;
  gattn_counts counts;
  bool any, fixed_residues;
  int n_levels, n_dimensions, n_constants;
  level levels[LEVELS];
  dimension dimensions[LEVELS + 1];
  int64_t constants[2 * GATTN_ATOMS_MOST + 2];
} expression;

/* ------------------------------------------------------------ levels */

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

/* Calls of one function for every period of the formula keep what a level
 * freezes and what it repeats together. */
static int64_t combined_period(const expression *e, int64_t frozen) {
  const gattn_atoms *atoms = &e->atoms;
  int64_t residues = e->fixed_residues ? INT64_MAX : frozen, period = 1;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    int64_t own = 1, other = 1;
    if (atom->kind == GATTN_ATOM_KEYS) {
      if (atom->begin.block > 1) own = atom->begin.block;
      if (atom->end.block > 1) other = atom->end.block;
    } else if (atom->kind == GATTN_ATOM_COMB) {
      bool whole = atom->block > 0 && atom->block < frozen;
      period = lcm(period, whole ? atom->block : atom->modulus);
    } else if (atom->kind == GATTN_ATOM_TAIL && atom->modulus < residues) {
      period = lcm(period, atom->modulus);
    }
    if (own < frozen) period = lcm(period, own);
    if (other < frozen) period = lcm(period, other);
  }
  for (int q = 0; q < atoms->n_classes; ++q) {
    int64_t stride = atoms->classes[q].stride;
    if (stride < residues && stride != GATTN_ONE_RESIDUE)
      period = lcm(period, stride);
  }
  return period;
}

/* The largest period below `below` that can be frozen, or 0. */
static int64_t next_period(const expression *e, int64_t below) {
  const gattn_atoms *atoms = &e->atoms;
  int64_t best = 0;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    int64_t periods[3] = {0};
    if (atom->kind == GATTN_ATOM_KEYS) {
      periods[0] = atom->begin.block;
      periods[1] = atom->end.block;
    } else if (atom->kind == GATTN_ATOM_COMB) {
      periods[0] = atom->block;
    } else if (atom->kind == GATTN_ATOM_TAIL && !e->fixed_residues) {
      periods[0] = atom->modulus;
    }
    for (int k = 0; k < 2; ++k)
      if (periods[k] < below && periods[k] > best) best = periods[k];
  }
  for (int q = 0; q < atoms->n_classes && !e->fixed_residues; ++q) {
    int64_t stride = atoms->classes[q].stride;
    if (stride < below && stride > best && stride != GATTN_ONE_RESIDUE)
      best = stride;
  }
  return best > 1 ? best : 0;
}

/* Where strides and tails meet in one class the keys of an interval depend on
 * the residue of the row in a way that freezing either would miss. */
static void make_levels(expression *e) {
  e->fixed_residues = false;
  for (int q = 0; q < e->atoms.n_classes; ++q)
    if (e->atoms.classes[q].stride > 1 && e->atoms.classes[q].needed != 0)
      e->fixed_residues = true;
  int64_t frozen = INT64_MAX;
  e->n_levels = 0;
  while (e->n_levels < LEVELS) {
    int64_t period = combined_period(e, frozen);
    e->levels[e->n_levels++] = (level){frozen, period};
    frozen = next_period(e, frozen);
    if (frozen == 0 || (period > 0 && period <= SMALL_PERIOD)) return;
  }
}

/* ------------------------------------------------------------ zones */

/* What stands in the rows from i on: keys a moving end may meet. */
static void collect_constants(expression *e, const level *level, int64_t i) {
  int n = 0;
  e->constants[n++] = 0;
  e->constants[n++] = e->atoms.n_kv;
  for (int a = 0; a < e->atoms.n_atoms; ++a) {
    const gattn_atom *atom = &e->atoms.atom[a];
    if (atom->kind == GATTN_ATOM_KEYS) {
      if (atom->begin.block != 1 &&
          (atom->begin.block == 0 || atom->begin.block >= level->frozen))
        e->constants[n++] = gattn_bound_at(atom->begin, i);
      if (atom->end.block != 1 &&
          (atom->end.block == 0 || atom->end.block >= level->frozen))
        e->constants[n++] = gattn_bound_at(atom->end, i);
    } else if (atom->kind == GATTN_ATOM_SEGMENTS) {
      int64_t segment = gattn_starts_find(atom->starts, atom->n, i);
      e->constants[n++] = atom->starts[segment];
      if (segment + 1 < atom->n)
        e->constants[n++] = atom->starts[segment + 1];
    }
  }
  e->n_constants = n;
}

static void nearer(int64_t key, int64_t x, int64_t *best) {
  if (key >= x && key < *best) *best = key;
}

/* The first standing key at or after x; INT64_MAX when none is left. */
static int64_t next_constant(expression *e, const level *level, int64_t x) {
  int64_t best = INT64_MAX;
  for (int k = 0; k < e->n_constants; ++k) nearer(e->constants[k], x, &best);
  for (int a = 0; a < e->atoms.n_atoms; ++a) {
    const gattn_atom *atom = &e->atoms.atom[a];
    if (atom->kind == GATTN_ATOM_COLUMNS) {
      int64_t range = gattn_ranges_find(atom->set, atom->n, x);
      if (range >= 0) {
        nearer(atom->set[range].begin, x, &best);
        nearer(atom->set[range].end, x, &best);
      }
      if (range + 1 < atom->n) nearer(atom->set[range + 1].begin, x, &best);
    } else if (atom->kind == GATTN_ATOM_TAIL && !e->fixed_residues &&
               atom->modulus >= level->frozen && x >= 0 &&
               x < e->atoms.n_kv) {
      int64_t start = x - x % atom->modulus;
      nearer(start, x, &best);
      nearer(start + (atom->modulus - atom->width), x, &best);
      nearer(start + atom->modulus, x, &best);
    }
  }
  return best;
}

static void cut(int64_t row, int64_t *end) {
  if (row < *end) *end = row;
}

/* A moving end lies in [i + offset - (block - 1), i + offset] in row i. */
static void cut_at_meetings(expression *e, const level *level,
                            gattn_bound bound, int64_t i, int64_t *end,
                            bool *mixed) {
  if (bound.block == 0) return;
  if (bound.block > 1 && bound.block >= level->frozen) {
    cut(i - i % bound.block + bound.block, end);
    return;
  }
  int64_t top = i + bound.offset, low = top - (bound.block - 1);
  int64_t key = next_constant(e, level, low + 1);
  if (key < top) {
    *mixed = true;
    cut(key - bound.offset + (bound.block - 1), end);
    key = next_constant(e, level, top);
  }
  if (key != INT64_MAX && key - bound.offset < *end)
    *end = key - bound.offset + 1;
  e->row.work += 2 * e->n_constants;
}

/* The keys of a frozen stride's class before a standing end change when the
 * row has the residue of that end. */
static void cut_at_residue(int64_t stride, int64_t key, int64_t i,
                           int64_t *end) {
  int64_t past = (key - i - 1) % stride;
  cut(i + 1 + (past < 0 ? past + stride : past), end);
}

static void cut_at_residues(expression *e, const level *level, int64_t i,
                            int64_t *end) {
  const gattn_atoms *atoms = &e->atoms;
  int64_t done = 1;
  for (int q = 0; q < atoms->n_classes; ++q) {
    int64_t stride = atoms->classes[q].stride;
    bool frozen = stride == GATTN_ONE_RESIDUE ||
                  (stride >= level->frozen && !e->fixed_residues);
    if (stride == done || !frozen) continue;
    done = stride;
    for (int k = 0; k < e->n_constants; ++k)
      cut_at_residue(stride, e->constants[k], i, end);
    e->row.work += e->n_constants;
    for (int a = 0; a < atoms->n_atoms; ++a) {
      const gattn_atom *atom = &atoms->atom[a];
      if (atom->kind != GATTN_ATOM_COLUMNS) continue;
      for (int64_t r = 0; r < atom->n; ++r) {
        cut_at_residue(stride, atom->set[r].begin, i, end);
        cut_at_residue(stride, atom->set[r].end, i, end);
      }
      e->row.work += 2 * atom->n;
    }
  }
}

static void cut_at_rows(const level *level, const gattn_atom *atom, int64_t i,
                        int64_t *end) {
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

/* The end of the zone that begins at row i. *mixed: a moving end may stand on
 * either side of a standing one, so that rows do not repeat. */
static int64_t zone_end(expression *e, const level *level, int64_t i,
                        int64_t end, bool *mixed) {
  *mixed = false;
  collect_constants(e, level, i);
  for (int a = 0; a < e->atoms.n_atoms; ++a) {
    const gattn_atom *atom = &e->atoms.atom[a];
    cut_at_rows(level, atom, i, &end);
    if (atom->kind != GATTN_ATOM_KEYS) continue;
    cut_at_meetings(e, level, atom->begin, i, &end, mixed);
    cut_at_meetings(e, level, atom->end, i, &end, mixed);
  }
  cut_at_residues(e, level, i, &end);
  e->row.work += 4 * e->atoms.n_atoms;
  return end;
}

/* ------------------------------------------------------------ summation */

/* Rows over which the degree is first + Σ slope[k]·t_k, 0 <= t_k < count[k].
 * Its least and greatest values are at corners; a degree that is linear and
 * nowhere negative is zero on a face, or nowhere. */
static void add_box(expression *e, int64_t first, int n, const int64_t *slope,
                    const int64_t *count) {
  int64_t least = first, greatest = first, rows = 1, zeros = 1;
  __int128 twice = 0;
  for (int k = 0; k < n; ++k) {
    int64_t span = slope[k] * (count[k] - 1);
    if (span < 0)
      least += span;
    else
      greatest += span;
    rows *= count[k];
    if (span == 0) zeros *= count[k];
    twice += span;
  }
  gattn_counts *counts = &e->counts;
  counts->edges += (gattn_wide)rows * (gattn_wide)first +
                   (gattn_wide)(twice * rows / 2);
  if (!e->any || least < counts->min_degree) counts->min_degree = least;
  if (!e->any || greatest > counts->max_degree) counts->max_degree = greatest;
  if (least == 0) counts->empty_rows += zeros;
  e->any = true;
}

/* Rows [begin, end), each for all of the dimensions. */
static void walk(expression *e, int64_t begin, int64_t end) {
  while (begin < end && e->row.work <= WORK_MOST) {
    int64_t slope[LEVELS + 2], count[LEVELS + 2], horizon, unused;
    int64_t first = gattn_row_degree(&e->row, begin, &horizon);
    int n = e->n_dimensions;
    if (horizon > end) horizon = end;
    for (int k = 0; k < n; ++k) {
      int64_t row = begin + e->dimensions[k].step;
      count[k] = e->dimensions[k].count;
      slope[k] = gattn_row_degree(&e->row, row, &unused) - first;
    }
    count[n] = horizon - begin;
    slope[n] = 0;
    if (count[n] > 1)
      slope[n] = gattn_row_degree(&e->row, begin + 1, &unused) - first;
    add_box(e, first, n + 1, slope, count);
    begin = horizon;
  }
}

static void count_level(expression *e, int at, int64_t begin, int64_t end);

static void descend(expression *e, int at, int64_t begin, int64_t end) {
  if (at + 1 < e->n_levels)
    count_level(e, at + 1, begin, end);
  else
    walk(e, begin, end);
}

static void count_level(expression *e, int at, int64_t begin, int64_t end) {
  const level *level = &e->levels[at];
  while (begin < end && e->row.work <= WORK_MOST) {
    bool mixed;
    int64_t zone = zone_end(e, level, begin, end, &mixed);
    int64_t period = mixed ? 0 : level->period;
    int64_t periods = period > 0 ? (zone - begin) / period : 0;
    if (periods >= 2) {
      e->dimensions[e->n_dimensions++] = (dimension){period, periods};
      descend(e, at, begin, begin + period);
      --e->n_dimensions;
      begin += period * periods;
    }
    if (begin < zone) descend(e, at, begin, zone);
    begin = zone;
  }
}

bool gattn_count_expression(const gattn_graph *graph, int64_t begin,
                            int64_t end, gattn_counts *counts) {
  expression e;
  if (!gattn_atoms_build(&e.atoms, graph, begin, end)) return false;
  e.counts = (gattn_counts){0};
  e.any = false;
  e.n_dimensions = 0;
  make_levels(&e);
  gattn_row_start(&e.row, &e.atoms);
  count_level(&e, 0, begin, end);
  if (e.row.work > WORK_MOST) return false;
  *counts = e.counts;
  return true;
}

bool gattn_degree_expression(const gattn_graph *graph, int64_t i,
                             int64_t *degree) {
  gattn_atoms atoms;
  gattn_row row;
  int64_t unused;
  if (!gattn_atoms_build(&atoms, graph, i, i + 1)) return false;
  gattn_row_start(&row, &atoms);
  *degree = gattn_row_degree(&row, i, &unused);
  return true;
}
