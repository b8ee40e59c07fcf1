/* --effort and --wisdom: how plans come by their choices.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_CLI_PLANNING_H
#define GATTN_CLI_PLANNING_H

#include "cli/session.h"

/* As given; null where it was not. */
typedef struct cli_planning {
  const char *effort; /* estimate, measure */
  const char *wisdom; /* a file */
  gattn_effort level;
} cli_planning;

/* Exit statuses; a failure was printed. */

/* Finds the level. */
int cli_planning_check(const char *where, cli_planning *planning);

/* Gives the session's context the file's wisdom. A file that is not there yet
 * will be written, where something is to be measured. */
int cli_planning_read(cli_session *session, const cli_planning *planning);

/* Replaces the file by what the context knows now, where something was
 * measured. */
int cli_planning_write(cli_session *session, const cli_planning *planning);

#endif
