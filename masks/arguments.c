/* The arguments of one mask of an expression.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/arguments.h"

#include <string.h>

gattn_status gattn_arguments_create(gattn_lexer *lexer,
                                    gattn_arguments *arguments) {
  gattn_context *context = lexer->context;
  int64_t capacity = 1 + GATTN_MOST_ARGUMENTS;
  for (const char *p = lexer->expression; *p; p++) capacity += *p == ',';
  *arguments = (gattn_arguments){
      .lexer = lexer,
      .capacity = capacity,
      .path_bytes = (int64_t)strlen(lexer->expression) + 1,
  };
  const struct {
    void *pointer;
    int64_t count;
    size_t size;
  } arrays[] = {
      {&arguments->given, capacity, sizeof *arguments->given},
      {&arguments->bound, capacity, sizeof *arguments->bound},
      {&arguments->integers, capacity, sizeof *arguments->integers},
      {&arguments->set, capacity, sizeof *arguments->set},
      {&arguments->paths, arguments->path_bytes, 1},
  };
  for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
    void *memory;
    gattn_status status = gattn_allocate(context, "expression", arrays[a].count,
                                         arrays[a].size, &memory);
    if (status) {
      gattn_arguments_destroy(arguments);
      return status;
    }
    memcpy(arrays[a].pointer, &memory, sizeof memory);
  }
  return GATTN_SUCCESS;
}

void gattn_arguments_destroy(gattn_arguments *arguments) {
  gattn_context *context = arguments->lexer->context;
  int64_t n = arguments->capacity;
  gattn_free(context, arguments->paths, arguments->path_bytes, 1);
  gattn_free(context, arguments->set, n, sizeof *arguments->set);
  gattn_free(context, arguments->integers, n, sizeof *arguments->integers);
  gattn_free(context, arguments->bound, n, sizeof *arguments->bound);
  gattn_free(context, arguments->given, n, sizeof *arguments->given);
}

/* ------------------------------------------------------------ reading */

static gattn_status read_range_end(gattn_lexer *lexer,
                                   gattn_argument *argument) {
  gattn_status status = gattn_lexer_advance(lexer);
  if (status) return status;
  if (lexer->token.kind != GATTN_TOKEN_INTEGER)
    return gattn_lexer_expected(lexer, "the end of the range, an integer");
  argument->end = lexer->token.integer;
  argument->value.kind = GATTN_TOKEN_RANGE;
  argument->value.length =
      (size_t)(lexer->token.text - argument->value.text) + lexer->token.length;
  if (argument->value.integer >= argument->end)
    return gattn_lexer_fail(lexer, GATTN_ERROR_ARGUMENT, argument->value.start,
                            "found %s, expected one that ascends",
                            gattn_quote_token(&argument->value).text);
  return gattn_lexer_advance(lexer);
}

static gattn_status read_value(gattn_lexer *lexer, gattn_argument *argument) {
  argument->value = lexer->token;
  bool integer = lexer->token.kind == GATTN_TOKEN_INTEGER;
  if (!integer && lexer->token.kind != GATTN_TOKEN_STRING)
    return gattn_lexer_expected(
        lexer, argument->name.kind
                   ? "an integer, a range or a \"string\""
                   : "an integer, a range, a \"string\" or name=value");
  gattn_status status = gattn_lexer_advance(lexer);
  if (status || !integer || lexer->token.kind != ':') return status;
  return read_range_end(lexer, argument);
}

static gattn_status read_argument(gattn_lexer *lexer, bool named,
                                  gattn_argument *argument) {
  *argument = (gattn_argument){.end = 0};
  if (lexer->token.kind != GATTN_TOKEN_NAME) {
    if (named)
      return gattn_lexer_expected(
          lexer, "name=value behind an argument given by name");
    return read_value(lexer, argument);
  }
  argument->name = lexer->token;
  gattn_status status = gattn_lexer_advance(lexer);
  if (status) return status;
  if (lexer->token.kind != '=')
    return gattn_lexer_fail(
        lexer, GATTN_ERROR_SYNTAX, argument->name.start,
        "expected an integer, a range, a \"string\" or name=value, found %s",
        gattn_quote_token(&argument->name).text);
  status = gattn_lexer_advance(lexer);
  return status ? status : read_value(lexer, argument);
}

gattn_status gattn_arguments_read(gattn_arguments *arguments) {
  gattn_lexer *lexer = arguments->lexer;
  arguments->n = 0;
  arguments->end = lexer->token.start;
  if (lexer->token.kind != '(') return GATTN_SUCCESS;
  int mark = ',';
  gattn_status status = gattn_lexer_advance(lexer);
  if (!status && lexer->token.kind == ')') mark = ')';
  for (bool named = false; !status && mark == ',';) {
    gattn_argument *argument = &arguments->given[arguments->n++];
    status = read_argument(lexer, named, argument);
    if (status) return status;
    named = argument->name.kind;
    mark = lexer->token.kind;
    if (mark != ',' && mark != ')')
      return gattn_lexer_expected(lexer, "\",\" or \")\"");
    if (mark == ',') status = gattn_lexer_advance(lexer);
  }
  if (status) return status;
  arguments->end = lexer->token.start;
  return gattn_lexer_advance(lexer);
}
