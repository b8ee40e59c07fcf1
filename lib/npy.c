/* .npy files mapped for reading. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/npy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

gattn_status gattn_file_error(gattn_context *context, const char *path,
                              int error) {
  gattn_status status = GATTN_ERROR_FILE;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    status = GATTN_ERROR_NO_SPACE;
  if (error == ENOMEM) status = GATTN_ERROR_MEMORY;
  char text[128];
  return gattn_fail(context, status, GATTN_NPY_NAME ": %s", path,
                    strerror_r(error, text, sizeof text));
}

gattn_status gattn_npy_new(gattn_context *context, gattn_npy **out) {
  void *memory;
  gattn_status status =
      gattn_allocate(context, "npy", 1, sizeof(gattn_npy), &memory);
  if (status) return status;
  gattn_npy *npy = memory;
  memset(npy, 0, sizeof *npy);
  npy->context = gattn_context_retain(context);
  npy->mapping = MAP_FAILED;
  npy->file = npy->directory = -1;
  *out = npy;
  return GATTN_SUCCESS;
}

/* Opens a regular file; nothing else can be mapped. A pipe without a writer
 * must not block. */
static gattn_status open_regular(gattn_context *context, const char *path,
                                 int *file, size_t *size) {
  *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat found;
  if (*file < 0 || fstat(*file, &found) != 0)
    return gattn_file_error(context, path, errno);
  if (S_ISDIR(found.st_mode)) return gattn_file_error(context, path, EISDIR);
  if (!S_ISREG(found.st_mode))
    return gattn_fail(context, GATTN_ERROR_FILE,
                      GATTN_NPY_NAME
                      ": is no regular file, so it cannot be "
                      "mapped",
                      path);
  if (found.st_size == 0)
    return gattn_fail(context, GATTN_ERROR_FORMAT, GATTN_NPY_NAME ": is empty",
                      path);
  *size = (size_t)found.st_size;
  return GATTN_SUCCESS;
}

static gattn_status map_file(gattn_npy *npy, const char *path,
                             gattn_tensor *tensor) {
  gattn_status status =
      open_regular(npy->context, path, &npy->file, &npy->mapped);
  if (status) return status;
  npy->mapping = mmap(NULL, npy->mapped, PROT_READ, MAP_SHARED, npy->file, 0);
  if (npy->mapping == MAP_FAILED)
    return gattn_file_error(npy->context, path, errno);
  close(npy->file);
  npy->file = -1;
  madvise(npy->mapping, npy->mapped, MADV_SEQUENTIAL);
  return gattn_npy_parse(npy->context, path, npy->mapping, npy->mapped, tensor);
}

gattn_status gattn_npy_open(gattn_context *context, const char *path,
                            gattn_tensor *tensor, gattn_npy **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!path) return gattn_fail_null(context, "path");
  if (!tensor) return gattn_fail_null(context, "tensor");
  if (!out) return gattn_fail_null(context, "npy");
  gattn_npy *npy;
  gattn_status status = gattn_npy_new(context, &npy);
  if (status) return status;
  status = map_file(npy, path, tensor);
  if (status)
    gattn_npy_close(npy);
  else
    *out = npy;
  return status;
}

void gattn_npy_close(gattn_npy *npy) {
  if (!npy) return;
  if (npy->mapping != MAP_FAILED) munmap(npy->mapping, npy->mapped);
  if (npy->temporary[0]) unlinkat(npy->directory, npy->temporary, 0);
  if (npy->file >= 0) close(npy->file);
  if (npy->directory >= 0) close(npy->directory);
  gattn_context *context = npy->context;
  gattn_free(context, npy->memory, (int64_t)npy->mapped, 1);
  gattn_free(context, npy, 1, sizeof *npy);
  gattn_context_unref(context);
}
