/* A context with what the command adds. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/session.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"

/* A signal handler has nothing but a static object to leave its note in. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

/* The first signal lets the work end tidily; a second one kills. */
static void catch_interrupts(bool on) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on ? on_interrupt : SIG_DFL;
  action.sa_flags = (int)SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t s = 0; s < sizeof numbers / sizeof *numbers; s++) {
    struct sigaction before;
    sigaction(numbers[s], NULL, &before);
    if (before.sa_handler != SIG_IGN) sigaction(numbers[s], &action, NULL);
  }
}

double cli_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void keep_message(void *user, gattn_log_level level, const char *line) {
  cli_session *session = user;
  if (level == GATTN_LOG_ERROR)
    snprintf(session->message, sizeof session->message, "%s", line);
}

static int on_progress(void *user, int64_t done, int64_t total) {
  cli_session *session = user;
  double fraction = total > 0 ? (double)done / (double)total : 0;
  return cli_progress_tick(session, session->base + session->share * fraction);
}

static int parse_device(const char *where, const char *text,
                        gattn_device *device) {
  int64_t ordinal = 0;
  *device = GATTN_CPU;
  if (!text || !strcmp(text, "cpu")) return CLI_SUCCESS;
  if (strncmp(text, "cuda", 4) || (text[4] && text[4] != ':'))
    return cli_fail(CLI_BAD_REQUEST, where,
                    "--device: '%s' is none of cpu, cuda, cuda:N", text);
  if (text[4]) {
    int status =
        cli_parse_size(where, "--device", text + 5, 0, 65535, &ordinal);
    if (status) return status;
  }
  *device = GATTN_CUDA((gattn_device)ordinal);
  return CLI_SUCCESS;
}

static int parse_isa(const char *where, const char *text, gattn_isa *isa) {
  *isa = GATTN_ISA_AUTO;
  if (!text || !strcmp(text, "auto")) return CLI_SUCCESS;
  const char *names[3];
  for (int i = 0; i < 3; i++) {
    *isa = (gattn_isa)(GATTN_ISA_PORTABLE + i);
    names[i] = gattn_isa_name(*isa);
    if (!strcmp(text, names[i])) return CLI_SUCCESS;
  }
  return cli_fail(CLI_BAD_REQUEST, where,
                  "--isa: '%s' is no instruction set; the closest is %s", text,
                  names[cli_closest(text, names, 3)]);
}

int cli_session_open(const char *where, const cli_session_options *asked,
                     cli_session *session) {
  memset(session, 0, sizeof *session);
  session->where = where;
  gattn_context_options options = {.struct_size = sizeof options,
                                   .threads = (int32_t)asked->threads,
                                   .logger = keep_message,
                                   .logger_user = session,
                                   .progress = on_progress,
                                   .progress_user = session};
  if (asked->device_allocator)
    options.device_allocator = *asked->device_allocator;
  int exit_status = parse_device(where, asked->device, &options.device);
  if (!exit_status) exit_status = parse_isa(where, asked->isa, &options.isa);
  if (exit_status) return exit_status;
  gattn_status status = gattn_context_create(&options, &session->context);
  if (!status) return CLI_SUCCESS;
  return cli_fail(
      cli_exit_status(status), where, "%s",
      session->message[0] ? session->message : gattn_status_string(status));
}

void cli_session_close(cli_session *session) {
  gattn_context_destroy(session->context);
  session->context = NULL;
}

static int fail(cli_session *session, int exit_status, gattn_status status,
                const char *what) {
  const char *message = gattn_context_message(session->context);
  if (!message[0]) message = gattn_status_string(status);
  cli_progress_end(session);
  if (status == GATTN_ERROR_CANCELLED)
    return cli_fail(exit_status, session->where, "interrupted");
  /* The library names the file itself where it knows it. */
  if (!what || strstr(message, what))
    return cli_fail(exit_status, session->where, "%s", message);
  return cli_fail(exit_status, session->where, "%s: %s", what, message);
}

int cli_session_fail(cli_session *session, gattn_status status,
                     const char *what) {
  return fail(session, cli_exit_status(status), status, what);
}

int cli_session_fail_output(cli_session *session, gattn_status status,
                            const char *path) {
  int exit_status =
      status == GATTN_ERROR_FILE ? CLI_FAILURE : cli_exit_status(status);
  return fail(session, exit_status, status, path);
}

void cli_progress_start(cli_session *session, const char *doing) {
  interrupted = 0;
  session->doing = doing;
  session->started = cli_seconds();
  session->shown = 0;
  session->base = 0;
  session->share = 1;
  catch_interrupts(true);
}

void cli_progress_end(cli_session *session) {
  if (!session->doing) return;
  if (session->shown > 0) fputs("\r\033[K", stderr);
  session->shown = 0;
  session->doing = NULL;
  catch_interrupts(false);
}

bool cli_progress_tick(cli_session *session, double fraction) {
  if (interrupted) return true;
  double now = cli_seconds();
  if (!session->doing || now - session->started < 2 ||
      now - session->shown < 0.2 || !isatty(STDERR_FILENO))
    return false;
  session->shown = now;
  fprintf(stderr, "\rgattn: %s: %3.0f%%\033[K", session->doing,
          100 * (fraction < 1 ? fraction : 1));
  return false;
}
