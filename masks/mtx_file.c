/* Matrix Market files read whole. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/npy.h"
#include "masks/csr.h"
#include "masks/mtx.h"

/* A file's bytes; `capacity` of them are allocated. */
typedef struct content {
  char *bytes;
  int64_t length, capacity;
} content;

/* Moves the content to a buffer of `capacity` bytes. */
static gattn_status resize(gattn_context *context, const char *path,
                           int64_t capacity, content *c) {
  void *memory;
  gattn_status status = gattn_allocate(context, path, capacity, 1, &memory);
  if (status) return status;
  if (c->length) memcpy(memory, c->bytes, (size_t)c->length);
  gattn_free(context, c->bytes, c->capacity, 1);
  c->bytes = memory;
  c->capacity = capacity;
  return GATTN_SUCCESS;
}

/* A pipe has no size, and a file may grow while it is read. */
static gattn_status read_all(gattn_context *context, const char *path, int file,
                             content *c) {
  struct stat found;
  if (fstat(file, &found) != 0) return gattn_file_error(context, path, errno);
  int64_t capacity = S_ISREG(found.st_mode) ? found.st_size + 1 : 1 << 16;
  for (;;) {
    if (c->length == c->capacity) {
      gattn_status status = resize(context, path, capacity, c);
      if (status) return status;
      capacity = 2 * c->capacity;
    }
    ssize_t n =
        read(file, c->bytes + c->length, (size_t)(c->capacity - c->length));
    if (n == 0) return GATTN_SUCCESS;
    if (n < 0 && errno != EINTR) return gattn_file_error(context, path, errno);
    if (n > 0) c->length += n;
  }
}

gattn_status gattn_mtx_read(gattn_context *context, const char *path,
                            int64_t n_q, int64_t n_kv, gattn_graph **graph) {
  content c = {0};
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return gattn_file_error(context, path, errno);
  gattn_status status = read_all(context, path, file, &c);
  close(file);
  if (!status)
    status = gattn_mtx_parse(context, path, c.bytes, (size_t)c.length, n_q,
                             n_kv, graph);
  gattn_free(context, c.bytes, c.capacity, 1);
  return status;
}

gattn_status gattn_graph_from_mtx(gattn_context *context, const char *path,
                                  gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!path) return gattn_fail_null(context, "path");
  if (!graph) return gattn_fail_null(context, "graph");
  return gattn_mtx_read(context, path, GATTN_MTX_ANY_SIZE, GATTN_MTX_ANY_SIZE,
                        graph);
}
