/* The mask table: one row a mask. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/table.h"

#include <string.h>

#include "lib/context.h"

static gattn_status local_symmetric(gattn_context *context, int64_t n_q,
                                    int64_t n_kv, int64_t w,
                                    gattn_graph **graph) {
  return gattn_mask_local(context, n_q, n_kv, w, w, graph);
}

static gattn_status longnet_pairs(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const int64_t *pairs, int64_t n,
                                  gattn_graph **graph) {
  void *memory;
  gattn_status status =
      gattn_allocate(context, "longnet", n, sizeof *pairs, &memory);
  if (status) return status;
  int64_t *w = memory, *r = w + n / 2;
  for (int64_t p = 0; p < n / 2; p++) {
    w[p] = pairs[2 * p];
    r[p] = pairs[2 * p + 1];
  }
  status = gattn_mask_longnet(context, n_q, n_kv, w, r, n / 2, graph);
  gattn_free(context, memory, n, sizeof *pairs);
  return status;
}

#define INTEGER(name) \
  { GATTN_ARGUMENT_INTEGER, name }
#define PATH(name) \
  { GATTN_ARGUMENT_PATH, name }
#define SET(name) \
  { GATTN_ARGUMENT_SET, name }
#define LIST(name) \
  { GATTN_ARGUMENT_LIST, name }

/* Name, arguments, rule, an example at n = 64 and whether it is a preset; then
 * the forms. In the order of the documentation. */
static const gattn_mask_row rows[] = {
    {{"full", "", "always", "full", 0}, {{{{0}}, {.none = gattn_mask_full}}}},
    {{"causal", "", "j <= i", "causal", 0},
     {{{{0}}, {.none = gattn_mask_causal}}}},
    {{"local", "w | left, right", "-left <= j - i <= right (left = right = w)",
      "local(4)", 0},
     {{{INTEGER("w")}, {.one = local_symmetric}},
      {{INTEGER("left"), INTEGER("right")}, {.two = gattn_mask_local}}}},
    {{"dilated", "w, r", "|i - j| <= w*r and (i - j) mod r = 0",
      "dilated(3, 2)", 0},
     {{{INTEGER("w"), INTEGER("r")}, {.two = gattn_mask_dilated}}}},
    {{"dilated2d", "b, r",
      "i/b = j/b and (i mod b) mod r = 0 and (j mod b) mod r = 0",
      "dilated2d(16, 3)", 0},
     {{{INTEGER("b"), INTEGER("r")}, {.two = gattn_mask_dilated2d}}}},
    {{"strided", "s", "(i - j) mod s = 0", "strided(7)", 0},
     {{{INTEGER("s")}, {.one = gattn_mask_strided}}}},
    {{"fixed", "s, c", "i/s = j/s or (j mod s) >= s - c", "fixed(8, 2)", 0},
     {{{INTEGER("s"), INTEGER("c")}, {.two = gattn_mask_fixed}}}},
    {{"blocks", "b", "i/b = j/b", "blocks(10)", 0},
     {{{INTEGER("b")}, {.one = gattn_mask_blocks}}}},
    {{"blocklocal", "b, w", "|i/b - j/b| <= w", "blocklocal(10, 1)", 0},
     {{{INTEGER("b"), INTEGER("w")}, {.two = gattn_mask_blocklocal}}}},
    {{"rows", "set...", "i in set", "rows(3, 10:12)", 0},
     {{{SET("set")}, {.set = gattn_mask_rows}}}},
    {{"cols", "set...", "j in set", "cols(0:4, 63)", 0},
     {{{SET("set")}, {.set = gattn_mask_cols}}}},
    {{"global", "set...", "i in set or j in set", "global(0:2, 40)", 0},
     {{{SET("set")}, {.set = gattn_mask_global}}}},
    {{"random", "k, seed", "k distinct random keys in every row",
      "random(5, 7)", 0},
     {{{INTEGER("k"), INTEGER("seed")}, {.two = gattn_mask_random}}}},
    {{"randomblocks", "b, k, seed",
      "k distinct random blocks of b keys for every block of b queries",
      "randomblocks(10, 2, 7)", 0},
     {{{INTEGER("b"), INTEGER("k"), INTEGER("seed")},
       {.three = gattn_mask_randomblocks}}}},
    {{"documents", "s0, s1, ... | \"starts.npy\"",
      "i and j in the same document; documents start at s0 = 0 < s1 < ...",
      "documents(0, 10, 40)", 0},
     {{{LIST("s0")}, {.list = gattn_mask_documents}},
      {{PATH("starts")}, {.values = gattn_mask_documents_file}}}},
    {{"prefix", "p", "j < p or j <= i", "prefix(10)", 0},
     {{{INTEGER("p")}, {.one = gattn_mask_prefix}}}},
    {{"neighborhood2d", "h, w, kh, kw",
      "j in the kh x kw window around i on the h x w grid, kept inside",
      "neighborhood2d(8, 8, 3, 5)", 0},
     {{{INTEGER("h"), INTEGER("w"), INTEGER("kh"), INTEGER("kw")},
       {.four = gattn_mask_neighborhood2d}}}},
    {{"blocks2d", "h, w, bh, bw",
      "i and j in the same bh x bw cell of the h x w grid",
      "blocks2d(8, 8, 3, 4)", 0},
     {{{INTEGER("h"), INTEGER("w"), INTEGER("bh"), INTEGER("bw")},
       {.four = gattn_mask_blocks2d}}}},
    {{"tree", "\"parents.npy\"", "j is i or an ancestor of i", NULL, 0},
     {{{PATH("parents")}, {.values = gattn_mask_tree_file}}}},
    {{"buckets", "\"ids.npy\"", "ids[i] = ids[j]", NULL, 0},
     {{{PATH("ids")}, {.values = gattn_mask_buckets_file}}}},
    {{"intervals", "\"lo.npy\", \"hi.npy\"", "lo[i] <= j < hi[i]", NULL, 0},
     {{{PATH("lo"), PATH("hi")}, {.values = gattn_mask_intervals_files}}}},
    {{"edges", "\"g.mtx\"", "(i, j) stands in the Matrix Market file", NULL, 0},
     {{{PATH("g")}, {.values = gattn_mask_edges_file}}}},
    {{"blockmask", "\"g.mtx\", b",
      "(i/b, j/b) stands in the Matrix Market file", NULL, 0},
     {{{PATH("g"), INTEGER("b")}, {.values = gattn_mask_blockmask_file}}}},
    {{"longformer", "w, g", "local(w) | global(0:g)", "longformer(4, 2)", 1},
     {{{INTEGER("w"), INTEGER("g")}, {.two = gattn_mask_longformer}}}},
    {{"bigbird", "b, w, g, r, seed",
      "blocklocal(b, w) | global(0:g*b) | randomblocks(b, r, seed)",
      "bigbird(8, 1, 1, 2, 7)", 1},
     {{{INTEGER("b"), INTEGER("w"), INTEGER("g"), INTEGER("r"),
        INTEGER("seed")},
       {.five = gattn_mask_bigbird}}}},
    {{"longnet", "w1, r1, w2, r2, ...",
      "dilated2d(w1, r1) | dilated2d(w2, r2) | ...", "longnet(8, 1, 32, 4)", 1},
     {{{LIST("w1"), LIST("r1")}, {.list = longnet_pairs}}}},
    {{"streaming", "s, w", "(cols(0:s) & causal) | local(w, 0)",
      "streaming(4, 8)", 1},
     {{{INTEGER("s"), INTEGER("w")}, {.two = gattn_mask_streaming}}}},
    {{"sparsetransformer", "s", "(local(s - 1, 0) | strided(s)) & causal",
      "sparsetransformer(8)", 1},
     {{{INTEGER("s")}, {.one = gattn_mask_sparsetransformer}}}},
};

#define N_ROWS ((int64_t)(sizeof rows / sizeof *rows))

const gattn_mask_info *gattn_mask_table(int64_t index) {
  return index >= 0 && index < N_ROWS ? &rows[index].info : NULL;
}

const gattn_mask_row *gattn_mask_find(const char *name, size_t length) {
  for (int64_t r = 0; r < N_ROWS; r++)
    if (strlen(rows[r].info.name) == length &&
        !memcmp(rows[r].info.name, name, length))
      return &rows[r];
  return NULL;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

#define LONGEST_NAME 31

/* The optimal string alignment distance. Names longer than any in the table
 * are cut: the rest is the same distance from all of them. */
int gattn_edit_distance(const char *name, size_t length, const char *known) {
  int d[LONGEST_NAME + 1][LONGEST_NAME + 1];
  int n = (int)(length < LONGEST_NAME ? length : LONGEST_NAME);
  int m = (int)strnlen(known, LONGEST_NAME);
  for (int i = 0; i <= n; i++) {
    for (int j = 0; j <= m; j++) {
      int best = i + j;
      if (i && j) {
        best = d[i - 1][j - 1] + (lower(name[i - 1]) != known[j - 1]);
        if (best > d[i - 1][j] + 1) best = d[i - 1][j] + 1;
        if (best > d[i][j - 1] + 1) best = d[i][j - 1] + 1;
      }
      if (i > 1 && j > 1 && lower(name[i - 1]) == known[j - 2] &&
          lower(name[i - 2]) == known[j - 1] && best > d[i - 2][j - 2] + 1)
        best = d[i - 2][j - 2] + 1;
      d[i][j] = best;
    }
  }
  return d[n][m];
}

const char *gattn_mask_closest(const char *name, size_t length) {
  const char *closest = NULL;
  int least = 0;
  for (int64_t r = 0; r < N_ROWS; r++) {
    int distance = gattn_edit_distance(name, length, rows[r].info.name);
    if (closest && distance >= least) continue;
    closest = rows[r].info.name;
    least = distance;
  }
  return closest;
}

int gattn_mask_form_arguments(const gattn_mask_form *form) {
  int n = 0;
  while (n < GATTN_MOST_ARGUMENTS && form->arguments[n].kind) n++;
  return n;
}

static bool takes_path(const gattn_mask_form *form, int n) {
  for (int a = 0; a < n; a++)
    if (form->arguments[a].kind == GATTN_ARGUMENT_PATH) return true;
  return false;
}

gattn_status gattn_mask_make(gattn_context *context,
                             const gattn_mask_form *form, int64_t n_q,
                             int64_t n_kv, const gattn_mask_values *values,
                             gattn_graph **graph) {
  const gattn_mask_constructor *make = &form->make;
  const int64_t *v = values->integers;
  int n = gattn_mask_form_arguments(form);
  if (form->arguments[0].kind == GATTN_ARGUMENT_SET)
    return make->set(context, n_q, n_kv, values->set, values->n_set, graph);
  if (form->arguments[0].kind == GATTN_ARGUMENT_LIST)
    return make->list(context, n_q, n_kv, v, values->n_integers, graph);
  if (takes_path(form, n))
    return make->values(context, n_q, n_kv, values, graph);
  switch (n) {
    case 0:
      return make->none(context, n_q, n_kv, graph);
    case 1:
      return make->one(context, n_q, n_kv, v[0], graph);
    case 2:
      return make->two(context, n_q, n_kv, v[0], v[1], graph);
    case 3:
      return make->three(context, n_q, n_kv, v[0], v[1], v[2], graph);
    case 4:
      return make->four(context, n_q, n_kv, v[0], v[1], v[2], v[3], graph);
    default:
      return make->five(context, n_q, n_kv, v[0], v[1], v[2], v[3], v[4],
                        graph);
  }
}
