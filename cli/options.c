/* Options of a command, parsed from a table. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include "cli/options.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = 64, LONGEST_TABLE = 32 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Edits (insert, delete, replace) between two names, one row at a time. */
static size_t edits(const char *a, const char *b) {
  size_t row[LONGEST_NAME + 1];
  size_t n = least(strlen(b), LONGEST_NAME), m = least(strlen(a), LONGEST_NAME);
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t above = row[j];
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      row[j] = least(replaced, least(above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[n];
}

size_t cli_closest(const char *name, const char *const *names, size_t n) {
  size_t best = 0, fewest = SIZE_MAX;
  for (size_t r = 0; r < n; r++) {
    size_t count = edits(name, names[r]);
    if (count < fewest) {
      fewest = count;
      best = r;
    }
  }
  return best;
}

int cli_parse_size(const char *where, const char *what, const char *text,
                   int64_t minimum, int64_t maximum, int64_t *value) {
  gattn_context *context;
  if (gattn_context_create(NULL, &context))
    return cli_fail(CLI_FAILURE, where, "%s: no memory to read it", what);
  int64_t got = 0;
  gattn_status status = gattn_parse_integer(context, text, &got);
  gattn_context_destroy(context);
  if (status == GATTN_ERROR_OVERFLOW)
    return cli_fail(CLI_BAD_REQUEST, where, "%s: %s does not fit 63 bits", what,
                    text);
  if (status)
    return cli_fail(CLI_BAD_REQUEST, where,
                    "%s: '%s' is no size; expected digits and at most one of "
                    "k, m, g, t",
                    what, text);
  if (got < minimum)
    return cli_fail(CLI_BAD_REQUEST, where, "%s: %s is below %lld", what, text,
                    (long long)minimum);
  if (maximum && got > maximum)
    return cli_fail(CLI_BAD_REQUEST, where, "%s: %s is above %lld", what, text,
                    (long long)maximum);
  *value = got;
  return CLI_SUCCESS;
}

static int parse_real(const char *where, const cli_option *option,
                      const char *text) {
  char *end;
  double got = strtod(text, &end);
  if (end == text || *end || isspace((unsigned char)*text))
    return cli_fail(CLI_BAD_REQUEST, where, "%s: '%s' is no number",
                    option->name, text);
  if (!isfinite(got))
    return cli_fail(CLI_BAD_REQUEST, where, "%s: %s is not finite",
                    option->name, text);
  *(double *)option->value = got;
  return CLI_SUCCESS;
}

static int take(const char *where, cli_option *option, const char *text) {
  if (option->given)
    return cli_fail(CLI_BAD_REQUEST, where, "%s: given twice", option->name);
  option->given = true;
  switch (option->kind) {
    case CLI_FLAG:
      *(bool *)option->value = true;
      return CLI_SUCCESS;
    case CLI_TEXT:
      if (!*text)
        return cli_fail(CLI_BAD_REQUEST, where, "%s: is empty", option->name);
      *(const char **)option->value = text;
      return CLI_SUCCESS;
    case CLI_EXPRESSION:
      *(const char **)option->value = text;
      return CLI_SUCCESS;
    case CLI_SIZE:
      return cli_parse_size(where, option->name, text, option->minimum,
                            option->maximum, option->value);
    default:
      return parse_real(where, option, text);
  }
}

/* The option that a word begins, or null; *rest is the value written into the
 * same word, or null. */
static cli_option *find(cli_option *options, size_t n, const char *word,
                        const char **rest) {
  for (size_t r = 0; r < n; r++) {
    size_t length = strlen(options[r].name);
    if (strncmp(word, options[r].name, length)) continue;
    *rest = word + length;
    if (!**rest) {
      *rest = NULL;
      return &options[r];
    }
    bool is_long = options[r].name[1] == '-';
    if (**rest == '=')
      ++*rest;
    else if (is_long)
      continue;
    return &options[r];
  }
  return NULL;
}

static int fail_unknown(const char *where, const cli_option *options, size_t n,
                        const char *word) {
  const char *names[LONGEST_TABLE + 1];
  char name[LONGEST_NAME];
  snprintf(name, sizeof name, "%.*s", (int)least(strcspn(word, "="), 60), word);
  for (size_t r = 0; r < n; r++) names[r] = options[r].name;
  names[n] = "--help";
  return cli_fail(CLI_BAD_REQUEST, where,
                  "%s: no such option; the closest is %s", name,
                  names[cli_closest(name, names, n + 1)]);
}

/* A value may begin with a dash (a negative number), but not be an option. */
static bool is_option(cli_option *options, size_t n, const char *word) {
  const char *rest;
  if (!strncmp(word, "--", 2)) return true;
  return find(options, n, word, &rest) != NULL;
}

/* Parses the option at argv[*a], and moves *a to its last word. */
static int parse_one(const char *where, cli_option *options, size_t n, int argc,
                     char **argv, int *a) {
  const char *value;
  cli_option *option = find(options, n, argv[*a], &value);
  if (!option) return fail_unknown(where, options, n, argv[*a]);
  if (option->kind == CLI_FLAG) {
    if (value)
      return cli_fail(CLI_BAD_REQUEST, where, "%s: takes no value, not '%s'",
                      option->name, value);
    return take(where, option, NULL);
  }
  if (!value) {
    if (*a + 1 >= argc || is_option(options, n, argv[*a + 1]))
      return cli_fail(CLI_BAD_REQUEST, where, "%s: needs a value",
                      option->name);
    value = argv[++*a];
  }
  return take(where, option, value);
}

static int check_required(const char *where, const cli_option *options,
                          size_t n) {
  char missing[512] = "";
  size_t length = 0;
  for (size_t r = 0; r < n; r++)
    if (options[r].required && !options[r].given)
      length += (size_t)snprintf(missing + length, sizeof missing - length,
                                 "%s%s", length ? ", " : "", options[r].name);
  if (!length) return CLI_SUCCESS;
  return cli_fail(CLI_BAD_REQUEST, where, "missing %s", missing);
}

int cli_parse_options(const char *where, cli_option *options, size_t n,
                      int argc, char **argv) {
  for (int a = 0; a < argc; a++)
    if (!strcmp(argv[a], "--help") || !strcmp(argv[a], "-h")) return CLI_HELP;
  for (int a = 0; a < argc; a++) {
    if (argv[a][0] != '-' || !argv[a][1] || !strcmp(argv[a], "--"))
      return cli_fail(CLI_BAD_REQUEST, where,
                      "'%s': takes options only, no operands", argv[a]);
    int status = parse_one(where, options, n, argc, argv, &a);
    if (status) return status;
  }
  return check_required(where, options, n);
}
