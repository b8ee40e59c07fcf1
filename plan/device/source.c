/* From a graph to a source: closed forms where there are some, stored rows for
 * the rest. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/source.h"

#include "lib/device.h"
#include "masks/algebra.h"
#include "masks/blockmask.h"
#include "operators/cuda/lists/lists.h"
#include "operators/cuda/rows.h"

/* What is being made, and for which rows. */
typedef struct making {
  gattn_context *context;
  gattn_frontier *frontier;
  gattn_source_made *made;
} making;

/* Leaves that hold all edges of a graph; how many edges of stored ones. */
typedef struct cover {
  uint32_t leaves;
  bool closed; /* some are formulas, which may have any number */
  double edges;
} cover;

/* A formula of vertices, or, with an order, of positions. */
static bool formula_of(const gattn_graph *graph, gattn_formula *formula,
                       gattn_formula_arrays *arrays, const int64_t **order) {
  *order = NULL;
  return gattn_key_formula_of(graph, formula, arrays) ||
         (graph->n_q == graph->n_kv &&
          gattn_bucket_formula_of(graph, formula, arrays, order));
}

/* ------------------------------------------------------------ fitting */

enum { NESTING = 2 * GATTN_SOURCE_LEAVES };

/* The leaves and the places of the stack that a graph takes; false where it is
 * more than a source holds. */
static bool fits(const gattn_graph *graph, int *leaves, int *depth) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const int64_t *order;
  int left, right;
  *depth = 1;
  if (!gattn_is_algebra(graph) || formula_of(graph, &formula, &arrays, &order))
    return ++*leaves <= GATTN_SOURCE_LEAVES;
  const gattn_algebra *algebra = gattn_algebra_of(graph);
  if (algebra->depth > NESTING || !fits(algebra->left, leaves, &left) ||
      !fits(algebra->right, leaves, &right))
    return false;
  *depth = left > right ? left : right + 1;
  return *depth <= GATTN_SOURCE_DEPTH;
}

/* ------------------------------------------------------------ leaves */

static cover cover_of(int leaf, double edges) {
  return (cover){.leaves = UINT32_C(1) << leaf, .edges = edges};
}

/* The blocks that hold the frontier's vertices, position by position where
 * those are a list. */
static gattn_status block_frontier(const making *at, const gattn_graph *blocks,
                                   int64_t b, gattn_frontier **out) {
  const gattn_frontier *frontier = at->frontier;
  int64_t *list;
  if (!frontier->vertices) {
    const int64_t end = frontier->begin + frontier->size;
    const int64_t first = frontier->size ? frontier->begin / b : 0;
    return gattn_frontier_range(at->context, blocks->n_q, first,
                                frontier->size ? (end - 1) / b + 1 : 0, out);
  }
  gattn_status status = gattn_allocate(at->context, "blocks", frontier->size,
                                       sizeof *list, (void **)&list);
  if (status) return status;
  for (int64_t p = 0; p < frontier->size; p++)
    list[p] = frontier->vertices[p] / b;
  status =
      gattn_frontier_list(at->context, blocks->n_q, list, frontier->size, out);
  gattn_free(at->context, list, frontier->size, sizeof *list);
  return status;
}

/* The rows that a stored leaf reads, in `rows`. */
static gattn_status make_rows(const making *at, gattn_graph *graph, int64_t b,
                              gattn_stored_rows *stored,
                              gattn_device_rows *rows) {
  gattn_frontier *blocks = NULL;
  gattn_frontier *frontier = at->frontier;
  const bool listed = frontier && frontier->vertices;
  if (b > 1 && frontier) {
    gattn_status status = block_frontier(at, graph, b, &blocks);
    if (status) return status;
    frontier = blocks;
  }
  gattn_status status =
      gattn_device_rows_make(at->context, graph, frontier, rows);
  if (!status)
    *stored =
        (gattn_stored_rows){.offsets = rows->offsets,
                            .columns = rows->columns,
                            .narrow = rows->narrow,
                            .by_position = b == 1 || listed,
                            .first = frontier && !listed ? frontier->begin : 0,
                            .block = b};
  gattn_frontier_release(blocks);
  return status;
}

static gattn_status add_stored(making *at, gattn_graph *graph, cover *covered) {
  gattn_edge_source *source = &at->made->source;
  const int leaf = source->n_leaves;
  gattn_graph *blocks;
  int64_t block = 1, b;
  /* Blocks of blocks are larger blocks. */
  while (gattn_blockmask_parameters(graph, &blocks, &b) &&
         gattn_multiply(block, b, &b)) {
    block = b;
    graph = blocks;
  }
  gattn_device_rows *rows = &at->made->rows[leaf];
  gattn_status status =
      make_rows(at, graph, block, &source->leaves[leaf].rows, rows);
  if (status) return status;
  source->n_leaves++;
  source->steps[source->n_steps++] = (int8_t)leaf;
  *covered = cover_of(leaf, (double)rows->edges * (double)block);
  return GATTN_SUCCESS;
}

static bool add_formula(making *at, const gattn_graph *graph, cover *covered) {
  gattn_edge_source *source = &at->made->source;
  const int leaf = source->n_leaves;
  if (!formula_of(graph, &source->leaves[leaf].formula, &at->made->arrays[leaf],
                  &at->made->orders[leaf]))
    return false;
  source->n_leaves++;
  source->steps[source->n_steps++] = (int8_t)leaf;
  *covered = cover_of(leaf, 0);
  covered->closed = true;
  return true;
}

/* ------------------------------------------------------------ algebra */

static cover joined(int operator_, cover left, cover right) {
  if (operator_ == GATTN_KEYS_DIFFERENCE) return left;
  if (operator_ == GATTN_KEYS_UNION)
    return (cover){.leaves = left.leaves | right.leaves,
                   .closed = left.closed || right.closed,
                   .edges = left.edges + right.edges};
  if (left.closed != right.closed) return left.closed ? right : left;
  return left.edges <= right.edges ? left : right;
}

static int operator_of(const gattn_graph *graph) {
  return graph->class_ == &gattn_union_class          ? GATTN_KEYS_UNION
         : graph->class_ == &gattn_intersection_class ? GATTN_KEYS_INTERSECTION
                                                      : GATTN_KEYS_DIFFERENCE;
}

static gattn_status add(making *at, gattn_graph *graph, cover *covered) {
  gattn_edge_source *source = &at->made->source;
  cover right;
  if (add_formula(at, graph, covered)) return GATTN_SUCCESS;
  if (!gattn_is_algebra(graph)) return add_stored(at, graph, covered);
  const gattn_algebra *algebra = gattn_algebra_of(graph);
  const int operator_ = operator_of(graph);
  gattn_status status = add(at, algebra->left, covered);
  if (!status) status = add(at, algebra->right, &right);
  if (status) return status;
  source->steps[source->n_steps++] = (int8_t)(-1 - operator_);
  *covered = joined(operator_, *covered, right);
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ arrays */

enum { ALIGNMENT = 256 };

static int64_t array_bytes(const gattn_formula_array *array) {
  const int64_t bytes = array->count * (int64_t)sizeof *array->host;
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Where the next array lies; it is uploaded once there is memory. */
static gattn_status put_array(gattn_source_made *made,
                              const gattn_formula_array *array, int64_t *used,
                              const int64_t **place) {
  char *to = made->memory ? made->memory + *used : NULL;
  *used += array_bytes(array);
  *place = (const int64_t *)to;
  if (!to) return GATTN_SUCCESS;
  return gattn_device_upload(made->context, to, array->host,
                             (size_t)array->count * sizeof *array->host);
}

static gattn_status put_order(gattn_source_made *made, int leaf,
                              int64_t *used) {
  const int64_t n = made->source.n_kv;
  const gattn_formula_array order = {.host = made->orders[leaf], .count = n};
  const int64_t *table;
  if (!order.host) return GATTN_SUCCESS;
  gattn_status status = put_array(made, &order, used, &table);
  int64_t *inverse = made->memory ? (int64_t *)(made->memory + *used) : NULL;
  *used += array_bytes(&order);
  made->source.leaves[leaf].inverse = inverse;
  if (status || !inverse) return status;
  return gattn_device_check(
      made->context,
      gattn_list_invert(table, n, inverse, gattn_device_stream(made->context)),
      "order of buckets");
}

static gattn_status put_arrays(gattn_source_made *made, int64_t *used) {
  gattn_status status = GATTN_SUCCESS;
  for (int l = 0; l < made->source.n_leaves && !status; l++) {
    const gattn_formula_arrays *arrays = &made->arrays[l];
    status = put_order(made, l, used);
    for (int a = 0; a < arrays->n && !status; a++) {
      const int64_t *place;
      status = put_array(made, &arrays->array[a], used, &place);
      gattn_formula_point(&made->source.leaves[l].formula, &arrays->array[a],
                          place);
    }
  }
  return status;
}

/* The arrays of all formulas, in one allocation. */
static gattn_status upload_arrays(gattn_source_made *made) {
  int64_t bytes = 0, used = 0;
  gattn_status status = put_arrays(made, &bytes);
  if (status || !bytes) return status;
  status = gattn_device_allocate(made->context, "closed forms", bytes, 1,
                                 (void **)&made->memory);
  if (status) return status;
  made->bytes = bytes;
  return put_arrays(made, &used);
}

/* ------------------------------------------------------------ sources */

gattn_status gattn_source_make(gattn_context *context, gattn_graph *graph,
                               gattn_frontier *frontier,
                               gattn_source_made *made) {
  making at = {.context = context, .frontier = frontier, .made = made};
  cover covered;
  int leaves = 0, depth;
  made->context = context;
  made->source.n_kv = graph->n_kv;
  /* What is too large is put together row by row. */
  gattn_status status = fits(graph, &leaves, &depth)
                            ? add(&at, graph, &covered)
                            : add_stored(&at, graph, &covered);
  if (!status) status = upload_arrays(made);
  if (!status) made->source.cover = covered.leaves;
  return status;
}

void gattn_source_free(gattn_source_made *made) {
  for (int l = 0; l < GATTN_SOURCE_LEAVES; l++)
    gattn_device_rows_free(made->context, &made->rows[l]);
  gattn_device_free(made->context, made->memory, made->bytes, 1);
  made->memory = NULL;
}

bool gattn_source_is_stored(const gattn_edge_source *source) {
  for (int l = 0; l < source->n_leaves; l++)
    if ((source->cover >> l & 1) && !source->leaves[l].rows.block) return false;
  return true;
}

/* Whether every edge is in some leaf that is no closed form. */
static bool is_stored(const gattn_graph *graph) {
  gattn_formula formula;
  gattn_formula_arrays arrays;
  const int64_t *order;
  if (formula_of(graph, &formula, &arrays, &order)) return false;
  if (!gattn_is_algebra(graph)) return true;
  const gattn_algebra *algebra = gattn_algebra_of(graph);
  switch (operator_of(graph)) {
    case GATTN_KEYS_UNION:
      return is_stored(algebra->left) && is_stored(algebra->right);
    case GATTN_KEYS_INTERSECTION:
      return is_stored(algebra->left) || is_stored(algebra->right);
    default:
      return is_stored(algebra->left);
  }
}

bool gattn_source_joins(const gattn_graph *graph) {
  gattn_graph *blocks;
  int64_t b;
  int leaves = 0, depth;
  if (gattn_blockmask_parameters(graph, &blocks, &b)) return true;
  return gattn_is_algebra(graph) && fits(graph, &leaves, &depth) &&
         is_stored(graph);
}
