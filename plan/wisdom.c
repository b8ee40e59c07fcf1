/* What a context knows of earlier plans. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/wisdom.h"

#include <stdio.h>
#include <string.h>

#include <gattn/version.h>

#include "lib/device.h"
#include "masks/device_csr.h"

/* ------------------------------------------------------------ hashes */

static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325);

static uint64_t hash_number(uint64_t hash, int64_t number) {
  hash = (hash ^ (uint64_t)number) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text; text++) hash = hash_number(hash, (unsigned char)*text);
  return hash;
}

enum { SAMPLED = 32, RUNS = 8 };

/* Rows spread over n, the same for the same n. */
static int64_t sampled_row(int64_t n, int64_t s) {
  return n <= SAMPLED ? s : n / SAMPLED * s + n / SAMPLED / 3;
}

/* The first runs of some rows: expressions may name what has changed, or have no
 * name at all. */
static uint64_t hash_rows(uint64_t hash, const gattn_graph *graph) {
  gattn_run runs[RUNS];
  int64_t upto;
  for (int64_t s = 0; s < SAMPLED && s < graph->n_q && graph->n_kv; s++) {
    const int64_t i = sampled_row(graph->n_q, s);
    const int64_t n =
        gattn_runs(graph, i, 1, 0, graph->n_kv, runs, RUNS, &upto);
    for (int64_t r = 0; r < n; r++) {
      hash = hash_number(hash, runs[r].begin);
      hash = hash_number(hash, runs[r].end);
    }
  }
  return hash;
}

static uint64_t hash_graph(const gattn_graph *graph, const char *expression) {
  uint64_t hash = hash_text(hash_start, expression);
  hash = hash_number(hash, graph->n_q);
  hash = hash_number(hash, graph->n_kv);
  if (gattn_is_device_csr(graph))
    return hash_number(hash, gattn_device_csr_of(graph)->capacity);
  return gattn_has_device_csr(graph) ? hash : hash_rows(hash, graph);
}

static uint64_t hash_frontier(const gattn_frontier *frontier) {
  if (!frontier) return 0;
  uint64_t hash = hash_number(hash_start, frontier->n);
  hash = hash_number(hash, frontier->size);
  if (gattn_frontier_on_device(frontier)) return hash_text(hash, "device");
  for (int64_t s = 0; s < SAMPLED && s < frontier->size; s++)
    hash = hash_number(
        hash, gattn_frontier_vertex(frontier, sampled_row(frontier->size, s)));
  return hash;
}

/* ------------------------------------------------------------ keys */

static void name_device(const gattn_context *context, char *text) {
  const gattn_device_facts *facts = gattn_device_facts_of(context);
  if (facts)
    snprintf(text, GATTN_WISDOM_DEVICE, "%s, sm_%d, %d multiprocessors",
             facts->name, (int)facts->capability, (int)facts->multiprocessors);
  else
    snprintf(text, GATTN_WISDOM_DEVICE, "cpu, %s, %d threads",
             gattn_isa_name(context->isa), (int)context->threads);
}

gattn_wisdom_entry gattn_wisdom_entry_of(const gattn_context *context,
                                         const gattn_attend_problem *problem,
                                         gattn_graph *graph) {
  char expression[1024];
  gattn_text text = gattn_text_start(expression, sizeof expression);
  graph->class_->describe(graph, &text);
  gattn_wisdom_entry entry = {
      .key = {.version = GATTN_VERSION_STRING,
              .type = problem->type,
              .batch = problem->batch,
              .heads = problem->heads,
              .kv_heads = problem->kv_heads,
              .rows = problem->n_f,
              .queries = graph->n_q,
              .keys = problem->n_kv,
              .dim = problem->dim,
              .dim_v = problem->dim_v,
              .score = problem->score.kind,
              .frontier = hash_frontier(problem->frontier),
              .mask = hash_graph(graph, expression)}};
  name_device(context, entry.key.device);
  snprintf(entry.note, sizeof entry.note, "%.*s",
           (int)sizeof entry.note - 1, expression);
  gattn_wisdom_plain(entry.key.device);
  gattn_wisdom_plain(entry.note);
  return entry;
}

static bool same_key(const gattn_wisdom_key *a, const gattn_wisdom_key *b) {
  return a->mask == b->mask && a->frontier == b->frontier &&
         a->type == b->type && a->batch == b->batch && a->heads == b->heads &&
         a->kv_heads == b->kv_heads && a->rows == b->rows &&
         a->queries == b->queries && a->keys == b->keys && a->dim == b->dim &&
         a->dim_v == b->dim_v && a->score == b->score &&
         !strcmp(a->device, b->device) && !strcmp(a->version, b->version);
}

/* ------------------------------------------------------------ the store */

static gattn_wisdom_entry *entries_of(const gattn_context *context) {
  return context->wisdom.entries;
}

static gattn_wisdom_entry *find(const gattn_context *context,
                                const gattn_wisdom_key *key) {
  for (int64_t e = 0; e < context->wisdom.count; e++)
    if (same_key(&entries_of(context)[e].key, key))
      return &entries_of(context)[e];
  return NULL;
}

bool gattn_wisdom_any(gattn_context *context) {
  pthread_mutex_lock(&context->wisdom.lock);
  const bool any = context->wisdom.count > 0;
  pthread_mutex_unlock(&context->wisdom.lock);
  return any;
}

bool gattn_wisdom_find(gattn_context *context, gattn_wisdom_entry *entry) {
  pthread_mutex_lock(&context->wisdom.lock);
  const gattn_wisdom_entry *known = find(context, &entry->key);
  if (known) {
    entry->choice = known->choice;
    entry->seconds = known->seconds;
  }
  pthread_mutex_unlock(&context->wisdom.lock);
  return known;
}

/* Room for n more. */
static gattn_status reserve(gattn_context *context, int64_t n) {
  gattn_context_wisdom *wisdom = &context->wisdom;
  const int64_t wanted = wisdom->count + n;
  if (wanted <= wisdom->capacity) return GATTN_SUCCESS;
  const int64_t capacity =
      wanted > 2 * wisdom->capacity ? wanted : 2 * wisdom->capacity;
  void *grown;
  gattn_status status = gattn_allocate(context, "wisdom", capacity,
                                       sizeof(gattn_wisdom_entry), &grown);
  if (status) return status;
  if (wisdom->count)
    memcpy(grown, wisdom->entries,
           (size_t)wisdom->count * sizeof(gattn_wisdom_entry));
  gattn_free(context, wisdom->entries, wisdom->capacity,
             sizeof(gattn_wisdom_entry));
  wisdom->entries = grown;
  wisdom->capacity = capacity;
  wisdom->size = sizeof(gattn_wisdom_entry);
  return GATTN_SUCCESS;
}

gattn_status gattn_wisdom_add(gattn_context *context,
                              const gattn_wisdom_entry *entries, int64_t n) {
  pthread_mutex_lock(&context->wisdom.lock);
  gattn_status status = reserve(context, n);
  for (int64_t e = 0; e < n && !status; e++) {
    gattn_wisdom_entry *known = find(context, &entries[e].key);
    if (!known) known = &entries_of(context)[context->wisdom.count++];
    *known = entries[e];
  }
  pthread_mutex_unlock(&context->wisdom.lock);
  return status;
}

void gattn_wisdom_consult(gattn_context *context, gattn_graph *graph,
                          gattn_attend_problem *problem) {
  gattn_planning *planning = &problem->planning;
  if (planning->choice.n_terms || problem->edge_values ||
      !gattn_wisdom_any(context))
    return;
  gattn_wisdom_entry entry = gattn_wisdom_entry_of(context, problem, graph);
  if (!gattn_wisdom_find(context, &entry)) return;
  planning->choice = entry.choice;
  planning->measured = entry.seconds;
}

/* ------------------------------------------------------------ text */

gattn_status gattn_wisdom_forget(gattn_context *context) {
  if (!context) return GATTN_ERROR_NULL;
  gattn_context_wisdom *wisdom = &context->wisdom;
  pthread_mutex_lock(&wisdom->lock);
  gattn_free(context, wisdom->entries, wisdom->capacity, wisdom->size);
  wisdom->entries = NULL;
  wisdom->count = wisdom->capacity = 0;
  pthread_mutex_unlock(&wisdom->lock);
  return GATTN_SUCCESS;
}

/* Appends a line, unless it or one before it has not fitted. */
static void append_line(gattn_text *text, size_t *length, const char *line) {
  const size_t bytes = strlen(line) + 1;
  *length += bytes;
  if (text->length + bytes >= text->size) text->truncated = true;
  if (!text->truncated) gattn_text_append(text, "%s\n", line);
}

gattn_status gattn_wisdom_export(gattn_context *context, char *text,
                                 size_t size, size_t *length) {
  if (!context) return GATTN_ERROR_NULL;
  if (!text && size) return gattn_fail_null(context, "text");
  gattn_text written = gattn_text_start(text, size);
  size_t whole = 0;
  char line[GATTN_WISDOM_LINE];
  pthread_mutex_lock(&context->wisdom.lock);
  for (int64_t e = 0; e < context->wisdom.count; e++) {
    gattn_wisdom_write(&entries_of(context)[e], line);
    append_line(&written, &whole, line);
  }
  pthread_mutex_unlock(&context->wisdom.lock);
  if (length) *length = whole;
  return written.truncated ? GATTN_NOTE_TRUNCATED : GATTN_SUCCESS;
}

static bool says_nothing(const char *line, int64_t length) {
  while (length && (*line == ' ' || *line == '\t' || *line == '\r'))
    line++, length--;
  return length == 0 || *line == '#';
}

/* Reads lines into entries[room], or only counts them where that is null. */
static gattn_status read_lines(gattn_context *context, const char *text,
                               size_t length, gattn_wisdom_entry *entries,
                               int64_t *n) {
  const char *end = text + length;
  int64_t number = 0;
  *n = 0;
  for (const char *line = text; line < end; number++) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    const int64_t bytes = stop - line;
    gattn_status status = GATTN_SUCCESS;
    if (!says_nothing(line, bytes)) {
      if (entries)
        status = gattn_wisdom_read(context, number + 1, line, bytes,
                                   &entries[*n]);
      ++*n;
    }
    if (status) return status;
    line = stop + 1;
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_wisdom_import(gattn_context *context, const char *text,
                                 size_t length) {
  if (!context) return GATTN_ERROR_NULL;
  if (!text && length) return gattn_fail_null(context, "text");
  if (length == 0) return GATTN_SUCCESS;
  int64_t n, room;
  void *entries;
  read_lines(context, text, length, NULL, &room);
  gattn_status status = gattn_allocate(
      context, "wisdom", room, sizeof(gattn_wisdom_entry), &entries);
  if (status) return status;
  status = read_lines(context, text, length, entries, &n);
  if (!status) status = gattn_wisdom_add(context, entries, n);
  gattn_free(context, entries, room, sizeof(gattn_wisdom_entry));
  return status;
}
