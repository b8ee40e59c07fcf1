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

static gattn_status write_row(cli_session *session, const gattn_graph *graph,
                              int64_t row, FILE *stream, int64_t *edges) {
  int64_t keys = gattn_graph_keys(graph), j = 0;
  while (j < keys && !ferror(stream)) {
    gattn_status status = gattn_graph_next(session->context, graph, row, j, &j);
    if (status || j == keys) return status;
    int64_t end;
    status = gattn_graph_stretch(session->context, graph, row, j, &end);
    if (status) return status;
    write_run(stream, row, j, end);
    *edges += end - j;
    j = end;
  }
  return GATTN_SUCCESS;
}

static int write_rows(cli_session *session, const gattn_graph *graph,
                      int64_t edges, FILE *stream) {
  int64_t queries = gattn_graph_queries(graph), written = 0;
  cli_progress_start(session, "writing edges");
  for (int64_t i = 0; i < queries && !ferror(stream); i++) {
    gattn_status status = write_row(session, graph, i, stream, &written);
    if (status) return cli_session_fail(session, status, "--mtx");
    if (i % 256 == 0 &&
        cli_progress_tick(session, (double)written / (double)edges))
      return cli_session_fail(session, GATTN_ERROR_CANCELLED, NULL);
  }
  cli_progress_end(session);
  if (written == edges || ferror(stream)) return CLI_SUCCESS;
  return cli_fail(CLI_FAILURE, "mask",
                  "--mtx: %" PRId64 " edges counted, %" PRId64 " found", edges,
                  written);
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
  return write_rows(session, graph, edges, output->stream);
}
