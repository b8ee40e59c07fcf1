/* The formula of atoms from inside, and the evaluation of one row.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_FORMULA_H
#define GATTN_MASKS_FORMULA_H

#include "masks/atoms.h"

enum {
  GATTN_ATOMS_MOST = 256,      /* distinct atoms */
  GATTN_ATOMS_STEPS = 1024,    /* atoms and operators in postfix order */
  GATTN_ATOMS_NESTING = 1024,  /* graphs within graphs */
  GATTN_ATOMS_CLASSES = 64,    /* residue classes: bits of a word */
  GATTN_ATOMS_TAILS = 6,       /* distinct tails: 2^6 classes */
  GATTN_ATOMS_EXPANSION = 4096 /* residues tried for tails in common */
};

/* A modulus at or above it holds one position of any row. */
#define GATTN_ONE_RESIDUE ((int64_t)1 << 62)

typedef enum gattn_atom_kind {
  GATTN_ATOM_KEYS = 1, /* an interval of keys with ends `begin`, `end` */
  GATTN_ATOM_COLUMNS,  /* j in set */
  GATTN_ATOM_SEGMENTS, /* i and j in one segment of starts */
  GATTN_ATOM_ROWS,     /* i in set */
  GATTN_ATOM_COMB,     /* (i mod block) mod modulus = 0; block 0: i mod … */
  GATTN_ATOM_STRIDE,   /* (i - j) mod modulus = 0 */
  GATTN_ATOM_TAIL,     /* (j mod modulus) >= modulus - width */
  /* Not counted. */
  GATTN_ATOM_BOUNDS, /* bounds[i], with summary */
  GATTN_ATOM_GRID    /* grid_kind */
} gattn_atom_kind;

typedef struct gattn_atom {
  gattn_atom_kind kind;
  gattn_bound begin, end;
  const gattn_range *set; /* set[n] */
  const int64_t *starts;  /* starts[n] */
  int64_t n;
  int64_t block, modulus, width;
  const gattn_run *bounds;
  const int64_t *summary;
  gattn_atoms_grid_kind grid_kind;
  int64_t h, w, kh, kw;
} gattn_atom;

typedef struct gattn_tail {
  int64_t modulus, width;
} gattn_tail;

/* The keys j with (i - j) mod stride = 0 that lie in every tail of a set. The
 * conditions on residues that can hold together form a lattice of such
 * classes under inclusion; see gattn_classes_build. */
typedef struct gattn_residue_class {
  int64_t stride;
  uint32_t tails;  /* which tails hold */
  uint32_t needed; /* the same without those that others imply */
  uint64_t above;  /* which classes contain this one, itself not counted */
  int64_t residues; /* that counting it tries one by one */
} gattn_residue_class;

struct gattn_atoms {
  int64_t n_q, n_kv, row_begin, row_end;
  int n_atoms, n_steps, depth, nesting, n_tails, n_classes;
  bool counted; /* only atoms that counting knows */
  gattn_atom atom[GATTN_ATOMS_MOST];
  /* Residue atoms: in which classes they hold. */
  uint64_t lanes[GATTN_ATOMS_MOST];
  int16_t steps[GATTN_ATOMS_STEPS]; /* an atom, or -1 - operator */
  gattn_tail tails[GATTN_ATOMS_TAILS];
  gattn_residue_class classes[GATTN_ATOMS_CLASSES];
};

/* The formula of rows [begin, end) of a graph, ready to be evaluated. */
bool gattn_atoms_build(gattn_atoms *atoms, const gattn_graph *graph,
                       int64_t begin, int64_t end);

/* The formula of all rows of a graph with rows and keys, of any atoms; it
 * cannot be evaluated by the functions below. */
bool gattn_atoms_read(gattn_atoms *atoms, const gattn_graph *graph);

/* Where an atom stands in atom[], put there if it is not yet; -1 when there is
 * no room. */
int gattn_atoms_add(gattn_atoms *atoms, const gattn_atom *atom);

/* Finds the classes that the stride and tail atoms make, and their lanes. */
bool gattn_classes_build(gattn_atoms *atoms);
/* The greatest common divisor of a class's stride and m. */
int64_t gattn_stride_gcd(int64_t stride, int64_t m);
/* How many keys below x lie in the class, seen from row i; x >= 0. */
int64_t gattn_class_below(const gattn_atoms *atoms,
                          const gattn_residue_class *class_, int64_t i,
                          int64_t x);

/* The last range of set[n] that begins at or before p, or -1. */
int64_t gattn_ranges_find(const gattn_range *set, int64_t n, int64_t p);
/* The last of starts[n] at or before p >= 0. */
int64_t gattn_starts_find(const int64_t *starts, int64_t n, int64_t p);

/* Where a bound stands in row i. */
static inline int64_t gattn_bound_at(gattn_bound bound, int64_t i) {
  if (bound.block == 0) return bound.offset;
  if (bound.block == 1) return i + bound.offset;
  return i - i % bound.block + bound.offset;
}

/* An end of an interval of keys in the row at hand. */
typedef struct gattn_row_bound {
  int64_t value;
  int16_t atom;
  int8_t slope; /* 1 when it moves with the row */
  int8_t end;
} gattn_row_bound;

/* The state of evaluating rows one after another: scratch on the caller's
 * stack. */
typedef struct gattn_row {
  const gattn_atoms *atoms;
  int64_t work; /* steps of the formula done so far */
  int64_t i, horizon;
  uint64_t degree;
  int64_t position, mover;
  int slope;
  bool has_mover;
  int n_bounds, n_sets;
  uint64_t table; /* the one that coefficient[] belongs to */
  int64_t coefficient[GATTN_ATOMS_CLASSES];
  uint64_t word[GATTN_ATOMS_MOST];
  int64_t cursor[GATTN_ATOMS_MOST];
  int16_t sets[GATTN_ATOMS_MOST];
  uint8_t passed[GATTN_ATOMS_MOST];
  gattn_row_bound bounds[2 * GATTN_ATOMS_MOST];
} gattn_row;

void gattn_row_start(gattn_row *row, const gattn_atoms *atoms);

/* The degree of row i. *horizon > i is a row such that the degree is linear in
 * the row over [i, *horizon). */
int64_t gattn_row_degree(gattn_row *row, int64_t i, int64_t *horizon);

/* The formula evaluated on row->word: in which classes there are edges. */
uint64_t gattn_row_table(gattn_row *row);

/* Sets row->coefficient[] to integers such that the edges are the sum of
 * coefficient·(keys of the class): a key whose smallest class is q counts in q
 * and in all classes above q, so these add up to the table's bit of q. */
void gattn_row_invert(gattn_row *row, uint64_t table);

#endif
