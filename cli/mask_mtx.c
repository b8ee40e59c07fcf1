/* gattn mask --mtx. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/mask.h"

/* Digits of an int64_t at the end of text[20], faster than printf: a file has
 * two for every edge. */
static char *digits_of(int64_t value, char *end) {
  do {
    *--end = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  return end;
}

/* Lines `row key` for the keys [begin, end) of a row, counted from 1. */
static void write_run(FILE *stream, int64_t row, int64_t begin, int64_t end) {
  char line[48], *line_end = line + sizeof line;
  char prefix[24], *prefix_end = prefix + sizeof prefix;
  *--prefix_end = ' ';
  char *start = digits_of(row + 1, prefix_end);
  *--line_end = '\n';
  for (int64_t key = begin; key < end && !ferror(stream); key++) {
    char *digits = digits_of(key + 1, line_end);
    fwrite(start, 1, (size_t)(prefix_end + 1 - start), stream);
    fwrite(digits, 1, (size_t)(line_end + 1 - digits), stream);
  }
}

/* A file on its way. */
typedef struct edge_writer {
  cli_session *session;
  const gattn_graph *graph;
  FILE *stream;
  int64_t edges, written, shown; /* of the graph; so far; at the last tick */
} edge_writer;

/* True when the work is to stop. */
static bool tick(edge_writer *w) {
  w->shown = w->written;
  return cli_progress_tick(w->session, (double)w->written / (double)w->edges);
}

static gattn_status write_row(edge_writer *w, int64_t row) {
  enum { CHUNK = 1 << 16 };
  gattn_context *context = w->session->context;
  int64_t keys = gattn_graph_keys(w->graph), j = 0;
  while (j < keys && !ferror(w->stream)) {
    gattn_status status = gattn_graph_next(context, w->graph, row, j, &j);
    if (status || j == keys) return status;
    int64_t end;
    status = gattn_graph_stretch(context, w->graph, row, j, &end);
    if (status) return status;
    if (end > j + CHUNK) end = j + CHUNK;
    write_run(w->stream, row, j, end);
    w->written += end - j;
    j = end;
    if (w->written - w->shown >= CHUNK && tick(w)) return GATTN_ERROR_CANCELLED;
  }
  return GATTN_SUCCESS;
}

static int write_rows(edge_writer *w) {
  enum { ROWS = 1 << 16 }; /* empty ones take time, too */
  int64_t queries = gattn_graph_queries(w->graph);
  cli_progress_start(w->session, "writing edges");
  for (int64_t i = 0; i < queries && !ferror(w->stream); i++) {
    gattn_status status = write_row(w, i);
    if (!status && i % ROWS == ROWS - 1 && tick(w))
      status = GATTN_ERROR_CANCELLED;
    if (status) return cli_session_fail(w->session, status, "--mtx");
  }
  cli_progress_end(w->session);
  if (w->written == w->edges || ferror(w->stream)) return CLI_SUCCESS;
  return cli_fail(CLI_FAILURE, "mask",
                  "--mtx: %" PRId64 " edges counted, %" PRId64 " found",
                  w->edges, w->written);
}

int mask_write_mtx(cli_session *session, const gattn_graph *graph,
                   cli_output *output) {
  int64_t edges;
  gattn_status status = gattn_graph_edges(session->context, graph, &edges);
  if (status) return cli_session_fail(session, status, "--mtx");
  /* The shortest line is `1 1` and its end. */
  if (!cli_output_fits(output, 4 * (double)edges))
    return cli_fail(CLI_FAILURE, "mask", "%s: no space for %" PRId64 " edges",
                    output->path, edges);
  fprintf(output->stream,
          "%%%%MatrixMarket matrix coordinate pattern general\n"
          "%" PRId64 " %" PRId64 " %" PRId64 "\n",
          gattn_graph_queries(graph), gattn_graph_keys(graph), edges);
  edge_writer writer = {.session = session,
                        .graph = graph,
                        .stream = output->stream,
                        .edges = edges};
  return write_rows(&writer);
}
