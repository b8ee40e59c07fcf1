/* Frontiers from text. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/frontier.h"
#include "masks/lexer.h"
#include "masks/table.h"

#include <gattn/npy.h>
#include <limits.h>
#include <string.h>

/* Reads what follows a form's colon into a fresh frontier. */
typedef gattn_status (*read_form)(gattn_lexer *lexer, gattn_frontier *frontier);

static gattn_status read_all(gattn_lexer *lexer, gattn_frontier *frontier) {
  (void)lexer;
  return gattn_frontier_append(frontier, 0, frontier->n);
}

/* An integer of [least, most]. */
static gattn_status read_position(gattn_lexer *lexer, const char *what,
                                  int64_t least, int64_t most,
                                  int64_t *position) {
  if (lexer->token.kind != GATTN_TOKEN_INTEGER)
    return gattn_lexer_expected(lexer, what);
  int64_t value = lexer->token.integer;
  if (value < least || value > most)
    return gattn_lexer_fail(lexer, GATTN_ERROR_INDEX, lexer->token.start,
                            "expected %s from %lld to %lld, found %lld", what,
                            (long long)least, (long long)most,
                            (long long)value);
  *position = value;
  return gattn_lexer_advance(lexer);
}

static gattn_status read_range(gattn_lexer *lexer, gattn_frontier *frontier) {
  int64_t begin = 0, end = 0;
  gattn_status status =
      read_position(lexer, "the beginning of a range", 0, frontier->n, &begin);
  if (!status && lexer->token.kind != ':')
    status = gattn_lexer_expected(lexer, "\":\"");
  if (!status) status = gattn_lexer_advance(lexer);
  if (!status)
    status =
        read_position(lexer, "the end of a range", begin, frontier->n, &end);
  return status ? status : gattn_frontier_append(frontier, begin, end);
}

static gattn_status read_last(gattn_lexer *lexer, gattn_frontier *frontier) {
  int64_t count = 0;
  gattn_status status =
      read_position(lexer, "a number of vertices", 0, frontier->n, &count);
  return status ? status
                : gattn_frontier_append(frontier, frontier->n - count,
                                        frontier->n);
}

/* Finds where the duplicate stands for the second time. */
static gattn_status fail_duplicate(gattn_lexer *lexer, const char *list,
                                   int64_t duplicate) {
  lexer->end = list;
  for (int seen = 0; seen < 2;) {
    gattn_status status = gattn_lexer_advance(lexer);
    if (status) return status;
    seen += lexer->token.kind == GATTN_TOKEN_INTEGER &&
            lexer->token.integer == duplicate;
  }
  return gattn_lexer_fail(lexer, GATTN_ERROR_DUPLICATE, lexer->token.start,
                          "vertex %lld is named twice", (long long)duplicate);
}

static gattn_status read_list(gattn_lexer *lexer, gattn_frontier *frontier) {
  const char *list = lexer->token.start;
  for (bool more = true; more;) {
    int64_t vertex = 0;
    gattn_status status =
        read_position(lexer, "a vertex", 0, frontier->n - 1, &vertex);
    if (!status) status = gattn_frontier_append(frontier, vertex, vertex + 1);
    if (status) return status;
    more = lexer->token.kind == ',';
    if (more) status = gattn_lexer_advance(lexer);
    if (status) return status;
  }
  gattn_status status = gattn_frontier_settle(frontier);
  if (status || frontier->unique) return status;
  return fail_duplicate(lexer, list, frontier->duplicate);
}

/* The vertices of an open file. */
static gattn_status append_array(gattn_context *context, const char *path,
                                 const gattn_tensor *ids,
                                 gattn_frontier *frontier) {
  if (ids->type != GATTN_INT64 || ids->rank != 1)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      "%.300s: holds %s in %d axes, but a frontier is int64 in "
                      "one",
                      path, gattn_type_name(ids->type), (int)ids->rank);
  const int64_t *vertices = ids->data;
  for (int64_t p = 0; p < ids->shape[0]; p++) {
    if (vertices[p] < 0 || vertices[p] >= frontier->n)
      return gattn_fail(context, GATTN_ERROR_INDEX,
                        "%.300s: vertex %lld at position %lld is not below "
                        "%lld",
                        path, (long long)vertices[p], (long long)p,
                        (long long)frontier->n);
    gattn_status status =
        gattn_frontier_append(frontier, vertices[p], vertices[p] + 1);
    if (status) return status;
  }
  gattn_status status = gattn_frontier_settle(frontier);
  if (status || frontier->unique) return status;
  return gattn_fail(context, GATTN_ERROR_DUPLICATE,
                    "%.300s: vertex %lld is named twice", path,
                    (long long)frontier->duplicate);
}

/* The rest of the text is a path, whatever characters it has. */
static gattn_status read_file(gattn_lexer *lexer, gattn_frontier *frontier) {
  const char *path = lexer->end;
  if (!*path)
    return gattn_lexer_fail(lexer, GATTN_ERROR_SYNTAX, path,
                            "expected the path of a .npy file, found the end");
  gattn_tensor ids;
  gattn_npy *npy;
  gattn_status status = gattn_npy_open(lexer->context, path, &ids, &npy);
  if (status) return status;
  status = append_array(lexer->context, path, &ids, frontier);
  gattn_npy_close(npy);
  return status;
}

static const struct frontier_form {
  const char *name;
  bool colon; /* whether one follows */
  bool whole; /* whether the form reads the text to its end */
  read_form read;
} forms[] = {
    {"all", false, false, read_all},  {"range", true, false, read_range},
    {"last", true, false, read_last}, {"list", true, false, read_list},
    {"file", true, true, read_file},
};

static const struct frontier_form *find_form(const gattn_token *token) {
  for (size_t r = 0; r < sizeof forms / sizeof *forms; r++)
    if (strlen(forms[r].name) == token->length &&
        memcmp(forms[r].name, token->text, token->length) == 0)
      return &forms[r];
  return NULL;
}

static gattn_status fail_name(const gattn_lexer *lexer) {
  const gattn_token *name = &lexer->token;
  const char *closest = NULL;
  int least = INT_MAX;
  for (size_t r = 0; r < sizeof forms / sizeof *forms; r++) {
    int distance = gattn_edit_distance(name->text, name->length, forms[r].name);
    if (distance >= least) continue;
    least = distance;
    closest = forms[r].name;
  }
  return gattn_lexer_fail(lexer, GATTN_ERROR_NAME, name->start,
                          "unknown frontier \"%s\"; did you mean \"%s\"?",
                          gattn_quote_text(name->text, name->length).text,
                          closest);
}

static gattn_status read_frontier(gattn_lexer *lexer,
                                  gattn_frontier *frontier) {
  static const char names[] =
      "all, range:a:b, last:k, list:i,j,... or "
      "file:ids.npy";
  if (lexer->token.kind != GATTN_TOKEN_NAME)
    return gattn_lexer_expected(lexer, names);
  const struct frontier_form *form = find_form(&lexer->token);
  if (!form) return fail_name(lexer);
  gattn_status status = gattn_lexer_advance(lexer);
  if (!status && form->colon && lexer->token.kind != ':')
    status = gattn_lexer_expected(lexer, "\":\"");
  if (!status && form->colon && !form->whole)
    status = gattn_lexer_advance(lexer);
  if (!status) status = form->read(lexer, frontier);
  if (!status && !form->whole && lexer->token.kind != GATTN_TOKEN_END)
    status = gattn_lexer_expected(lexer, "the end");
  return status;
}

gattn_status gattn_frontier_parse(gattn_context *context, const char *text,
                                  int64_t n, gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!text) return gattn_fail_null(context, "text");
  if (!out) return gattn_fail_null(context, "frontier");
  gattn_lexer lexer;
  gattn_status status = gattn_lexer_start(&lexer, context, text);
  if (status) return status;
  gattn_frontier *frontier;
  status = gattn_frontier_new(context, n, &frontier);
  if (status) return status;
  return gattn_frontier_finish(read_frontier(&lexer, frontier), frontier, out);
}
