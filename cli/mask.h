/* What gattn mask can do with a graph. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_MASK_H
#define GATTN_CLI_MASK_H

#include "cli/output.h"
#include "cli/session.h"

/* A graph drawn into rows × columns cells: the fraction of the pairs in a cell
 * that are edges. */
typedef struct mask_picture {
  int64_t rows, columns;
  float *density; /* [rows, columns], 0 … 1; above 0 where an edge was seen */
} mask_picture;

/* The functions below return exit statuses; a failure was printed. */

/* At most `budget` steps along runs, more or less, whatever the graph's size:
 * where a cell has more, rows and runs are sampled. A picture of a cell a pair
 * is exact. Frees nothing; release with mask_picture_release. */
int mask_draw(cli_session *session, const gattn_graph *graph, int64_t rows,
              int64_t columns, int64_t budget, mask_picture *picture);
void mask_picture_release(mask_picture *picture);

/* Text for --ascii: at most 64 × 64 cells. */
int mask_print_ascii(cli_session *session, const gattn_graph *graph);

/* A PNG for --png: at most 1024 × 1024 pixels, into an open output. */
int mask_write_png(cli_session *session, const gattn_graph *graph,
                   cli_output *output);

/* The edges as a Matrix Market pattern file, into an open output. */
int mask_write_mtx(cli_session *session, const gattn_graph *graph,
                   cli_output *output);

/* The statistics, counted, and then printed. */
int mask_count(cli_session *session, const gattn_graph *graph,
               gattn_graph_stats *stats);
void mask_print_stats(const gattn_graph_stats *stats, bool json);

/* The neighbours of a row on one line. */
int mask_print_row(cli_session *session, const gattn_graph *graph, int64_t row);

/* high · 2^64 + low in decimal, into text[40]; returns where it begins. */
const char *mask_wide_decimal(uint64_t high, uint64_t low, char text[40]);

#endif
