/* A graph as a picture of densities, and in text. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/mask.h"

/* Where cell c of `cells` begins among n: n may be near 2^62. */
static int64_t cell_begin(int64_t c, int64_t cells, int64_t n) {
  return (int64_t)((unsigned __int128)c * (uint64_t)n / (uint64_t)cells);
}

static int64_t cell_of(int64_t j, int64_t cells, int64_t n) {
  int64_t c = (int64_t)((unsigned __int128)j * (uint64_t)cells / (uint64_t)n);
  while (c + 1 < cells && cell_begin(c + 1, cells, n) <= j) c++;
  while (cell_begin(c, cells, n) > j) c--;
  return c;
}

/* One row's walk through the columns of a picture. */
typedef struct walk {
  const gattn_graph *graph;
  int64_t keys, columns;
  int64_t steps; /* runs walked in one cell before the rest is extrapolated */
  double *share; /* out: [columns], fraction of the cell's keys */
} walk;

/* Adds the run [j, end) to the cells it covers. */
static void add_run(walk *w, int64_t j, int64_t end) {
  for (int64_t c = cell_of(j, w->columns, w->keys); j < end; c++) {
    int64_t begin = cell_begin(c, w->columns, w->keys);
    int64_t close = cell_begin(c + 1, w->columns, w->keys);
    int64_t stop = end < close ? end : close;
    w->share[c] += (double)(stop - j) / (double)(close - begin);
    j = stop;
  }
}

/* What a cell that was walked up to key j would hold if it went on alike. */
static void extrapolate(walk *w, int64_t c, int64_t j) {
  int64_t begin = cell_begin(c, w->columns, w->keys);
  int64_t close = cell_begin(c + 1, w->columns, w->keys);
  w->share[c] *= (double)(close - begin) / (double)(j - begin);
}

static gattn_status walk_row(gattn_context *context, int64_t i, walk *w) {
  int64_t j = 0, cell = -1, steps = 0;
  for (int64_t c = 0; c < w->columns; c++) w->share[c] = 0;
  while (j < w->keys) {
    gattn_status status = gattn_graph_next(context, w->graph, i, j, &j);
    if (status || j == w->keys) return status;
    int64_t end, here = cell_of(j, w->columns, w->keys);
    status = gattn_graph_stretch(context, w->graph, i, j, &end);
    if (status) return status;
    steps = here == cell ? steps + 1 : 0;
    cell = here;
    add_run(w, j, end);
    j = end;
    int64_t close = cell_begin(cell + 1, w->columns, w->keys);
    if (steps < w->steps || j >= close) continue;
    extrapolate(w, cell, j);
    j = close;
  }
  return GATTN_SUCCESS;
}

/* Row s of `samples` in the stripe [begin, end): the first, the last, and one
 * in each of equal parts between them, scattered so that no stride of the mask
 * falls in with the samples. */
static int64_t sample_row(int64_t begin, int64_t end, int64_t s,
                          int64_t samples) {
  int64_t rows = end - begin;
  if (samples >= rows) return begin + s;
  if (s == 0) return begin;
  if (s == samples - 1) return end - 1;
  int64_t low = cell_begin(s - 1, samples - 2, rows - 2);
  int64_t high = cell_begin(s, samples - 2, rows - 2);
  uint64_t mixed = (uint64_t)(begin + s) * 0x9e3779b97f4a7c15u;
  mixed ^= mixed >> 29;
  return begin + 1 + low + (int64_t)(mixed % (uint64_t)(high - low));
}

/* What row s stands for, as a fraction of its stripe. */
static double sample_weight(int64_t rows, int64_t s, int64_t samples) {
  if (samples >= rows || s == 0 || s == samples - 1) return 1.0 / (double)rows;
  return (double)(rows - 2) / (double)rows / (double)(samples - 2);
}

static int draw_stripe(cli_session *session, walk *w, int64_t r,
                       int64_t most_samples, mask_picture *picture) {
  int64_t queries = gattn_graph_queries(w->graph);
  int64_t begin = cell_begin(r, picture->rows, queries);
  int64_t end = cell_begin(r + 1, picture->rows, queries);
  int64_t samples = end - begin < most_samples ? end - begin : most_samples;
  float *line = picture->density + r * picture->columns;
  for (int64_t s = 0; s < samples; s++) {
    int64_t i = sample_row(begin, end, s, samples);
    gattn_status status = walk_row(session->context, i, w);
    if (status) return cli_session_fail(session, status, "--mask");
    double weight = sample_weight(end - begin, s, samples);
    for (int64_t c = 0; c < picture->columns; c++)
      line[c] += (float)(weight * w->share[c]);
  }
  if (cli_progress_tick(session, (double)r / (double)picture->rows))
    return cli_session_fail(session, GATTN_ERROR_CANCELLED, NULL);
  return CLI_SUCCESS;
}

static int64_t at_least(int64_t value, int64_t least) {
  return value > least ? value : least;
}

int mask_draw(cli_session *session, const gattn_graph *graph, int64_t rows,
              int64_t columns, int64_t budget, mask_picture *picture) {
  enum { LEAST_SAMPLES = 4, LEAST_STEPS = 4 };
  double *share = malloc((size_t)columns * sizeof *share);
  picture->rows = rows;
  picture->columns = columns;
  picture->density = calloc((size_t)(rows * columns), sizeof *picture->density);
  int status = CLI_SUCCESS;
  if (!share || !picture->density)
    status = cli_fail(CLI_FAILURE, "mask", "no memory for a picture");
  int64_t samples =
      at_least(budget / (rows * columns * LEAST_STEPS), LEAST_SAMPLES);
  walk w = {.graph = graph,
            .keys = gattn_graph_keys(graph),
            .columns = columns,
            .steps = at_least(budget / (rows * columns * samples), LEAST_STEPS),
            .share = share};
  cli_progress_start(session, "drawing");
  for (int64_t r = 0; r < rows && !status; r++)
    status = draw_stripe(session, &w, r, samples, picture);
  cli_progress_end(session);
  free(share);
  if (status) mask_picture_release(picture);
  return status;
}

void mask_picture_release(mask_picture *picture) {
  free(picture->density);
  *picture = (mask_picture){0};
}

/* `.` is no edge and `#` all pairs, whatever the scale. */
static char shade(float density) {
  static const char ramp[] = ":-=+*%@";
  enum { SHADES = sizeof ramp - 1 };
  if (density <= 0) return '.';
  if (density >= 0.9999995f) return '#';
  int s = (int)(density * SHADES);
  return ramp[s < SHADES ? s : SHADES - 1];
}

int mask_print_ascii(cli_session *session, const gattn_graph *graph) {
  enum { SIDE = 64, BUDGET = 1 << 22 };
  int64_t queries = gattn_graph_queries(graph);
  int64_t keys = gattn_graph_keys(graph);
  if (!queries || !keys) return CLI_SUCCESS;
  mask_picture picture;
  int status = mask_draw(session, graph, queries < SIDE ? queries : SIDE,
                         keys < SIDE ? keys : SIDE, BUDGET, &picture);
  if (status) return status;
  for (int64_t r = 0; r < picture.rows; r++) {
    for (int64_t c = 0; c < picture.columns; c++)
      putchar(shade(picture.density[r * picture.columns + c]));
    putchar('\n');
  }
  mask_picture_release(&picture);
  return CLI_SUCCESS;
}
