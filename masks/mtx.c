/* Matrix Market text as a graph. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/mtx.h"

#include <string.h>

#include "lib/context.h"

typedef enum mtx_field { MTX_PATTERN, MTX_INTEGER, MTX_REAL } mtx_field;

typedef struct mtx {
  gattn_context *context;
  const char *name;
  const char *rest, *end;    /* the lines not yet read */
  const char *at, *line_end; /* what is not yet read of the line */
  int64_t line;              /* its number, from 1 */
  mtx_field field;
  bool symmetric;
  int64_t n_rows, n_columns, n_stated; /* the size line */
} mtx;

/* ------------------------------------------------------------ words */

/* A word of a line: empty at the line's end. */
typedef struct word {
  const char *text;
  size_t length;
} word;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

static bool next_line(mtx *m) {
  if (m->rest == m->end) return false;
  const char *newline = memchr(m->rest, '\n', (size_t)(m->end - m->rest));
  m->at = m->rest;
  m->line_end = newline ? newline : m->end;
  m->rest = newline ? newline + 1 : m->end;
  m->line++;
  return true;
}

static word next_word(mtx *m) {
  while (m->at < m->line_end && is_blank(*m->at)) m->at++;
  word w = {.text = m->at};
  while (m->at < m->line_end && !is_blank(*m->at)) m->at++;
  w.length = (size_t)(m->at - w.text);
  return w;
}

/* The next line that is not blank. */
static bool next_filled_line(mtx *m) {
  while (next_line(m)) {
    while (m->at < m->line_end && is_blank(*m->at)) m->at++;
    if (m->at < m->line_end) return true;
  }
  return false;
}

static bool equals(word w, const char *known) {
  if (w.length != strlen(known)) return false;
  for (size_t p = 0; p < w.length; p++)
    if (lower(w.text[p]) != known[p]) return false;
  return true;
}

/* Digits alone; false also when the number needs more than 63 bits. */
static bool scan_index(word w, int64_t *value) {
  int64_t n = 0;
  for (size_t p = 0; p < w.length; p++) {
    if (!is_digit(w.text[p])) return false;
    if (!gattn_multiply(n, 10, &n) || !gattn_add(n, w.text[p] - '0', &n))
      return false;
  }
  *value = n;
  return w.length > 0;
}

static size_t skip_sign(word w, size_t p) {
  return p + (p < w.length && (w.text[p] == '+' || w.text[p] == '-'));
}

static size_t skip_digits(word w, size_t p) {
  while (p < w.length && is_digit(w.text[p])) p++;
  return p;
}

static bool is_integer(word w) {
  size_t begin = skip_sign(w, 0), end = skip_digits(w, begin);
  return end > begin && end == w.length;
}

/* A decimal number as strtod takes it in the C locale. */
static bool is_real(word w) {
  size_t begin = skip_sign(w, 0);
  word magnitude = {w.text + begin, w.length - begin};
  if (equals(magnitude, "inf") || equals(magnitude, "infinity") ||
      equals(magnitude, "nan"))
    return true;
  size_t p = skip_digits(w, begin), digits = p - begin;
  if (p < w.length && w.text[p] == '.') {
    size_t fraction = p + 1;
    p = skip_digits(w, fraction);
    digits += p - fraction;
  }
  if (!digits) return false;
  if (p < w.length && lower(w.text[p]) == 'e') {
    size_t exponent = skip_sign(w, p + 1);
    p = skip_digits(w, exponent);
    if (p == exponent) return false;
  }
  return p == w.length;
}

/* ------------------------------------------------------------ errors */

/* "name: line N: expected …, found …". */
static gattn_status fail_found(const mtx *m, gattn_status status,
                               const char *expected, word found) {
  char text[48];
  size_t n = found.length < sizeof text ? found.length : sizeof text - 1;
  for (size_t p = 0; p < n; p++) {
    bool printable = found.text[p] >= ' ' && found.text[p] < 127;
    text[p] = printable ? found.text[p] : '?';
  }
  text[n] = '\0';
  return gattn_fail(m->context, status,
                    "%.300s: line %lld: expected %s, found %s%s%s", m->name,
                    (long long)m->line, expected, n ? "\"" : "the line's end",
                    text, n ? "\"" : "");
}

static gattn_status fail_end(const mtx *m, const char *expected) {
  return gattn_fail(m->context, GATTN_ERROR_FORMAT,
                    "%.300s: line %lld: expected %s, found the file's end",
                    m->name, (long long)m->line + 1, expected);
}

/* ------------------------------------------------------------ header */

static gattn_status parse_banner(mtx *m) {
  static const char expected[] = "the banner %%MatrixMarket";
  if (!next_line(m)) return fail_end(m, expected);
  word w = next_word(m);
  if (!equals(w, "%%matrixmarket"))
    return fail_found(m, GATTN_ERROR_FORMAT, expected, w);
  w = next_word(m);
  if (!equals(w, "matrix"))
    return fail_found(m, GATTN_ERROR_FORMAT, "matrix", w);
  w = next_word(m);
  if (!equals(w, "coordinate"))
    return fail_found(m, GATTN_ERROR_FORMAT, "coordinate", w);
  w = next_word(m);
  if (equals(w, "integer"))
    m->field = MTX_INTEGER;
  else if (equals(w, "real"))
    m->field = MTX_REAL;
  else if (!equals(w, "pattern"))
    return fail_found(m, GATTN_ERROR_FORMAT, "pattern, integer or real", w);
  w = next_word(m);
  m->symmetric = equals(w, "symmetric");
  if (!m->symmetric && !equals(w, "general"))
    return fail_found(m, GATTN_ERROR_FORMAT, "general or symmetric", w);
  w = next_word(m);
  if (w.length)
    return fail_found(m, GATTN_ERROR_FORMAT, "the end of the banner", w);
  return GATTN_SUCCESS;
}

/* Every entry takes two digits, or three with a value, and as many blanks or
 * newlines; the last newline may be missing. */
static gattn_status check_stated(const mtx *m) {
  int64_t least = m->field == MTX_PATTERN ? 4 : 6;
  int64_t left = m->end - m->rest;
  if (m->n_stated <= (left + 1) / least) return GATTN_SUCCESS;
  return gattn_fail(m->context, GATTN_ERROR_FORMAT,
                    "%.300s: line %lld: states %lld entries, but only %lld "
                    "bytes follow",
                    m->name, (long long)m->line, (long long)m->n_stated,
                    (long long)left);
}

static gattn_status parse_size_line(mtx *m) {
  static const char expected[] = "the size line: rows, columns, entries";
  do {
    if (!next_filled_line(m)) return fail_end(m, expected);
  } while (*m->at == '%');
  int64_t *sizes[] = {&m->n_rows, &m->n_columns, &m->n_stated};
  for (int k = 0; k < 3; k++) {
    word w = next_word(m);
    if (!scan_index(w, sizes[k]) || *sizes[k] > GATTN_MAX_VERTICES)
      return fail_found(m, GATTN_ERROR_FORMAT, expected, w);
  }
  word w = next_word(m);
  if (w.length)
    return fail_found(m, GATTN_ERROR_FORMAT, "the end of the size line", w);
  if (m->symmetric && m->n_rows != m->n_columns)
    return gattn_fail(m->context, GATTN_ERROR_FORMAT,
                      "%.300s: line %lld: expected a square matrix because it "
                      "is symmetric, found %lld × %lld",
                      m->name, (long long)m->line, (long long)m->n_rows,
                      (long long)m->n_columns);
  return check_stated(m);
}

static gattn_status check_size(const mtx *m, int64_t n_q, int64_t n_kv) {
  if ((n_q == GATTN_MTX_ANY_SIZE || n_q == m->n_rows) &&
      (n_kv == GATTN_MTX_ANY_SIZE || n_kv == m->n_columns))
    return GATTN_SUCCESS;
  return gattn_fail(m->context, GATTN_ERROR_SHAPE,
                    "%.300s: line %lld: expected a matrix of %lld × %lld, "
                    "found %lld × %lld",
                    m->name, (long long)m->line, (long long)n_q,
                    (long long)n_kv, (long long)m->n_rows,
                    (long long)m->n_columns);
}

/* ------------------------------------------------------------ entries */

static gattn_status parse_index(mtx *m, const char *expected, int64_t n,
                                int64_t *index) {
  word w = next_word(m);
  int64_t value;
  if (!scan_index(w, &value))
    return fail_found(m, GATTN_ERROR_FORMAT, expected, w);
  if (value >= 1 && value <= n) {
    *index = value - 1;
    return GATTN_SUCCESS;
  }
  return gattn_fail(m->context, GATTN_ERROR_INDEX,
                    "%.300s: line %lld: expected %s in 1 … %lld, found %lld",
                    m->name, (long long)m->line, expected, (long long)n,
                    (long long)value);
}

static gattn_status parse_entry(mtx *m, int64_t *row, int64_t *column) {
  gattn_status status = parse_index(m, "a row", m->n_rows, row);
  if (status) return status;
  status = parse_index(m, "a column", m->n_columns, column);
  if (status) return status;
  word w = next_word(m);
  if (m->field == MTX_INTEGER && !is_integer(w))
    return fail_found(m, GATTN_ERROR_FORMAT, "an integer", w);
  if (m->field == MTX_REAL && !is_real(w))
    return fail_found(m, GATTN_ERROR_FORMAT, "a real number", w);
  if (m->field != MTX_PATTERN) w = next_word(m);
  if (!w.length) return GATTN_SUCCESS;
  return fail_found(m, GATTN_ERROR_FORMAT, "the end of the entry", w);
}

/* All entries, and nothing but blank lines behind them; those off the diagonal
 * of a symmetric matrix twice. rows and columns have room for that. */
static gattn_status parse_entries(mtx *m, int64_t *rows, int64_t *columns,
                                  int64_t *n_edges) {
  int64_t n = 0;
  for (int64_t e = 0; e < m->n_stated; e++) {
    if (!next_filled_line(m)) return fail_end(m, "one more entry");
    gattn_status status = parse_entry(m, &rows[n], &columns[n]);
    if (status) return status;
    if (m->symmetric && rows[n] != columns[n]) {
      rows[n + 1] = columns[n];
      columns[n + 1] = rows[n];
      n++;
    }
    n++;
  }
  *n_edges = n;
  if (next_filled_line(m))
    return fail_found(m, GATTN_ERROR_FORMAT,
                      "the file's end after all stated entries", next_word(m));
  return GATTN_SUCCESS;
}

gattn_status gattn_mtx_parse(gattn_context *context, const char *name,
                             const char *text, size_t length, int64_t n_q,
                             int64_t n_kv, gattn_graph **graph) {
  mtx m = {
      .context = context, .name = name, .rest = text, .end = text + length};
  gattn_status status = parse_banner(&m);
  if (status) return status;
  status = parse_size_line(&m);
  if (status) return status;
  status = check_size(&m, n_q, n_kv);
  if (status) return status;
  int64_t capacity = m.symmetric ? 2 * m.n_stated : m.n_stated;
  int64_t n_edges = 0;
  void *rows, *columns;
  status = gattn_allocate(context, name, capacity, sizeof(int64_t), &rows);
  if (status) return status;
  status = gattn_allocate(context, name, capacity, sizeof(int64_t), &columns);
  if (status) goto free_rows;
  status = parse_entries(&m, rows, columns, &n_edges);
  if (!status)
    status = gattn_graph_from_coo(context, m.n_rows, m.n_columns, n_edges, rows,
                                  columns, graph);
  gattn_free(context, columns, capacity, sizeof(int64_t));
free_rows:
  gattn_free(context, rows, capacity, sizeof(int64_t));
  return status;
}

gattn_status gattn_graph_from_mtx_text(gattn_context *context, const char *name,
                                       const char *text, size_t length,
                                       gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!name) return gattn_fail_null(context, "name");
  if (!text && length) return gattn_fail_null(context, "text");
  if (!graph) return gattn_fail_null(context, "graph");
  return gattn_mtx_parse(context, name, text ? text : "", length,
                         GATTN_MTX_ANY_SIZE, GATTN_MTX_ANY_SIZE, graph);
}
