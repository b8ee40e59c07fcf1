/* Making formulas simpler: constants, intervals that can be joined, chains made
 * flat. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/formula_tree.h"

/* ------------------------------------------------------------ intervals */

static bool is_constant(gattn_bound bound, int64_t value) {
  return bound.block == 0 && bound.offset == value;
}

/* a <= b in every row, as far as that is seen at once. A bound below 0 is as
 * good as 0, one above n_kv as n_kv. */
static bool at_most(const gattn_atoms *atoms, gattn_bound a, gattn_bound b) {
  if (is_constant(a, 0) || is_constant(b, atoms->n_kv)) return true;
  if (a.block == b.block) return a.offset <= b.offset;
  /* Bounds never descend; see gattn_bound_at. */
  if (a.block == 0) return a.offset <= gattn_bound_at(b, 0);
  if (b.block == 0) return gattn_bound_at(a, atoms->n_q - 1) <= b.offset;
  return false;
}

/* The lesser of two, when it is the same in every row. */
static bool least(const gattn_atoms *atoms, gattn_bound a, gattn_bound b,
                  gattn_bound *bound) {
  bool first = at_most(atoms, a, b);
  *bound = first ? a : b;
  return first || at_most(atoms, b, a);
}

static bool greatest(const gattn_atoms *atoms, gattn_bound a, gattn_bound b,
                     gattn_bound *bound) {
  bool first = at_most(atoms, a, b);
  *bound = first ? b : a;
  return first || at_most(atoms, b, a);
}

typedef struct interval {
  gattn_bound begin, end;
} interval;

/* Two intervals as one; each false when that is not seen to be right. */
static bool common(const gattn_atoms *atoms, interval a, interval b,
                   interval *out) {
  return greatest(atoms, a.begin, b.begin, &out->begin) &&
         least(atoms, a.end, b.end, &out->end);
}

/* They must meet in every row, unless one holds the other. */
static bool united(const gattn_atoms *atoms, interval a, interval b,
                   interval *out) {
  bool meet = at_most(atoms, a.begin, b.end) && at_most(atoms, b.begin, a.end);
  bool holds =
      (at_most(atoms, a.begin, b.begin) && at_most(atoms, b.end, a.end)) ||
      (at_most(atoms, b.begin, a.begin) && at_most(atoms, a.end, b.end));
  return (meet || holds) && least(atoms, a.begin, b.begin, &out->begin) &&
         greatest(atoms, a.end, b.end, &out->end);
}

static bool without(const gattn_atoms *atoms, interval a, interval b,
                    interval *out) {
  *out = a;
  if (at_most(atoms, a.end, b.begin) || at_most(atoms, b.end, a.begin))
    return true;
  if (at_most(atoms, a.end, b.end) && least(atoms, a.end, b.begin, &out->end))
    return true;
  out->end = a.end;
  return at_most(atoms, b.begin, a.begin) &&
         greatest(atoms, a.begin, b.end, &out->begin);
}

/* ------------------------------------------------------------ nodes */

static int new_node(gattn_tree *tree, gattn_tree_kind kind, int atom) {
  enum { MOST = sizeof tree->node / sizeof *tree->node };
  if (tree->n == MOST) return -1;
  tree->node[tree->n] = (gattn_tree_node){.kind = (int16_t)kind,
                                          .atom = (int16_t)atom,
                                          .operand = -1,
                                          .next = -1,
                                          .depth = 1};
  return tree->n++;
}

static gattn_tree_kind kind_of(const gattn_tree *tree, int node) {
  return (gattn_tree_kind)tree->node[node].kind;
}

static int atom_node(gattn_tree *tree, int a) {
  const gattn_atom *atom = &tree->atoms->atom[a];
  int64_t n_q = tree->atoms->n_q, n_kv = tree->atoms->n_kv;
  gattn_tree_kind kind = GATTN_TREE_ATOM;
  if (atom->kind == GATTN_ATOM_KEYS) {
    if (at_most(tree->atoms, atom->end, atom->begin) ||
        is_constant(atom->begin, n_kv) || is_constant(atom->end, 0))
      kind = GATTN_TREE_NONE;
    else if (is_constant(atom->begin, 0) && is_constant(atom->end, n_kv))
      kind = GATTN_TREE_ALL;
  } else if (atom->kind == GATTN_ATOM_ROWS) {
    if (atom->n == 0)
      kind = GATTN_TREE_NONE;
    else if (atom->set[0].begin == 0 && atom->set[0].end >= n_q)
      kind = GATTN_TREE_ALL;
  }
  return new_node(tree, kind, a);
}

static bool interval_of(const gattn_tree *tree, int node, interval *out) {
  if (kind_of(tree, node) != GATTN_TREE_ATOM) return false;
  const gattn_atom *atom = &tree->atoms->atom[tree->node[node].atom];
  *out = (interval){atom->begin, atom->end};
  return atom->kind == GATTN_ATOM_KEYS;
}

static bool same(const gattn_tree *tree, int a, int b) {
  return kind_of(tree, a) == GATTN_TREE_ATOM &&
         kind_of(tree, b) == GATTN_TREE_ATOM &&
         tree->node[a].atom == tree->node[b].atom;
}

static int interval_node(gattn_tree *tree, interval keys) {
  int a = gattn_atoms_add(tree->atoms, &(gattn_atom){.kind = GATTN_ATOM_KEYS,
                                                     .begin = keys.begin,
                                                     .end = keys.end});
  return a < 0 ? -1 : atom_node(tree, a);
}

/* One node for two of an operator; -1 when they stay two. */
static int join_two(gattn_tree *tree, gattn_tree_kind kind, int a, int b) {
  interval x, y, keys;
  if (same(tree, a, b))
    return kind == GATTN_TREE_DIFFERENCE ? new_node(tree, GATTN_TREE_NONE, -1)
                                         : a;
  if (!interval_of(tree, a, &x) || !interval_of(tree, b, &y)) return -1;
  bool joined = kind == GATTN_TREE_UNION ? united(tree->atoms, x, y, &keys)
                : kind == GATTN_TREE_INTERSECTION
                    ? common(tree->atoms, x, y, &keys)
                    : without(tree->atoms, x, y, &keys);
  return joined ? interval_node(tree, keys) : -1;
}

/* Sets that stand at once: the deepest operand first (of a difference, the one
 * that is cut), then the others, one result below each. */
static void measure(gattn_tree *tree, int node) {
  gattn_tree_node *at = &tree->node[node];
  int deepest = 0, second = 0;
  for (int o = at->operand; o >= 0; o = tree->node[o].next) {
    int depth = tree->node[o].depth;
    bool first =
        at->kind == GATTN_TREE_DIFFERENCE ? o == at->operand : depth > deepest;
    if (first) {
      if (deepest > second) second = deepest;
      deepest = depth;
    } else if (depth > second) {
      second = depth;
    }
  }
  if (second + 1 > deepest && second > 0) deepest = second + 1;
  at->depth = (int16_t)(deepest < 1 ? 1 : deepest);
}

/* ------------------------------------------------------------ operators */

/* What union and intersection do with the constants. */
static gattn_tree_kind neutral(gattn_tree_kind kind) {
  return kind == GATTN_TREE_UNION ? GATTN_TREE_NONE : GATTN_TREE_ALL;
}
static gattn_tree_kind absorbing(gattn_tree_kind kind) {
  return kind == GATTN_TREE_UNION ? GATTN_TREE_ALL : GATTN_TREE_NONE;
}

/* Takes out the first operand that joins with *node, which becomes the two
 * joined; false when none does. */
static bool join_operand(gattn_tree *tree, int set, int *node) {
  int16_t *link = &tree->node[set].operand;
  while (*link >= 0) {
    int joined = join_two(tree, kind_of(tree, set), *link, *node);
    if (joined >= 0) {
      *link = tree->node[*link].next;
      tree->node[joined].next = -1;
      *node = joined;
      return true;
    }
    link = &tree->node[*link].next;
  }
  return false;
}

static void add_operand(gattn_tree *tree, int set, int node) {
  gattn_tree_kind kind = kind_of(tree, set);
  while (join_operand(tree, set, &node))
    ;
  if (kind_of(tree, node) == neutral(kind)) return;
  if (kind_of(tree, node) == absorbing(kind)) {
    tree->node[set].kind = (int16_t)absorbing(kind);
    return;
  }
  tree->node[node].next = tree->node[set].operand;
  tree->node[set].operand = (int16_t)node;
}

/* The union or intersection of two; one that is it already takes the operands
 * of the other. */
static int associate(gattn_tree *tree, gattn_tree_kind kind, int a, int b) {
  bool flat = kind_of(tree, b) == kind;
  if (flat && kind_of(tree, a) != kind) return associate(tree, kind, b, a);
  int set = a;
  if (kind_of(tree, a) != kind) {
    set = new_node(tree, kind, -1);
    if (set < 0) return -1;
    add_operand(tree, set, a);
  }
  int operand = flat ? tree->node[b].operand : b;
  while (operand >= 0 && kind_of(tree, set) == kind) {
    int next = flat ? tree->node[operand].next : -1;
    tree->node[operand].next = -1;
    add_operand(tree, set, operand);
    operand = next;
  }
  if (kind_of(tree, set) != kind) return new_node(tree, kind_of(tree, set), -1);
  operand = tree->node[set].operand;
  if (operand < 0) return new_node(tree, neutral(kind), -1);
  if (tree->node[operand].next < 0) return operand;
  measure(tree, set);
  return set;
}

/* All edges, as an atom that something can be cut off. */
static int all_keys(gattn_tree *tree) {
  gattn_bound end = gattn_bound_constant(tree->atoms->n_kv);
  int a = gattn_atoms_add(tree->atoms,
                          &(gattn_atom){.kind = GATTN_ATOM_KEYS, .end = end});
  return a < 0 ? -1 : new_node(tree, GATTN_TREE_ATOM, a);
}

/* A difference of a, or a itself when it is a chain of them, and b. */
static int cut_off(gattn_tree *tree, bool chain, int a, int b) {
  int set = a;
  if (!chain) {
    set = new_node(tree, GATTN_TREE_DIFFERENCE, -1);
    if (set < 0) return -1;
    tree->node[set].operand = (int16_t)a;
    tree->node[a].next = -1;
  }
  int last = tree->node[set].operand;
  while (tree->node[last].next >= 0) last = tree->node[last].next;
  tree->node[last].next = (int16_t)b;
  tree->node[b].next = -1;
  measure(tree, set);
  return set;
}

/* a without one set that is no union. */
static int subtract_one(gattn_tree *tree, int a, int b) {
  if (kind_of(tree, a) == GATTN_TREE_NONE ||
      kind_of(tree, b) == GATTN_TREE_NONE)
    return a;
  if (kind_of(tree, b) == GATTN_TREE_ALL)
    return new_node(tree, GATTN_TREE_NONE, -1);
  if (kind_of(tree, a) == GATTN_TREE_ALL) a = all_keys(tree);
  if (a < 0) return -1;
  bool chain = kind_of(tree, a) == GATTN_TREE_DIFFERENCE;
  int cut = chain ? tree->node[a].operand : a;
  int joined = join_two(tree, GATTN_TREE_DIFFERENCE, cut, b);
  if (!chain && joined >= 0) return joined;
  if (joined >= 0) {
    if (kind_of(tree, joined) == GATTN_TREE_NONE) return joined;
    tree->node[joined].next = tree->node[cut].next;
    tree->node[a].operand = (int16_t)joined;
    return a;
  }
  return cut_off(tree, chain, a, b);
}

static int subtract(gattn_tree *tree, int a, int b) {
  if (kind_of(tree, b) != GATTN_TREE_UNION) return subtract_one(tree, a, b);
  for (int operand = tree->node[b].operand, next; operand >= 0 && a >= 0;
       operand = next) {
    next = tree->node[operand].next;
    a = subtract_one(tree, a, operand);
  }
  return a;
}

int gattn_tree_of(gattn_tree *tree, gattn_atoms *atoms) {
  int16_t stack[GATTN_ATOMS_MOST + 1];
  int top = 0;
  tree->atoms = atoms;
  tree->n = 0;
  for (int s = 0; s < atoms->n_steps; ++s) {
    int step = atoms->steps[s], node;
    if (step >= 0) {
      node = atom_node(tree, step);
    } else {
      int b = stack[--top], a = stack[--top];
      node = -1 - step == GATTN_ATOMS_UNION
                 ? associate(tree, GATTN_TREE_UNION, a, b)
             : -1 - step == GATTN_ATOMS_INTERSECTION
                 ? associate(tree, GATTN_TREE_INTERSECTION, a, b)
                 : subtract(tree, a, b);
    }
    if (node < 0) return -1;
    stack[top++] = (int16_t)node;
  }
  return stack[0];
}
