/* Building the formula of a graph, atom by atom.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/atoms.h"

#include <string.h>

#include "masks/formula.h"

int64_t gattn_ranges_find(const gattn_range *set, int64_t n, int64_t p) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (set[middle].begin <= p)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

int64_t gattn_starts_find(const int64_t *starts, int64_t n, int64_t p) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (starts[middle] <= p)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

static bool push_step(gattn_atoms *atoms, int step) {
  if (atoms->n_steps == GATTN_ATOMS_STEPS) return false;
  atoms->steps[atoms->n_steps++] = (int16_t)step;
  atoms->depth += step >= 0 ? 1 : -1;
  return atoms->depth <= GATTN_ATOMS_MOST;
}

static bool same_atom(const gattn_atom *a, const gattn_atom *b) {
  return a->kind == b->kind && a->begin.block == b->begin.block &&
         a->begin.offset == b->begin.offset && a->end.block == b->end.block &&
         a->end.offset == b->end.offset && a->set == b->set &&
         a->starts == b->starts && a->n == b->n && a->block == b->block &&
         a->modulus == b->modulus && a->width == b->width &&
         a->bounds == b->bounds && a->grid_kind == b->grid_kind &&
         a->h == b->h && a->w == b->w && a->kh == b->kh && a->kw == b->kw;
}

int gattn_atoms_add(gattn_atoms *atoms, const gattn_atom *atom) {
  int a = 0;
  while (a < atoms->n_atoms && !same_atom(&atoms->atom[a], atom)) ++a;
  if (a == GATTN_ATOMS_MOST) return -1;
  if (a == atoms->n_atoms) atoms->atom[atoms->n_atoms++] = *atom;
  return a;
}

static bool push_atom(gattn_atoms *atoms, const gattn_atom *atom) {
  int a = gattn_atoms_add(atoms, atom);
  return a >= 0 && push_step(atoms, a);
}

/* A bound that stands still over the rows at hand, or never inside the keys,
 * becomes a constant: it costs no breakpoints, and no later sum overflows. */
static gattn_bound settle(const gattn_atoms *atoms, gattn_bound bound) {
  int64_t first = atoms->row_begin, last = atoms->row_end - 1;
  if (bound.block > 0) {
    if (bound.offset >= atoms->n_kv)
      bound = gattn_bound_constant(atoms->n_kv);
    else if (bound.offset <= -atoms->n_q)
      bound = gattn_bound_constant(0);
    else if (first / bound.block == last / bound.block)
      bound = gattn_bound_constant(gattn_bound_at(bound, first));
    else if (gattn_bound_at(bound, first) >= atoms->n_kv)
      bound = gattn_bound_constant(atoms->n_kv);
    else if (gattn_bound_at(bound, last) <= 0)
      bound = gattn_bound_constant(0);
  }
  if (bound.block == 0 && bound.offset < 0) bound.offset = 0;
  if (bound.block == 0 && bound.offset > atoms->n_kv)
    bound.offset = atoms->n_kv;
  return bound;
}

bool gattn_atoms_keys(gattn_atoms *atoms, gattn_bound begin, gattn_bound end) {
  return push_atom(atoms, &(gattn_atom){.kind = GATTN_ATOM_KEYS,
                                        .begin = settle(atoms, begin),
                                        .end = settle(atoms, end)});
}

static bool push_keys(gattn_atoms *atoms, int64_t begin, int64_t end) {
  return gattn_atoms_keys(atoms, gattn_bound_constant(begin),
                          gattn_bound_constant(end));
}

bool gattn_atoms_stride(gattn_atoms *atoms, int64_t s) {
  if (s == 1) return push_keys(atoms, 0, atoms->n_kv);
  if (s >= atoms->n_q && s >= atoms->n_kv)
    return gattn_atoms_keys(atoms, gattn_bound_shift(0), gattn_bound_shift(1));
  return push_atom(atoms,
                   &(gattn_atom){.kind = GATTN_ATOM_STRIDE, .modulus = s});
}

bool gattn_atoms_tail(gattn_atoms *atoms, int64_t s, int64_t c) {
  if (c == 0) return push_keys(atoms, 0, 0);
  if (c == s || s >= atoms->n_kv)
    return push_keys(atoms, s - c, atoms->n_kv);
  return push_atom(atoms, &(gattn_atom){.kind = GATTN_ATOM_TAIL,
                                        .modulus = s,
                                        .width = c});
}

bool gattn_atoms_comb(gattn_atoms *atoms, int64_t b, int64_t r) {
  if (r >= b) {
    r = b;
    b = 0;
  } else if (b >= atoms->row_end || b % r == 0) {
    b = 0;
  }
  if (r == 1) return push_keys(atoms, 0, atoms->n_kv);
  if (r > GATTN_ONE_RESIDUE) r = GATTN_ONE_RESIDUE;
  return push_atom(
      atoms, &(gattn_atom){.kind = GATTN_ATOM_COMB, .block = b, .modulus = r});
}

bool gattn_atoms_rows(gattn_atoms *atoms, const gattn_range *set, int64_t n) {
  return push_atom(atoms,
                   &(gattn_atom){.kind = GATTN_ATOM_ROWS, .set = set, .n = n});
}

/* A short set is a union of intervals: it then shares the sorting of the
 * other bounds, and a row's sweep looks through few long sets. */
bool gattn_atoms_columns(gattn_atoms *atoms, const gattn_range *set,
                         int64_t n) {
  enum { SHORT = 8 };
  if (n == 0) return push_keys(atoms, 0, 0);
  if (n > SHORT)
    return push_atom(
        atoms, &(gattn_atom){.kind = GATTN_ATOM_COLUMNS, .set = set, .n = n});
  for (int64_t r = 0; r < n; ++r) {
    if (!push_keys(atoms, set[r].begin, set[r].end)) return false;
    if (r > 0 && !gattn_atoms_apply(atoms, GATTN_ATOMS_UNION)) return false;
  }
  return true;
}

bool gattn_atoms_segments(gattn_atoms *atoms, const int64_t *starts,
                          int64_t n) {
  int64_t segment = gattn_starts_find(starts, n, atoms->row_begin);
  if (segment == gattn_starts_find(starts, n, atoms->row_end - 1))
    return push_keys(atoms, starts[segment],
                     segment + 1 < n ? starts[segment + 1] : atoms->n_kv);
  return push_atom(
      atoms,
      &(gattn_atom){.kind = GATTN_ATOM_SEGMENTS, .starts = starts, .n = n});
}

bool gattn_atoms_bounds(gattn_atoms *atoms, const gattn_run *rows,
                        const int64_t *summary) {
  return !atoms->counted &&
         push_atom(atoms, &(gattn_atom){.kind = GATTN_ATOM_BOUNDS,
                                        .bounds = rows,
                                        .summary = summary});
}

/* Lines that are whole follow one another: a block. */
bool gattn_atoms_grid(gattn_atoms *atoms, gattn_atoms_grid_kind kind,
                      int64_t h, int64_t w, int64_t kh, int64_t kw) {
  if (atoms->counted) return false;
  if (kh >= h && kw >= w) return push_keys(atoms, 0, atoms->n_kv);
  if (kind == GATTN_ATOMS_CELL && kw >= w)
    return gattn_atoms_keys(atoms, gattn_bound_block(kh * w, 0),
                            gattn_bound_block(kh * w, kh * w));
  return push_atom(atoms, &(gattn_atom){.kind = GATTN_ATOM_GRID,
                                        .grid_kind = kind,
                                        .h = h,
                                        .w = w,
                                        .kh = kh,
                                        .kw = kw});
}

bool gattn_atoms_apply(gattn_atoms *atoms, gattn_atoms_operator operator_) {
  return push_step(atoms, -1 - (int)operator_);
}

bool gattn_atoms_graph(gattn_atoms *atoms, const gattn_graph *graph) {
  if (!graph->class_->atoms || atoms->nesting == GATTN_ATOMS_NESTING)
    return false;
  ++atoms->nesting;
  bool done = graph->class_->atoms(graph, atoms);
  --atoms->nesting;
  return done;
}

static void start(gattn_atoms *atoms, const gattn_graph *graph, int64_t begin,
                  int64_t end, bool counted) {
  atoms->counted = counted;
  atoms->n_q = graph->n_q;
  atoms->n_kv = graph->n_kv;
  atoms->row_begin = begin;
  atoms->row_end = end;
  atoms->n_atoms = atoms->n_steps = atoms->depth = atoms->nesting = 0;
}

bool gattn_atoms_read(gattn_atoms *atoms, const gattn_graph *graph) {
  start(atoms, graph, 0, graph->n_q, false);
  return gattn_atoms_graph(atoms, graph);
}

bool gattn_atoms_build(gattn_atoms *atoms, const gattn_graph *graph,
                       int64_t begin, int64_t end) {
  start(atoms, graph, begin, end, true);
  return gattn_atoms_graph(atoms, graph) && gattn_classes_build(atoms);
}
