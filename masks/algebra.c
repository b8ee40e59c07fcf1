/* Union, intersection, difference. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/algebra.h"
#include "masks/atoms.h"

static void algebra_release(gattn_graph *graph) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  gattn_graph_release(node->left);
  gattn_graph_release(node->right);
}

static bool algebra_same_row(const gattn_graph *graph, int64_t a, int64_t b) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  return gattn_same_row(node->left, a, b) && gattn_same_row(node->right, a, b);
}

static bool algebra_broken(const gattn_graph *graph) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  return gattn_graph_broken(node->left) || gattn_graph_broken(node->right);
}

static bool algebra_atoms(const gattn_graph *graph, gattn_atoms *atoms) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  gattn_atoms_operator operator_ =
      graph->class_ == &gattn_union_class          ? GATTN_ATOMS_UNION
      : graph->class_ == &gattn_intersection_class ? GATTN_ATOMS_INTERSECTION
                                                   : GATTN_ATOMS_DIFFERENCE;
  return gattn_atoms_graph(atoms, node->left) &&
         gattn_atoms_graph(atoms, node->right) &&
         gattn_atoms_apply(atoms, operator_);
}

/* ------------------------------------------------------------ construction */

static int32_t max32(int32_t a, int32_t b) { return a > b ? a : b; }

static int32_t depth_of(const gattn_graph *graph) {
  return gattn_is_algebra(graph) ? gattn_algebra_of(graph)->depth : 0;
}

static int32_t height_of(const gattn_graph_class *class_,
                         const gattn_graph *graph) {
  return graph->class_ == class_ ? gattn_algebra_of(graph)->height : 0;
}

static gattn_status make_node(gattn_context *context,
                              const gattn_graph_class *class_,
                              gattn_graph *left, gattn_graph *right,
                              gattn_graph **out) {
  int32_t depth = 1 + max32(depth_of(left), depth_of(right));
  if (depth > GATTN_ALGEBRA_DEPTH)
    return gattn_fail(context, GATTN_ERROR_UNSUPPORTED,
                      "left: operators nest %d deep, more than %d", (int)depth,
                      GATTN_ALGEBRA_DEPTH);
  gattn_algebra *node;
  gattn_status status = gattn_graph_new(context, class_, sizeof *node,
                                        left->n_q, left->n_kv, &node);
  if (status) return status;
  node->left = gattn_graph_retain(left);
  node->right = gattn_graph_retain(right);
  node->depth = depth;
  node->right_first = depth_of(right) < depth_of(left);
  node->height = 1 + max32(height_of(class_, left), height_of(class_, right));
  *out = &node->graph;
  return GATTN_SUCCESS;
}

/* A chain of an associative operator is a balanced tree, joined as AVL trees
 * are; nodes are immutable, so the path to the seam is built anew. Below,
 * `side` 0 is the left and 1 the right end of a tree, and near(…, 0) is the
 * operand at the seam when the tree stands left of it. */
typedef struct joint {
  gattn_context *context;
  const gattn_graph_class *class_;
  int side; /* on which side of the seam the taller tree stands */
} joint;

static gattn_graph *near_operand(const joint *at, const gattn_graph *graph) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  return at->side ? node->left : node->right;
}

static gattn_graph *far_operand(const joint *at, const gattn_graph *graph) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  return at->side ? node->right : node->left;
}

static gattn_status make_joined(const joint *at, gattn_graph *far,
                                gattn_graph *near, gattn_graph **out) {
  return at->side ? make_node(at->context, at->class_, near, far, out)
                  : make_node(at->context, at->class_, far, near, out);
}

/* far and near operands where near is too tall by one. */
static gattn_status make_rotated(const joint *at, gattn_graph *far,
                                 gattn_graph *near, gattn_graph **out) {
  gattn_graph *middle = far_operand(at, near), *end = near_operand(at, near);
  gattn_graph *first, *second = NULL;
  gattn_status status;
  if (height_of(at->class_, middle) <= height_of(at->class_, end)) {
    status = make_joined(at, far, middle, &first);
    if (status) return status;
    second = gattn_graph_retain(end);
  } else {
    status = make_joined(at, far, far_operand(at, middle), &first);
    if (status) return status;
    status = make_joined(at, near_operand(at, middle), end, &second);
    if (status) goto release_first;
  }
  status = make_joined(at, first, second, out);
  gattn_graph_release(second);
release_first:
  gattn_graph_release(first);
  return status;
}

static gattn_status join(gattn_context *context,
                         const gattn_graph_class *class_, gattn_graph *left,
                         gattn_graph *right, gattn_graph **out) {
  int32_t lean = height_of(class_, left) - height_of(class_, right);
  if (-1 <= lean && lean <= 1)
    return make_node(context, class_, left, right, out);
  joint at = {context, class_, lean < 0};
  gattn_graph *tall = lean < 0 ? right : left;
  gattn_graph *far = far_operand(&at, tall), *seam = near_operand(&at, tall);
  gattn_graph *near;
  gattn_status status = lean < 0 ? join(context, class_, left, seam, &near)
                                 : join(context, class_, seam, right, &near);
  if (status) return status;
  if (height_of(class_, near) <= height_of(class_, far) + 1)
    status = make_joined(&at, far, near, out);
  else
    status = make_rotated(&at, far, near, out);
  gattn_graph_release(near);
  return status;
}

/* Long chains a - b - c - … become a - (b | c | …). */
static gattn_status make_difference(gattn_context *context, gattn_graph *left,
                                    gattn_graph *right, gattn_graph **out) {
  enum { DEEP = 64 };
  if (left->class_ != &gattn_difference_class || depth_of(left) < DEEP)
    return make_node(context, &gattn_difference_class, left, right, out);
  const gattn_algebra *first = gattn_algebra_of(left);
  gattn_graph *cut;
  gattn_status status =
      join(context, &gattn_union_class, first->right, right, &cut);
  if (status) return status;
  status = make_node(context, &gattn_difference_class, first->left, cut, out);
  gattn_graph_release(cut);
  return status;
}

static gattn_status combine(gattn_context *context,
                            const gattn_graph_class *class_, gattn_graph *left,
                            gattn_graph *right, gattn_graph **out) {
  if (!context) return gattn_fail_null(context, "context");
  gattn_status status = gattn_graph_check(context, "left", left);
  if (status) return status;
  status = gattn_graph_check(context, "right", right);
  if (status) return status;
  if (!out) return gattn_fail_null(context, "graph");
  if (left->n_q != right->n_q || left->n_kv != right->n_kv)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "right: is %lld × %lld, but left is %lld × %lld",
                      (long long)right->n_q, (long long)right->n_kv,
                      (long long)left->n_q, (long long)left->n_kv);
  if (class_ == &gattn_difference_class)
    return make_difference(context, left, right, out);
  return join(context, class_, left, right, out);
}

gattn_status gattn_graph_union(gattn_context *context, gattn_graph *left,
                               gattn_graph *right, gattn_graph **graph) {
  return combine(context, &gattn_union_class, left, right, graph);
}

gattn_status gattn_graph_intersection(gattn_context *context,
                                      gattn_graph *left, gattn_graph *right,
                                      gattn_graph **graph) {
  return combine(context, &gattn_intersection_class, left, right, graph);
}

gattn_status gattn_graph_difference(gattn_context *context, gattn_graph *left,
                                    gattn_graph *right, gattn_graph **graph) {
  return combine(context, &gattn_difference_class, left, right, graph);
}

/* ------------------------------------------------------------ structure */

static gattn_status algebra_transpose(gattn_context *context,
                                      gattn_graph *graph,
                                      gattn_graph **transpose) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  gattn_graph *left, *right;
  gattn_status status = gattn_graph_transpose(context, node->left, &left);
  if (status) return status;
  status = gattn_graph_transpose(context, node->right, &right);
  if (status) goto release_left;
  status = combine(context, graph->class_, left, right, transpose);
  gattn_graph_release(right);
release_left:
  gattn_graph_release(left);
  return status;
}

const gattn_graph_class gattn_union_class = {
    .name = "union",
    .next = gattn_union_next,
    .stretch = gattn_union_stretch,
    .atoms = algebra_atoms,
    .runs = gattn_union_runs,
    .same_row = algebra_same_row,
    .shape = gattn_union_shape,
    .transpose = algebra_transpose,
    .describe = gattn_algebra_describe,
    .release = algebra_release,
    .broken = algebra_broken,
};

const gattn_graph_class gattn_intersection_class = {
    .name = "intersection",
    .next = gattn_intersection_next,
    .stretch = gattn_intersection_stretch,
    .atoms = algebra_atoms,
    .runs = gattn_intersection_runs,
    .same_row = algebra_same_row,
    .shape = gattn_intersection_shape,
    .transpose = algebra_transpose,
    .describe = gattn_algebra_describe,
    .release = algebra_release,
    .broken = algebra_broken,
};

const gattn_graph_class gattn_difference_class = {
    .name = "difference",
    .next = gattn_difference_next,
    .stretch = gattn_difference_stretch,
    .atoms = algebra_atoms,
    .runs = gattn_difference_runs,
    .same_row = algebra_same_row,
    .shape = gattn_difference_shape,
    .transpose = algebra_transpose,
    .describe = gattn_algebra_describe,
    .release = algebra_release,
    .broken = algebra_broken,
};
