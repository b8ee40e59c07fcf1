/* Small masks and their rules. SPDX-License-Identifier: Apache-2.0 */
#include "mask_cases.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define BIG          INT64_MAX

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Takes row v of a table of parameters. */
#define VARY_TABLE(NAME, ...)                                \
  static bool NAME##_vary(mask_case *m, int v, bool *skip) { \
    static const int64_t table[][5] = {__VA_ARGS__};         \
    (void)skip;                                              \
    if (v >= COUNT(table)) return false;                     \
    memcpy(m->p, table[v], sizeof m->p);                     \
    return true;                                             \
  }

/* ---------------------------------------------------- windows, blocks */

static bool full_edge(const mask_case *m, int64_t i, int64_t j) {
  (void)m, (void)i, (void)j;
  return true;
}
static gattn_status full_make(gattn_context *c, const mask_case *m,
                              gattn_graph **g) {
  return gattn_mask_full(c, m->n_q, m->n_kv, g);
}
VARY_TABLE(full, {0})

static bool causal_edge(const mask_case *m, int64_t i, int64_t j) {
  (void)m;
  return j <= i;
}
static gattn_status causal_make(gattn_context *c, const mask_case *m,
                                gattn_graph **g) {
  return gattn_mask_causal(c, m->n_q, m->n_kv, g);
}

static bool local_edge(const mask_case *m, int64_t i, int64_t j) {
  return -m->p[0] <= j - i && j - i <= m->p[1];
}
static gattn_status local_make(gattn_context *c, const mask_case *m,
                               gattn_graph **g) {
  return gattn_mask_local(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(local, {0, 0}, {1, 1}, {2, 0}, {0, 3}, {4, 2}, {BIG, 0}, {0, BIG},
           {BIG, BIG}, {BIG, 2}, {30, 1})

static bool dilated_edge(const mask_case *m, int64_t i, int64_t j) {
  return (__int128)llabs(i - j) <= (__int128)m->p[0] * m->p[1] &&
         (i - j) % m->p[1] == 0;
}
static gattn_status dilated_make(gattn_context *c, const mask_case *m,
                                 gattn_graph **g) {
  return gattn_mask_dilated(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(dilated, {0, 1}, {3, 1}, {1, 2}, {2, 3}, {1, 5}, {2, 6}, {0, 4},
           {BIG, 2}, {3, BIG}, {BIG, BIG}, {BIG - 1, 3})

static bool dilated2d_edge(const mask_case *m, int64_t i, int64_t j) {
  int64_t b = m->p[0], r = m->p[1];
  return i / b == j / b && i % b % r == 0 && j % b % r == 0;
}
static gattn_status dilated2d_make(gattn_context *c, const mask_case *m,
                                   gattn_graph **g) {
  return gattn_mask_dilated2d(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(dilated2d, {1, 1}, {4, 2}, {6, 3}, {5, 2}, {7, 3}, {3, 9}, {100, 4},
           {BIG, 1}, {BIG, BIG}, {4, BIG})

static bool strided_edge(const mask_case *m, int64_t i, int64_t j) {
  return (i - j) % m->p[0] == 0;
}
static gattn_status strided_make(gattn_context *c, const mask_case *m,
                                 gattn_graph **g) {
  return gattn_mask_strided(c, m->n_q, m->n_kv, m->p[0], g);
}
VARY_TABLE(strided, {1}, {2}, {3}, {6}, {16}, {40}, {BIG})

static bool fixed_edge(const mask_case *m, int64_t i, int64_t j) {
  int64_t s = m->p[0], c = m->p[1];
  return i / s == j / s || j % s >= s - c;
}
static gattn_status fixed_make(gattn_context *c, const mask_case *m,
                               gattn_graph **g) {
  return gattn_mask_fixed(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(fixed, {4, 0}, {4, 1}, {5, 2}, {4, 4}, {1, 0}, {1, 1}, {7, 3},
           {40, 35}, {BIG, 0}, {BIG, BIG - 5}, {BIG, BIG})

static bool blocks_edge(const mask_case *m, int64_t i, int64_t j) {
  return i / m->p[0] == j / m->p[0];
}
static gattn_status blocks_make(gattn_context *c, const mask_case *m,
                                gattn_graph **g) {
  return gattn_mask_blocks(c, m->n_q, m->n_kv, m->p[0], g);
}

static bool blocklocal_edge(const mask_case *m, int64_t i, int64_t j) {
  return llabs(i / m->p[0] - j / m->p[0]) <= m->p[1];
}
static gattn_status blocklocal_make(gattn_context *c, const mask_case *m,
                                    gattn_graph **g) {
  return gattn_mask_blocklocal(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(blocklocal, {3, 0}, {3, 1}, {1, 2}, {2, 3}, {4, BIG}, {BIG, 0},
           {BIG, BIG}, {5, 1})

static bool prefix_edge(const mask_case *m, int64_t i, int64_t j) {
  return j < m->p[0] || j <= i;
}
static gattn_status prefix_make(gattn_context *c, const mask_case *m,
                                gattn_graph **g) {
  return gattn_mask_prefix(c, m->n_q, m->n_kv, m->p[0], g);
}
static bool prefix_vary(mask_case *m, int v, bool *skip) {
  m->p[0] = v == 3 ? m->n_kv : 2 * v;
  *skip = m->p[0] > m->n_kv;
  return v < 4;
}

/* ---------------------------------------------------------------- sets */

static bool in_set(const mask_case *m, int64_t x) {
  for (int64_t r = 0; r < m->n_set; r++)
    if (m->set[r].begin <= x && x < m->set[r].end) return true;
  return false;
}
/* Sets that overlap, touch, and stand in no order. */
static bool vary_set(mask_case *m, int v, int64_t limit, bool *skip) {
  static const struct {
    gattn_range set[3];
    int64_t n;
  } table[] = {{{{0, 1}}, 1},
               {{{2, 3}, {0, 1}}, 2},
               {{{4, 7}, {0, 2}, {1, 4}}, 3},
               {{{9, 12}, {3, 5}, {10, 11}}, 3},
               {{{14, 17}, {1, 2}}, 2},
               {{{0, 12}}, 1}};
  if (v >= COUNT(table)) return false;
  memcpy(m->set, table[v].set, sizeof m->set);
  m->n_set = table[v].n;
  for (int64_t r = 0; r < m->n_set; r++) *skip = *skip || m->set[r].end > limit;
  return true;
}

static bool rows_edge(const mask_case *m, int64_t i, int64_t j) {
  (void)j;
  return in_set(m, i);
}
static gattn_status rows_make(gattn_context *c, const mask_case *m,
                              gattn_graph **g) {
  return gattn_mask_rows(c, m->n_q, m->n_kv, m->set, m->n_set, g);
}
static bool rows_vary(mask_case *m, int v, bool *skip) {
  return vary_set(m, v, m->n_q, skip);
}

static bool cols_edge(const mask_case *m, int64_t i, int64_t j) {
  (void)i;
  return in_set(m, j);
}
static gattn_status cols_make(gattn_context *c, const mask_case *m,
                              gattn_graph **g) {
  return gattn_mask_cols(c, m->n_q, m->n_kv, m->set, m->n_set, g);
}
static bool cols_vary(mask_case *m, int v, bool *skip) {
  return vary_set(m, v, m->n_kv, skip);
}

static bool global_edge(const mask_case *m, int64_t i, int64_t j) {
  return in_set(m, i) || in_set(m, j);
}
static gattn_status global_make(gattn_context *c, const mask_case *m,
                                gattn_graph **g) {
  return gattn_mask_global(c, m->n_q, m->n_kv, m->set, m->n_set, g);
}
static bool global_vary(mask_case *m, int v, bool *skip) {
  return vary_set(m, v, most(m->n_q, m->n_kv), skip);
}

/* ---------------------------------------------------------------- data */

static int64_t document_of(const mask_case *m, int64_t x) {
  int64_t d = 0;
  for (int64_t s = 0; s < m->n; s++) d += m->list[s] <= x;
  return d;
}
static bool documents_edge(const mask_case *m, int64_t i, int64_t j) {
  return document_of(m, i) == document_of(m, j);
}
static gattn_status documents_make(gattn_context *c, const mask_case *m,
                                   gattn_graph **g) {
  return gattn_mask_documents(c, m->n_q, m->n_kv, m->list, m->n, g);
}
static bool documents_vary(mask_case *m, int v, bool *skip) {
  static const struct {
    int64_t starts[6], n;
  } table[] = {{{0}, 1}, {{0, 1}, 2}, {{0, 3, 4, 9}, 4}, {{0, 5, 14, 16}, 4}};
  if (v >= COUNT(table)) return false;
  m->n = table[v].n;
  memcpy(m->list, table[v].starts, sizeof table[v].starts);
  *skip = m->n > 1 && m->list[m->n - 1] >= most(m->n_q, m->n_kv);
  return true;
}

static bool tree_edge(const mask_case *m, int64_t i, int64_t j) {
  while (i > j) i = m->list[i];
  return i == j;
}
static gattn_status tree_make(gattn_context *c, const mask_case *m,
                              gattn_graph **g) {
  return gattn_mask_tree(c, m->n_q, m->n_kv, m->list, m->n, g);
}
/* Roots alone, a path, a star, a heap, paths with gaps, a forest. */
static bool tree_vary(mask_case *m, int v, bool *skip) {
  *skip = m->n_q != m->n_kv;
  m->n = least(m->n_q, MASK_CASE_VALUES);
  for (int64_t x = 0; x < m->n; x++) {
    int64_t parents[] = {-1,
                         x - 1,
                         x ? 0 : -1,
                         x ? (x - 1) / 2 : -1,
                         x % 5 == 4 ? x - 3 : x - 1,
                         x % 7 ? x * 13 % 31 % x : -1,
                         x > 1 ? x - 2 : -1};
    if (v < COUNT(parents)) m->list[x] = parents[v];
  }
  return v < 7;
}

static bool buckets_edge(const mask_case *m, int64_t i, int64_t j) {
  return m->list[i] == m->list[j];
}
static gattn_status buckets_make(gattn_context *c, const mask_case *m,
                                 gattn_graph **g) {
  return gattn_mask_buckets(c, m->n_q, m->n_kv, m->list, m->n, g);
}
static bool buckets_vary(mask_case *m, int v, bool *skip) {
  *skip = m->n_q != m->n_kv;
  m->n = least(m->n_q, MASK_CASE_VALUES);
  for (int64_t x = 0; x < m->n; x++) {
    int64_t ids[] = {7,     -x * 1000003,  x / 4,
                     x % 3, x * x % 5 - 2, x % 2 ? INT64_MIN : BIG};
    if (v < COUNT(ids)) m->list[x] = ids[v];
  }
  return v < 6;
}

static bool intervals_edge(const mask_case *m, int64_t i, int64_t j) {
  return m->list[i] <= j && j < m->other[i];
}
static gattn_status intervals_make(gattn_context *c, const mask_case *m,
                                   gattn_graph **g) {
  return gattn_mask_intervals(c, m->n_q, m->n_kv, m->list, m->other, m->n, g);
}
static bool intervals_vary(mask_case *m, int v, bool *skip) {
  (void)skip;
  m->n = m->n_q;
  for (int64_t i = 0; i < m->n; i++) {
    int64_t a = (i * 7 + v) % (m->n_kv + 1), b = (i * 3 + 2) % (m->n_kv + 1);
    m->list[i] = least(a, b);
    m->other[i] = v == 1 ? m->list[i] : most(a, b);
  }
  return v < 3;
}

/* ---------------------------------------------------------------- grids */

static bool in_window(int64_t x, int64_t y, int64_t size, int64_t length) {
  int64_t begin = x - size / 2;
  if (begin < 0) begin = 0;
  if (begin + size > length) begin = length - size;
  return begin <= y && y < begin + size;
}
static bool neighborhood2d_edge(const mask_case *m, int64_t i, int64_t j) {
  int64_t h = m->p[0], w = m->p[1];
  return in_window(i / w, j / w, m->p[2], h) &&
         in_window(i % w, j % w, m->p[3], w);
}
static gattn_status neighborhood2d_make(gattn_context *c, const mask_case *m,
                                        gattn_graph **g) {
  return gattn_mask_neighborhood2d(c, m->n_q, m->n_kv, m->p[0], m->p[1],
                                   m->p[2], m->p[3], g);
}
static bool neighborhood2d_vary(mask_case *m, int v, bool *skip) {
  static const int64_t table[][5] = {{4, 4, 1, 1}, {4, 4, 3, 3}, {4, 5, 3, 5},
                                     {4, 5, 1, 3}, {2, 8, 1, 7}, {8, 2, 5, 1},
                                     {5, 4, 5, 3}, {1, 1, 1, 1}, {1, 7, 1, 3},
                                     {7, 1, 7, 1}, {4, 4, 3, 1}};
  if (v >= COUNT(table)) return false;
  memcpy(m->p, table[v], sizeof m->p);
  *skip = m->n_q != m->n_kv || m->n_q != m->p[0] * m->p[1];
  return true;
}

static bool blocks2d_edge(const mask_case *m, int64_t i, int64_t j) {
  int64_t w = m->p[1], bh = m->p[2], bw = m->p[3];
  return i / w / bh == j / w / bh && i % w / bw == j % w / bw;
}
static gattn_status blocks2d_make(gattn_context *c, const mask_case *m,
                                  gattn_graph **g) {
  return gattn_mask_blocks2d(c, m->n_q, m->n_kv, m->p[0], m->p[1], m->p[2],
                             m->p[3], g);
}
static bool blocks2d_vary(mask_case *m, int v, bool *skip) {
  static const int64_t table[][5] = {
      {4, 4, 2, 2}, {4, 4, 3, 3},   {4, 5, 2, 3},     {5, 4, 9, 2},
      {2, 8, 1, 8}, {8, 2, 3, BIG}, {1, 1, BIG, BIG}, {7, 1, 2, 1}};
  if (v >= COUNT(table)) return false;
  memcpy(m->p, table[v], sizeof m->p);
  *skip = m->n_q != m->n_kv || m->n_q != m->p[0] * m->p[1];
  return true;
}

/* ------------------------------------------------- blocks from a graph */

static bool blockmask_edge(const mask_case *m, int64_t i, int64_t j) {
  int64_t a = i / m->p[0], b = j / m->p[0];
  return m->p[1] ? (a - b) % 2 == 0 : -1 <= b - a && b - a <= 0;
}
static gattn_status blockmask_make(gattn_context *c, const mask_case *m,
                                   gattn_graph **g) {
  int64_t b = m->p[0];
  int64_t n_q = m->n_q / b + (m->n_q % b > 0);
  int64_t n_kv = m->n_kv / b + (m->n_kv % b > 0);
  gattn_graph *blocks;
  gattn_status status = m->p[1] ? gattn_mask_strided(c, n_q, n_kv, 2, &blocks)
                                : gattn_mask_local(c, n_q, n_kv, 1, 0, &blocks);
  if (status) return status;
  status = gattn_mask_blockmask(c, m->n_q, m->n_kv, blocks, b, g);
  gattn_graph_release(blocks);
  return status;
}
VARY_TABLE(blockmask, {1, 0}, {3, 0}, {4, 1}, {5, 1}, {BIG, 0}, {2, 1})

static gattn_status random_make(gattn_context *c, const mask_case *m,
                                gattn_graph **g) {
  return gattn_mask_random(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
VARY_TABLE(random, {1, 0}, {2, 5}, {5, -1}, {9, 3}, {15, 4}, {16, 7}, {40, 7},
           {BIG, BIG})

static gattn_status randomblocks_make(gattn_context *c, const mask_case *m,
                                      gattn_graph **g) {
  return gattn_mask_randomblocks(c, m->n_q, m->n_kv, m->p[0], m->p[1], m->p[2],
                                 g);
}
VARY_TABLE(randomblocks, {1, 3, 5}, {4, 1, 9}, {3, 2, 1}, {5, BIG, 2},
           {BIG, 1, 1})

/* -------------------------------------------------------------- presets */

static bool longformer_edge(const mask_case *m, int64_t i, int64_t j) {
  return llabs(i - j) <= m->p[0] || i < m->p[1] || j < m->p[1];
}
static gattn_status longformer_make(gattn_context *c, const mask_case *m,
                                    gattn_graph **g) {
  return gattn_mask_longformer(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
static bool longformer_vary(mask_case *m, int v, bool *skip) {
  m->p[0] = v;
  m->p[1] = 1 + v * 2;
  *skip = m->p[1] > most(m->n_q, m->n_kv);
  return v < 4;
}

static bool longnet_edge(const mask_case *m, int64_t i, int64_t j) {
  mask_case one = {.p = {m->p[0], m->p[1]}}, two = {.p = {m->p[2], m->p[3]}};
  return dilated2d_edge(&one, i, j) || dilated2d_edge(&two, i, j);
}
static gattn_status longnet_make(gattn_context *c, const mask_case *m,
                                 gattn_graph **g) {
  int64_t w[] = {m->p[0], m->p[2]}, r[] = {m->p[1], m->p[3]};
  return gattn_mask_longnet(c, m->n_q, m->n_kv, w, r, 2, g);
}
VARY_TABLE(longnet, {4, 1, 8, 2}, {3, 1, 9, 3}, {5, 2, 5, 2})

static bool streaming_edge(const mask_case *m, int64_t i, int64_t j) {
  return j <= i && (j < m->p[0] || i - j <= m->p[1]);
}
static gattn_status streaming_make(gattn_context *c, const mask_case *m,
                                   gattn_graph **g) {
  return gattn_mask_streaming(c, m->n_q, m->n_kv, m->p[0], m->p[1], g);
}
static bool streaming_vary(mask_case *m, int v, bool *skip) {
  m->p[0] = 1 + v;
  m->p[1] = 3 * v;
  *skip = m->p[0] > m->n_kv;
  return v < 3;
}

static bool sparsetransformer_edge(const mask_case *m, int64_t i, int64_t j) {
  return j <= i && (i - j < m->p[0] || (i - j) % m->p[0] == 0);
}
static gattn_status sparsetransformer_make(gattn_context *c, const mask_case *m,
                                           gattn_graph **g) {
  return gattn_mask_sparsetransformer(c, m->n_q, m->n_kv, m->p[0], g);
}
VARY_TABLE(sparsetransformer, {1}, {3}, {4}, {100})

static gattn_status bigbird_make(gattn_context *c, const mask_case *m,
                                 gattn_graph **g) {
  return gattn_mask_bigbird(c, m->n_q, m->n_kv, m->p[0], m->p[1], m->p[2],
                            m->p[3], m->p[4], g);
}
static bool bigbird_vary(mask_case *m, int v, bool *skip) {
  static const int64_t table[][5] = {{2, 1, 1, 2, 3}, {3, 0, 2, 1, 1}};
  if (v >= COUNT(table)) return false;
  memcpy(m->p, table[v], sizeof m->p);
  *skip = m->p[0] * m->p[2] > most(m->n_q, m->n_kv);
  return true;
}

/* ---------------------------------------------------------------- table */

#define KIND(name) \
  { #name, name##_edge, name##_make, name##_vary }
static const mask_kind kinds[] = {
    KIND(full),
    {"causal", causal_edge, causal_make, full_vary},
    KIND(local),
    KIND(dilated),
    KIND(dilated2d),
    KIND(strided),
    KIND(fixed),
    {"blocks", blocks_edge, blocks_make, strided_vary},
    KIND(blocklocal),
    KIND(prefix),
    KIND(rows),
    KIND(cols),
    KIND(global),
    KIND(documents),
    KIND(tree),
    KIND(buckets),
    KIND(intervals),
    KIND(neighborhood2d),
    KIND(blocks2d),
    KIND(blockmask),
    {"random", NULL, random_make, random_vary},
    {"randomblocks", NULL, randomblocks_make, randomblocks_vary},
    KIND(longformer),
    KIND(longnet),
    KIND(streaming),
    KIND(sparsetransformer),
    {"bigbird", NULL, bigbird_make, bigbird_vary},
};

const mask_kind *mask_kind_at(int index) {
  return index < COUNT(kinds) ? &kinds[index] : NULL;
}

void mask_cases_visit(const mask_kind *kind,
                      void (*visit)(const mask_case *mask)) {
  static const int64_t sizes[][2] = {{0, 0},   {0, 3},   {3, 0},  {1, 1},
                                     {1, 6},   {6, 1},   {7, 7},  {12, 17},
                                     {17, 12}, {16, 16}, {20, 20}};
  for (int s = 0; s < COUNT(sizes); s++)
    for (int v = 0;; v++) {
      mask_case mask = {.kind = kind, .n_q = sizes[s][0], .n_kv = sizes[s][1]};
      bool skip = false;
      if (!kind->vary(&mask, v, &skip)) break;
      if (!skip) visit(&mask);
    }
}
