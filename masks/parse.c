/* The parser of mask expressions. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "masks/arguments.h"
#include "masks/graph.h"

/* Parentheses within parentheses. */
#define MOST_NESTED 256

/* A graph that waits for its operator. */
typedef struct operand {
  gattn_graph *graph;
  int op; /* the operator before it: '|' or '-' */
} operand;

typedef struct parser {
  gattn_lexer lexer;
  gattn_arguments arguments;
  int64_t n_q, n_kv;
  operand *operands; /* a stack; null graphs are operands already used */
  int64_t n, capacity;
  int nested;
} parser;

static gattn_status parse_expression(parser *p);

/* ------------------------------------------------------------ operators */

/* operands[left] becomes the pair's graph; operands[right] is used up. */
static gattn_status combine(parser *p, int op, int64_t left, int64_t right) {
  gattn_context *context = p->lexer.context;
  operand *l = &p->operands[left], *r = &p->operands[right];
  gattn_graph *pair;
  gattn_status status =
      op == '&'   ? gattn_graph_intersection(context, l->graph, r->graph, &pair)
      : op == '|' ? gattn_graph_union(context, l->graph, r->graph, &pair)
                  : gattn_graph_difference(context, l->graph, r->graph, &pair);
  if (status) return status;
  gattn_graph_release(l->graph);
  gattn_graph_release(r->graph);
  l->graph = pair;
  r->graph = NULL;
  return GATTN_SUCCESS;
}

/* Joins operands [begin, end) into operands[begin]. Neighbours are paired, and
 * then the pairs, so that n operands are log2(n) levels deep. */
static gattn_status join(parser *p, int op, int64_t begin, int64_t end) {
  for (int64_t step = 1; step < end - begin; step *= 2)
    for (int64_t k = begin; k + step < end; k += 2 * step) {
      gattn_status status = combine(p, op, k, k + step);
      if (status) return status;
    }
  return GATTN_SUCCESS;
}

/* Joins operands [begin, n) of | and -, from left to right, into one. What
 * stands between two changes of operator is joined first:
 * a - b - c is a - (b | c), and a - b | c | d is (a - b) | (c | d). */
static gattn_status join_expression(parser *p, int64_t begin) {
  for (int64_t k = begin, end; k < p->n; k = end) {
    int op = p->operands[k].op;
    for (end = k + 1; end < p->n && p->operands[end].op == op;) end++;
    gattn_status status = join(p, '|', k, end);
    if (!status && k > begin) status = combine(p, op, begin, k);
    if (status) return status;
  }
  p->n = begin + 1;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ grammar */

static gattn_status parse_mask(parser *p) {
  gattn_token name = p->lexer.token;
  const gattn_mask_row *row = gattn_mask_find(name.text, name.length);
  if (!row)
    return gattn_lexer_fail(&p->lexer, GATTN_ERROR_NAME, name.start,
                            "unknown mask \"%s\"; did you mean \"%s\"?",
                            gattn_quote_text(name.text, name.length).text,
                            gattn_mask_closest(name.text, name.length));
  gattn_graph *graph;
  gattn_status status = gattn_lexer_advance(&p->lexer);
  if (!status) status = gattn_arguments_read(&p->arguments);
  if (!status)
    status = gattn_arguments_make(&p->arguments, &name, row, p->n_q, p->n_kv,
                                  &graph);
  if (status) return status;
  p->operands[p->n++] = (operand){.graph = graph};
  return GATTN_SUCCESS;
}

static gattn_status parse_parentheses(parser *p) {
  if (p->nested == MOST_NESTED)
    return gattn_lexer_fail(&p->lexer, GATTN_ERROR_SYNTAX, p->lexer.token.start,
                            "parentheses nest deeper than %d", MOST_NESTED);
  gattn_status status = gattn_lexer_advance(&p->lexer);
  p->nested++;
  if (!status) status = parse_expression(p);
  if (status) return status;
  p->nested--;
  if (p->lexer.token.kind != ')')
    return gattn_lexer_expected(&p->lexer, "|, -, & or \")\"");
  return gattn_lexer_advance(&p->lexer);
}

static gattn_status parse_factor(parser *p) {
  if (p->lexer.token.kind == GATTN_TOKEN_NAME) return parse_mask(p);
  if (p->lexer.token.kind == '(') return parse_parentheses(p);
  return gattn_lexer_expected(&p->lexer, "a mask or \"(\"");
}

static gattn_status parse_term(parser *p) {
  int64_t begin = p->n;
  gattn_status status = parse_factor(p);
  while (!status && p->lexer.token.kind == '&') {
    status = gattn_lexer_advance(&p->lexer);
    if (!status) status = parse_factor(p);
  }
  if (!status) status = join(p, '&', begin, p->n);
  if (!status) p->n = begin + 1;
  return status;
}

static gattn_status parse_expression(parser *p) {
  int64_t begin = p->n;
  for (int op = '|';;) {
    gattn_status status = parse_term(p);
    if (status) return status;
    p->operands[p->n - 1].op = op;
    op = p->lexer.token.kind;
    if (op != '|' && op != '-') break;
    status = gattn_lexer_advance(&p->lexer);
    if (status) return status;
  }
  return join_expression(p, begin);
}

static gattn_status parse_all(parser *p) {
  gattn_status status = parse_expression(p);
  if (!status && p->lexer.token.kind)
    status = gattn_lexer_expected(&p->lexer, "|, -, & or the end");
  return status;
}

/* Operators separate operands, so their number bounds the stack. */
static gattn_status create_stack(parser *p) {
  int64_t capacity = 1;
  void *memory;
  for (const char *c = p->lexer.expression; *c; c++)
    capacity += *c == '|' || *c == '-' || *c == '&';
  gattn_status status = gattn_allocate(p->lexer.context, "expression", capacity,
                                       sizeof *p->operands, &memory);
  if (status) return status;
  p->operands = memory;
  p->capacity = capacity;
  return GATTN_SUCCESS;
}

gattn_status gattn_mask_parse(gattn_context *context, const char *expression,
                              int64_t n_q, int64_t n_kv, gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!expression) return gattn_fail_null(context, "expression");
  if (!graph) return gattn_fail_null(context, "graph");
  gattn_status status = gattn_graph_check_size(context, n_q, n_kv);
  if (status) return status;
  parser p = {.n_q = n_q, .n_kv = n_kv};
  status = gattn_lexer_start(&p.lexer, context, expression);
  if (status) return status;
  status = gattn_arguments_create(&p.lexer, &p.arguments);
  if (status) return status;
  status = create_stack(&p);
  if (status) goto destroy_arguments;
  status = parse_all(&p);
  if (!status) {
    *graph = p.operands[0].graph;
    p.n = 0;
  }
  while (p.n) gattn_graph_release(p.operands[--p.n].graph);
  gattn_free(context, p.operands, p.capacity, sizeof *p.operands);
destroy_arguments:
  gattn_arguments_destroy(&p.arguments);
  return status;
}
