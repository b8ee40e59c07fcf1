/* The arrays of gattn run. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run.h"

/* The same elements with leading axes of length 1 until there are `rank`. */
static gattn_tensor widened(const gattn_tensor *tensor, int32_t rank) {
  gattn_tensor wide = *tensor;
  int32_t added = rank - tensor->rank;
  wide.rank = rank;
  for (int32_t axis = 0; axis < rank; axis++) {
    wide.shape[axis] = axis < added ? 1 : tensor->shape[axis - added];
    wide.strides[axis] = axis < added ? 0 : tensor->strides[axis - added];
  }
  for (int32_t axis = added - 1; axis >= 0; axis--)
    wide.strides[axis] = wide.strides[axis + 1] * wide.shape[axis + 1];
  return wide;
}

static int mismatch(const char *path, const char *what, int64_t got,
                    const char *other, int64_t expected) {
  return cli_fail(CLI_BAD_REQUEST, "run", "%s: %s %lld, but %s has %lld", path,
                  what, (long long)got, other, (long long)expected);
}

static int open_input(cli_session *session, const char *path, run_work *work,
                      int a) {
  gattn_tensor tensor;
  gattn_status status =
      gattn_npy_open(session->context, path, &tensor, &work->npy[a]);
  if (status) return cli_session_fail(session, status, path);
  if (tensor.type != GATTN_FLOAT32 && tensor.type != GATTN_FLOAT16)
    return cli_fail(CLI_BAD_REQUEST, "run",
                    "%s: holds %s, expected float32 or float16", path,
                    gattn_type_name(tensor.type));
  if (tensor.rank < 2)
    return cli_fail(CLI_BAD_REQUEST, "run",
                    "%s: rank %d, expected [n, d], [h, n, d] or [b, h, n, d]",
                    path, (int)tensor.rank);
  if (a == RUN_Q) work->rank = tensor.rank;
  work->view[a] = widened(&tensor, 4);
  if (tensor.rank != work->rank)
    return cli_fail(CLI_BAD_REQUEST, "run", "%s: rank %d, but Q has rank %d",
                    path, (int)tensor.rank, (int)work->rank);
  if (tensor.type != work->view[RUN_Q].type)
    return cli_fail(CLI_BAD_REQUEST, "run", "%s: holds %s, but Q %s", path,
                    gattn_type_name(tensor.type),
                    gattn_type_name(work->view[RUN_Q].type));
  return CLI_SUCCESS;
}

static int check_shapes(const run_request *request, const run_work *work) {
  enum { BATCH, HEADS, ROWS, DIM };
  const int64_t *q = work->view[RUN_Q].shape, *k = work->view[RUN_K].shape,
                *v = work->view[RUN_V].shape;
  const char *k_path = request->path[RUN_K], *v_path = request->path[RUN_V];
  if (q[DIM] < 1)
    return cli_fail(CLI_BAD_REQUEST, "run", "%s: the last axis is empty",
                    request->path[RUN_Q]);
  if (v[DIM] < 1)
    return cli_fail(CLI_BAD_REQUEST, "run", "%s: the last axis is empty",
                    v_path);
  if (k[DIM] != q[DIM]) return mismatch(k_path, "dim", k[DIM], "Q", q[DIM]);
  if (v[ROWS] != k[ROWS])
    return mismatch(v_path, "rows", v[ROWS], "K", k[ROWS]);
  if (k[BATCH] != q[BATCH])
    return mismatch(k_path, "batch", k[BATCH], "Q", q[BATCH]);
  if (v[BATCH] != q[BATCH])
    return mismatch(v_path, "batch", v[BATCH], "Q", q[BATCH]);
  if (v[HEADS] != k[HEADS])
    return mismatch(v_path, "heads", v[HEADS], "K", k[HEADS]);
  if (k[HEADS] == q[HEADS]) return CLI_SUCCESS;
  if (k[HEADS] < 1 || q[HEADS] % k[HEADS])
    return cli_fail(CLI_BAD_REQUEST, "run",
                    "%s: %lld heads do not divide the %lld of Q", k_path,
                    (long long)k[HEADS], (long long)q[HEADS]);
  return CLI_SUCCESS;
}

int run_open_inputs(cli_session *session, const run_request *request,
                    run_work *work) {
  for (int a = RUN_Q; a <= RUN_V; a++) {
    int status = open_input(session, request->path[a], work, a);
    if (status) return status;
  }
  return check_shapes(request, work);
}

static int create(cli_session *session, const char *path, int a,
                  gattn_type type, int32_t rank, const int64_t *shape,
                  run_work *work) {
  gattn_tensor tensor;
  gattn_status status = gattn_npy_create(session->context, path, type, rank,
                                         shape, &tensor, &work->npy[a]);
  if (status) return cli_session_fail_output(session, status, path);
  work->view[a] = widened(&tensor, a == RUN_O ? 4 : 3);
  return CLI_SUCCESS;
}

int run_create_outputs(cli_session *session, const run_request *request,
                       run_work *work) {
  const gattn_tensor *q = &work->view[RUN_Q];
  int64_t shape[4] = {q->shape[0], q->shape[1], q->shape[2],
                      work->view[RUN_V].shape[3]};
  const int64_t *from = shape + 4 - work->rank;
  int status = create(session, request->path[RUN_O], RUN_O, q->type, work->rank,
                      from, work);
  if (!status && request->path[RUN_L])
    status = create(session, request->path[RUN_L], RUN_L, GATTN_FLOAT32,
                    work->rank - 1, from, work);
  return status;
}

static bool is_device(const char *path) {
  struct stat found;
  return !stat(path, &found) && !S_ISREG(found.st_mode);
}

int run_commit_outputs(cli_session *session, const run_request *request,
                       run_work *work) {
  int order[2] = {RUN_O, RUN_L}, n = request->path[RUN_L] ? 2 : 1;
  /* Writing to a device may still fail, renaming a finished file hardly. */
  if (n == 2 && is_device(request->path[RUN_L])) {
    order[0] = RUN_L;
    order[1] = RUN_O;
  }
  for (int c = 0; c < n; c++) {
    const char *path = request->path[order[c]];
    gattn_status status =
        gattn_npy_commit(session->context, work->npy[order[c]]);
    if (!status) continue;
    int exit_status = cli_session_fail_output(session, status, path);
    if (c && !is_device(request->path[order[0]]))
      unlink(request->path[order[0]]);
    return exit_status;
  }
  return CLI_SUCCESS;
}
