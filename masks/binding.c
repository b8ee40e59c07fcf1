/* Binding the arguments of a mask to a form of its row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "masks/arguments.h"

typedef struct binding {
  gattn_arguments *given;
  const gattn_mask_row *row;
  const gattn_mask_form *form;
  int n_specs;  /* arguments that the form names */
  bool endless; /* a set or lists: any number may be given */
} binding;

static binding bind_to(gattn_arguments *given, const gattn_mask_row *row,
                       const gattn_mask_form *form) {
  gattn_argument_kind first = form->arguments[0].kind;
  return (binding){
      .given = given,
      .row = row,
      .form = form,
      .n_specs = gattn_mask_form_arguments(form),
      .endless = first == GATTN_ARGUMENT_SET || first == GATTN_ARGUMENT_LIST,
  };
}

/* ------------------------------------------------------------ names */

/* The name of argument a: the spec's, a list's with the element's number. */
static gattn_quote argument_name(const binding *b, int64_t a) {
  gattn_quote quote;
  const gattn_argument_spec *spec = &b->form->arguments[a % b->n_specs];
  size_t stem = strlen(spec->name) - 1;
  if (spec->kind == GATTN_ARGUMENT_LIST)
    snprintf(quote.text, sizeof quote.text, "%.*s%lld", (int)stem, spec->name,
             spec->name[stem] - '0' + (long long)(a / b->n_specs));
  else
    snprintf(quote.text, sizeof quote.text, "%s", spec->name);
  return quote;
}

/* Which argument of the form the name calls; -1 for none. */
static int64_t find_argument(const binding *b, const gattn_token *name) {
  for (int s = 0; s < b->n_specs; s++) {
    const char *known = b->form->arguments[s].name;
    size_t stem = strlen(known) - 1;
    int64_t a = s, number;
    if (b->form->arguments[s].kind == GATTN_ARGUMENT_LIST &&
        name->length > stem &&
        !gattn_scan_integer(name->text + stem, name->length - stem, &number) &&
        number >= known[stem] - '0' && number < b->given->n + 10)
      a = s + (number - (known[stem] - '0')) * b->n_specs;
    gattn_quote exact = argument_name(b, a);
    if (strlen(exact.text) == name->length &&
        !memcmp(exact.text, name->text, name->length))
      return a;
  }
  return -1;
}

/* How the mask may be written: "local(w) or local(left, right)". */
static gattn_quote usage(const gattn_mask_row *row) {
  gattn_quote quote;
  gattn_text text = gattn_text_start(quote.text, sizeof quote.text);
  const char *rest = row->info.arguments, *bar;
  if (!*rest) gattn_text_append(&text, "%s", row->info.name);
  for (; *rest; rest = bar ? bar + 3 : rest + strlen(rest)) {
    bar = strstr(rest, " | ");
    gattn_text_append(&text, "%s%s(%.*s)", text.length ? " or " : "",
                      row->info.name,
                      bar ? (int)(bar - rest) : (int)strlen(rest), rest);
  }
  return quote;
}

static gattn_status bind_fail(const binding *b, const char *at,
                              const char *what, gattn_quote which) {
  return gattn_lexer_fail(b->given->lexer, GATTN_ERROR_SYNTAX, at,
                          "%s: %s %s; expected %s", b->row->info.name, what,
                          which.text, usage(b->row).text);
}

static gattn_status unknown_argument(const binding *b,
                                     const gattn_token *name) {
  gattn_quote closest = {""}, found = gattn_quote_token(name);
  int least = 0;
  for (int f = 0; f < GATTN_MOST_FORMS && b->row->forms[f].make.none; f++) {
    binding other = bind_to(b->given, b->row, &b->row->forms[f]);
    for (int a = 0; a < other.n_specs; a++) {
      gattn_quote known = argument_name(&other, a);
      int distance = gattn_edit_distance(name->text, name->length, known.text);
      if (*closest.text && distance >= least) continue;
      least = distance;
      closest = known;
    }
  }
  if (!*closest.text)
    return bind_fail(b, name->start, "surplus argument", found);
  if (!least)
    return bind_fail(b, name->start, "another way to write it has argument",
                     closest);
  return gattn_lexer_fail(
      b->given->lexer, GATTN_ERROR_NAME, name->start,
      "%s: unknown argument \"%s\"; did you mean \"%s\"?", b->row->info.name,
      gattn_quote_text(name->text, name->length).text, closest.text);
}

/* ------------------------------------------------------------ forms */

/* How well a form suits what is given: by the arguments before the first name
 * that it does not know, then strings where it has paths, then the number. */
static int64_t suitability(const binding *b) {
  const gattn_arguments *given = b->given;
  const gattn_argument *first = given->given;
  bool path = given->n && first->value.kind == GATTN_TOKEN_STRING;
  bool wants_path = b->form->arguments[0].kind == GATTN_ARGUMENT_PATH;
  int64_t known = 0;
  while (known < given->n && (!given->given[known].name.kind ||
                              find_argument(b, &given->given[known].name) >= 0))
    known++;
  return 4 * known + 2 * (path == wants_path) +
         (b->endless || given->n <= b->n_specs);
}

static binding choose_form(gattn_arguments *given, const gattn_mask_row *row) {
  binding best = bind_to(given, row, &row->forms[0]);
  for (int f = 1; f < GATTN_MOST_FORMS && row->forms[f].make.none; f++) {
    binding other = bind_to(given, row, &row->forms[f]);
    int64_t gain = suitability(&other) - suitability(&best);
    if (gain > 0 || (gain == 0 && given->n > best.n_specs)) best = other;
  }
  return best;
}

/* Puts each given argument into its place. An element of a list that is
 * numbered past the number of arguments leaves a gap, found later. */
static gattn_status place_arguments(binding *b, int64_t *n_places) {
  gattn_arguments *given = b->given;
  int64_t places = b->n_specs;
  if (b->endless && given->n)
    places *= (given->n + b->n_specs - 1) / b->n_specs;
  for (int64_t a = 0; a < places; a++) given->bound[a] = NULL;
  for (int64_t a = 0; a < given->n; a++) {
    const gattn_argument *argument = &given->given[a];
    const gattn_token *name = &argument->name, *value = &argument->value;
    int64_t place = name->kind ? find_argument(b, name) : a;
    if (place < 0) return unknown_argument(b, name);
    if (place >= places && !name->kind)
      return bind_fail(b, value->start, "surplus argument",
                       gattn_quote_token(value));
    if (place >= places) continue;
    if (given->bound[place])
      return bind_fail(b, name->start, "a second value for argument",
                       argument_name(b, place));
    given->bound[place] = argument;
  }
  *n_places = places;
  return GATTN_SUCCESS;
}

/* ------------------------------------------------------------ values */

static gattn_status wrong_kind(const binding *b, int64_t a,
                               const char *expected) {
  const gattn_token *value = &b->given->bound[a]->value;
  return gattn_lexer_fail(b->given->lexer, GATTN_ERROR_SYNTAX, value->start,
                          "%s: argument %s: expected %s, found %s",
                          b->row->info.name, argument_name(b, a).text, expected,
                          gattn_quote_token(value).text);
}

static gattn_status set_value(const binding *b, int64_t a,
                              gattn_mask_values *values) {
  const gattn_argument *argument = b->given->bound[a];
  const gattn_token *value = &argument->value;
  if (value->kind == GATTN_TOKEN_STRING)
    return wrong_kind(b, a, "an integer or a range");
  if (value->integer == INT64_MAX)
    return gattn_lexer_fail(b->given->lexer, GATTN_ERROR_INDEX, value->start,
                            "%s: position %lld is outside the graph",
                            b->row->info.name, (long long)value->integer);
  bool range = value->kind == GATTN_TOKEN_RANGE;
  b->given->set[values->n_set++] =
      (gattn_range){value->integer, range ? argument->end : value->integer + 1};
  return GATTN_SUCCESS;
}

static gattn_status integer_value(const binding *b, int64_t a,
                                  gattn_mask_values *values) {
  const gattn_token *value = &b->given->bound[a]->value;
  if (value->kind != GATTN_TOKEN_INTEGER) return wrong_kind(b, a, "an integer");
  b->given->integers[values->n_integers++] = value->integer;
  return GATTN_SUCCESS;
}

static gattn_status path_value(const binding *b, int64_t a,
                               gattn_mask_values *values, char **paths) {
  const gattn_token *value = &b->given->bound[a]->value;
  if (value->kind != GATTN_TOKEN_STRING)
    return wrong_kind(b, a, "a \"string\"");
  values->paths[a] = *paths;
  memcpy(*paths, value->text, value->length);
  (*paths)[value->length] = '\0';
  *paths += value->length + 1;
  return GATTN_SUCCESS;
}

static gattn_status collect_values(const binding *b, int64_t n_places,
                                   gattn_mask_values *values) {
  char *paths = b->given->paths;
  *values =
      (gattn_mask_values){.integers = b->given->integers, .set = b->given->set};
  for (int64_t a = 0; a < n_places; a++) {
    gattn_status status;
    int64_t spec = a % b->n_specs;
    if (!b->given->bound[a])
      return bind_fail(b, b->given->end, "missing argument",
                       argument_name(b, a));
    switch (b->form->arguments[spec].kind) {
      case GATTN_ARGUMENT_SET:
        status = set_value(b, a, values);
        break;
      case GATTN_ARGUMENT_PATH:
        status = path_value(b, a, values, &paths);
        break;
      default:
        status = integer_value(b, a, values);
        break;
    }
    if (status) return status;
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_arguments_make(gattn_arguments *arguments,
                                  const gattn_token *name,
                                  const gattn_mask_row *row, int64_t n_q,
                                  int64_t n_kv, gattn_graph **graph) {
  gattn_lexer *lexer = arguments->lexer;
  binding b = choose_form(arguments, row);
  int64_t n_places = 0;
  gattn_mask_values values;
  gattn_status status = place_arguments(&b, &n_places);
  if (!status) status = collect_values(&b, n_places, &values);
  if (status) return status;
  status = gattn_mask_make(lexer->context, b.form, n_q, n_kv, &values, graph);
  if (status >= 0) return status;
  char message[GATTN_MESSAGE_SIZE];
  snprintf(message, sizeof message, "%s", lexer->context->message);
  return gattn_lexer_fail(lexer, status, name->start, "%s: %s", row->info.name,
                          message);
}
