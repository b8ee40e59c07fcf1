/* The tokens of mask expressions. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_LEXER_H
#define GATTN_MASKS_LEXER_H

#include "lib/context.h"

#define GATTN_MAX_EXPRESSION ((size_t)64 << 10) /* bytes */

/* A mark's kind is its own character. */
typedef enum gattn_token_kind {
  GATTN_TOKEN_END = 0,
  GATTN_TOKEN_NAME = 'n',
  GATTN_TOKEN_INTEGER = 'i',
  GATTN_TOKEN_RANGE = 'r', /* of the parser's making, out of three */
  GATTN_TOKEN_STRING = '"'
} gattn_token_kind;

/* Where a token stands; a string's text lies between the quotes. */
typedef struct gattn_token {
  int kind;
  const char *start; /* its first character, a string's opening quote */
  const char *text;
  size_t length; /* of text */
  int64_t integer;
} gattn_token;

typedef struct gattn_lexer {
  gattn_context *context;
  const char *expression;
  const char *end;
  gattn_token token; /* the one to be read next */
} gattn_lexer;

/* Text from an expression made fit for a message: cut to 40 bytes at a
 * character's boundary, whatever cannot be printed replaced. */
typedef struct gattn_quote {
  char text[96];
} gattn_quote;
gattn_quote gattn_quote_text(const char *text, size_t length);

/* What a token is, in words: `name "lcoal"`, `integer 12k`, `")"`. */
gattn_quote gattn_quote_token(const gattn_token *token);

/* Refuses an expression that is too long, and reads its first token.
 * context and expression outlive the lexer. */
gattn_status gattn_lexer_start(gattn_lexer *lexer, gattn_context *context,
                               const char *expression);

/* Reads the next token into lexer->token. */
gattn_status gattn_lexer_advance(gattn_lexer *lexer);

/* Records "column N: …", where N is that of `at`, counted in characters from
 * 1; returns status. */
gattn_status gattn_lexer_fail(const gattn_lexer *lexer, gattn_status status,
                              const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "column N: expected …, found …" at the next token. */
gattn_status gattn_lexer_expected(const gattn_lexer *lexer,
                                  const char *expected);

/* The integer that text[length] is, with its suffix. Says nothing on failure:
 * GATTN_ERROR_SYNTAX, GATTN_ERROR_OVERFLOW. */
gattn_status gattn_scan_integer(const char *text, size_t length,
                                int64_t *value);

#endif
