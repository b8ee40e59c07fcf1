/* gattn mask against masks written out, and its refusals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef GATTN_HAVE_PNG
#include <png.h>
#endif

#include "tests/command.h"

#define MASK(expression, n, ...) \
  GATTN("mask", "--mask", expression, "-n", n, __VA_ARGS__)

/* local(3) - cols(5), over any sizes. */
#define BAND "local(3) - cols(5)"
static bool band(int64_t i, int64_t j) { return llabs(i - j) <= 3 && j != 5; }

/* ------------------------------------------------------------ statistics */

static const struct {
  const char *mask, *n, *m, *out;
} statistics[] = {
    {"local(1)", "4", NULL,
     "queries: 4\nkeys: 4\nedges: 10\ndensity: 0.625\nmin_degree: 2\n"
     "max_degree: 3\nempty_rows: 0\n"},
    {"causal", "2", "-m=4",
     "queries: 2\nkeys: 4\nedges: 3\ndensity: 0.375\nmin_degree: 1\n"
     "max_degree: 2\nempty_rows: 0\n"},
    {"rows(1)", "3", "-m5",
     "queries: 3\nkeys: 5\nedges: 5\ndensity: 0.333333333\nmin_degree: 0\n"
     "max_degree: 5\nempty_rows: 2\n"},
    {"full", "0", NULL,
     "queries: 0\nkeys: 0\nedges: 0\ndensity: 0\nmin_degree: 0\n"
     "max_degree: 0\nempty_rows: 0\n"},
    {"full", "3", "-m=0",
     "queries: 3\nkeys: 0\nedges: 0\ndensity: 0\nmin_degree: 0\n"
     "max_degree: 0\nempty_rows: 3\n"},
    {"full", "1t", NULL,
     "queries: 1099511627776\nkeys: 1099511627776\n"
     "edges: 1208925819614629174706176\ndensity: 1\n"
     "min_degree: 1099511627776\nmax_degree: 1099511627776\n"
     "empty_rows: 0\n"},
    {"local(1)", "1t", NULL,
     "queries: 1099511627776\nkeys: 1099511627776\nedges: 3298534883326\n"
     "density: 2.72848411e-12\nmin_degree: 2\nmax_degree: 3\nempty_rows: 0\n"},
};

START_TEST(statistics_as_lines) {
  const char *words[] = {"mask", "--mask",         statistics[_i].mask,
                         "-n",   statistics[_i].n, statistics[_i].m,
                         NULL};
  command_run(NULL, words);
  command_assert_success();
  ck_assert_str_eq(command_out, statistics[_i].out);
  const char *asked[] = {
      "mask",           "--mask",  statistics[_i].mask, "-n",
      statistics[_i].n, "--stats", statistics[_i].m,    NULL};
  command_run(NULL, asked);
  command_assert_success();
  ck_assert_str_eq(command_out, statistics[_i].out);
}
END_TEST

START_TEST(statistics_as_json) {
  static const char *const expected =
      "{\"queries\": 4, \"keys\": 4, \"edges\": 10, \"density\": 0.625, "
      "\"min_degree\": 2, \"max_degree\": 3, \"empty_rows\": 0}\n";
  MASK("local(1)", "4", "--json");
  command_assert_success();
  ck_assert_str_eq(command_out, expected);
  MASK("local(1)", "4", "--stats", "--json");
  command_assert_success();
  ck_assert_str_eq(command_out, expected);
}
END_TEST

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

START_TEST(huge_masks_answer_at_once) {
  double start = seconds();
  MASK("longformer(256,64)", "1t", "--stats", "--ascii", "--row=1000");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "......"));
  MASK("longformer(256,64) - random(8,1)", "1t", "--stats");
  command_assert_failure(2, "mask", "--mask: ");
  MASK("full", "1t", "--mtx=f.mtx");
  command_assert_failure(2, "mask", "--mtx: ");
  MASK("local(1)", "1t", "--mtx=f.mtx");
  command_assert_failure(1, "mask", "f.mtx: no space");
  ck_assert_double_lt(seconds() - start, 30);
}
END_TEST

/* ------------------------------------------------------------ rows */

START_TEST(a_row_on_a_line) {
  MASK(BAND, "20", "--row=7");
  command_assert_success();
  ck_assert_str_eq(command_out, "4 6 7 8 9 10\n");
  MASK("rows(1)", "3", "--row", "0");
  command_assert_success();
  ck_assert_str_eq(command_out, "\n");
  MASK("local(1)", "1t", "--row", "1g");
  command_assert_success();
  ck_assert_str_eq(command_out, "1073741823 1073741824 1073741825\n");
}
END_TEST

START_TEST(a_long_row) {
  MASK("full", "5000", "--row=3");
  command_assert_success();
  char *word = command_out;
  for (long j = 0; j < 5000; j++) {
    char *end;
    ck_assert_int_eq(strtol(word, &end, 10), j);
    ck_assert_int_eq(*end, j < 4999 ? ' ' : '\n');
    word = end + 1;
  }
  ck_assert_str_eq(word, "");
}
END_TEST

/* ------------------------------------------------------------ pictures */

START_TEST(a_character_a_pair) {
  char expected[21 * 30 + 1], *at = expected;
  for (int i = 0; i < 21; i++) {
    for (int j = 0; j < 29; j++) *at++ = band(i, j) ? '#' : '.';
    *at++ = '\n';
  }
  *at = '\0';
  MASK(BAND, "21", "-m=29", "--ascii");
  command_assert_success();
  ck_assert_str_eq(command_out, expected);
  MASK("full", "0", "--ascii");
  command_assert_success();
  ck_assert_str_eq(command_out, "");
}
END_TEST

/* Character of row r and column c of a 64 × 64 picture. */
static char cell(int r, int c) { return command_out[r * 65 + c]; }

START_TEST(a_character_a_cell) {
  MASK("blocks(64)", "4096", "--ascii");
  command_assert_success();
  ck_assert_uint_eq(strlen(command_out), 64 * 65);
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < 64; c++)
      ck_assert_int_eq(cell(r, c), r == c ? '#' : '.');
  MASK("causal", "1g", "--ascii");
  command_assert_success();
  ck_assert_uint_eq(strlen(command_out), 64 * 65);
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < 64; c++) {
      if (r > c) ck_assert_int_eq(cell(r, c), '#');
      if (r < c) ck_assert_int_eq(cell(r, c), '.');
      if (r == c) ck_assert_ptr_nonnull(strchr("=+*", cell(r, c)));
    }
  MASK("strided(2)", "1t", "--ascii");
  command_assert_success();
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < 64; c++)
      ck_assert_ptr_nonnull(strchr("=+*", cell(r, c)));
  MASK("rows(0)", "1t", "--ascii");
  command_assert_success();
  for (int c = 0; c < 64; c++) {
    ck_assert_int_eq(cell(0, c), ':');
    ck_assert_int_eq(cell(1, c), '.');
  }
}
END_TEST

#ifdef GATTN_HAVE_PNG

/* The grey values of a PNG file, read with libpng's own simple interface. */
static png_byte *read_png(const char *path, unsigned *rows, unsigned *columns) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  ck_assert_msg(png_image_begin_read_from_file(&image, path), "%s",
                image.message);
  image.format = PNG_FORMAT_GRAY;
  png_byte *pixels = malloc(PNG_IMAGE_SIZE(image));
  ck_assert(png_image_finish_read(&image, NULL, pixels, 0, NULL));
  *rows = image.height;
  *columns = image.width;
  return pixels;
}

START_TEST(a_pixel_a_pair) {
  unsigned rows, columns;
  MASK(BAND, "21", "-m=29", "--png", "f.png");
  command_assert_success();
  ck_assert_str_eq(command_out, "");
  png_byte *pixels = read_png("f.png", &rows, &columns);
  ck_assert_uint_eq(rows, 21);
  ck_assert_uint_eq(columns, 29);
  for (int i = 0; i < 21; i++)
    for (int j = 0; j < 29; j++)
      ck_assert_int_eq(pixels[i * 29 + j], band(i, j) ? 0 : 255);
  free(pixels);
}
END_TEST

START_TEST(a_pixel_a_cell) {
  unsigned rows, columns;
  MASK("blocks(4)", "2048", "-m=1024", "--png=f.png");
  command_assert_success();
  png_byte *pixels = read_png("f.png", &rows, &columns);
  ck_assert_uint_eq(rows, 1024);
  ck_assert_uint_eq(columns, 512);
  for (unsigned r = 0; r < rows; r++)
    for (unsigned c = 0; c < columns; c++)
      ck_assert_int_eq(pixels[r * columns + c], r / 2 == c / 2 ? 0 : 255);
  free(pixels);
  MASK("local(1)", "1g", "--png=f.png");
  command_assert_success();
  pixels = read_png("f.png", &rows, &columns);
  ck_assert_uint_eq(rows, 1024);
  ck_assert_uint_eq(columns, 1024);
  for (unsigned r = 0; r < rows; r++) {
    ck_assert_int_le(pixels[r * columns + r], 223);
    ck_assert_int_eq(pixels[r * columns + (r + 512) % 1024], 255);
  }
  free(pixels);
}
END_TEST

START_TEST(png_failures) {
  MASK("full", "0", "--png=f.png");
  command_assert_failure(2, "mask", "--png: ");
  MASK("full", "8", "--png=none/f.png");
  command_assert_failure(1, "mask", "none/f.png: ");
  MASK("full", "8", "--png=/dev/full");
  command_assert_failure(1, "mask", "/dev/full: ");
  command_write("f.png", "old", 3);
  GATTN_IN(&(command_setting){.file_limit = 1 << 16}, "mask",
           "--mask=random(100,1)", "-n=1024", "--png=f.png");
  command_assert_failure(1, "mask", "f.png: ");
  size_t length;
  char *kept = command_read("f.png", &length);
  ck_assert_str_eq(kept, "old");
  free(kept);
}
END_TEST

START_TEST(both_files_or_none) {
  MASK("full", "8", "--png=f.png", "--mtx=/dev/full");
  command_assert_failure(1, "mask", "/dev/full: ");
}
END_TEST

#else

START_TEST(png_failures) {
  MASK("full", "8", "--png=f.png");
  command_assert_failure(1, "mask", "f.png: this build has no libpng");
}
END_TEST

#endif

/* ------------------------------------------------------------ edges */

START_TEST(edges_as_a_file) {
  MASK(BAND, "21", "-m=29", "--mtx", "f.mtx");
  command_assert_success();
  ck_assert_str_eq(command_out, "");
  FILE *stream = fopen("f.mtx", "r");
  ck_assert_ptr_nonnull(stream);
  char banner[128];
  long rows, columns, edges, i, j, expected = 0;
  ck_assert_ptr_nonnull(fgets(banner, sizeof banner, stream));
  ck_assert_str_eq(banner,
                   "%%MatrixMarket matrix coordinate pattern general\n");
  ck_assert_int_eq(fscanf(stream, "%ld %ld %ld", &rows, &columns, &edges), 3);
  ck_assert_int_eq(rows, 21);
  ck_assert_int_eq(columns, 29);
  for (int r = 0; r < 21; r++)
    for (int c = 0; c < 29; c++)
      if (band(r, c)) {
        ck_assert_int_eq(fscanf(stream, "%ld %ld", &i, &j), 2);
        ck_assert_int_eq(i, r + 1);
        ck_assert_int_eq(j, c + 1);
        expected++;
      }
  ck_assert_int_eq(edges, expected);
  ck_assert_int_eq(fscanf(stream, "%ld", &i), EOF);
  fclose(stream);
}
END_TEST

START_TEST(edges_come_back) {
  MASK("random(5,9) | local(2)", "300", "--mtx=f.mtx");
  command_assert_success();
  MASK("random(5,9) | local(2)", "300", "--stats");
  char *expected = strdup(command_out);
  MASK("edges(\"f.mtx\")", "300", "--stats");
  command_assert_success();
  ck_assert_str_eq(command_out, expected);
  MASK("edges(\"f.mtx\") & (random(5,9) | local(2))", "300", "--stats");
  command_assert_success();
  ck_assert_str_eq(command_out, expected);
  free(expected);
}
END_TEST

START_TEST(a_file_in_place_of_another) {
  struct stat found;
  command_write("old.mtx", "old", 3);
  ck_assert_int_eq(chmod("old.mtx", 0604), 0);
  ck_assert_int_eq(symlink("old.mtx", "f.mtx"), 0);
  MASK("full", "2", "--mtx=f.mtx");
  command_assert_success();
  ck_assert_int_eq(lstat("f.mtx", &found), 0);
  ck_assert(S_ISLNK(found.st_mode));
  ck_assert_int_eq(stat("old.mtx", &found), 0);
  ck_assert_int_eq(found.st_mode & 0777, 0604);
  ck_assert_int_gt(found.st_size, 50);
  ck_assert_int_eq(command_files(), 4);
}
END_TEST

START_TEST(edges_to_a_device) {
  GATTN("mask", "--mask=full", "-n=2", "--mtx=/dev/null");
  command_assert_success();
  GATTN("mask", "--mask=full", "-n=2", "--mtx=/dev/stdout");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "2 2 4\n1 1\n1 2\n2 1\n2 2\n"));
}
END_TEST

/* ------------------------------------------------------------ refusals */

static const struct {
  const char *words[8];
  int status;
  const char *what;
} refusals[] = {
    {{NULL}, 2, "missing --mask, -n"},
    {{"--mask=full"}, 2, "missing -n"},
    {{"--mask=full", "-n=8", "8"}, 2, "'8'"},
    {{"--mask=full", "-n=8", "--stat"}, 2, "--stats"},
    {{"--mask=full", "-n=-1"}, 2, "-n: '-1'"},
    {{"--mask=full", "-n=8t8"}, 2, "-n: '8t8'"},
    {{"--mask=full", "-n=9m", "-m=8388608t"}, 2, "-m: "},
    {{"--mask=full", "-n=8", "--row=8"}, 2, "--row: 8"},
    {{"--mask=full", "-n=8", "--png=f", "--mtx=f"}, 2, "--mtx: f"},
    {{"--mask=full", "-n=8", "--png=f", "--mtx=./f"}, 2, "--mtx: ./f"},
    {{"--mask=", "-n=8"}, 2, "--mask: column 1: "},
    {{"--mask=fuul", "-n=8"}, 2, "full"},
    {{"--mask=full |", "-n=8"}, 2, "--mask: "},
    {{"--mask=\xff\n", "-n=8"}, 2, "--mask: "},
    {{"--mask=edges(\"none.mtx\")", "-n=8"}, 2, "none.mtx"},
    {{"--mask=tree(\"none.npy\")", "-n=8"}, 2, "none.npy"},
    {{"--mask=full", "-n=8", "--mtx=none/f.mtx"}, 1, "none/f.mtx: "},
    {{"--mask=full", "-n=8", "--mtx=."}, 1, ".: "},
    {{"--mask=full", "-n=8", "--mtx=/dev/full"}, 1, "/dev/full: "},
};

START_TEST(refuses_requests) {
  const char *words[16] = {"mask"};
  for (int w = 0; w < 8; w++) words[w + 1] = refusals[_i].words[w];
  command_run(NULL, words);
  command_assert_failure(refusals[_i].status, "mask", refusals[_i].what);
}
END_TEST

START_TEST(standard_output_that_takes_nothing) {
  const command_setting full = {.out = "/dev/full"};
  const command_setting closed = {.closed = true};
  GATTN_IN(&full, "mask", "--mask=full", "-n=8");
  command_assert_failure(1, "mask", "standard output: ");
  GATTN_IN(&full, "mask", "--mask=full", "-n=8", "--json", "--mtx=f.mtx");
  command_assert_failure(1, "mask", "standard output: ");
  GATTN_IN(&full, "mask", "--mask=full", "-n=1g", "--row=1");
  command_assert_failure(1, "mask", "standard output: ");
  GATTN_IN(&closed, "mask", "--mask=full", "-n=8", "--stats", "--mtx=f.mtx");
  command_assert_failure(1, "mask", "standard output: ");
}
END_TEST

START_TEST(a_full_disk) {
  GATTN_IN(&(command_setting){.file_limit = 1 << 16}, "mask", "--mask=full",
           "-n=1k", "--mtx=f.mtx");
  command_assert_failure(1, "mask", "f.mtx: ");
}
END_TEST

/* ------------------------------------------------------------ long work */

/* Writing these edges takes much longer than any test. */
static const char *const endless[] = {"mask", "--mask=full", "-n=1m",
                                      "--mtx=/dev/null", NULL};

START_TEST(long_work_shows_progress_and_can_be_stopped) {
  int child, terminal = command_start(endless, &child);
  ck_assert(command_watch(terminal, "\rgattn: writing edges:   0%"));
  ck_assert_int_eq(kill(child, SIGINT), 0);
  command_watch(terminal, NULL);
  command_wait(terminal, child);
  ck_assert_int_eq(command_status, 1);
  ck_assert_ptr_nonnull(
      strstr(command_err, "\r\033[Kgattn: mask: interrupted\r\n"));
}
END_TEST

START_TEST(a_mapped_file_that_is_lost) {
  int child, terminal = command_start(endless, &child);
  ck_assert(command_watch(terminal, "\rgattn: "));
  ck_assert_int_eq(kill(child, SIGBUS), 0);
  command_watch(terminal, NULL);
  command_wait(terminal, child);
  ck_assert_int_eq(command_status, 1);
  ck_assert_ptr_nonnull(strstr(command_err, "gattn: input: a file could not"));
}
END_TEST

static Suite *make_cli_mask_suite(void) {
  Suite *suite = suite_create("cli mask");
  TCase *tcase = tcase_create("answers");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_loop_test(tcase, statistics_as_lines, 0,
                      sizeof statistics / sizeof *statistics);
  tcase_add_test(tcase, statistics_as_json);
  tcase_add_test(tcase, huge_masks_answer_at_once);
  tcase_add_test(tcase, a_row_on_a_line);
  tcase_add_test(tcase, a_long_row);
  tcase_add_test(tcase, a_character_a_pair);
  tcase_add_test(tcase, a_character_a_cell);
#ifdef GATTN_HAVE_PNG
  tcase_add_test(tcase, a_pixel_a_pair);
  tcase_add_test(tcase, a_pixel_a_cell);
  tcase_add_test(tcase, both_files_or_none);
#endif
  tcase_add_test(tcase, png_failures);
  tcase_add_test(tcase, edges_as_a_file);
  tcase_add_test(tcase, edges_come_back);
  tcase_add_test(tcase, a_file_in_place_of_another);
  tcase_add_test(tcase, edges_to_a_device);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("long work");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_test(tcase, long_work_shows_progress_and_can_be_stopped);
  tcase_add_test(tcase, a_mapped_file_that_is_lost);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("refusals");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_loop_test(tcase, refuses_requests, 0,
                      sizeof refusals / sizeof *refusals);
  tcase_add_test(tcase, standard_output_that_takes_nothing);
  tcase_add_test(tcase, a_full_disk);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_cli_mask_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
