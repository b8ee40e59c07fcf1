/* gattn - exact sparse attention as graph analytics.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header gathers the whole public interface. Read the parts in this
 * order the first time; each one needs only those above it.
 *
 * THE ERROR CONTRACT, which holds for every function of this library:
 *
 *  - A function that can fail returns a gattn_status: 0 is success, a negative
 *    value an error, a positive value a note (the call did its work, and there
 *    is something to know about it).
 *  - Outputs are written only on success. On failure they are untouched.
 *  - The sentence that names the argument and the offending value is kept by
 *    the context: gattn_context_message(). It is also given to the logger.
 *  - Nothing aborts, exits, prints or leaks, whatever the arguments.
 *  - Every function may return GATTN_ERROR_NULL for a required pointer that is
 *    null, and every function that creates something GATTN_ERROR_MEMORY; the
 *    comments list the others.
 *
 * THREADS: a context may be used from one thread at a time, and two contexts
 * from two threads at once. Graphs and frontiers are immutable and may be
 * shared between contexts and threads.
 */
#ifndef GATTN_H
#define GATTN_H

#include <gattn/version.h>
#include <gattn/status.h>
#include <gattn/context.h>
#include <gattn/device.h>
#include <gattn/tensor.h>
#include <gattn/graph.h>
#include <gattn/masks.h>
#include <gattn/frontier.h>
#include <gattn/score.h>
#include <gattn/attention.h>
#include <gattn/operators.h>
#include <gattn/limits.h>
#include <gattn/program.h>
#include <gattn/wisdom.h>
#include <gattn/npy.h>
#include <gattn/memory.h>
#include <gattn/measure.h>

#endif
