/* gattn mask --stats, --json, --row. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/mask.h"

const char *mask_wide_decimal(uint64_t high, uint64_t low, char text[40]) {
  unsigned __int128 value = (unsigned __int128)high << 64 | low;
  char *digit = text + 39;
  *digit = '\0';
  do {
    *--digit = (char)('0' + (int)(value % 10));
    value /= 10;
  } while (value);
  return digit;
}

int mask_count(cli_session *session, const gattn_graph *graph,
               gattn_graph_stats *stats) {
  stats->struct_size = sizeof *stats;
  cli_progress_start(session, "counting");
  gattn_status status = gattn_graph_count(session->context, graph, 0,
                                          gattn_graph_queries(graph), stats);
  cli_progress_end(session);
  return status ? cli_session_fail(session, status, "--mask") : CLI_SUCCESS;
}

static double density(const gattn_graph_stats *stats) {
  if (!stats->queries || !stats->keys) return 0;
  long double edges =
      0x1p64L * (long double)stats->edges_high + (long double)stats->edges_low;
  return (double)(edges / (long double)stats->queries /
                  (long double)stats->keys);
}

void mask_print_stats(const gattn_graph_stats *stats, bool json) {
  char digits[40];
  const char *edges =
      mask_wide_decimal(stats->edges_high, stats->edges_low, digits);
  const char *format =
      json ? "{\"queries\": %" PRId64 ", \"keys\": %" PRId64
             ", \"edges\": %s, \"density\": %.9g, \"min_degree\": %" PRId64
             ", \"max_degree\": %" PRId64 ", \"empty_rows\": %" PRId64 "}\n"
           : "queries: %" PRId64 "\nkeys: %" PRId64
             "\nedges: %s\ndensity: %.9g\nmin_degree: %" PRId64
             "\nmax_degree: %" PRId64 "\nempty_rows: %" PRId64 "\n";
  printf(format, stats->queries, stats->keys, edges, density(stats),
         stats->min_degree, stats->max_degree, stats->empty_rows);
}

int mask_print_row(cli_session *session, const gattn_graph *graph,
                   int64_t row) {
  enum { CHUNK = 1024 };
  int64_t columns[CHUNK], from = 0, count = CHUNK;
  double keys = (double)gattn_graph_keys(graph);
  /* On a terminal the row itself shows how far it is. */
  if (!isatty(STDOUT_FILENO)) cli_progress_start(session, "row");
  for (bool first = true; count == CHUNK; first = false) {
    gattn_status status = gattn_graph_row(session->context, graph, row, from,
                                          CHUNK, columns, &count);
    if (status) return cli_session_fail(session, status, "--row");
    for (int64_t c = 0; c < count; c++)
      printf("%s%" PRId64, c || !first ? " " : "", columns[c]);
    if (count) from = columns[count - 1] + 1;
    if (ferror(stdout)) break;
    if (cli_progress_tick(session, (double)from / keys))
      return cli_session_fail(session, GATTN_ERROR_CANCELLED, NULL);
  }
  cli_progress_end(session);
  putchar('\n');
  return CLI_SUCCESS;
}
