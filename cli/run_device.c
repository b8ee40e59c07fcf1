/* The arrays of gattn run where the context computes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/run.h"

/* Between two pieces of a copy progress is shown and interruption seen. */
enum { PIECE = 64 << 20 };

static bool given(const run_work *work, int a) { return work->npy[a] != NULL; }

static size_t bytes_of(const gattn_tensor *view) {
  return (size_t)gattn_tensor_elements(view) * gattn_type_size(view->type);
}

static bool on_cpu(const cli_session *session) {
  return gattn_context_device(session->context) == GATTN_CPU;
}

/* Copies an array there, or back; the files' arrays are dense. */
static int copy(cli_session *session, run_work *work, int a, bool back,
                double begin, double total) {
  const size_t bytes = bytes_of(&work->view[a]);
  for (size_t at = 0; at < bytes; at += PIECE) {
    const size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
    char *host = (char *)work->view[a].data + at;
    char *device = (char *)work->bound[a].data + at;
    gattn_status status =
        back ? gattn_memory_download(session->context, host, device, piece)
             : gattn_memory_upload(session->context, device, host, piece);
    if (!status && cli_progress_tick(session, (begin + (double)at) / total))
      status = GATTN_ERROR_CANCELLED;
    if (status) return cli_session_fail(session, status, NULL);
  }
  return CLI_SUCCESS;
}

/* All arrays, or those that are written: for what share of the work is done. */
static double bytes_from(const run_work *work, int first, int end) {
  double bytes = 0;
  for (int a = first; a < end; a++)
    if (given(work, a)) bytes += (double)bytes_of(&work->view[a]);
  return bytes;
}

static int make_room(cli_session *session, run_work *work, int a) {
  static const char *const names[RUN_ARRAYS] = {"q", "k", "v", "o", "lse"};
  void *memory;
  const size_t bytes = bytes_of(&work->view[a]);
  gattn_status status =
      gattn_memory_allocate(session->context, bytes ? bytes : 1, &memory);
  if (status) return cli_session_fail(session, status, names[a]);
  work->bound_bytes[a] = bytes ? bytes : 1;
  work->bound[a].data = memory;
  work->bound[a].device = gattn_context_device(session->context);
  return CLI_SUCCESS;
}

int run_place(cli_session *session, run_work *work) {
  const double total = bytes_from(work, 0, RUN_ARRAYS);
  for (int a = 0; a < RUN_ARRAYS; a++) work->bound[a] = work->view[a];
  if (on_cpu(session)) return CLI_SUCCESS;
  for (int a = 0; a < RUN_ARRAYS; a++) {
    if (!given(work, a)) continue;
    int status = make_room(session, work, a);
    if (!status && a < RUN_O)
      status = copy(session, work, a, false, bytes_from(work, 0, a), total);
    if (status) return status;
  }
  return CLI_SUCCESS;
}

int run_fetch(cli_session *session, run_work *work) {
  const double total = bytes_from(work, 0, RUN_ARRAYS);
  if (on_cpu(session)) return CLI_SUCCESS;
  for (int a = RUN_O; a < RUN_ARRAYS; a++) {
    if (!given(work, a)) continue;
    int status = copy(session, work, a, true, bytes_from(work, 0, a), total);
    if (status) return status;
  }
  return CLI_SUCCESS;
}

void run_displace(cli_session *session, run_work *work) {
  for (int a = 0; a < RUN_ARRAYS; a++)
    if (work->bound_bytes[a])
      gattn_memory_release(session->context, work->bound[a].data,
                           work->bound_bytes[a]);
}
