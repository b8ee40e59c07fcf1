/* gattn mask: statistics, pictures and edges. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include "cli/mask.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"

const char cli_help_mask[] =
    "usage: gattn mask --mask EXPR -n N [-m M] [--stats] [--json] [--ascii]\n"
    "                  [--png F] [--mtx F] [--row I]\n"
    "\n"
    "Statistics, pictures and edges of a mask over N queries and M keys.\n"
    "\n"
    "  --mask EXPR  the mask, for example 'local(256) | global(0:64)'\n"
    "  -n N         query vertices\n"
    "  -m M         key vertices; N without it\n"
    "  --stats      `key: value` lines: queries, keys, edges, density,\n"
    "               min_degree, max_degree, empty_rows; what is done when\n"
    "               nothing else is asked for\n"
    "  --json       the same as one JSON object\n"
    "  --ascii      a picture in text: . for no edge, # for all of them;\n"
    "               large masks by density in . : - = + * % @ #\n"
    "  --png F      a picture: a pixel a pair, black for an edge, up to 1024\n"
    "               x 1024; larger masks by density\n"
    "  --mtx F      the edges as a Matrix Market pattern file\n"
    "  --row I      the neighbours of query I on one line\n";

typedef struct request {
  const char *mask, *png, *mtx;
  int64_t n, m, row;
  bool stats, json, ascii, has_row;
} request;

static int parse(int argc, char **argv, request *r) {
  cli_option options[] = {
      CLI_OPTION("--mask", CLI_EXPRESSION, &r->mask, .required = true),
      CLI_OPTION("-n", CLI_SIZE, &r->n, .required = true,
                 .maximum = GATTN_MAX_VERTICES),
      CLI_OPTION("-m", CLI_SIZE, &r->m, .maximum = GATTN_MAX_VERTICES),
      CLI_OPTION("--row", CLI_SIZE, &r->row),
      CLI_OPTION("--png", CLI_TEXT, &r->png),
      CLI_OPTION("--mtx", CLI_TEXT, &r->mtx),
      CLI_OPTION("--stats", CLI_FLAG, &r->stats),
      CLI_OPTION("--json", CLI_FLAG, &r->json),
      CLI_OPTION("--ascii", CLI_FLAG, &r->ascii),
  };
  int status = cli_parse_options("mask", options,
                                 sizeof options / sizeof *options, argc, argv);
  if (status) return status;
  if (!options[2].given) r->m = r->n;
  r->has_row = options[3].given;
  if (r->png && r->mtx && cli_same_output(r->png, r->mtx))
    return cli_fail(CLI_BAD_REQUEST, "mask",
                    "--mtx: %s is where --png goes, too", r->mtx);
  if (r->has_row && r->row >= r->n)
    return cli_fail(CLI_BAD_REQUEST, "mask",
                    "--row: %" PRId64 " is not below the %" PRId64 " queries",
                    r->row, r->n);
  if (!r->ascii && !r->png && !r->mtx && !r->has_row) r->stats = true;
  return CLI_SUCCESS;
}

typedef int (*writer)(cli_session *, const gattn_graph *, cli_output *);

static int write_file(cli_session *session, const gattn_graph *graph,
                      const char *path, writer write, cli_output *output) {
  if (!path) return CLI_SUCCESS;
  int status = cli_output_open("mask", path, output);
  if (!status) status = write(session, graph, output);
  if (!status) status = cli_output_finish(output);
  return status;
}

static int print(cli_session *session, const gattn_graph *graph,
                 const request *r, const gattn_graph_stats *stats) {
  int status = CLI_SUCCESS;
  if (r->stats || r->json) mask_print_stats(stats, r->json);
  if (r->ascii) status = mask_print_ascii(session, graph);
  if (!status && r->has_row) status = mask_print_row(session, graph, r->row);
  return status ? status : cli_flush_stdout("mask");
}

/* Files appear last, when everything else has gone well. */
static int answer(cli_session *session, const gattn_graph *graph,
                  const request *r) {
  cli_output png = {0}, mtx = {0};
  gattn_graph_stats stats = {0};
  int status = CLI_SUCCESS;
  if (r->stats || r->json) status = mask_count(session, graph, &stats);
  if (!status)
    status = write_file(session, graph, r->png, mask_write_png, &png);
  if (!status)
    status = write_file(session, graph, r->mtx, mask_write_mtx, &mtx);
  if (!status) status = print(session, graph, r, &stats);
  if (!status) status = cli_output_commit(&png);
  if (!status) {
    status = cli_output_commit(&mtx);
    if (status && r->png && !png.direct) remove(r->png);
  }
  cli_output_close(&png);
  cli_output_close(&mtx);
  return status;
}

int cli_mask(int argc, char **argv) {
  request request = {0};
  int status = parse(argc, argv, &request);
  if (status == CLI_HELP) return cli_print_help("mask");
  if (status) return status;
  cli_session session;
  status = cli_session_open("mask", &(cli_session_options){0}, &session);
  if (status) return status;
  gattn_graph *graph = NULL;
  gattn_status parsed = gattn_mask_parse(session.context, request.mask,
                                         request.n, request.m, &graph);
  status = parsed ? cli_session_fail(&session, parsed, "--mask")
                  : answer(&session, graph, &request);
  cli_progress_end(&session);
  gattn_graph_release(graph);
  cli_session_close(&session);
  return status;
}
