/* The workloads of gattn bench on a device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/bench.h"

/* Documents of 200 to 4000 tokens, the same for every n and everywhere. */
static int add_documents(bench_workload *w, int count, bench_workload like,
                         const char *more) {
  uint32_t state = 7;
  char *text = w[count].mask;
  const size_t room = BENCH_MASK_SIZE - strlen(more) - 16;
  w[count] = like;
  size_t length = (size_t)snprintf(text, BENCH_MASK_SIZE, "documents(0");
  for (int64_t start = 0; length < room;) {
    state = state * 1664525u + 1013904223u;
    start += 200 + (state >> 8) % 3801;
    if (start >= like.n) break;
    length += (size_t)snprintf(text + length, BENCH_MASK_SIZE - length,
                               ",%" PRId64, start);
  }
  snprintf(text + length, BENCH_MASK_SIZE - length, ")%s", more);
  return count + 1;
}

static int add_blocks(bench_workload *w, int count, bench_workload like) {
  const int64_t n = like.n;
  if (n >= 64)
    count = bench_add(w, count, like, "longformer(256,64)");
  if (n >= 128) count = bench_add(w, count, like, "bigbird(64,1,2,3,7)");
  like.name = "documents of 200 to 4000";
  count = add_documents(w, count, like, "");
  like.d = 128;
  count = add_documents(w, count, like, "");
  like.name = "documents of 200 to 4000 & causal";
  count = add_documents(w, count, like, " & causal");
  like.d = 64;
  count = add_documents(w, count, like, " & causal");
  like.name = NULL;
  const int64_t h = bench_grid_height(n);
  if (h >= 13)
    count = bench_add(w, count, like,
                      "neighborhood2d(%" PRId64 ",%" PRId64 ",13,13)", h,
                      n / h);
  /* 2% of the blocks. */
  const int64_t blocks = (n + 127) / 128;
  return bench_add(w, count, like, "randomblocks(128,%" PRId64 ",7)",
                   blocks / 51 ? blocks / 51 : 1);
}

static int add_decode(bench_workload *w, int count, int64_t n) {
  bench_workload like = {.n = n, .heads = 8, .d = 64, .frontier = "last:1"};
  like.name = "full, frontier last:1";
  count = bench_add(w, count, like, "full");
  like.name = "streaming(64,4096), frontier last:1";
  return n >= 64 ? bench_add(w, count, like, "streaming(64,4096)") : count;
}

int bench_device_forward(int64_t n, bench_workload *w) {
  static const struct {
    int64_t left, right, d;
  } bands[] = {{64, 64, 64},    {256, 256, 64},   {256, 256, 128},
               {1024, 1024, 64}, {1024, 1024, 128}, {255, 0, 64},
               {1023, 0, 64},   {255, 0, 128},    {1023, 0, 128}};
  bench_workload like = {.n = n ? n : 131072, .heads = 8};
  int count = 0;
  for (size_t b = 0; b < sizeof bands / sizeof *bands; b++) {
    const int64_t left = bands[b].left, right = bands[b].right;
    like.d = bands[b].d;
    count = left == right
                ? bench_add(w, count, like, "local(%" PRId64 ")", left)
                : bench_add(w, count, like, "local(%" PRId64 ",%" PRId64 ")",
                            left, right);
  }
  like.d = 64;
  count = bench_add(w, count, like, "dilated(64,4)");
  count = add_blocks(w, count, like);
  like.n = n ? n : 32768;
  for (like.d = 64; like.d <= 128; like.d += 64)
    count = bench_add(w, count, like, "full");
  const bench_workload many = {
      .n = n ? n : (int64_t)1 << 26, .heads = 1, .d = 64};
  count = bench_add(w, count, many, "local(50)");
  return add_decode(w, count, n ? n : (int64_t)1 << 20);
}

/* Lists of edges: hubs of all sizes, one hub, a mesh of 5 x 5 neighbours, a
 * band with a few random ones. */
static int add_graphs(bench_workload *w, int count, bench_workload like) {
  const int64_t h = bench_grid_height(like.n);
  like.kind = BENCH_RMAT;
  like.name = "R-MAT, 32 edges a vertex";
  count = bench_add(w, count, like, "rmat");
  like.kind = BENCH_EDGES;
  like.name = "random(32,7) | global(0), as edges";
  count = bench_add(w, count, like, "random(32,7) | global(0)");
  like.name = "mesh, 25 edges a vertex";
  if (h >= 5)
    count = bench_add(w, count, like,
                      "neighborhood2d(%" PRId64 ",%" PRId64 ",5,5)", h,
                      like.n / h);
  like.name = "local(8) | random(16,7), as edges";
  return bench_add(w, count, like, "local(8) | random(16,7)");
}

int bench_device_edges(int64_t n, bench_workload *w) {
  static const int64_t sizes[] = {131072, 1048576, 4194304};
  int count = 0;
  for (int s = 0; s < (n ? 1 : 3); s++) {
    bench_workload like = {.n = n ? n : sizes[s],
                           .heads = 1,
                           .d = 64,
                           .gathered = true,
                           .uniform = true};
    count = bench_add(w, count, like, "random(32,7)");
    like.uniform = false;
    /* Lists of more edges take the host minutes. */
    if (s < 2) count = add_graphs(w, count, like);
  }
  return count;
}

int bench_device_growth(int64_t n, bench_workload *w) {
  static const struct {
    const char *mask;
    int64_t most;
    bool gathered;
  } masks[] = {{"local(50)", (int64_t)1 << 27, false},
               {"local(256)", (int64_t)1 << 27, false},
               {"random(32,7)", (int64_t)1 << 24, true}};
  int count = 0;
  for (int m = 0; m < 3; m++) {
    const int64_t most = n && n < masks[m].most ? n : masks[m].most;
    bench_workload like = {.heads = 1,
                           .d = 64,
                           .n = most < 16384 ? most : 16384,
                           .gathered = masks[m].gathered};
    for (; like.n <= most; like.n *= 2)
      count = bench_add(w, count, like, "%s", masks[m].mask);
  }
  return count;
}

/* 160 and 200 million tokens fill a card of 80 GB, 280 and 370 one of 141. */
int bench_device_tokens(int64_t n, bench_workload *w) {
  static const struct {
    const char *mask, *name;
    int64_t millions;
    bool over_q;
  } masks[] = {{"local(50)", NULL, 160, false},
               {"local(50)", "local(50), O over Q", 200, true},
               {"dilated(50,4)", NULL, 100, false},
               {"longformer(50,64)", NULL, 100, false},
               {"local(50)", NULL, 280, false},
               {"local(50)", "local(50), O over Q", 370, true}};
  int count = 0;
  for (int m = 0; m < (n ? 4 : 6); m++) {
    const bench_workload like = {.n = n ? n : masks[m].millions * 1000000,
                                 .heads = 1,
                                 .d = 64,
                                 .name = masks[m].name,
                                 .over_q = masks[m].over_q};
    if (m == 3 && like.n < 64) continue;
    count = bench_add(w, count, like, "%s", masks[m].mask);
  }
  return count;
}
