/* gattn run: its options and its refusals. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/command.h"
#include "tests/oracle.h"

/* ------------------------------------------------------------ its options */

enum { N = 32, D = 4 };

/* q.npy, k.npy, v.npy of [N, D], reproducibly. */
static void three_arrays(void) {
  static float data[N * D];
  static const char *const paths[] = {"q.npy", "k.npy", "v.npy"};
  uint64_t state = 7;
  for (int a = 0; a < 3; a++) {
    for (int e = 0; e < N * D; e++)
      data[e] = (float)(oracle_random(&state) >> 40) / (1 << 23) - 1;
    command_write_npy(paths[a], "<f4", "(32, 4)", data, sizeof data);
  }
}

#define ARRAYS "--q", "q.npy", "--k", "k.npy", "--v", "v.npy"
#define RUN(...) \
  GATTN("run", "--mask", "local(4)", ARRAYS, "--out", "o.npy", __VA_ARGS__)

START_TEST(explains_its_plan) {
  three_arrays();
  RUN("--explain");
  command_assert_success();
  size_t length = strlen(command_out);
  ck_assert_uint_gt(length, 20);
  ck_assert_int_eq(command_out[length - 1], '\n');
  ck_assert(command_exists("o.npy"));
  GATTN_IN(&(command_setting){.out = "/dev/full"}, "run", "--mask", "full",
           ARRAYS, "--out", "o2.npy", "--explain");
  command_assert_failure(1, "run", "standard output: ");
}
END_TEST

/* What one run has measured, the next knows; and its answer is the same. */
START_TEST(measures_and_remembers) {
  size_t length_1, length_2;
  three_arrays();
  RUN("--explain");
  command_assert_success();
  ck_assert_ptr_null(strstr(command_out, "chosen by timing"));
  RUN("--explain", "--effort", "measure", "--wisdom", "w.txt");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "chosen by timing"));
  char *measured = command_read("o.npy", &length_1);
  RUN("--explain", "--wisdom", "w.txt");
  command_assert_success();
  ck_assert_ptr_nonnull(strstr(command_out, "chosen by timing"));
  char *remembered = command_read("o.npy", &length_2);
  ck_assert_uint_eq(length_1, length_2);
  ck_assert_mem_eq(measured, remembered, length_1);
  free(measured);
  free(remembered);
  char *wisdom = command_read("w.txt", &length_1);
  ck_assert_ptr_nonnull(strstr(wisdom, "note \"local(4)\""));
  free(wisdom);
  /* Other work joins it. */
  GATTN("run", "--mask", "local(3)", ARRAYS, "--out", "o.npy", "--effort",
        "measure", "--wisdom", "w.txt");
  command_assert_success();
  wisdom = command_read("w.txt", &length_2);
  ck_assert_uint_gt(length_2, length_1);
  ck_assert_ptr_nonnull(strstr(wisdom, "note \"local(4)\""));
  free(wisdom);
}
END_TEST

START_TEST(refuses_wisdom) {
  three_arrays();
  RUN("--effort", "mesure");
  command_assert_failure(2, "run", "the closest is measure");
  RUN("--wisdom", "none.txt");
  command_assert_failure(2, "run", "none.txt: No such file");
  RUN("--effort", "measure", "--wisdom", ".");
  command_assert_failure(2, "run", "--wisdom");
  command_write("w.txt", "# mine\nrubbish\n", 15);
  RUN("--wisdom", "w.txt");
  command_assert_failure(2, "run", "line 2 of wisdom");
  RUN("--effort", "measure", "--wisdom", "/nowhere/w.txt");
  command_assert_failure(1, "run", "/nowhere/w.txt");
  RUN("--effort", "measure", "--wisdom", "./o.npy");
  command_assert_failure(2, "run", "--wisdom: ./o.npy is where --out goes");
  /* A run that fails leaves none. */
  GATTN("run", "--mask", "local(3)", ARRAYS, "--out", "/nowhere/o.npy",
        "--effort", "measure", "--wisdom", "new.txt");
  ck_assert_int_ne(command_status, 0);
  ck_assert(!command_exists("new.txt"));
}
END_TEST

START_TEST(threads_change_nothing) {
  size_t length_1, length_2;
  three_arrays();
  RUN("--threads", "1");
  command_assert_success();
  char *one = command_read("o.npy", &length_1);
  RUN("--threads", "3");
  command_assert_success();
  char *three = command_read("o.npy", &length_2);
  ck_assert_uint_eq(length_1, length_2);
  ck_assert_mem_eq(one, three, length_1);
  free(one);
  free(three);
}
END_TEST

START_TEST(output_over_an_input) {
  size_t length_1, length_2;
  three_arrays();
  RUN("--threads=1");
  GATTN("run", "--mask", "local(4)", ARRAYS, "--out", "q.npy");
  command_assert_success();
  char *apart = command_read("o.npy", &length_1);
  char *over = command_read("q.npy", &length_2);
  ck_assert_uint_eq(length_1, length_2);
  ck_assert_mem_eq(apart, over, length_1);
  free(apart);
  free(over);
}
END_TEST

START_TEST(no_rows) {
  command_write_npy("q.npy", "<f4", "(0, 4)", NULL, 0);
  command_write_npy("k.npy", "<f4", "(0, 4)", NULL, 0);
  command_write_npy("v.npy", "<f4", "(0, 4)", NULL, 0);
  GATTN("run", "--mask", "full", ARRAYS, "--out", "o.npy", "--lse", "l.npy");
  command_assert_success();
  char none[1];
  command_read_npy("o.npy", "<f4", "(0, 4)", none, 0);
  command_read_npy("l.npy", "<f4", "(0,)", none, 0);
}
END_TEST

/* ------------------------------------------------------------ its refusals */

static const struct {
  const char *words[12];
  int status;
  const char *what;
} refusals[] = {
    {{NULL}, 2, "missing --mask, --q, --k, --v, --out"},
    {{"--mask", "full", ARRAYS}, 2, "missing --out"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "x"}, 2, "'x'"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--scales=1"}, 2, "--scale"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--scale=inf"}, 2, "--scale"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--threads=0"},
     2,
     "--threads"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--threads=1m"},
     2,
     "--threads"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--device=gpu"},
     2,
     "--device: 'gpu'"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--device=cuda:x"},
     2,
     "--device: 'x'"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--device=cuda:65535"},
     1,
     "cuda:65535 is not available: "},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--lse=o.npy"},
     2,
     "--lse: o.npy"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--lse=./o.npy"},
     2,
     "--lse: ./o.npy"},
    {{"--mask", "full", ARRAYS, "--out=.//q.npy", "--lse", "q.npy"},
     2,
     "--lse: q.npy"},
    {{"--mask", "", ARRAYS, "--out", "o.npy"}, 2, "--mask: column 1: "},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier="},
     2,
     "--frontier: column 1: "},
    {{"--mask", "lokal(4)", ARRAYS, "--out", "o.npy"}, 2, "local"},
    {{"--mask", "local(4", ARRAYS, "--out", "o.npy"}, 2, "column 8"},
    {{"--mask", "local(\n", ARRAYS, "--out", "o.npy"}, 2, "--mask: "},
    {{"--mask", "edges(\"none.mtx\")", ARRAYS, "--out", "o.npy"},
     2,
     "none.mtx"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier=last:1"},
     2,
     "q.npy: 32 rows"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier=last:33"},
     2,
     "--frontier: "},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier=list:1,1"},
     2,
     "--frontier: "},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier=most"},
     2,
     "--frontier: "},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--frontier=file:none.npy"},
     2,
     "none.npy"},
    {{"--mask", "full", ARRAYS, "--out", "none/o.npy"}, 1, "none/o.npy"},
    {{"--mask", "full", ARRAYS, "--out", "."}, 1, "."},
    {{"--mask", "full", ARRAYS, "--out", "/dev/full"}, 1, "/dev/full"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--lse=/dev/full"},
     1,
     "/dev/full"},
    {{"--mask", "full", ARRAYS, "--out", "o.npy", "--lse=none/l.npy"},
     1,
     "none/l.npy"},
};

START_TEST(refuses_requests) {
  const char *words[16] = {"run"};
  three_arrays();
  for (int w = 0; w < 12; w++) words[w + 1] = refusals[_i].words[w];
  command_run(NULL, words);
  command_assert_failure(refusals[_i].status, "run", refusals[_i].what);
}
END_TEST

static const struct {
  const char *path, *descr, *shape;
  size_t bytes;
  const char *what;
} misfits[] = {
    {"k.npy", "<f4", "(31, 4)", 31 * 16, "v.npy: rows 32, but K has 31"},
    {"k.npy", "<f4", "(32, 5)", 32 * 20, "k.npy: dim 5, but Q has 4"},
    {"k.npy", "<f4", "(1, 32, 4)", 512, "k.npy: rank 3, but Q has rank 2"},
    {"v.npy", "<f2", "(32, 4)", 256, "v.npy: holds float16, but Q float32"},
    {"q.npy", "<i8", "(16, 4)", 512, "q.npy: holds int64"},
    {"q.npy", "<f4", "(128,)", 512, "q.npy: rank 1"},
    {"q.npy", "<f4", "(32, 0)", 0, "q.npy: the last axis is empty"},
    {"v.npy", "<f4", "(32, 0)", 0, "v.npy: the last axis is empty"},
    {"q.npy", "<f4", "(32, 5)", 512, "q.npy: "},
    {"q.npy", "<f4", "(31, 4)", 512, "q.npy: "},
    {"q.npy", "<f8", "(32, 2)", 512, "q.npy: "},
    {"q.npy", ">f4", "(32, 4)", 512, "q.npy: "},
    {"q.npy", "<f4", "(9223372036854775807, 4)", 512, "q.npy: "},
    {"q.npy", "<f4", "(-32, 4)", 512, "q.npy: "},
};

START_TEST(refuses_arrays) {
  static const char data[1024];
  three_arrays();
  command_write_npy(misfits[_i].path, misfits[_i].descr, misfits[_i].shape,
                    data, misfits[_i].bytes);
  RUN("--lse", "l.npy");
  command_assert_failure(2, "run", misfits[_i].what);
}
END_TEST

/* Four-axis arrays of zeros, whose last two axes are (32, 4). */
static void write_zeros(const char *path, int batch, int heads) {
  static const char data[6 * N * D * sizeof(float)];
  char shape[64];
  snprintf(shape, sizeof shape, "(%d, %d, 32, 4)", batch, heads);
  command_write_npy(path, "<f4", shape, data,
                    (size_t)(batch * heads) * N * D * sizeof(float));
}

START_TEST(refuses_leading_axes) {
  write_zeros("q.npy", 1, 4);
  write_zeros("k.npy", 1, 3);
  write_zeros("v.npy", 1, 3);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: 3 heads do not divide the 4 of Q");
  write_zeros("v.npy", 1, 4);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "v.npy: heads 4, but K has 3");
  write_zeros("k.npy", 2, 3);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: batch 2, but Q has 1");
  write_zeros("k.npy", 1, 3);
  write_zeros("v.npy", 2, 3);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "v.npy: batch 2, but Q has 1");
}
END_TEST

START_TEST(refuses_hostile_files) {
  three_arrays();
  ck_assert_int_eq(remove("k.npy"), 0);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: ");
  command_write("k.npy", "", 0);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: ");
  command_write("k.npy", "\x93NUMPY\x01\0\xff\xff{", 11);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: ");
  ck_assert_int_eq(remove("k.npy"), 0);
  ck_assert_int_eq(mkdir("k.npy", 0755), 0);
  RUN("--lse=l.npy");
  command_assert_failure(2, "run", "k.npy: ");
  ck_assert_int_eq(rmdir("k.npy"), 0);
  GATTN("run", "--mask", "full", "--q", "a\nb\xff", "--k=k.npy", "--v=v.npy",
        "--out=o.npy");
  command_assert_failure(2, "run", "a\\nb\\xff: ");
}
END_TEST

START_TEST(a_full_disk_keeps_the_old_output) {
  size_t length;
  static float data[2 * 8192 * 8];
  command_write_npy("q.npy", "<f4", "(16384, 8)", data, sizeof data);
  command_write("o.npy", "old", 3);
  GATTN_IN(&(command_setting){.file_limit = 1 << 18}, "run", "--mask",
           "local(1)", "--q=q.npy", "--k=q.npy", "--v=q.npy", "--out=o.npy");
  command_assert_failure(1, "run", "o.npy: ");
  char *kept = command_read("o.npy", &length);
  ck_assert_str_eq(kept, "old");
  free(kept);
}
END_TEST

START_TEST(both_outputs_or_none) {
  three_arrays();
  ck_assert_int_eq(mkdir("l.npy", 0755), 0);
  RUN("--lse=l.npy");
  command_assert_failure(1, "run", "l.npy: ");
  ck_assert(!command_exists("o.npy"));
}
END_TEST

static Suite *make_cli_run_suite(void) {
  Suite *suite = suite_create("cli run");
  TCase *tcase = tcase_create("options");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_test(tcase, explains_its_plan);
  tcase_add_test(tcase, measures_and_remembers);
  tcase_add_test(tcase, refuses_wisdom);
  tcase_add_test(tcase, threads_change_nothing);
  tcase_add_test(tcase, output_over_an_input);
  tcase_add_test(tcase, no_rows);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("refusals");
  tcase_add_checked_fixture(tcase, command_enter, command_leave);
  tcase_add_loop_test(tcase, refuses_requests, 0,
                      sizeof refusals / sizeof *refusals);
  tcase_add_loop_test(tcase, refuses_arrays, 0,
                      sizeof misfits / sizeof *misfits);
  tcase_add_test(tcase, refuses_leading_axes);
  tcase_add_test(tcase, refuses_hostile_files);
  tcase_add_test(tcase, a_full_disk_keeps_the_old_output);
  tcase_add_test(tcase, both_outputs_or_none);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_cli_run_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
