/* The tokens of mask expressions. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/lexer.h"

#include <gattn/masks.h>
#include <stdio.h>
#include <string.h>

/* The grammar is ASCII whatever the locale says. */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_control(char c) { return (unsigned char)c < 32 || c == 127; }
static bool is_continuation(char c) { return (c & 0xC0) == 0x80; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         c == '_';
}

gattn_status gattn_scan_integer(const char *text, size_t length,
                                int64_t *value) {
  static const char suffixes[] = "kmgt";
  size_t digits = 0;
  int64_t n = 0;
  bool fits = true;
  for (; digits < length && is_digit(text[digits]); digits++)
    fits = fits && gattn_multiply(n, 10, &n) &&
           gattn_add(n, text[digits] - '0', &n);
  if (digits == 0 || length - digits > 1) return GATTN_ERROR_SYNTAX;
  if (digits < length) {
    const char *suffix = memchr(suffixes, text[digits], strlen(suffixes));
    if (!suffix) return GATTN_ERROR_SYNTAX;
    int64_t scale = (int64_t)1 << (10 * (suffix - suffixes + 1));
    fits = fits && gattn_multiply(n, scale, &n);
  }
  if (!fits) return GATTN_ERROR_OVERFLOW;
  *value = n;
  return GATTN_SUCCESS;
}

gattn_quote gattn_quote_text(const char *text, size_t length) {
  const size_t most = 40;
  gattn_quote quote;
  size_t n = length;
  if (n > most)
    for (n = most; n > most - 4 && is_continuation(text[n]);) n--;
  for (size_t p = 0; p < n; p++)
    quote.text[p] = is_control(text[p]) ? '?' : text[p];
  strcpy(quote.text + n, n < length ? "..." : "");
  return quote;
}

gattn_quote gattn_quote_token(const gattn_token *token) {
  gattn_quote text = gattn_quote_text(token->text, token->length), quote;
  const char *format = "\"%s\"";
  switch (token->kind) {
    case GATTN_TOKEN_END:
      format = "the end%s";
      break;
    case GATTN_TOKEN_NAME:
      format = "name \"%s\"";
      break;
    case GATTN_TOKEN_INTEGER:
      format = "integer %s";
      break;
    case GATTN_TOKEN_RANGE:
      format = "range %s";
      break;
    case GATTN_TOKEN_STRING:
      format = "string \"%s\"";
      break;
  }
  snprintf(quote.text, sizeof quote.text, format, text.text);
  return quote;
}

gattn_status gattn_lexer_fail(const gattn_lexer *lexer, gattn_status status,
                              const char *at, const char *format, ...) {
  char message[GATTN_MESSAGE_SIZE];
  long column = 1;
  for (const char *p = lexer->expression; p < at; p++)
    column += !is_continuation(*p);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return gattn_fail(lexer->context, status, "column %ld: %s", column, message);
}

gattn_status gattn_lexer_expected(const gattn_lexer *lexer,
                                  const char *expected) {
  return gattn_lexer_fail(lexer, GATTN_ERROR_SYNTAX, lexer->token.start,
                          "expected %s, found %s", expected,
                          gattn_quote_token(&lexer->token).text);
}

static gattn_status read_word(gattn_lexer *lexer, gattn_token *token) {
  const char *end = token->start;
  while (is_word(*end)) end++;
  token->length = (size_t)(end - token->start);
  token->kind = GATTN_TOKEN_NAME;
  if (!is_digit(*token->start)) return GATTN_SUCCESS;
  token->kind = GATTN_TOKEN_INTEGER;
  gattn_status status =
      gattn_scan_integer(token->text, token->length, &token->integer);
  if (!status) return GATTN_SUCCESS;
  return gattn_lexer_fail(
      lexer, status, token->start,
      status == GATTN_ERROR_OVERFLOW
          ? "integer %s is too large; expected one below 2^63"
          : "found \"%s\", expected an integer: digits and an optional suffix "
            "k, m, g or t",
      gattn_quote_text(token->text, token->length).text);
}

static gattn_status read_string(gattn_lexer *lexer, gattn_token *token) {
  const char *end = ++token->text;
  while (*end != '"' && !is_control(*end)) end++;
  token->length = (size_t)(end - token->text);
  token->kind = GATTN_TOKEN_STRING;
  if (*end == '"') return GATTN_SUCCESS;
  return gattn_lexer_fail(lexer, GATTN_ERROR_SYNTAX, end,
                          "expected the closing quote of string \"%s, found %s",
                          gattn_quote_text(token->text, token->length).text,
                          *end ? "a control character" : "the end");
}

gattn_status gattn_lexer_advance(gattn_lexer *lexer) {
  while (is_space(*lexer->end)) lexer->end++;
  gattn_token token = {.start = lexer->end, .text = lexer->end, .length = 1};
  gattn_status status = GATTN_SUCCESS;
  char c = *token.start;
  if (!c) {
    token.length = 0;
  } else if (strchr("|-&(),=:", c)) {
    token.kind = c;
  } else if (is_word(c)) {
    status = read_word(lexer, &token);
  } else if (c == '"') {
    status = read_string(lexer, &token);
  } else {
    while (is_continuation(token.text[token.length])) token.length++;
    status = gattn_lexer_fail(
        lexer, GATTN_ERROR_SYNTAX, token.start,
        "found \"%s\", expected a mask, an argument, or one of | - & ( ) , = :",
        gattn_quote_text(token.text, token.length).text);
  }
  if (status) return status;
  lexer->end = token.text + token.length + (token.kind == GATTN_TOKEN_STRING);
  lexer->token = token;
  return GATTN_SUCCESS;
}

gattn_status gattn_lexer_start(gattn_lexer *lexer, gattn_context *context,
                               const char *expression) {
  *lexer = (gattn_lexer){
      .context = context, .expression = expression, .end = expression};
  if (strnlen(expression, GATTN_MAX_EXPRESSION + 1) > GATTN_MAX_EXPRESSION)
    return gattn_lexer_fail(
        lexer, GATTN_ERROR_SYNTAX, expression + GATTN_MAX_EXPRESSION,
        "the expression is longer than %zu bytes", GATTN_MAX_EXPRESSION);
  return gattn_lexer_advance(lexer);
}

gattn_status gattn_parse_integer(gattn_context *context, const char *text,
                                 int64_t *value) {
  if (!context) return gattn_fail_null(context, "context");
  if (!text) return gattn_fail_null(context, "text");
  if (!value) return gattn_fail_null(context, "value");
  size_t length = strlen(text);
  gattn_status status = gattn_scan_integer(text, length, value);
  if (!status) return GATTN_SUCCESS;
  return gattn_fail(context, status,
                    status == GATTN_ERROR_OVERFLOW
                        ? "text: integer %s does not fit 63 bits"
                        : "text: \"%s\" is no integer: expected digits and an "
                          "optional suffix k, m, g or t",
                    gattn_quote_text(text, length).text);
}
