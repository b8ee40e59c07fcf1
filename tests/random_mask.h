/* Random mask expressions over a grid. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_TESTS_RANDOM_MASK_H
#define GATTN_TESTS_RANDOM_MASK_H

#include <stddef.h>
#include <stdint.h>

/* Writes an expression over h·w tokens, n_q = n_kv, into text[size], drawn from
 * *state: up to three terms of up to two factors, in parentheses here and there,
 * of every row of the mask table that needs no file, with parameters that
 * leave something of it. size >= 1024. */
void random_mask(uint64_t *state, int64_t h, int64_t w, char *text,
                 size_t size);

#endif
