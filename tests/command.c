/* Running the gattn command. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/command.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int command_status;
char command_out[COMMAND_TEXT], command_err[COMMAND_TEXT];

static char directory[64];
static int files_before;

/* In the child: arranges the setting and becomes the command. */
static void become_command(const command_setting *setting, FILE *out, FILE *err,
                           char *const *words) {
  if (dup2(fileno(out), 1) < 0 || dup2(fileno(err), 2) < 0) _exit(126);
  if (setting->out) {
    int fd = open(setting->out, O_WRONLY);
    if (fd < 0 || dup2(fd, 1) < 0) _exit(126);
  }
  if (setting->closed) close(1);
  if (setting->file_limit) {
    struct rlimit limit = {(rlim_t)setting->file_limit,
                           (rlim_t)setting->file_limit};
    if (setrlimit(RLIMIT_FSIZE, &limit)) _exit(126);
  }
  execv(GATTN_COMMAND, words);
  _exit(127);
}

static void read_back(FILE *stream, char *text) {
  rewind(stream);
  size_t length = fread(text, 1, COMMAND_TEXT - 1, stream);
  text[length] = '\0';
  fclose(stream);
}

void command_run(const command_setting *setting, const char *const *given) {
  enum { MOST = 64 };
  static const command_setting ordinary;
  char *words[MOST + 2] = {"gattn"};
  for (int w = 0; w < MOST && given[w]; w++) words[w + 1] = (char *)given[w];
  files_before = command_files();
  FILE *out = tmpfile(), *err = tmpfile();
  ck_assert(out && err);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (!child) become_command(setting ? setting : &ordinary, out, err, words);
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  command_status =
      WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  read_back(out, command_out);
  read_back(err, command_err);
}

int command_start(const char *const *given, int *child) {
  char *words[64] = {"gattn"};
  for (int w = 0; w < 62 && given[w]; w++) words[w + 1] = (char *)given[w];
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ck_assert_int_ge(terminal, 0);
  ck_assert(!grantpt(terminal) && !unlockpt(terminal));
  command_err[0] = '\0';
  *child = fork();
  ck_assert_int_ge(*child, 0);
  if (*child) return terminal;
  int end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  int null = open("/dev/null", O_WRONLY);
  if (end < 0 || null < 0 || dup2(end, 2) < 0 || dup2(null, 1) < 0) _exit(126);
  close(end);
  close(terminal);
  execv(GATTN_COMMAND, words);
  _exit(127);
}

bool command_watch(int terminal, const char *until) {
  size_t length = strlen(command_err);
  while (!until || !strstr(command_err, until)) {
    ssize_t got =
        read(terminal, command_err + length, COMMAND_TEXT - 1 - length);
    if (got <= 0) return false;
    length += (size_t)got;
    command_err[length] = '\0';
  }
  return true;
}

void command_wait(int terminal, int child) {
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  command_status =
      WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  close(terminal);
}

void command_assert_success(void) {
  ck_assert_msg(command_status == 0, "status %d: %s", command_status,
                command_err);
  ck_assert_str_eq(command_err, "");
}

void command_assert_failure(int status, const char *where, const char *what) {
  char prefix[64];
  snprintf(prefix, sizeof prefix, "gattn: %s: ", where);
  ck_assert_msg(command_status == status, "status %d, not %d: %s",
                command_status, status, command_err);
  size_t length = strlen(command_err);
  ck_assert_msg(length && strchr(command_err, '\n') == command_err + length - 1,
                "not one line: %s", command_err);
  ck_assert_msg(!strncmp(command_err, prefix, strlen(prefix)),
                "does not begin with '%s': %s", prefix, command_err);
  ck_assert_msg(strstr(command_err + strlen(prefix), what) != NULL,
                "does not name %s: %s", what, command_err);
  ck_assert_msg(command_files() == files_before, "left a file: %s",
                command_err);
}

void command_enter(void) {
  strcpy(directory, "/tmp/check_cli.XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(directory));
  ck_assert_int_eq(chdir(directory), 0);
}

/* The directory is flat but for the directories a test has emptied. */
void command_leave(void) {
  DIR *entries = opendir(directory);
  ck_assert_ptr_nonnull(entries);
  for (struct dirent *entry; (entry = readdir(entries));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
      ck_assert_int_eq(remove(entry->d_name), 0);
  closedir(entries);
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(rmdir(directory), 0);
}

int command_files(void) {
  int count = 0;
  DIR *entries = opendir(".");
  ck_assert_ptr_nonnull(entries);
  while (readdir(entries)) count++;
  closedir(entries);
  return count;
}

bool command_exists(const char *path) {
  struct stat found;
  return !lstat(path, &found);
}

char *command_read(const char *path, size_t *length) {
  FILE *stream = fopen(path, "rb");
  ck_assert_msg(stream != NULL, "%s is not there", path);
  ck_assert_int_eq(fseek(stream, 0, SEEK_END), 0);
  long size = ftell(stream);
  rewind(stream);
  char *bytes = malloc((size_t)size + 1);
  ck_assert_ptr_nonnull(bytes);
  *length = fread(bytes, 1, (size_t)size, stream);
  ck_assert_uint_eq(*length, (size_t)size);
  bytes[size] = '\0';
  fclose(stream);
  return bytes;
}

void command_write(const char *path, const void *bytes, size_t length) {
  FILE *stream = fopen(path, "wb");
  ck_assert_ptr_nonnull(stream);
  ck_assert_uint_eq(fwrite(bytes, 1, length, stream), length);
  ck_assert_int_eq(fclose(stream), 0);
}

void command_write_npy(const char *path, const char *descr, const char *shape,
                       const void *data, size_t bytes) {
  char header[129];
  int length = snprintf(
      header, sizeof header,
      "\x93NUMPY\x01%c\x76%c{'descr': '%s', 'fortran_order': False, 'shape': "
      "%s, }",
      0, 0, descr, shape);
  memset(header + length, ' ', 127 - (size_t)length);
  header[127] = '\n';
  FILE *stream = fopen(path, "wb");
  ck_assert_ptr_nonnull(stream);
  ck_assert_uint_eq(fwrite(header, 1, 128, stream), 128);
  if (bytes) ck_assert_uint_eq(fwrite(data, 1, bytes, stream), bytes);
  ck_assert_int_eq(fclose(stream), 0);
}

void command_read_npy(const char *path, const char *descr, const char *shape,
                      void *data, size_t bytes) {
  char expected[128];
  size_t length;
  char *file = command_read(path, &length);
  ck_assert_uint_ge(length, 10);
  ck_assert_mem_eq(file, "\x93NUMPY\x01", 7);
  size_t start = 10 + ((unsigned char)file[8] | (size_t)file[9] << 8);
  ck_assert_uint_eq(start % 64, 0);
  ck_assert_uint_eq(length, start + bytes);
  char end = file[start - 1];
  ck_assert_int_eq(end, '\n');
  file[start - 1] = '\0';
  snprintf(expected, sizeof expected, "'descr': '%s'", descr);
  ck_assert_msg(strstr(file + 10, expected) != NULL, "%s", file + 10);
  snprintf(expected, sizeof expected, "'shape': %s", shape);
  ck_assert_msg(strstr(file + 10, expected) != NULL, "%s", file + 10);
  ck_assert_ptr_nonnull(strstr(file + 10, "'fortran_order': False"));
  memcpy(data, file + start, bytes);
  free(file);
}
