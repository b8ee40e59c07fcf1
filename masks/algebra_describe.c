/* Mask expressions of graphs made of graphs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/algebra.h"

static bool is_sum(const gattn_graph *graph) {
  return graph->class_ == &gattn_union_class ||
         graph->class_ == &gattn_difference_class;
}

static void describe_factor(const gattn_graph *graph, gattn_text *text) {
  bool parentheses = is_sum(graph);
  if (parentheses) gattn_text_append(text, "(");
  graph->class_->describe(graph, text);
  if (parentheses) gattn_text_append(text, ")");
}

/* The right operand of a union: unions in it need no parentheses, because they
 * associate, but a difference would be cut out of all that stands before it. */
static void describe_addend(const gattn_graph *graph, gattn_text *text) {
  if (graph->class_ != &gattn_union_class) {
    describe_factor(graph, text);
    return;
  }
  describe_addend(gattn_algebra_of(graph)->left, text);
  gattn_text_append(text, " | ");
  describe_addend(gattn_algebra_of(graph)->right, text);
}

void gattn_algebra_describe(const gattn_graph *graph, gattn_text *text) {
  const gattn_algebra *node = gattn_algebra_of(graph);
  if (text->truncated) return;
  if (graph->class_ == &gattn_intersection_class) {
    describe_factor(node->left, text);
    gattn_text_append(text, " & ");
    describe_factor(node->right, text);
    return;
  }
  node->left->class_->describe(node->left, text);
  if (graph->class_ == &gattn_union_class) {
    gattn_text_append(text, " | ");
    describe_addend(node->right, text);
  } else {
    gattn_text_append(text, " - ");
    describe_factor(node->right, text);
  }
}
