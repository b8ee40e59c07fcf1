/* From a graph's atoms to the formula that kernels read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/formula.h"

#include <stddef.h>

#include "masks/algebra.h"
#include "masks/parameters.h"
#include "plan/device/formula_tree.h"

_Static_assert((int)GATTN_KEYS_UNION == (int)GATTN_ATOMS_UNION &&
                   (int)GATTN_KEYS_INTERSECTION ==
                       (int)GATTN_ATOMS_INTERSECTION &&
                   (int)GATTN_KEYS_DIFFERENCE == (int)GATTN_ATOMS_DIFFERENCE,
               "operators have the same numbers");
_Static_assert((int)GATTN_BOUNDS_ROWS == (int)GATTN_SUMMARY_ROWS,
               "summaries are of as many rows");

/* What is being written. */
typedef struct writing {
  const gattn_tree *tree;
  gattn_formula *formula;
  gattn_formula_arrays *arrays;
  int16_t place[GATTN_ATOMS_MOST]; /* of an atom in the formula, or -1 */
} writing;

/* ------------------------------------------------------------ atoms */

static gattn_key_atom key_atom(const gattn_atom *atom) {
  static const int32_t kinds[] = {
      [GATTN_ATOM_KEYS] = GATTN_KEYS_INTERVAL,
      [GATTN_ATOM_COLUMNS] = GATTN_KEYS_COLUMNS,
      [GATTN_ATOM_SEGMENTS] = GATTN_KEYS_SEGMENTS,
      [GATTN_ATOM_ROWS] = GATTN_KEYS_ROWS,
      [GATTN_ATOM_COMB] = GATTN_KEYS_COMB,
      [GATTN_ATOM_STRIDE] = GATTN_KEYS_STRIDE,
      [GATTN_ATOM_TAIL] = GATTN_KEYS_TAIL,
      [GATTN_ATOM_BOUNDS] = GATTN_KEYS_BOUNDS,
  };
  static const int32_t grids[] = {
      [GATTN_ATOMS_CELL] = GATTN_KEYS_CELL,
      [GATTN_ATOMS_WINDOW] = GATTN_KEYS_WINDOW,
      [GATTN_ATOMS_READERS] = GATTN_KEYS_READERS,
  };
  return (gattn_key_atom){.kind = atom->kind == GATTN_ATOM_GRID
                                      ? grids[atom->grid_kind]
                                      : kinds[atom->kind],
                          .begin = {atom->begin.block, atom->begin.offset},
                          .end = {atom->end.block, atom->end.offset},
                          .n = atom->n,
                          .block = atom->block,
                          .modulus = atom->modulus,
                          .width = atom->width,
                          .h = atom->h,
                          .w = atom->w,
                          .kh = atom->kh,
                          .kw = atom->kw};
}

/* The arrays of an atom, as the formula lays them out. */
static void add_array(writing *at, int32_t second, const void *host,
                      int64_t count) {
  gattn_formula_arrays *arrays = at->arrays;
  gattn_formula_array array = {.host = host,
                               .count = count,
                               .atom = at->formula->n_atoms - 1,
                               .second = second};
  gattn_formula_point(at->formula, &array, host);
  arrays->array[arrays->n++] = array;
}

_Static_assert(sizeof(gattn_range) == 2 * sizeof(int64_t) &&
                   offsetof(gattn_range, end) == sizeof(int64_t) &&
                   sizeof(gattn_run) == 2 * sizeof(int64_t) &&
                   offsetof(gattn_run, end) == sizeof(int64_t),
               "ranges and runs are pairs of numbers");

static void add_arrays(writing *at, const gattn_atom *atom, int64_t n_q) {
  switch (atom->kind) {
    case GATTN_ATOM_SEGMENTS:
      add_array(at, 0, atom->starts, atom->n);
      break;
    case GATTN_ATOM_COLUMNS:
    case GATTN_ATOM_ROWS:
      add_array(at, 0, atom->set, 2 * atom->n);
      break;
    case GATTN_ATOM_BOUNDS:
      add_array(at, 0, atom->bounds, 2 * n_q);
      add_array(
          at, 1, atom->summary,
          GATTN_SUMMARY_NUMBERS * gattn_blocks_of(n_q, GATTN_SUMMARY_ROWS));
      break;
    default:
      break;
  }
}

/* ------------------------------------------------------------ steps */

static bool write_step(writing *at, int step) {
  gattn_formula *formula = at->formula;
  if (formula->n_steps == GATTN_FORMULA_STEPS) return false;
  formula->steps[formula->n_steps++] = (int8_t)step;
  return true;
}

static bool write_atom(writing *at, int a) {
  gattn_formula *formula = at->formula;
  if (at->place[a] < 0) {
    const gattn_atoms *atoms = at->tree->atoms;
    if (formula->n_atoms == GATTN_FORMULA_ATOMS) return false;
    at->place[a] = (int16_t)formula->n_atoms;
    formula->atoms[formula->n_atoms++] = key_atom(&atoms->atom[a]);
    add_arrays(at, &atoms->atom[a], atoms->n_q);
  }
  return write_step(at, at->place[a]);
}

static int operator_of(const gattn_tree_node *node) {
  return node->kind == GATTN_TREE_UNION          ? GATTN_KEYS_UNION
         : node->kind == GATTN_TREE_INTERSECTION ? GATTN_KEYS_INTERSECTION
                                                 : GATTN_KEYS_DIFFERENCE;
}

static int first_operand(const gattn_tree *tree, const gattn_tree_node *node) {
  int deepest = node->operand;
  if (node->kind == GATTN_TREE_DIFFERENCE) return deepest;
  for (int o = node->operand; o >= 0; o = tree->node[o].next)
    if (tree->node[o].depth > tree->node[deepest].depth) deepest = o;
  return deepest;
}

/* Nests no deeper than the stack of a formula. */
static bool write_node(writing *at, int index) {
  const gattn_tree_node *node = &at->tree->node[index];
  if (node->kind == GATTN_TREE_ATOM) return write_atom(at, node->atom);
  int first = first_operand(at->tree, node);
  if (!write_node(at, first)) return false;
  for (int o = node->operand; o >= 0; o = at->tree->node[o].next)
    if (o != first &&
        !(write_node(at, o) && write_step(at, -1 - operator_of(node))))
      return false;
  return true;
}

static void write_constant(gattn_formula *formula, int64_t end) {
  formula->atoms[0] =
      (gattn_key_atom){.kind = GATTN_KEYS_INTERVAL, .end = {0, end}};
  formula->steps[0] = 0;
  formula->n_atoms = formula->n_steps = 1;
}

static bool write_tree(writing *at, int root, int64_t n_kv) {
  const gattn_tree_node *node = &at->tree->node[root];
  for (int a = 0; a < GATTN_ATOMS_MOST; ++a) at->place[a] = -1;
  if (node->kind == GATTN_TREE_NONE || node->kind == GATTN_TREE_ALL) {
    write_constant(at->formula, node->kind == GATTN_TREE_ALL ? n_kv : 0);
    return true;
  }
  return node->depth <= GATTN_FORMULA_DEPTH && write_node(at, root);
}

bool gattn_key_formula_of(const gattn_graph *graph, gattn_formula *formula,
                          gattn_formula_arrays *arrays) {
  gattn_atoms atoms;
  gattn_tree tree;
  gattn_formula written = {.n_kv = graph->n_kv};
  gattn_formula_arrays wanted = {.n = 0};
  writing at = {.tree = &tree, .formula = &written, .arrays = &wanted};
  if (graph->n_q == 0 || graph->n_kv == 0) {
    write_constant(&written, 0);
  } else {
    if (!gattn_atoms_read(&atoms, graph)) return false;
    int root = gattn_tree_of(&tree, &atoms);
    if (root < 0 || !write_tree(&at, root, graph->n_kv)) return false;
  }
  *formula = written;
  *arrays = wanted;
  return true;
}

/* ------------------------------------------------------------ buckets */

/* Vertices ascend within a bucket: what compares i and j alone holds of their
 * places in the order, too. */
static bool is_order_bound(const gattn_key_bound *bound, int64_t n) {
  return (bound->block == 0 && (bound->offset <= 0 || bound->offset >= n)) ||
         (bound->block == 1 && (bound->offset == 0 || bound->offset == 1));
}

static bool is_order(const gattn_formula *formula) {
  const gattn_key_atom *atom = &formula->atoms[0];
  return formula->n_steps == 1 && atom->kind == GATTN_KEYS_INTERVAL &&
         is_order_bound(&atom->begin, formula->n_kv) &&
         is_order_bound(&atom->end, formula->n_kv);
}

/* The formula has room for one more step and operator. */
static bool append_order(const gattn_graph *graph, gattn_key_operator operator_,
                         gattn_formula *formula) {
  gattn_formula order;
  gattn_formula_arrays none;
  if (formula->n_atoms == GATTN_FORMULA_ATOMS ||
      formula->n_steps + 2 > GATTN_FORMULA_STEPS ||
      !gattn_key_formula_of(graph, &order, &none) || !is_order(&order))
    return false;
  formula->steps[formula->n_steps++] = (int8_t)formula->n_atoms;
  formula->steps[formula->n_steps++] = (int8_t)(-1 - (int)operator_);
  formula->atoms[formula->n_atoms++] = order.atoms[0];
  return true;
}

/* Buckets, or buckets cut by sets that compare i and j. */
static bool append_buckets(const gattn_graph *graph, gattn_formula *formula,
                           gattn_shape *buckets) {
  gattn_shape shape = gattn_shape_of(graph);
  if (shape.form != GATTN_FORM_BUCKETS) return false;
  if (shape.starts) {
    *buckets = shape;
    formula->atoms[0] =
        (gattn_key_atom){.kind = GATTN_KEYS_SEGMENTS, .n = shape.n_starts};
    formula->n_atoms = formula->n_steps = 1;
    return true;
  }
  if (!gattn_is_algebra(graph)) return false;
  const gattn_graph *left = gattn_algebra_of(graph)->left;
  const gattn_graph *right = gattn_algebra_of(graph)->right;
  if (graph->class_ == &gattn_difference_class)
    return append_buckets(left, formula, buckets) &&
           append_order(right, GATTN_KEYS_DIFFERENCE, formula);
  bool is_left = gattn_shape_of(left).form == GATTN_FORM_BUCKETS;
  return append_buckets(is_left ? left : right, formula, buckets) &&
         append_order(is_left ? right : left, GATTN_KEYS_INTERSECTION, formula);
}

bool gattn_bucket_formula_of(const gattn_graph *graph, gattn_formula *formula,
                             gattn_formula_arrays *arrays,
                             const int64_t **order) {
  gattn_formula written = {.n_kv = graph->n_kv};
  gattn_shape shape;
  if (graph->n_kv == 0 || !append_buckets(graph, &written, &shape))
    return false;
  *arrays = (gattn_formula_arrays){
      .n = 1, .array = {{.host = shape.starts, .count = shape.n_starts}}};
  gattn_formula_point(&written, &arrays->array[0], shape.starts);
  *formula = written;
  *order = shape.order;
  return true;
}

void gattn_formula_point(gattn_formula *formula,
                         const gattn_formula_array *array,
                         const int64_t *memory) {
  gattn_key_atom *atom = &formula->atoms[array->atom];
  if (array->second)
    atom->second = memory;
  else
    atom->first = memory;
}
