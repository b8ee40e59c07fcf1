/* .npy files written whole or not at all. SPDX-License-Identifier: Apache-2.0
 */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gattn.h>

#include "brutal.h"

enum { ROWS = 3, COLUMNS = 5, FILE_SIZE = 128 + ROWS * COLUMNS * 4 };

/* Stand in front of the C library's, to play a system that cannot do what
 * this one can, or a disk that fills up. */
static bool lacks_proc, lacks_fallocate;
static int link_error;

int access(const char *path, int mode) {
  if (lacks_proc && strcmp(path, "/proc/self/fd") == 0) {
    errno = ENOENT;
    return -1;
  }
  return faccessat(AT_FDCWD, path, mode, 0);
}

int posix_fallocate(int file, off_t offset, off_t length) {
  if (lacks_fallocate) return EOPNOTSUPP;
  return fallocate(file, 0, offset, length) ? errno : 0;
}

int linkat(int from_directory, const char *from, int to_directory,
           const char *to, int flags) {
  if (link_error) {
    errno = link_error;
    return -1;
  }
  return (int)syscall(SYS_linkat, from_directory, from, to_directory, to,
                      flags);
}

static gattn_context *context;
static char directory[32];
static bool has_nameless; /* whether the file system knows O_TMPFILE */

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
  lacks_proc = lacks_fallocate = false;
  link_error = 0;
  strcpy(directory, "check_npy_create.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_int_eq(chdir(directory), 0);
  int nameless = open(".", O_TMPFILE | O_RDWR, 0600);
  has_nameless = nameless >= 0;
  if (has_nameless) close(nameless);
}

/* Nothing may be left that the test itself has not removed. */
static void teardown(void) {
  gattn_context_destroy(context);
  ck_assert_int_eq(chdir(".."), 0);
  ck_assert_msg(rmdir(directory) == 0, "%s: %s", directory, strerror(errno));
}

static void assert_failed(gattn_status got, gattn_status expected,
                          const char *words) {
  const char *message = gattn_context_message(context);
  if (got != expected || !strstr(message, words))
    ck_abort_msg("got %s: \"%s\"; expected %s: \"…%s…\"",
                 gattn_status_name(got), message, gattn_status_name(expected),
                 words);
}

static int entries_in(const char *path) {
  DIR *entries = opendir(path);
  ck_assert_ptr_nonnull(entries);
  int count = -2;
  while (readdir(entries)) count++;
  closedir(entries);
  return count;
}

static gattn_status create(const char *path, gattn_tensor *tensor,
                           gattn_npy **npy) {
  return gattn_npy_create(context, path, GATTN_FLOAT32, 2,
                          (int64_t[]){ROWS, COLUMNS}, tensor, npy);
}

static void fill(const gattn_tensor *tensor, float first) {
  float *values = tensor->data;
  for (int e = 0; e < ROWS * COLUMNS; e++) values[e] = first + (float)e;
}

static void write_array(const char *path, float first) {
  gattn_tensor tensor;
  gattn_npy *npy;
  gattn_status status = create(path, &tensor, &npy);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  fill(&tensor, first);
  ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
  gattn_npy_close(npy);
}

static void assert_holds(const char *path, float first) {
  gattn_tensor tensor;
  gattn_npy *npy;
  gattn_status status = gattn_npy_open(context, path, &tensor, &npy);
  ck_assert_msg(!status, "%s", gattn_context_message(context));
  ck_assert_int_eq(tensor.rank, 2);
  const float *values = tensor.data;
  for (int e = 0; e < ROWS * COLUMNS; e++)
    ck_assert(values[e] == first + (float)e);
  gattn_npy_close(npy);
}

static void assert_create_fails(const char *path, gattn_status status,
                                const char *words) {
  gattn_tensor tensor = {.rank = -7};
  gattn_npy *npy = (gattn_npy *)&tensor;
  assert_failed(create(path, &tensor, &npy), status, words);
  ck_assert_int_eq(tensor.rank, -7);
  ck_assert_ptr_eq(npy, &tensor);
}

START_TEST(appears_at_the_commit) {
  lacks_proc = lacks_fallocate = _i == 1;
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  ck_assert_int_eq(gattn_tensor_check(context, &tensor), GATTN_SUCCESS);
  const float *values = tensor.data;
  for (int e = 0; e < ROWS * COLUMNS; e++) ck_assert(values[e] == 0);
  fill(&tensor, 1);
  ck_assert_int_ne(access("a.npy", F_OK), 0);
  ck_assert_int_eq(entries_in("."), lacks_proc || !has_nameless);
  ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
  assert_holds("a.npy", 1);
  assert_failed(gattn_npy_commit(context, npy), GATTN_ERROR_STATE,
                "committed already");
  ck_assert(values[0] == 1); /* the memory lasts until the close */
  gattn_npy_close(npy);
  assert_holds("a.npy", 1);
  ck_assert_int_eq(entries_in("."), 1);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(a_close_leaves_no_trace) {
  lacks_proc = lacks_fallocate = _i == 1;
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  gattn_npy_close(npy);
  ck_assert_int_eq(entries_in("."), 0);
  write_array("a.npy", 4);
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  fill(&tensor, 9);
  gattn_npy_close(npy);
  assert_holds("a.npy", 4);
  ck_assert_int_eq(entries_in("."), 1);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(a_killed_process_leaves_no_trace) {
  if (!has_nameless) return;
  pid_t child = fork();
  if (child == 0) {
    gattn_tensor tensor;
    gattn_npy *npy;
    if (create("a.npy", &tensor, &npy)) _exit(1);
    fill(&tensor, 1);
    kill(getpid(), SIGKILL);
  }
  int ended;
  ck_assert_int_eq(waitpid(child, &ended, 0), child);
  ck_assert(WIFSIGNALED(ended));
  ck_assert_int_eq(entries_in("."), 0);
}
END_TEST

static mode_t mode_of(const char *path) {
  struct stat found;
  ck_assert_int_eq(stat(path, &found), 0);
  return found.st_mode & 0777;
}

START_TEST(permissions_are_as_for_any_file) {
  lacks_proc = lacks_fallocate = _i == 1;
  mode_t before = umask(027);
  write_array("a.npy", 1);
  umask(before);
  ck_assert_int_eq(mode_of("a.npy"), 0640);
  ck_assert_int_eq(chmod("a.npy", 0604), 0);
  write_array("a.npy", 2);
  ck_assert_int_eq(mode_of("a.npy"), 0604);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(links_stay) {
  ck_assert_int_eq(mkdir("d", 0700), 0);
  ck_assert_int_eq(symlink("d/b.npy", "a.npy"), 0);
  ck_assert_int_eq(symlink("../a.npy", "d/c.npy"), 0);
  write_array("d/c.npy", 3); /* c -> a -> d/b, which does not exist yet */
  assert_holds("d/b.npy", 3);
  write_array("a.npy", 5);
  assert_holds("d/b.npy", 5);
  struct stat found;
  ck_assert_int_eq(lstat("a.npy", &found), 0);
  ck_assert(S_ISLNK(found.st_mode));
  ck_assert_int_eq(lstat("d/c.npy", &found), 0);
  ck_assert(S_ISLNK(found.st_mode));
  ck_assert_int_eq(remove("d/b.npy"), 0);
  char path[4096];
  ck_assert_ptr_nonnull(getcwd(path, sizeof path - 10));
  strcat(path, "/d/b.npy");
  ck_assert_int_eq(remove("a.npy"), 0);
  ck_assert_int_eq(symlink(path, "a.npy"), 0);
  write_array("a.npy", 7);
  assert_holds("d/b.npy", 7);
  ck_assert_int_eq(remove("a.npy"), 0);
  ck_assert_int_eq(remove("d/b.npy"), 0);
  ck_assert_int_eq(remove("d/c.npy"), 0);
  ck_assert_int_eq(rmdir("d"), 0);
}
END_TEST

START_TEST(refuses_paths) {
  assert_create_fails("", GATTN_ERROR_FILE, "No such file");
  assert_create_fails(".", GATTN_ERROR_FILE, ".: Is a directory");
  assert_create_fails("/", GATTN_ERROR_FILE, "/: Is a directory");
  assert_create_fails("nope/a.npy", GATTN_ERROR_FILE,
                      "nope/a.npy: No such file or directory");
  assert_create_fails("nope/", GATTN_ERROR_FILE, "nope/: ");
  ck_assert_int_eq(symlink("loop", "loop"), 0);
  assert_create_fails("loop", GATTN_ERROR_FILE, "loop: Too many levels");
  ck_assert_int_eq(remove("loop"), 0);
  char path[5000];
  memset(path, 'x', sizeof path);
  path[300] = '\0';
  assert_create_fails(path, GATTN_ERROR_FILE, "name too long");
  path[300] = 'x';
  path[4999] = '\0';
  assert_create_fails(path, GATTN_ERROR_FILE, "name too long");
  write_array("file", 1);
  assert_create_fails("file/a.npy", GATTN_ERROR_FILE, "Not a directory");
  ck_assert_int_eq(remove("file"), 0);
  memset(path, 'x', sizeof path);
  strcpy(path + 255, "");
  write_array(path, 1); /* the longest name there is */
  ck_assert_int_eq(remove(path), 0);
}
END_TEST

START_TEST(refuses_arrays) {
  gattn_tensor tensor;
  gattn_npy *npy;
  int64_t wide[] = {(int64_t)1 << 40, (int64_t)1 << 40},
          whole[] = {INT64_MAX / 2};
  assert_failed(gattn_npy_create(context, "a.npy", GATTN_BFLOAT16, 1, wide,
                                 &tensor, &npy),
                GATTN_ERROR_TYPE, "bfloat16");
  assert_failed(
      gattn_npy_create(context, "a.npy", (gattn_type)7, 1, wide, &tensor, &npy),
      GATTN_ERROR_TYPE, "7");
  assert_failed(
      gattn_npy_create(context, "a.npy", GATTN_FLOAT32, 0, wide, &tensor, &npy),
      GATTN_ERROR_SHAPE, "rank 0");
  assert_failed(gattn_npy_create(context, "a.npy", GATTN_FLOAT32, 1,
                                 (int64_t[]){-1}, &tensor, &npy),
                GATTN_ERROR_SIZE, "-1");
  assert_failed(
      gattn_npy_create(context, "a.npy", GATTN_FLOAT32, 2, wide, &tensor, &npy),
      GATTN_ERROR_OVERFLOW, "1099511627776");
  /* Below 2^63 bytes, but not with a header. */
  assert_failed(gattn_npy_create(context, "a.npy", GATTN_FLOAT16, 1, whole,
                                 &tensor, &npy),
                GATTN_ERROR_OVERFLOW, "a.npy: its size");
}
END_TEST

START_TEST(every_type_and_an_empty_array) {
  static const gattn_type types[] = {GATTN_FLOAT32, GATTN_FLOAT16, GATTN_INT64};
  for (int t = 0; t < 3; t++) {
    gattn_tensor tensor;
    gattn_npy *npy;
    ck_assert_int_eq(gattn_npy_create(context, "a.npy", types[t], 3,
                                      (int64_t[]){4, 0, 2}, &tensor, &npy),
                     GATTN_SUCCESS);
    ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
    gattn_npy_close(npy);
    ck_assert_int_eq(gattn_npy_open(context, "a.npy", &tensor, &npy),
                     GATTN_SUCCESS);
    ck_assert_int_eq(tensor.type, types[t]);
    ck_assert_mem_eq(tensor.shape, ((int64_t[]){4, 0, 2}), 24);
    gattn_npy_close(npy);
  }
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(no_space) {
  lacks_proc = lacks_fallocate = _i == 1;
  gattn_tensor tensor;
  gattn_npy *npy;
  int64_t huge[] = {(int64_t)1 << 58};
  assert_failed(
      gattn_npy_create(context, "a.npy", GATTN_FLOAT32, 1, huge, &tensor, &npy),
      GATTN_ERROR_NO_SPACE, "a.npy: ");
  ck_assert_int_eq(entries_in("."), 0);
  struct rlimit before, limit;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = before;
  limit.rlim_cur = FILE_SIZE - 1;
  /* SIGXFSZ, whose default ends the process, must not come; no assertion in
   * between, because Check writes a file of its own. */
  int limited = setrlimit(RLIMIT_FSIZE, &limit);
  gattn_status status = create("a.npy", &tensor, &npy);
  int lifted = setrlimit(RLIMIT_FSIZE, &before);
  ck_assert_int_eq(limited | lifted, 0);
  assert_failed(status, GATTN_ERROR_NO_SPACE, "a.npy: File too large");
  ck_assert_int_eq(entries_in("."), 0);
}
END_TEST

START_TEST(devices_are_written_at_the_commit) {
  gattn_tensor tensor;
  gattn_npy *npy;
  write_array("/dev/null", 1);
  ck_assert_int_eq(create("/dev/full", &tensor, &npy), GATTN_SUCCESS);
  ck_assert(((float *)tensor.data)[0] == 0);
  assert_failed(gattn_npy_commit(context, npy), GATTN_ERROR_NO_SPACE,
                "/dev/full: No space left on device");
  gattn_npy_close(npy);
}
END_TEST

START_TEST(pipes_get_the_whole_file) {
  ck_assert_int_eq(mkfifo("pipe", 0600), 0);
  int reader = open("pipe", O_RDONLY | O_NONBLOCK);
  ck_assert_int_ge(reader, 0);
  write_array("pipe", 6);
  _Alignas(64) char bytes[FILE_SIZE + 1];
  ck_assert_int_eq(read(reader, bytes, sizeof bytes), FILE_SIZE);
  close(reader);
  gattn_tensor tensor;
  ck_assert_int_eq(gattn_npy_parse(context, "pipe", bytes, FILE_SIZE, &tensor),
                   GATTN_SUCCESS);
  ck_assert(((float *)tensor.data)[14] == 20);
  ck_assert_int_eq(remove("pipe"), 0);
}
END_TEST

/* Standard output redirected to a file: the file is not replaced. */
START_TEST(streams_are_appended_to) {
  int file = open("log", O_RDWR | O_CREAT, 0600);
  ck_assert_int_ge(file, 0);
  ck_assert_int_eq(write(file, "before", 6), 6);
  char path[32], bytes[6 + FILE_SIZE + 1];
  snprintf(path, sizeof path, "/dev/fd/%d", file);
  write_array(path, 6);
  ck_assert_int_eq(pread(file, bytes, sizeof bytes, 0), 6 + FILE_SIZE);
  ck_assert_mem_eq(bytes, "before\x93NUMPY", 12);
  close(file);
  ck_assert_int_eq(entries_in("."), 1);
  ck_assert_int_eq(remove("log"), 0);
}
END_TEST

START_TEST(a_target_that_becomes_a_directory) {
  lacks_proc = lacks_fallocate = _i == 1;
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  ck_assert_int_eq(mkdir("a.npy", 0700), 0);
  assert_failed(gattn_npy_commit(context, npy), GATTN_ERROR_FILE,
                "a.npy: Is a directory");
  gattn_npy_close(npy);
  ck_assert_int_eq(rmdir("a.npy"), 0);
}
END_TEST

START_TEST(a_commit_that_finds_no_space) {
  if (!has_nameless) return;
  gattn_tensor tensor;
  gattn_npy *npy;
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  link_error = ENOSPC;
  assert_failed(gattn_npy_commit(context, npy), GATTN_ERROR_NO_SPACE,
                "a.npy: No space left");
  ck_assert_int_eq(entries_in("."), 0);
  link_error = 0;
  ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
  gattn_npy_close(npy);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

START_TEST(a_directory_that_cannot_be_written) {
  ck_assert_int_eq(access("/proc/1", F_OK), 0);
  lacks_proc = true;
  assert_create_fails("/proc/sys/a.npy", GATTN_ERROR_FILE, "/proc/sys/a.npy: ");
}
END_TEST

START_TEST(the_working_directory_may_change) {
  gattn_tensor tensor;
  gattn_npy *npy;
  int here = open(".", O_RDONLY | O_DIRECTORY);
  ck_assert_int_eq(create("a.npy", &tensor, &npy), GATTN_SUCCESS);
  fill(&tensor, 2);
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(gattn_npy_commit(context, npy), GATTN_SUCCESS);
  gattn_npy_close(npy);
  ck_assert_int_eq(fchdir(here), 0);
  close(here);
  assert_holds("a.npy", 2);
  ck_assert_int_eq(remove("a.npy"), 0);
}
END_TEST

static gattn_status create_and_commit(gattn_context *brutal, void *path) {
  gattn_tensor tensor;
  gattn_npy *npy = NULL;
  gattn_status status =
      gattn_npy_create(brutal, path, GATTN_FLOAT32, 2,
                       (int64_t[]){ROWS, COLUMNS}, &tensor, &npy);
  /* The brutal heap's memory is not zero by itself. */
  if (!status) ck_assert(((float *)tensor.data)[0] == 0);
  if (!status) status = gattn_npy_commit(brutal, npy);
  gattn_npy_close(npy);
  return status;
}

START_TEST(survives_failing_allocations) {
  ck_assert_int_ge(brutal_run(create_and_commit, "a.npy"), 2);
  ck_assert_int_eq(entries_in("."), 1);
  ck_assert_int_eq(remove("a.npy"), 0);
  ck_assert_int_ge(brutal_run(create_and_commit, "/dev/null"), 3);
}
END_TEST

static Suite *make_npy_create_suite(void) {
  Suite *suite = suite_create("npy_create");
  TCase *tcase = tcase_create("npy_create");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, appears_at_the_commit, 0, 2);
  tcase_add_loop_test(tcase, a_close_leaves_no_trace, 0, 2);
  tcase_add_test(tcase, a_killed_process_leaves_no_trace);
  tcase_add_loop_test(tcase, permissions_are_as_for_any_file, 0, 2);
  tcase_add_test(tcase, links_stay);
  tcase_add_test(tcase, refuses_paths);
  tcase_add_test(tcase, refuses_arrays);
  tcase_add_test(tcase, every_type_and_an_empty_array);
  tcase_add_loop_test(tcase, no_space, 0, 2);
  tcase_add_test(tcase, devices_are_written_at_the_commit);
  tcase_add_test(tcase, pipes_get_the_whole_file);
  tcase_add_test(tcase, streams_are_appended_to);
  tcase_add_loop_test(tcase, a_target_that_becomes_a_directory, 0, 2);
  tcase_add_test(tcase, a_commit_that_finds_no_space);
  tcase_add_test(tcase, a_directory_that_cannot_be_written);
  tcase_add_test(tcase, the_working_directory_may_change);
  tcase_add_test(tcase, survives_failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_npy_create_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
