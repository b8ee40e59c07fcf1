/* The header of .npy files, read and written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Format: NumPy Enhancement Proposal 1 — "\x93NUMPY", version, length of the
 * text that follows (2 bytes little-endian in version 1, else 4), and the text:
 * a Python dictionary of descr, fortran_order and shape, padded by spaces. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/npy.h"
#include "lib/text.h"

enum {
  MAGIC_SIZE = 6,
  LONGEST_TEXT = 1 << 16, /* NumPy itself reads 10000 */
  LONGEST_WORD = 32,
  HEADER_ALIGNMENT = 64
};
static const char magic[] = "\x93NUMPY";

static const struct {
  const char *descr;
  gattn_type type;
} descr_table[] = {
    {"<f4", GATTN_FLOAT32},
    {"<f2", GATTN_FLOAT16},
    {"<i8", GATTN_INT64},
};

/* What has been read of the dictionary, and where the reading stands. */
typedef struct header_scan {
  gattn_context *context;
  const char *name;
  const char *text;
  size_t length, at;
  bool has_descr, has_order, has_shape;
  gattn_type type;
  int32_t rank;
  int64_t shape[GATTN_MAX_RANK];
} header_scan;

static gattn_status unexpected(const header_scan *scan, const char *expected) {
  char found[32] = "the end";
  if (scan->at < scan->length) {
    unsigned char c = (unsigned char)scan->text[scan->at];
    snprintf(found, sizeof found, c > ' ' && c < 127 ? "'%c'" : "byte 0x%02x",
             c);
  }
  return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                    GATTN_NPY_NAME ": header byte %zu: found %s, expected %s",
                    scan->name, scan->at, found, expected);
}

static void skip_space(header_scan *scan) {
  while (scan->at < scan->length &&
         (scan->text[scan->at] == ' ' || scan->text[scan->at] == '\n'))
    scan->at++;
}

/* Whether c comes next; steps over it and the space before it if so. */
static bool take(header_scan *scan, char c) {
  skip_space(scan);
  if (scan->at >= scan->length || scan->text[scan->at] != c) return false;
  scan->at++;
  return true;
}

static gattn_status expect(header_scan *scan, char c) {
  char expected[4] = {'\'', c, '\''};
  return take(scan, c) ? GATTN_SUCCESS : unexpected(scan, expected);
}

/* A quoted word, without escapes. */
static gattn_status read_string(header_scan *scan, const char *expected,
                                char word[LONGEST_WORD]) {
  char quote = take(scan, '\'') ? '\'' : '"';
  if (quote == '"' && !take(scan, '"')) return unexpected(scan, expected);
  size_t length = 0;
  while (scan->at < scan->length && scan->text[scan->at] != quote) {
    unsigned char c = (unsigned char)scan->text[scan->at];
    if (c < ' ' || c > 126 || c == '\\' || length == LONGEST_WORD - 1)
      return unexpected(scan, "the closing quote");
    word[length++] = (char)c;
    scan->at++;
  }
  word[length] = '\0';
  return take(scan, quote) ? GATTN_SUCCESS
                           : unexpected(scan, "the closing quote");
}

static gattn_status read_descr(header_scan *scan) {
  char descr[LONGEST_WORD];
  gattn_status status = read_string(scan, "a string for descr", descr);
  if (status) return status;
  for (size_t r = 0; r < sizeof descr_table / sizeof *descr_table; r++)
    if (strcmp(descr, descr_table[r].descr) == 0) {
      scan->type = descr_table[r].type;
      return GATTN_SUCCESS;
    }
  return gattn_fail(scan->context, GATTN_ERROR_TYPE,
                    GATTN_NPY_NAME
                    ": elements of type '%s' are not supported; "
                    "'<f4', '<f2' and '<i8' are",
                    scan->name, descr);
}

static bool take_word(header_scan *scan, const char *word) {
  skip_space(scan);
  size_t length = strlen(word);
  if (scan->length - scan->at < length ||
      memcmp(scan->text + scan->at, word, length) != 0)
    return false;
  scan->at += length;
  return true;
}

static gattn_status read_order(header_scan *scan) {
  if (take_word(scan, "False")) return GATTN_SUCCESS;
  if (!take_word(scan, "True")) return unexpected(scan, "True or False");
  return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                    GATTN_NPY_NAME
                    ": is in Fortran order; only C order is "
                    "supported",
                    scan->name);
}

static bool at_digit(const header_scan *scan) {
  return scan->at < scan->length && scan->text[scan->at] >= '0' &&
         scan->text[scan->at] <= '9';
}

static gattn_status read_extent(header_scan *scan, int64_t *extent) {
  skip_space(scan);
  if (!at_digit(scan)) return unexpected(scan, "an extent, 0 or more");
  bool zero = scan->text[scan->at] == '0';
  int64_t value = 0;
  for (size_t first = scan->at; at_digit(scan); scan->at++) {
    if (zero && scan->at > first)
      return unexpected(scan, "no digit after a leading zero");
    int digit = scan->text[scan->at] - '0';
    if (!gattn_multiply(value, 10, &value) || !gattn_add(value, digit, &value))
      return gattn_fail(scan->context, GATTN_ERROR_OVERFLOW,
                        GATTN_NPY_NAME
                        ": header byte %zu: an extent does not "
                        "fit 63 bits",
                        scan->name, first);
  }
  *extent = value;
  return GATTN_SUCCESS;
}

/* "(2, 3)", "(2, 3, )", "(2,)": a tuple of one needs its comma in Python. */
static gattn_status read_shape(header_scan *scan) {
  gattn_status status = expect(scan, '(');
  bool comma = true;
  while (!status && !take(scan, ')')) {
    if (!comma) return unexpected(scan, "',' or ')'");
    if (scan->rank == GATTN_MAX_RANK)
      return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                        GATTN_NPY_NAME ": has more than %d axes", scan->name,
                        GATTN_MAX_RANK);
    status = read_extent(scan, &scan->shape[scan->rank]);
    if (status) return status;
    scan->rank++;
    comma = take(scan, ',');
    if (scan->rank == 1 && !comma) return unexpected(scan, "','");
  }
  if (!status && scan->rank == 0)
    return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME ": has no axes, but 1 to %d are needed",
                      scan->name, GATTN_MAX_RANK);
  return status;
}

static gattn_status read_pair(header_scan *scan) {
  char key[LONGEST_WORD];
  gattn_status status = read_string(scan, "a quoted key or '}'", key);
  if (status) return status;
  const struct {
    const char *key;
    bool *seen;
    gattn_status (*read)(header_scan *scan);
  } keys[] = {{"descr", &scan->has_descr, read_descr},
              {"fortran_order", &scan->has_order, read_order},
              {"shape", &scan->has_shape, read_shape}};
  for (size_t r = 0; r < sizeof keys / sizeof *keys; r++) {
    if (strcmp(key, keys[r].key) != 0) continue;
    if (*keys[r].seen)
      return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                        GATTN_NPY_NAME ": the header names '%s' twice",
                        scan->name, key);
    *keys[r].seen = true;
    status = expect(scan, ':');
    return status ? status : keys[r].read(scan);
  }
  return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                    GATTN_NPY_NAME ": the header has the unknown key '%s'",
                    scan->name, key);
}

static gattn_status read_dictionary(header_scan *scan) {
  gattn_status status = expect(scan, '{');
  bool comma = true;
  while (!status && !take(scan, '}')) {
    if (!comma) return unexpected(scan, "',' or '}'");
    status = read_pair(scan);
    if (!status) comma = take(scan, ',');
  }
  if (status) return status;
  skip_space(scan);
  if (scan->at < scan->length) return unexpected(scan, "nothing after '}'");
  const char *missing = !scan->has_descr   ? "descr"
                        : !scan->has_order ? "fortran_order"
                        : !scan->has_shape ? "shape"
                                           : NULL;
  if (missing)
    return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME ": the header lacks '%s'", scan->name,
                      missing);
  return GATTN_SUCCESS;
}

/* Finds the text: *at and *text_length, which lie within length. */
static gattn_status find_text(gattn_context *context, const char *name,
                              const unsigned char *bytes, size_t length,
                              size_t *at, size_t *text_length) {
  if (length < MAGIC_SIZE || memcmp(bytes, magic, MAGIC_SIZE) != 0)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME ": is no .npy file", name);
  size_t start = MAGIC_SIZE + 4;
  if (length >= start && bytes[6] > 1) start += 2;
  if (length < start)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME ": ends within its header, at byte %zu",
                      name, length);
  if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME
                      ": version %d.%d is none of 1.0, 2.0 and "
                      "3.0",
                      name, bytes[6], bytes[7]);
  size_t size = bytes[8] | (size_t)bytes[9] << 8;
  if (bytes[6] > 1) size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (size > LONGEST_TEXT)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME
                      ": a header of %zu bytes is longer than "
                      "%d",
                      name, size, LONGEST_TEXT);
  if (size > length - start)
    return gattn_fail(context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME
                      ": ends at byte %zu, within its header of "
                      "%zu",
                      name, length, start + size);
  *at = start;
  *text_length = size;
  return GATTN_SUCCESS;
}

/* The payload must have the bytes that the header promises, and start at a
 * multiple of its element size. */
static gattn_status check_payload(const header_scan *scan, size_t start,
                                  const char *payload, size_t length) {
  int64_t size = (int64_t)gattn_type_size(scan->type), product = size;
  bool empty = false;
  for (int32_t a = 0; a < scan->rank; a++) {
    empty = empty || scan->shape[a] == 0;
    if (!gattn_multiply(product, scan->shape[a] ? scan->shape[a] : 1, &product))
      return gattn_fail(scan->context, GATTN_ERROR_OVERFLOW,
                        GATTN_NPY_NAME
                        ": the product of its extents does not "
                        "fit 63 bits",
                        scan->name);
  }
  uint64_t bytes = empty ? 0 : (uint64_t)product;
  if (bytes != length)
    return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME
                      ": holds %zu bytes behind its header, "
                      "which says %llu",
                      scan->name, length, (unsigned long long)bytes);
  if ((uintptr_t)payload % (size_t)size)
    return gattn_fail(scan->context, GATTN_ERROR_FORMAT,
                      GATTN_NPY_NAME
                      ": the header of %zu bytes leaves the "
                      "elements unaligned",
                      scan->name, start);
  return GATTN_SUCCESS;
}

gattn_status gattn_npy_parse(gattn_context *context, const char *name,
                             const void *bytes, size_t length,
                             gattn_tensor *tensor) {
  if (!name) return gattn_fail_null(context, "name");
  if (!bytes) return gattn_fail_null(context, "bytes");
  if (!tensor) return gattn_fail_null(context, "tensor");
  header_scan scan = {.context = context, .name = name};
  size_t at = 0;
  gattn_status status =
      find_text(context, name, bytes, length, &at, &scan.length);
  if (status) return status;
  scan.text = (const char *)bytes + at;
  status = read_dictionary(&scan);
  if (status) return status;
  size_t start = at + scan.length;
  char *payload = (char *)bytes + start;
  status = check_payload(&scan, start, payload, length - start);
  if (status) return status;
  gattn_tensor view;
  status = gattn_tensor_dense(context, payload, scan.type, scan.rank,
                              scan.shape, &view);
  if (status) return status;
  view.device = GATTN_CPU;
  *tensor = view;
  return GATTN_SUCCESS;
}

size_t gattn_npy_header(gattn_type type, int32_t rank, const int64_t *shape,
                        char header[GATTN_NPY_HEADER_SIZE]) {
  const char *descr = NULL;
  for (size_t r = 0; r < sizeof descr_table / sizeof *descr_table; r++)
    if (descr_table[r].type == type) descr = descr_table[r].descr;
  if (!descr) return 0;
  size_t start = MAGIC_SIZE + 4;
  memset(header, ' ', GATTN_NPY_HEADER_SIZE);
  memcpy(header, magic, MAGIC_SIZE);
  header[6] = 1;
  header[7] = 0;
  gattn_text text =
      gattn_text_start(header + start, GATTN_NPY_HEADER_SIZE - start);
  gattn_text_append(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                    descr);
  for (int32_t a = 0; a < rank; a++)
    gattn_text_append(&text, "%s%lld", a ? ", " : "", (long long)shape[a]);
  gattn_text_append(&text, rank == 1 ? ",), }" : "), }");
  size_t end = start + text.length + 1;
  size_t size =
      (end + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
  header[end - 1] = ' ';
  header[size - 1] = '\n';
  header[8] = (char)((size - start) & 255);
  header[9] = (char)((size - start) >> 8);
  return size;
}
