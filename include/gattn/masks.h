/* The library's masks, and the expression parser. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_H
#define GATTN_MASKS_H

#include <gattn/graph.h>

GATTN_BEGIN_DECLS

/* Each function makes the graph of one row of the mask table: i is the query
 * position in [0, n_q), j the key position in [0, n_kv), division is floor
 * division. All can return GATTN_ERROR_SIZE (a negative or too large n),
 * GATTN_ERROR_ARGUMENT (a parameter out of its range), GATTN_ERROR_INDEX (a
 * position outside the graph), GATTN_ERROR_SHAPE (an array of another length
 * than the graph's, a grid of another number of tokens), GATTN_ERROR_OVERFLOW
 * (a grid of too many) and GATTN_ERROR_MEMORY. */

/* A set of positions: n ranges [begin[r], end[r]), in any order; they may
 * overlap. A single position p is [p, p + 1). */
typedef struct gattn_range {
  int64_t begin, end; /* begin < end */
} gattn_range;

/* Every pair. */
GATTN_API gattn_status gattn_mask_full(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, gattn_graph **graph);
/* j <= i. */
GATTN_API gattn_status gattn_mask_causal(gattn_context *context, int64_t n_q,
                                         int64_t n_kv, gattn_graph **graph);
/* -left <= j - i <= right; left, right >= 0. */
GATTN_API gattn_status gattn_mask_local(gattn_context *context, int64_t n_q,
                                        int64_t n_kv, int64_t left,
                                        int64_t right, gattn_graph **graph);
/* |i - j| <= w·r and (i - j) mod r = 0; w >= 0, r >= 1. */
GATTN_API gattn_status gattn_mask_dilated(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, int64_t w, int64_t r,
                                          gattn_graph **graph);
/* i/b = j/b and (i mod b) mod r = 0 and (j mod b) mod r = 0; b, r >= 1. */
GATTN_API gattn_status gattn_mask_dilated2d(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            int64_t b, int64_t r,
                                            gattn_graph **graph);
/* (i - j) mod s = 0; s >= 1. */
GATTN_API gattn_status gattn_mask_strided(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, int64_t s,
                                          gattn_graph **graph);
/* i/s = j/s or (j mod s) >= s - c; s >= 1, 0 <= c <= s. */
GATTN_API gattn_status gattn_mask_fixed(gattn_context *context, int64_t n_q,
                                        int64_t n_kv, int64_t s, int64_t c,
                                        gattn_graph **graph);
/* i/b = j/b; b >= 1. */
GATTN_API gattn_status gattn_mask_blocks(gattn_context *context, int64_t n_q,
                                         int64_t n_kv, int64_t b,
                                         gattn_graph **graph);
/* |i/b - j/b| <= w; b >= 1, w >= 0. */
GATTN_API gattn_status gattn_mask_blocklocal(gattn_context *context,
                                             int64_t n_q, int64_t n_kv,
                                             int64_t b, int64_t w,
                                             gattn_graph **graph);
/* i in set · j in set · either. set[n]; n >= 1. Positions lie below n_q for
 * rows, n_kv for columns, the larger of both for global. */
GATTN_API gattn_status gattn_mask_rows(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const gattn_range *set,
                                       int64_t n, gattn_graph **graph);
GATTN_API gattn_status gattn_mask_cols(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const gattn_range *set,
                                       int64_t n, gattn_graph **graph);
GATTN_API gattn_status gattn_mask_global(gattn_context *context, int64_t n_q,
                                         int64_t n_kv, const gattn_range *set,
                                         int64_t n, gattn_graph **graph);
/* Exactly min(k, n_kv) distinct keys in every row, drawn uniformly, a pure
 * function of (seed, i, n_kv); k >= 1. */
GATTN_API gattn_status gattn_mask_random(gattn_context *context, int64_t n_q,
                                         int64_t n_kv, int64_t k, int64_t seed,
                                         gattn_graph **graph);
/* The same over blocks of b: k distinct key blocks for every query block. */
GATTN_API gattn_status gattn_mask_randomblocks(gattn_context *context,
                                               int64_t n_q, int64_t n_kv,
                                               int64_t b, int64_t k,
                                               int64_t seed,
                                               gattn_graph **graph);
/* i and j in the same document; starts[n] ascending, starts[0] = 0, n >= 1. */
GATTN_API gattn_status gattn_mask_documents(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            const int64_t *starts, int64_t n,
                                            gattn_graph **graph);
/* j < p or j <= i; 0 <= p <= n_kv. */
GATTN_API gattn_status gattn_mask_prefix(gattn_context *context, int64_t n_q,
                                         int64_t n_kv, int64_t p,
                                         gattn_graph **graph);
/* Tokens are an h × w grid, row-major, n_q = n_kv = h·w; each attends the
 * kh × kw window (odd, kh <= h, kw <= w) centred on it, shifted at the border
 * to stay inside. */
GATTN_API gattn_status gattn_mask_neighborhood2d(gattn_context *context,
                                                 int64_t n_q, int64_t n_kv,
                                                 int64_t h, int64_t w,
                                                 int64_t kh, int64_t kw,
                                                 gattn_graph **graph);
/* The same bh × bw cell of the h × w grid (Swin windows). */
GATTN_API gattn_status gattn_mask_blocks2d(gattn_context *context, int64_t n_q,
                                           int64_t n_kv, int64_t h, int64_t w,
                                           int64_t bh, int64_t bw,
                                           gattn_graph **graph);
/* j is i or an ancestor of i. parents[n], n = n_q = n_kv: -1 for a root, else
 * below the child's own index, else GATTN_ERROR_CYCLE. Copied. */
GATTN_API gattn_status gattn_mask_tree(gattn_context *context, int64_t n_q,
                                       int64_t n_kv, const int64_t *parents,
                                       int64_t n, gattn_graph **graph);
/* ids[i] = ids[j]. ids[n], n = n_q = n_kv, any values. Copied. */
GATTN_API gattn_status gattn_mask_buckets(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, const int64_t *ids,
                                          int64_t n, gattn_graph **graph);
/* lo[i] <= j < hi[i]; 0 <= lo[i] <= hi[i] <= n_kv; n = n_q. Copied. */
GATTN_API gattn_status gattn_mask_intervals(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            const int64_t *lo,
                                            const int64_t *hi, int64_t n,
                                            gattn_graph **graph);
/* (i/b, j/b) is an edge of blocks, a graph of ceil(n_q/b) × ceil(n_kv/b)
 * vertices (else GATTN_ERROR_SHAPE); b >= 1. */
GATTN_API gattn_status gattn_mask_blockmask(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            gattn_graph *blocks, int64_t b,
                                            gattn_graph **graph);

/* Presets, defined by the above and nothing else. */

/* local(w) | global(0:g) — Longformer (Beltagy et al. 2020). */
GATTN_API gattn_status gattn_mask_longformer(gattn_context *context,
                                             int64_t n_q, int64_t n_kv,
                                             int64_t w, int64_t g,
                                             gattn_graph **graph);
/* blocklocal(b, w) | global(0:g·b) | randomblocks(b, r, seed) — BigBird
 * (Zaheer et al. 2020). */
GATTN_API gattn_status gattn_mask_bigbird(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, int64_t b, int64_t w,
                                          int64_t g, int64_t r, int64_t seed,
                                          gattn_graph **graph);
/* dilated2d(w[0], r[0]) | dilated2d(w[1], r[1]) | … — LongNet (Ding et al.
 * 2023); n >= 1 pairs. */
GATTN_API gattn_status gattn_mask_longnet(gattn_context *context, int64_t n_q,
                                          int64_t n_kv, const int64_t *w,
                                          const int64_t *r, int64_t n,
                                          gattn_graph **graph);
/* (cols(0:s) & causal) | local(w, 0) — StreamingLLM (Xiao et al. 2023). */
GATTN_API gattn_status gattn_mask_streaming(gattn_context *context,
                                            int64_t n_q, int64_t n_kv,
                                            int64_t s, int64_t w,
                                            gattn_graph **graph);
/* (local(s - 1, 0) | strided(s)) & causal — Sparse Transformer (Child et al.
 * 2019). */
GATTN_API gattn_status gattn_mask_sparsetransformer(gattn_context *context,
                                                    int64_t n_q, int64_t n_kv,
                                                    int64_t s,
                                                    gattn_graph **graph);

/* The graph of a mask expression, for example "local(256) | global(0:64)", on
 * n_q × n_kv vertices. The grammar is in doc/masks.md. Files named in the
 * expression are read, relative to the working directory.
 * GATTN_ERROR_SYNTAX and GATTN_ERROR_NAME name the column (1-based), what was
 * found and what was expected, or the closest known name;
 * GATTN_ERROR_OVERFLOW an integer above 2^63 - 1, GATTN_ERROR_ARGUMENT a range
 * that does not ascend; the statuses of the masks themselves, and of the files
 * they read, name the column of the mask at fault. Expressions longer
 * than 64 KiB or nested deeper than 256 are GATTN_ERROR_SYNTAX. */
GATTN_API gattn_status gattn_mask_parse(gattn_context *context,
                                        const char *expression, int64_t n_q,
                                        int64_t n_kv, gattn_graph **graph);

/* One row of the mask table, for help texts and tools. */
typedef struct gattn_mask_info {
  const char *name;      /* "local" */
  const char *arguments; /* "w | left, right" */
  const char *rule;      /* "-left <= j - i <= right" */
  const char *example;   /* "local(4)": valid where n_q = n_kv = 64; null when
                          * the mask reads files */
  int preset;            /* 1 for a preset */
} gattn_mask_info;

/* Row `index` of the table, or null past its end. Static. */
GATTN_API const gattn_mask_info *gattn_mask_table(int64_t index);

/* An integer as the grammar writes it: digits and an optional suffix k, m, g
 * or t (2^10 … 2^40). The whole of text must be one.
 * GATTN_ERROR_SYNTAX, GATTN_ERROR_OVERFLOW. */
GATTN_API gattn_status gattn_parse_integer(gattn_context *context,
                                           const char *text, int64_t *value);

GATTN_END_DECLS

#endif
