/* Output files that appear whole or not at all. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/failure.h"

static int fail(const cli_output *output) {
  return cli_fail(CLI_FAILURE, output->where, "%s: %s", output->path,
                  strerror(errno));
}

/* A free name in the directory of path, in memory of its own. */
static char *temporary_name(const char *path, unsigned attempt) {
  size_t size = strlen(path) + 48;
  char *name = malloc(size);
  if (name)
    snprintf(name, size, "%s.%ld-%u.part", path, (long)getpid(), attempt);
  return name;
}

/* A file without a name: even a kill leaves nothing behind. */
static int open_nameless(const char *path) {
  char *directory = strdup(path);
  if (!directory) return -1;
  char *slash = strrchr(directory, '/');
  if (slash) slash[slash == directory] = '\0';
  int fd = open(slash ? directory : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  free(directory);
  if (fd >= 0 && access("/proc/self/fd", X_OK)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static int open_temporary(cli_output *output) {
  int fd = open_nameless(output->target);
  for (unsigned attempt = 0; fd < 0 && attempt < 100; attempt++) {
    output->temporary = temporary_name(output->target, attempt);
    if (!output->temporary) return -1;
    fd = open(output->temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    free(output->temporary);
    output->temporary = NULL;
    if (errno != EEXIST) return -1;
  }
  return fd;
}

/* A name of a stream that is open already, which somebody else reads. */
static bool is_open_stream(const char *path) {
  static const char *const prefixes[] = {"/dev/std", "/dev/fd/", "/proc/"};
  for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++)
    if (!strncmp(path, prefixes[p], strlen(prefixes[p]))) return true;
  return false;
}

/* Whether the path's own file can be replaced by a rename: not a device, and
 * not a name that the system makes up for a file that has lost its own. */
static bool is_replaceable(const cli_output *output, const struct stat *found) {
  struct stat target;
  return S_ISREG(found->st_mode) && output->target &&
         !is_open_stream(output->path) && !stat(output->target, &target) &&
         target.st_dev == found->st_dev && target.st_ino == found->st_ino;
}

static int open_file(cli_output *output) {
  struct stat found;
  if (stat(output->path, &found)) {
    output->target = strdup(output->path);
    return output->target ? open_temporary(output) : -1;
  }
  if (access(output->path, W_OK)) return -1;
  output->target = realpath(output->path, NULL);
  if (is_replaceable(output, &found)) {
    output->mode = found.st_mode & 0777;
    return open_temporary(output);
  }
  output->direct = true;
  return open(output->path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

int cli_output_open(const char *where, const char *path, cli_output *output) {
  *output = (cli_output){.where = where, .path = path};
  int fd = open_file(output);
  if (fd >= 0) output->stream = fdopen(fd, "w");
  if (output->stream) return CLI_SUCCESS;
  int status = fail(output);
  if (fd >= 0) close(fd);
  cli_output_close(output);
  return status;
}

int cli_output_finish(cli_output *output) {
  if (!output->stream) return CLI_SUCCESS;
  errno = 0;
  bool failed = ferror(output->stream) != 0;
  if (fflush(output->stream)) failed = true;
  if (!failed) return CLI_SUCCESS;
  if (!errno) errno = ENOSPC;
  return fail(output);
}

/* Gives the nameless file a name beside its path. */
static int name_it(cli_output *output) {
  char source[64];
  snprintf(source, sizeof source, "/proc/self/fd/%d", fileno(output->stream));
  for (unsigned attempt = 0; attempt < 100; attempt++) {
    output->temporary = temporary_name(output->target, attempt);
    if (!output->temporary) return -1;
    if (!linkat(AT_FDCWD, source, AT_FDCWD, output->temporary,
                AT_SYMLINK_FOLLOW))
      return 0;
    free(output->temporary);
    output->temporary = NULL;
    if (errno != EEXIST) return -1;
  }
  return -1;
}

int cli_output_commit(cli_output *output) {
  if (!output->stream || output->direct) return CLI_SUCCESS;
  if (output->mode && fchmod(fileno(output->stream), output->mode))
    return fail(output);
  if (!output->temporary && name_it(output)) return fail(output);
  if (rename(output->temporary, output->target)) return fail(output);
  free(output->temporary);
  output->temporary = NULL;
  return CLI_SUCCESS;
}

void cli_output_close(cli_output *output) {
  if (output->stream) fclose(output->stream);
  if (output->temporary) unlink(output->temporary);
  free(output->temporary);
  free(output->target);
  *output = (cli_output){0};
}

/* Where a file of this path would stand; null when nothing can stand there. */
static char *resolve(const char *path) {
  char *whole = realpath(path, NULL);
  if (whole || errno != ENOENT) return whole;
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char *prefix = strndup(path, (size_t)(name - path));
  char *directory = prefix ? realpath(*prefix ? prefix : ".", NULL) : NULL;
  size_t size = directory ? strlen(directory) + strlen(name) + 2 : 0;
  if (size) whole = malloc(size);
  if (whole) snprintf(whole, size, "%s/%s", directory, name);
  free(directory);
  free(prefix);
  return whole;
}

bool cli_same_output(const char *a, const char *b) {
  char *place_a = resolve(a), *place_b = resolve(b);
  bool same = place_a && place_b ? !strcmp(place_a, place_b) : !strcmp(a, b);
  free(place_a);
  free(place_b);
  return same;
}

bool cli_output_fits(const cli_output *output, double bytes) {
  struct statvfs room;
  if (output->direct || fstatvfs(fileno(output->stream), &room)) return true;
  return bytes <= (double)room.f_bavail * (double)room.f_frsize;
}
