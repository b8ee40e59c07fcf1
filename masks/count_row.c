/* The degree of one row of a formula, without walking the row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/formula.h"

/* The row is swept from key 0 to key n_kv, stopping at every end of an
 * interval. Between two stops only the residue atoms still vary; the formula,
 * evaluated once on words with a lane for each residue class, says in which
 * classes there are edges, and arithmetic says how many keys those hold.
 *
 * Along the way the sweep finds how long all this stays as it is when the row
 * advances: until a moving end meets one that stands, a block or a set of rows
 * begins or ends, or a key enters or leaves a class at a stop. */

#define EVERY_LANE (~(uint64_t)0)

static void limit(gattn_row *row, int64_t horizon) {
  if (horizon < row->horizon) row->horizon = horizon;
}

void gattn_row_start(gattn_row *row, const gattn_atoms *atoms) {
  row->atoms = atoms;
  row->work = 0;
  row->table = 0;
  row->n_bounds = row->n_sets = 0;
  for (int a = 0; a < atoms->n_atoms; ++a) {
    const gattn_atom *atom = &atoms->atom[a];
    row->word[a] = atoms->lanes[a];
    if (atom->kind == GATTN_ATOM_COLUMNS)
      row->sets[row->n_sets++] = (int16_t)a;
    if (atom->kind != GATTN_ATOM_KEYS && atom->kind != GATTN_ATOM_SEGMENTS)
      continue;
    row->bounds[row->n_bounds++] =
        (gattn_row_bound){0, (int16_t)a, atom->begin.block == 1, 0};
    row->bounds[row->n_bounds++] =
        (gattn_row_bound){0, (int16_t)a, atom->end.block == 1, 1};
  }
}

/* ------------------------------------------------ conditions on the row */

static void enter_blocks(gattn_row *row, gattn_bound bound) {
  if (bound.block > 1)
    limit(row, row->i - row->i % bound.block + bound.block);
}

static void enter_segment(gattn_row *row, int a, const gattn_atom *atom) {
  int64_t segment = gattn_starts_find(atom->starts, atom->n, row->i);
  row->cursor[a] = segment;
  if (segment + 1 < atom->n) limit(row, atom->starts[segment + 1]);
}

static void enter_rows(gattn_row *row, int a, const gattn_atom *atom) {
  int64_t range = gattn_ranges_find(atom->set, atom->n, row->i);
  bool inside = range >= 0 && row->i < atom->set[range].end;
  row->word[a] = inside ? EVERY_LANE : 0;
  if (inside)
    limit(row, atom->set[range].end);
  else if (range + 1 < atom->n)
    limit(row, atom->set[range + 1].begin);
}

static void enter_comb(gattn_row *row, int a, const gattn_atom *atom) {
  int64_t within = atom->block == 0 ? row->i : row->i % atom->block;
  int64_t past = within % atom->modulus;
  row->word[a] = past == 0 ? EVERY_LANE : 0;
  limit(row, past == 0 ? row->i + 1 : row->i + (atom->modulus - past));
  if (atom->block > 0) limit(row, row->i + (atom->block - within));
}

static void enter_row(gattn_row *row) {
  for (int a = 0; a < row->atoms->n_atoms; ++a) {
    const gattn_atom *atom = &row->atoms->atom[a];
    switch (atom->kind) {
      case GATTN_ATOM_KEYS:
        enter_blocks(row, atom->begin);
        enter_blocks(row, atom->end);
        break;
      case GATTN_ATOM_SEGMENTS: enter_segment(row, a, atom); break;
      case GATTN_ATOM_ROWS: enter_rows(row, a, atom); break;
      case GATTN_ATOM_COMB: enter_comb(row, a, atom); break;
      case GATTN_ATOM_COLUMNS:
        row->cursor[a] = 0;
        row->word[a] = 0;
        break;
      case GATTN_ATOM_STRIDE:
      case GATTN_ATOM_TAIL:
      case GATTN_ATOM_BOUNDS:
      case GATTN_ATOM_GRID: break;
    }
  }
}

static int64_t bound_value(const gattn_row *row, const gattn_row_bound *bound) {
  const gattn_atom *atom = &row->atoms->atom[bound->atom];
  if (atom->kind == GATTN_ATOM_KEYS)
    return gattn_bound_at(bound->end ? atom->end : atom->begin, row->i);
  int64_t segment = row->cursor[bound->atom] + bound->end;
  return segment < atom->n ? atom->starts[segment] : row->atoms->n_kv;
}

/* By value, and at one place those that stand before those that move: so they
 * stay when the row advances. Nearly sorted already after the first row. */
static void sort_bounds(gattn_row *row) {
  for (int k = 0; k < row->n_bounds; ++k) {
    gattn_row_bound bound = row->bounds[k];
    bound.value = bound_value(row, &bound);
    row->passed[bound.atom] = 0;
    row->word[bound.atom] = 0;
    int at = k;
    for (; at > 0 && (row->bounds[at - 1].value > bound.value ||
                      (row->bounds[at - 1].value == bound.value &&
                       row->bounds[at - 1].slope > bound.slope));
         --at)
      row->bounds[at] = row->bounds[at - 1];
    row->bounds[at] = bound;
  }
}

/* ------------------------------------------------------- between two stops */

uint64_t gattn_row_table(gattn_row *row) {
  row->work += row->atoms->n_steps + 8;
  uint64_t stack[GATTN_ATOMS_MOST + 1];
  int top = -1;
  for (int k = 0; k < row->atoms->n_steps; ++k) {
    int step = row->atoms->steps[k];
    if (step >= 0) {
      stack[++top] = row->word[step];
      continue;
    }
    uint64_t upper = stack[top--];
    if (step == -1 - GATTN_ATOMS_UNION)
      stack[top] |= upper;
    else if (step == -1 - GATTN_ATOMS_INTERSECTION)
      stack[top] &= upper;
    else
      stack[top] &= ~upper;
  }
  int n = row->atoms->n_classes;
  return n == GATTN_ATOMS_CLASSES ? stack[0]
                                  : stack[0] & (((uint64_t)1 << n) - 1);
}

void gattn_row_invert(gattn_row *row, uint64_t table) {
  if (table == row->table) return;
  row->table = table;
  for (int q = 0; q < row->atoms->n_classes; ++q) {
    int64_t coefficient = (int64_t)(table >> q & 1);
    uint64_t above = row->atoms->classes[q].above;
    for (int p = 0; above >> p; ++p)
      if (above >> p & 1) coefficient -= row->coefficient[p];
    row->coefficient[q] = coefficient;
    row->work += q;
  }
}

/* Until the row has the residue of a standing end x, no key of a stride's
 * class passes x. */
static void watch_stride(gattn_row *row, int64_t stride, int64_t x) {
  int64_t past = (x - row->i - 1) % stride;
  limit(row, row->i + 1 + (past < 0 ? past + stride : past));
}

/* Until position p, advancing with the row, enters or leaves the tail, or any
 * other position that is the same modulo `modulus`. */
static void watch_tail(gattn_row *row, gattn_tail tail, int64_t modulus,
                       int64_t p) {
  int64_t past = p % modulus, gap = (tail.modulus - tail.width) % modulus;
  limit(row, row->i + (past < gap ? gap : modulus) - past);
}

/* Until when do the keys of a class below x stay linear in the row, where x
 * stands still or moves with the row? The keys of a stride move with the row,
 * all of them, and stand at i modulo its common divisor with a tail. */
static void watch(gattn_row *row, const gattn_residue_class *class_, int64_t x,
                  int slope) {
  int64_t stride = class_->stride;
  if (stride > 1 && slope == 0) watch_stride(row, stride, x);
  if (stride == 1 && slope == 0) return;
  for (int t = 0; t < row->atoms->n_tails; ++t) {
    if (!(class_->needed >> t & 1)) continue;
    gattn_tail tail = row->atoms->tails[t];
    if (stride == 1)
      watch_tail(row, tail, tail.modulus, x);
    else
      watch_tail(row, tail, gattn_stride_gcd(stride, tail.modulus), row->i);
  }
}

static void count_classes(gattn_row *row, int64_t x, int slope) {
  for (int q = 0; q < row->atoms->n_classes; ++q) {
    if (row->coefficient[q] == 0) continue;
    const gattn_residue_class *class_ = &row->atoms->classes[q];
    int64_t more = gattn_class_below(row->atoms, class_, row->i, x) -
                   gattn_class_below(row->atoms, class_, row->i, row->position);
    row->degree += (uint64_t)row->coefficient[q] * (uint64_t)more;
    watch(row, class_, row->position, row->slope);
    watch(row, class_, x, slope);
    row->work += class_->needed == 0 ? 8 : 64 * class_->residues;
  }
}

/* Counts from the last stop to x, and stops there. An interval that is empty
 * but grows with the row is looked at too: classes may enter it. */
static void stop_at(gattn_row *row, int64_t x, int slope) {
  if (slope == 0 && row->has_mover) {
    limit(row, row->i + (x - row->mover));
    row->has_mover = false;
  }
  if (slope == 1) {
    row->has_mover = true;
    row->mover = x;
  }
  if (x > row->position || slope > row->slope) {
    uint64_t table = gattn_row_table(row);
    int n = row->atoms->n_classes;
    if (table == EVERY_LANE >> (GATTN_ATOMS_CLASSES - n)) {
      row->degree += (uint64_t)(x - row->position);
    } else if (table != 0) {
      gattn_row_invert(row, table);
      count_classes(row, x, slope);
    }
  }
  row->position = x;
  row->slope = slope;
}

/* ------------------------------------------------------------ the sweep */

static void pass(gattn_row *row, const gattn_row_bound *bound) {
  uint8_t side = bound->end ? 2 : 1;
  row->passed[bound->atom] |= side;
  row->word[bound->atom] = row->passed[bound->atom] == 1 ? EVERY_LANE : 0;
}

/* Where the set of columns begins or ends next. */
static int64_t set_edge(const gattn_row *row, int a) {
  const gattn_atom *atom = &row->atoms->atom[a];
  int64_t range = row->cursor[a] / 2;
  if (range >= atom->n) return row->atoms->n_kv;
  return row->cursor[a] % 2 ? atom->set[range].end : atom->set[range].begin;
}

static bool is_plain(const gattn_row *row, uint64_t table) {
  int n = row->atoms->n_classes;
  return table == 0 || table == EVERY_LANE >> (GATTN_ATOMS_CLASSES - n);
}

/* Stopped at an edge of the only set: if edges depend on no residue within the
 * set nor without, adds up its ranges to the last edge at or before x. */
static void leap_over_ranges(gattn_row *row, int a, int64_t x) {
  const gattn_atom *atom = &row->atoms->atom[a];
  int64_t range = gattn_ranges_find(atom->set, atom->n, x);
  int64_t first = row->cursor[a], last = 2 * range + 1;
  if (range >= 0 && atom->set[range].end <= x) ++last;
  if (last - first < 4) return;
  uint64_t table[2];
  table[first % 2] = gattn_row_table(row);
  row->word[a] = ~row->word[a];
  table[1 - first % 2] = gattn_row_table(row);
  row->word[a] = ~row->word[a];
  if (!is_plain(row, table[0]) || !is_plain(row, table[1])) return;
  int64_t within = 0, begin = row->position;
  if (first % 2) within += atom->set[first / 2].end - begin;
  for (int64_t r = (first + 1) / 2; r < last / 2; ++r)
    within += atom->set[r].end - atom->set[r].begin;
  row->cursor[a] = last - 1;
  row->position = set_edge(row, a);
  row->cursor[a] = last;
  if (table[0] != 0)
    row->degree += (uint64_t)(row->position - begin - within);
  if (table[1] != 0) row->degree += (uint64_t)within;
  if ((last - first) % 2) row->word[a] = ~row->word[a];
  row->work += (last - first) / 8;
}

/* Stops at the edges of column sets up to and including x. */
static void pass_sets(gattn_row *row, int64_t x) {
  int64_t n_kv = row->atoms->n_kv;
  bool first = true;
  while (row->n_sets > 0) {
    int64_t edge = n_kv;
    for (int k = 0; k < row->n_sets; ++k) {
      int64_t next = set_edge(row, row->sets[k]);
      if (next < edge) edge = next;
    }
    row->work += row->n_sets;
    if (edge > x || edge >= n_kv) return;
    stop_at(row, edge, 0);
    for (int k = 0; k < row->n_sets; ++k) {
      int a = row->sets[k];
      if (set_edge(row, a) != edge) continue;
      ++row->cursor[a];
      row->word[a] = ~row->word[a];
    }
    if (first && row->n_sets == 1)
      leap_over_ranges(row, row->sets[0], x < n_kv ? x : n_kv - 1);
    first = false;
  }
}

/* The bounds before the first key, and the first stop. Returns how many. */
static int pass_start(gattn_row *row) {
  int k = 0;
  row->position = 0;
  row->slope = 0;
  row->has_mover = false;
  for (; k < row->n_bounds && row->bounds[k].value < 0; ++k) {
    if (row->bounds[k].slope == 1) {
      row->has_mover = true;
      row->mover = row->bounds[k].value;
    }
    pass(row, &row->bounds[k]);
  }
  stop_at(row, 0, 0);
  return k;
}

int64_t gattn_row_degree(gattn_row *row, int64_t i, int64_t *horizon) {
  int64_t n_kv = row->atoms->n_kv;
  row->i = i;
  row->degree = 0;
  row->horizon = INT64_MAX;
  enter_row(row);
  sort_bounds(row);
  row->work += 16 + 2 * row->atoms->n_atoms + 4 * row->n_bounds;
  for (int k = pass_start(row); k < row->n_bounds; ++k) {
    const gattn_row_bound *bound = &row->bounds[k];
    if (bound->value + bound->slope > n_kv) break;
    pass_sets(row, bound->value);
    stop_at(row, bound->value, bound->slope);
    pass(row, bound);
  }
  pass_sets(row, n_kv);
  stop_at(row, n_kv, 0);
  *horizon = row->horizon;
  return (int64_t)row->degree;
}
