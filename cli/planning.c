/* --effort and --wisdom. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/planning.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/output.h"

int cli_planning_check(const char *where, cli_planning *planning) {
  static const char *const names[] = {"estimate", "measure"};
  planning->level = GATTN_EFFORT_ESTIMATE;
  if (!planning->effort) return CLI_SUCCESS;
  for (int level = 0; level < 2; level++) {
    planning->level = (gattn_effort)level;
    if (!strcmp(planning->effort, names[level])) return CLI_SUCCESS;
  }
  return cli_fail(CLI_BAD_REQUEST, where,
                  "--effort: '%s' is no effort; the closest is %s",
                  planning->effort,
                  names[cli_closest(planning->effort, names, 2)]);
}

/* ------------------------------------------------------------ reading */

static int fail_read(const cli_session *session, const char *path) {
  return cli_fail(CLI_BAD_REQUEST, session->where, "--wisdom: %s: %s", path,
                  strerror(errno));
}

/* The whole of a stream into *text, which the caller frees. */
static int read_all(const cli_session *session, const char *path,
                    FILE *stream, char **text, size_t *length) {
  enum { STEP = 1 << 16 };
  size_t capacity = 0;
  *text = NULL;
  *length = 0;
  do {
    if (capacity - *length < STEP) {
      char *grown = realloc(*text, capacity += STEP);
      if (!grown)
        return cli_fail(CLI_FAILURE, session->where,
                        "--wisdom: no memory to read %s in", path);
      *text = grown;
    }
    *length += fread(*text + *length, 1, capacity - *length, stream);
  } while (!feof(stream) && !ferror(stream));
  return ferror(stream) ? fail_read(session, path) : CLI_SUCCESS;
}

int cli_planning_read(cli_session *session, const cli_planning *planning) {
  const char *path = planning->wisdom;
  if (!path) return CLI_SUCCESS;
  FILE *stream = fopen(path, "r");
  if (!stream && errno == ENOENT && planning->level == GATTN_EFFORT_MEASURE)
    return CLI_SUCCESS;
  if (!stream) return fail_read(session, path);
  char *text;
  size_t length;
  int exit_status = read_all(session, path, stream, &text, &length);
  fclose(stream);
  if (!exit_status) {
    const gattn_status status =
        gattn_wisdom_import(session->context, text, length);
    if (status) exit_status = cli_session_fail(session, status, path);
  }
  free(text);
  return exit_status;
}

/* ------------------------------------------------------------ writing */

/* What the context knows, which the caller frees. */
static int export(cli_session *session, char **text, size_t *length) {
  gattn_wisdom_export(session->context, NULL, 0, length);
  *text = malloc(*length + 1);
  if (!*text)
    return cli_fail(CLI_FAILURE, session->where,
                    "--wisdom: no memory for %zu bytes", *length);
  const gattn_status status =
      gattn_wisdom_export(session->context, *text, *length + 1, NULL);
  return status ? cli_session_fail(session, status, "--wisdom") : CLI_SUCCESS;
}

int cli_planning_write(cli_session *session, const cli_planning *planning) {
  char *text = NULL;
  size_t length;
  cli_output output = {0};
  if (!planning->wisdom || planning->level != GATTN_EFFORT_MEASURE)
    return CLI_SUCCESS;
  int status = export(session, &text, &length);
  if (!status)
    status = cli_output_open(session->where, planning->wisdom, &output);
  if (!status) {
    fwrite(text, 1, length, output.stream);
    status = cli_output_finish(&output);
  }
  if (!status) status = cli_output_commit(&output);
  cli_output_close(&output);
  free(text);
  return status;
}
