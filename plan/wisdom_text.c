/* Wisdom as lines of text: fields in a fixed order, each a name and a value.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/wisdom.h"

typedef enum field_kind {
  FIELD_TEXT,   /* in quotes */
  FIELD_TYPE,   /* an element type's name */
  FIELD_NUMBER, /* int64_t >= 0 */
  FIELD_HASH,   /* sixteen hexadecimal digits */
  FIELD_WAYS,   /* names of ways, with commas */
  FIELD_COUNT,  /* int32_t, 0 as "any" */
  FIELD_SECONDS /* double, as nanoseconds: decimal points are a locale's */
} field_kind;

typedef struct field {
  const char *name;
  field_kind kind;
  size_t offset;
  size_t size; /* TEXT: room */
} field;

#define AT(member) offsetof(gattn_wisdom_entry, member)

static const field fields[] = {
    {"device", FIELD_TEXT, AT(key.device), GATTN_WISDOM_DEVICE},
    {"version", FIELD_TEXT, AT(key.version), GATTN_WISDOM_VERSION},
    {"type", FIELD_TYPE, AT(key.type), 0},
    {"batch", FIELD_NUMBER, AT(key.batch), 0},
    {"heads", FIELD_NUMBER, AT(key.heads), 0},
    {"kv_heads", FIELD_NUMBER, AT(key.kv_heads), 0},
    {"rows", FIELD_NUMBER, AT(key.rows), 0},
    {"queries", FIELD_NUMBER, AT(key.queries), 0},
    {"keys", FIELD_NUMBER, AT(key.keys), 0},
    {"dim", FIELD_NUMBER, AT(key.dim), 0},
    {"dim_v", FIELD_NUMBER, AT(key.dim_v), 0},
    {"score", FIELD_NUMBER, AT(key.score), 0},
    {"frontier", FIELD_HASH, AT(key.frontier), 0},
    {"mask", FIELD_HASH, AT(key.mask), 0},
    {"ways", FIELD_WAYS, AT(choice), 0},
    {"lanes", FIELD_COUNT, AT(choice.lanes), 0},
    {"pieces", FIELD_COUNT, AT(choice.pieces), 0},
    {"nanoseconds", FIELD_SECONDS, AT(seconds), 0},
    {"note", FIELD_TEXT, AT(note), GATTN_WISDOM_NOTE},
};
enum { FIELDS = sizeof fields / sizeof *fields, COUNT_MOST = 1 << 16 };

/* ------------------------------------------------------------ writing */

void gattn_wisdom_plain(char *text) {
  for (; *text; text++)
    if (*text < ' ' || *text > '~' || *text == '"') *text = '?';
}

static void write_ways(const gattn_choice *choice, gattn_text *text) {
  for (int t = 0; t < choice->n_terms; t++)
    gattn_text_append(text, "%s%s", t ? "," : "",
                      gattn_way_name((gattn_way)choice->way[t]));
}

static void write_field(const field *field, const char *at, gattn_text *text) {
  int64_t number;
  int32_t count;
  double seconds;
  gattn_text_append(text, "%s%s ", text->length ? " " : "", field->name);
  switch (field->kind) {
    case FIELD_TEXT:
      gattn_text_append(text, "\"%s\"", at);
      break;
    case FIELD_TYPE:
      gattn_text_append(text, "%s", gattn_type_name(*(const gattn_type *)at));
      break;
    case FIELD_NUMBER:
      memcpy(&number, at, sizeof number);
      gattn_text_append(text, "%" PRId64, number);
      break;
    case FIELD_HASH:
      memcpy(&number, at, sizeof number);
      gattn_text_append(text, "%016" PRIx64, (uint64_t)number);
      break;
    case FIELD_WAYS:
      write_ways((const gattn_choice *)at, text);
      break;
    case FIELD_COUNT:
      memcpy(&count, at, sizeof count);
      if (count)
        gattn_text_append(text, "%d", (int)count);
      else
        gattn_text_append(text, "any");
      break;
    case FIELD_SECONDS:
      memcpy(&seconds, at, sizeof seconds);
      gattn_text_append(text, "%lld", llround(seconds * 1e9));
      break;
  }
}

void gattn_wisdom_write(const gattn_wisdom_entry *entry,
                        char line[GATTN_WISDOM_LINE]) {
  gattn_text text = gattn_text_start(line, GATTN_WISDOM_LINE);
  for (int f = 0; f < FIELDS; f++)
    write_field(&fields[f], (const char *)entry + fields[f].offset, &text);
}

/* ------------------------------------------------------------ reading */

/* A line that is read: what is left of it. */
typedef struct reading {
  gattn_context *context;
  int64_t number;
  const char *at, *end;
} reading;

enum { WORD = 512 };

static gattn_status fail(const reading *reading, const char *expected,
                         const char *found) {
  return gattn_fail(reading->context, GATTN_ERROR_FORMAT,
                    "line %" PRId64 " of wisdom: expected %s, found '%.60s'",
                    reading->number, expected, found);
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next word, or what stands between the next quotes; "" at the end. */
static bool next_word(reading *reading, bool quoted, char word[WORD]) {
  int length = 0;
  while (reading->at < reading->end && is_space(*reading->at)) reading->at++;
  if (quoted && (reading->at == reading->end || *reading->at++ != '"'))
    return word[0] = '\0', false;
  while (reading->at < reading->end && length < WORD - 1 &&
         (quoted ? *reading->at != '"' : !is_space(*reading->at)))
    word[length++] = *reading->at++;
  word[length] = '\0';
  if (!quoted) return true;
  return reading->at < reading->end && *reading->at++ == '"';
}

static bool read_number(const char *word, int base, int64_t most,
                        int64_t *number) {
  /* Neither signs, spaces nor a prefix, which strtoull takes. */
  const char *digits = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
  const size_t length = strspn(word, digits);
  if (length == 0 || word[length]) return false;
  const unsigned long long value = strtoull(word, NULL, base);
  *number = (int64_t)value;
  return base == 16 ? length == 16 : value <= (uint64_t)most;
}

static bool read_type(const char *word, gattn_type *type) {
  for (int t = GATTN_FLOAT32; t <= GATTN_BFLOAT16; t++) {
    *type = (gattn_type)t;
    if (!strcmp(word, gattn_type_name(*type))) return true;
  }
  return false;
}

static bool read_way(const char *name, size_t length, int8_t *way) {
  for (int w = GATTN_WAY_ANY; w < GATTN_WAYS; w++) {
    const char *known = gattn_way_name((gattn_way)w);
    *way = (int8_t)w;
    if (strlen(known) == length && !memcmp(known, name, length)) return true;
  }
  return false;
}

static bool read_ways(const char *word, gattn_choice *choice) {
  choice->n_terms = 0;
  for (;; word++) {
    const size_t length = strcspn(word, ",");
    if (choice->n_terms == GATTN_CHOICE_TERMS ||
        !read_way(word, length, &choice->way[choice->n_terms]))
      return false;
    choice->n_terms++;
    word += length;
    if (!*word) return true;
  }
}

/* Eleven days; more would be another number when it is written again. */
static bool read_seconds(const char *word, double *seconds) {
  const int64_t most = INT64_C(1000000000000000);
  int64_t number;
  if (!read_number(word, 10, most, &number)) return false;
  *seconds = (double)number * 1e-9;
  return true;
}

static bool read_text(const char *word, char *to, size_t room) {
  const size_t length = strlen(word);
  if (length >= room) return false;
  memcpy(to, word, length + 1);
  gattn_wisdom_plain(to);
  return true;
}

static bool read_field(const field *field, const char *word, char *to) {
  int64_t number = 0;
  int32_t count;
  gattn_type type;
  switch (field->kind) {
    case FIELD_TEXT:
      return read_text(word, to, field->size);
    case FIELD_TYPE:
      if (!read_type(word, &type)) return false;
      memcpy(to, &type, sizeof type);
      return true;
    case FIELD_NUMBER:
    case FIELD_HASH:
      if (!read_number(word, field->kind == FIELD_HASH ? 16 : 10, INT64_MAX,
                       &number))
        return false;
      memcpy(to, &number, sizeof number);
      return true;
    case FIELD_WAYS:
      return read_ways(word, (gattn_choice *)to);
    case FIELD_COUNT:
      if (strcmp(word, "any") && !read_number(word, 10, COUNT_MOST, &number))
        return false;
      count = (int32_t)number;
      memcpy(to, &count, sizeof count);
      return true;
    case FIELD_SECONDS:
      return read_seconds(word, (double *)to);
  }
  return false;
}

static gattn_status read_one(reading *reading, const field *field, char *to) {
  static const char *const kinds[] = {
      "a text in quotes",        "an element type",
      "a number",                "sixteen hexadecimal digits",
      "ways, as 'band,edges'",   "'any' or a number",
      "a number"};
  char word[WORD], expected[64];
  next_word(reading, false, word);
  if (strcmp(word, field->name)) {
    snprintf(expected, sizeof expected, "'%s'", field->name);
    return fail(reading, expected, word);
  }
  const bool whole = next_word(reading, field->kind == FIELD_TEXT, word);
  if (whole && read_field(field, word, to)) return GATTN_SUCCESS;
  snprintf(expected, sizeof expected, "%s as %s", kinds[field->kind],
           field->name);
  return fail(reading, expected, word);
}

gattn_status gattn_wisdom_read(gattn_context *context, int64_t number,
                               const char *line, int64_t length,
                               gattn_wisdom_entry *entry) {
  reading reading = {context, number, line, line + length};
  char word[WORD];
  *entry = (gattn_wisdom_entry){0};
  if (memchr(line, '\0', (size_t)length))
    return fail(&reading, "text", "a zero byte");
  for (int f = 0; f < FIELDS; f++) {
    gattn_status status =
        read_one(&reading, &fields[f], (char *)entry + fields[f].offset);
    if (status) return status;
  }
  next_word(&reading, false, word);
  return *word ? fail(&reading, "the end of the line", word) : GATTN_SUCCESS;
}
