/* .npy files written whole or not at all. SPDX-License-Identifier: Apache-2.0
 *
 * The file has no name while it is written (O_TMPFILE), so that not even a
 * killed process leaves one; where the file system cannot do that, it has a
 * temporary name beside the target. A rename puts it in place. */
#include "config.h"

#include "lib/npy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINKS = 40, MOST_NAMES = 100, LONGEST_STEM = 200 };

/* What stands behind the last slash. */
static const char *last_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Follows the links at the end of path, in place, so that the link stays and
 * the file it names is replaced, even one that does not exist yet. Returns 0
 * or an errno. */
static int follow_links(char path[PATH_MAX]) {
  for (int hops = 0; hops < MOST_LINKS; hops++) {
    char link[PATH_MAX];
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) return 0;
    link[length] = '\0';
    size_t kept = link[0] == '/' ? 0 : (size_t)(last_name(path) - path);
    if (kept + (size_t)length >= PATH_MAX) return ENAMETOOLONG;
    memcpy(path + kept, link, (size_t)length + 1);
  }
  return ELOOP;
}

/* Fills in directory and target. */
static int open_directory(gattn_npy *npy) {
  char path[PATH_MAX];
  memcpy(path, npy->path, sizeof path);
  int error = follow_links(path);
  if (error) return error;
  const char *name = last_name(path);
  if (!*name) return *path ? EISDIR : ENOENT;
  if (strlen(name) > NAME_MAX) return ENAMETOOLONG;
  strcpy(npy->target, name);
  path[name - path] = '\0';
  npy->directory = open(*path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return npy->directory < 0 ? errno : 0;
}

/* The next name to try for the temporary file, into npy->temporary. */
static void name_temporary(gattn_npy *npy, int attempt) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t mixed = ((uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^
                    (uint64_t)getpid() << 20 ^ (uintptr_t)npy) +
                   (uint64_t)attempt;
  mixed = (mixed ^ mixed >> 31) * 0x9e3779b97f4a7c15u;
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz012345";
  char suffix[7] = "";
  for (int c = 0; c < 6; c++) suffix[c] = digits[mixed >> (34 + 5 * c) & 31];
  snprintf(npy->temporary, sizeof npy->temporary, ".%.*s.%s", LONGEST_STEM,
           npy->target, suffix);
}

static int open_named(gattn_npy *npy) {
  for (int attempt = 0; attempt < MOST_NAMES; attempt++) {
    name_temporary(npy, attempt);
    npy->file =
        openat(npy->directory, npy->temporary,
               O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (npy->file >= 0) return 0;
    if (errno != EEXIST) break;
  }
  npy->temporary[0] = '\0';
  return errno;
}

/* Without /proc an unnamed file could not be given its name later. */
static int open_temporary(gattn_npy *npy) {
  if (access("/proc/self/fd", X_OK) == 0)
    npy->file =
        openat(npy->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  return npy->file >= 0 ? 0 : open_named(npy);
}

/* Reserves the space. Going over the limit on a file's size would raise a
 * signal, so that is asked first. */
static int reserve_space(int file, size_t bytes) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      bytes > limit.rlim_cur)
    return EFBIG;
  int error;
  do error = posix_fallocate(file, 0, (off_t)bytes);
  while (error == EINTR);
  if (error == EOPNOTSUPP || error == EINVAL)
    error = ftruncate(file, (off_t)bytes) ? errno : 0;
  return error;
}

static int map_temporary(gattn_npy *npy) {
  int error = open_temporary(npy);
  if (!error) error = reserve_space(npy->file, npy->mapped);
  if (error) return error;
  npy->mapping =
      mmap(NULL, npy->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, npy->file, 0);
  return npy->mapping == MAP_FAILED ? errno : 0;
}

/* Appends, because what is written to a stream may already hold something. */
static gattn_status open_device(gattn_npy *npy) {
  npy->file = open(npy->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
  if (npy->file < 0) return gattn_file_error(npy->context, npy->path, errno);
  gattn_status status = gattn_allocate(npy->context, "npy",
                                       (int64_t)npy->mapped, 1, &npy->memory);
  if (!status) memset(npy->memory, 0, npy->mapped);
  return status;
}

/* Whether path names a stream that is open already, which somebody reads
 * through another name or none; a file put in its place would not reach them.
 */
static bool names_stream(const char *path) {
  static const char *const prefixes[] = {"/dev/std", "/dev/fd/", "/proc/"};
  for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++)
    if (strncmp(path, prefixes[p], strlen(prefixes[p])) == 0) return true;
  return false;
}

/* Memory for npy->mapped bytes that will end up at npy->path. */
static gattn_status open_output(gattn_npy *npy) {
  struct stat found;
  bool exists = stat(npy->path, &found) == 0;
  int error = 0;
  if (exists && S_ISDIR(found.st_mode)) error = EISDIR;
  if (exists && !error && (!S_ISREG(found.st_mode) || names_stream(npy->path)))
    return open_device(npy);
  if (exists && !error) {
    npy->mode = found.st_mode & 0777;
    error = access(npy->path, W_OK) ? errno : 0;
  }
  if (!error) error = open_directory(npy);
  if (!error) error = map_temporary(npy);
  return error ? gattn_file_error(npy->context, npy->path, error)
               : GATTN_SUCCESS;
}

/* Makes *tensor the view of a file's memory and writes the header into it. */
static gattn_status start_output(gattn_npy *npy, gattn_tensor *tensor) {
  char header[GATTN_NPY_HEADER_SIZE];
  size_t start =
      gattn_npy_header(tensor->type, tensor->rank, tensor->shape, header);
  int64_t size = (int64_t)gattn_type_size(tensor->type), bytes;
  if (!gattn_multiply(gattn_tensor_elements(tensor), size, &bytes) ||
      !gattn_add(bytes, (int64_t)start, &bytes))
    return gattn_fail(npy->context, GATTN_ERROR_OVERFLOW,
                      GATTN_NPY_NAME ": its size does not fit 63 bits",
                      npy->path);
  npy->mapped = (size_t)bytes;
  gattn_status status = open_output(npy);
  if (status) return status;
  char *memory = npy->memory ? npy->memory : npy->mapping;
  memcpy(memory, header, start);
  tensor->data = memory + start;
  return GATTN_SUCCESS;
}

gattn_status gattn_npy_create(gattn_context *context, const char *path,
                              gattn_type type, int32_t rank,
                              const int64_t *shape, gattn_tensor *tensor,
                              gattn_npy **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!path) return gattn_fail_null(context, "path");
  if (!tensor) return gattn_fail_null(context, "tensor");
  if (!out) return gattn_fail_null(context, "npy");
  if (type == GATTN_BFLOAT16)
    return gattn_fail(context, GATTN_ERROR_TYPE,
                      GATTN_NPY_NAME ": .npy files have no bfloat16", path);
  gattn_tensor view;
  gattn_status status =
      gattn_tensor_dense(context, NULL, type, rank, shape, &view);
  if (status) return status;
  view.device = GATTN_CPU;
  if (strlen(path) >= PATH_MAX)
    return gattn_file_error(context, path, ENAMETOOLONG);
  gattn_npy *npy;
  status = gattn_npy_new(context, &npy);
  if (status) return status;
  npy->stage = NPY_WRITING;
  strcpy(npy->path, path);
  status = start_output(npy, &view);
  if (status) {
    gattn_npy_close(npy);
    return status;
  }
  *tensor = view;
  *out = npy;
  return GATTN_SUCCESS;
}

/* Gives the unnamed file a name beside its target. */
static int link_temporary(gattn_npy *npy) {
  char source[64];
  snprintf(source, sizeof source, "/proc/self/fd/%d", npy->file);
  for (int attempt = 0; attempt < MOST_NAMES; attempt++) {
    name_temporary(npy, attempt);
    if (linkat(AT_FDCWD, source, npy->directory, npy->temporary,
               AT_SYMLINK_FOLLOW) == 0)
      return 0;
    if (errno != EEXIST) break;
  }
  npy->temporary[0] = '\0';
  return errno;
}

static int put_in_place(gattn_npy *npy) {
  if (npy->mode && fchmod(npy->file, npy->mode) != 0) return errno;
  int error = npy->temporary[0] ? 0 : link_temporary(npy);
  if (error) return error;
  if (renameat(npy->directory, npy->temporary, npy->directory, npy->target))
    return errno;
  npy->temporary[0] = '\0';
  return 0;
}

static int write_whole(int file, const char *bytes, size_t length) {
  while (length) {
    ssize_t written = write(file, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written ? errno : ENOSPC;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

gattn_status gattn_npy_commit(gattn_context *context, gattn_npy *npy) {
  if (!npy) return gattn_fail_null(context, "npy");
  if (npy->stage != NPY_WRITING)
    return gattn_fail(context, GATTN_ERROR_STATE, "npy: %s",
                      npy->stage == NPY_READING ? "is open for reading"
                                                : "is committed already");
  int error = npy->memory ? write_whole(npy->file, npy->memory, npy->mapped)
                          : put_in_place(npy);
  if (error) return gattn_file_error(context, npy->path, error);
  npy->stage = NPY_COMMITTED;
  return GATTN_SUCCESS;
}
