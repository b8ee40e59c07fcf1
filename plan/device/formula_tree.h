/* A formula of atoms as a tree, made simpler as it grows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_FORMULA_TREE_H
#define GATTN_PLAN_DEVICE_FORMULA_TREE_H

#include "masks/formula.h"

typedef enum gattn_tree_kind {
  GATTN_TREE_NONE, /* no edge */
  GATTN_TREE_ALL,  /* every edge */
  GATTN_TREE_ATOM,
  GATTN_TREE_UNION,        /* of its operands; none of them is a union */
  GATTN_TREE_INTERSECTION, /* likewise */
  GATTN_TREE_DIFFERENCE    /* the first operand without the others */
} gattn_tree_kind;

typedef struct gattn_tree_node {
  int16_t kind, atom;
  int16_t operand; /* the first, or -1 */
  int16_t next;    /* the next operand of the node above, or -1 */
  int16_t depth;   /* sets that stand on the stack when this is evaluated */
} gattn_tree_node;

typedef struct gattn_tree {
  gattn_atoms *atoms; /* intervals that were joined are added */
  int n;
  gattn_tree_node node[2 * GATTN_ATOMS_STEPS];
} gattn_tree;

/* The node of the whole formula; -1 when there was no room. */
int gattn_tree_of(gattn_tree *tree, gattn_atoms *atoms);

#endif
