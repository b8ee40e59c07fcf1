/* Wisdom: choices of earlier plans, saved and loaded as text.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_WISDOM_H
#define GATTN_WISDOM_H

#include <stddef.h>

#include <gattn/context.h>

GATTN_BEGIN_DECLS

/* A context remembers which choices were the fastest for which work: those that
 * plans made with GATTN_EFFORT_MEASURE have timed, and those that were imported.
 * Every later plan of the context (and gattn_attention) for the same work takes
 * them, whatever its effort, instead of estimating or timing.
 *
 * The same work is: the same version of the library, the same device (its name,
 * capability and multiprocessors; on the CPU the instruction set and threads),
 * type, batch, heads, sizes, dimensions and kind of score, a frontier and a mask
 * alike. Masks are told apart by a hash of their expression, sizes and a sample
 * of their rows. Wisdom can never change what is computed, only how: at worst it
 * is slow.
 *
 * Wisdom belongs to one context. The functions here may be called while plans of
 * the context run in other threads. */

/* Writes all that the context knows as lines of text, in the order in which it
 * learnt, to text[size], terminated when size > 0; *length is how many bytes the
 * whole takes without the terminator. GATTN_NOTE_TRUNCATED when that does not
 * fit: only whole lines are written then. text may be null if size is 0; length
 * may be null. */
GATTN_API gattn_status gattn_wisdom_export(gattn_context *context, char *text,
                                           size_t size, size_t *length);

/* Adds wisdom from text[length], as gattn_wisdom_export wrote it; of two
 * entries for the same work the later one holds. Lines that are empty or begin
 * with # are passed over. All or nothing: GATTN_ERROR_FORMAT where a line is
 * malformed, and the message begins with its number. Entries of other devices
 * and versions are kept, for who has them. */
GATTN_API gattn_status gattn_wisdom_import(gattn_context *context,
                                           const char *text, size_t length);

/* Forgets everything. Plans that were made stay as they are. */
GATTN_API gattn_status gattn_wisdom_forget(gattn_context *context);

GATTN_END_DECLS

#endif
