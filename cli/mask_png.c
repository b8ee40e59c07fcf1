/* gattn mask --png. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/mask.h"

#ifdef GATTN_HAVE_PNG

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

static void on_png_error(png_structp png, png_const_charp message) {
  (void)message;
  longjmp(png_jmpbuf(png), 1);
}

static void on_png_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

/* White for no edge, black for all pairs; the faintest density still shows. */
static png_byte grey(float density) {
  enum { FAINTEST = 32 };
  if (density <= 0) return 255;
  float dark = FAINTEST + (255 - FAINTEST) * (density < 1 ? density : 1);
  return (png_byte)(255 - (int)(dark + 0.5f));
}

/* False when the stream, or memory, gave out. */
static bool encode(FILE *stream, const mask_picture *picture, png_byte *line) {
  png_infop info = NULL;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
                                            on_png_error, on_png_warning);
  if (!png) return false;
  if (!(info = png_create_info_struct(png)) || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_init_io(png, stream);
  png_set_IHDR(png, info, (png_uint_32)picture->columns,
               (png_uint_32)picture->rows, 8, PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int64_t r = 0; r < picture->rows; r++) {
    for (int64_t c = 0; c < picture->columns; c++)
      line[c] = grey(picture->density[r * picture->columns + c]);
    png_write_row(png, line);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return true;
}

/* One scale for both sides, so that a band stays a diagonal. */
static int64_t pixels(int64_t n, int64_t scale) {
  return n / scale + (n % scale != 0);
}

int mask_write_png(cli_session *session, const gattn_graph *graph,
                   cli_output *output) {
  enum { SIDE = 1024, BUDGET = 1 << 26 };
  int64_t queries = gattn_graph_queries(graph);
  int64_t keys = gattn_graph_keys(graph);
  if (!queries || !keys)
    return cli_fail(CLI_BAD_REQUEST, "mask",
                    "--png: %lld queries and %lld keys are nothing to draw",
                    (long long)queries, (long long)keys);
  int64_t scale = pixels(queries > keys ? queries : keys, SIDE);
  mask_picture picture;
  int status = mask_draw(session, graph, pixels(queries, scale),
                         pixels(keys, scale), BUDGET, &picture);
  if (status) return status;
  png_byte *line = malloc((size_t)picture.columns);
  if (!line || !encode(output->stream, &picture, line)) {
    if (!line || !ferror(output->stream))
      status = cli_fail(CLI_FAILURE, "mask", "--png: no memory for %s",
                        output->path);
  }
  free(line);
  mask_picture_release(&picture);
  return status;
}

#else

int mask_write_png(cli_session *session, const gattn_graph *graph,
                   cli_output *output) {
  (void)session;
  (void)graph;
  return cli_fail(CLI_FAILURE, "mask", "%s: this build has no libpng",
                  output->path);
}

#endif
