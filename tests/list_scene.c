/* A pass over some rows in some numbering, for tile lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/list_scene.h"

#include <check.h>
#include <stdlib.h>

#include "lib/device.h"
#include "tests/backend.h"

/* Every third vertex or so, or vertices in no order. */
static gattn_frontier *list_of(gattn_context *context, int64_t n,
                               bool ascending) {
  gattn_frontier *frontier;
  int64_t *list = malloc((size_t)(n + 1) * sizeof *list), size = 0;
  for (int64_t i = 0; i < n; i += 1 + i % 3)
    list[size++] = ascending ? i : (i * 131 + 17) % n;
  ck_success(context, gattn_frontier_list(context, n, list, size, &frontier));
  free(list);
  return frontier;
}

gattn_frontier *scene_frontier(gattn_context *context, int64_t n, int kind) {
  gattn_frontier *frontier = NULL;
  if (kind == RANGE)
    ck_success(context,
               gattn_frontier_range(context, n, n / 5, n - n / 7, &frontier));
  if (kind == LIST || kind == ROWS)
    frontier = list_of(context, n, kind == LIST);
  return frontier;
}

static int64_t *order_of(int64_t n) {
  int64_t *table = malloc((size_t)n * sizeof *table);
  for (int64_t p = 0; p < n; p++) table[p] = (p * 997 + 5) % n;
  return table;
}

static gattn_numbering numbering_of(int kind, const int64_t *table) {
  return (gattn_numbering){.kind = kind,
                           .stride = kind == GATTN_NUMBER_CLASSES ? 7 : 0,
                           .grid_h = kind == GATTN_NUMBER_PATCHES ? GRID_H : 0,
                           .grid_w = kind == GATTN_NUMBER_PATCHES ? GRID_W : 0,
                           .table = table};
}

static void place_pass(scene *at, int kind, int32_t lanes) {
  gattn_tile_pass *pass = &at->pass;
  const gattn_device_attention *geometry = &at->geometry;
  if (kind == ROWS) {
    /* The frontier's positions in the order of their vertices, but a few. */
    at->rows = malloc((size_t)(geometry->n_f + 1) * sizeof *at->rows);
    for (int64_t p = 0; p < geometry->n_f; p++)
      if (p % 11) at->rows[pass->n_rows++] = geometry->n_f - 1 - p;
    pass->rows = at->rows;
    pass->n_tiles = (pass->n_rows + lanes - 1) / lanes;
  } else if (kind == LIST) {
    pass->row_all = 1;
    pass->n_tiles = (geometry->n_f + lanes - 1) / lanes;
  } else if (pass->numbering.kind == GATTN_NUMBER_LINEAR) {
    pass->first_tile = geometry->begin / lanes;
    pass->n_tiles = (geometry->begin + geometry->n_f + lanes - 1) / lanes -
                    pass->first_tile;
  } else {
    pass->n_tiles = gattn_tiles_of(&pass->numbering, lanes, geometry->n_q);
  }
}

static void skip_some(scene *at) {
  const int64_t n = at->geometry.n_q;
  at->skip = malloc(2 * sizeof *at->skip);
  at->skip[0] = (gattn_device_range){n / 8, n / 4};
  at->skip[1] = (gattn_device_range){n / 2, n / 2 + 1};
  at->pass.skip = at->skip;
  at->pass.n_skip = 2;
}

scene scene_of(gattn_context *context, int64_t n_q, int64_t n_kv, int rows,
               int numbering, int32_t lanes) {
  scene at = {.frontier = scene_frontier(context, n_q, rows)};
  if (numbering == GATTN_NUMBER_TABLE) at.table = order_of(n_q);
  at.geometry = (gattn_device_attention){
      .n_f = at.frontier ? gattn_frontier_size(at.frontier) : n_q,
      .n_q = n_q,
      .n_kv = n_kv,
      .begin = at.frontier && !at.frontier->vertices ? at.frontier->begin : 0,
      .vertices = at.frontier ? at.frontier->vertices : NULL};
  at.pass = (gattn_tile_pass){.numbering = numbering_of(numbering, at.table),
                              .lanes = lanes,
                              .pieces = 1};
  place_pass(&at, rows, lanes);
  if (rows == SKIP) skip_some(&at);
  return at;
}

void scene_free(scene *at) {
  gattn_frontier_release(at->frontier);
  free(at->table);
  free(at->rows);
  free(at->skip);
}

void *scene_fetch(gattn_context *context, const void *device, int64_t count,
                  size_t size) {
  void *host = malloc((size_t)count * size + 1);
  if (count)
    ck_success(context, gattn_device_download(context, host, device,
                                              (size_t)count * size));
  return host;
}

gattn_graph *scene_stored(gattn_context *context, int64_t n, int64_t degree) {
  int64_t *offsets = malloc((size_t)(n + 1) * sizeof *offsets);
  int64_t *columns = malloc((size_t)(n * degree + 1) * sizeof *columns);
  int64_t edges = 0;
  gattn_graph *graph;
  void *device[2];
  for (int64_t i = 0; i < n; i++) {
    offsets[i] = edges;
    for (int64_t d = 0; d < i % (degree + 1); d++)
      columns[edges++] = (i * 31 + d * d * 7) % n;
  }
  offsets[n] = edges;
  const int64_t counts[2] = {n + 1, edges};
  const void *host[2] = {offsets, columns};
  gattn_tensor tensors[2];
  for (int a = 0; a < 2; a++) {
    const size_t bytes = (size_t)counts[a] * sizeof(int64_t);
    ck_success(context, gattn_memory_allocate(context, bytes, &device[a]));
    ck_success(context,
               gattn_memory_upload(context, device[a], host[a], bytes));
    tensors[a] = (gattn_tensor){.data = device[a],
                                .type = GATTN_INT64,
                                .device = gattn_context_device(context),
                                .rank = 1,
                                .shape = {counts[a]},
                                .strides = {1}};
  }
  ck_success(context, gattn_graph_from_csr_tensors(context, n, n, &tensors[0],
                                                   &tensors[1], &graph));
  for (int a = 0; a < 2; a++)
    gattn_memory_release(context, device[a],
                         (size_t)counts[a] * sizeof(int64_t));
  free(offsets);
  free(columns);
  return graph;
}

const list_mask list_masks[LIST_MASKS] = {
    {"random(16, 3)", N, N},
    {"random(300, 3)", N, N},
    {"random(1, 3)", 700, 1500},
    {"random(16, 3) | local(10)", N, N},
    {"random(16, 3) - local(100)", N, N},
    {"random(40, 3) & causal", 1500, 700},
    {"random(30, 3) & random(200, 4)", N, N},
    {"random(16, 3) | random(100, 5)", N, N},
    {"random(16, 3) | random(100, 5) | local(10)", N, N},
    {"randomblocks(64, 4, 9)", N, N},
    {"randomblocks(64, 4, 9)", 700, 1500},
    {"randomblocks(128, 3, 1)", 1500, 1500},
    {"randomblocks(16, 4, 9) & causal", N, N},
    {"randomblocks(7, 5, 2)", N, N},
    {"randomblocks(200, 2, 2)", N, N},
    {"randomblocks(64, 3, 5) - (blocklocal(64, 1) | global(0:128))", N, N},
    {"random(16, 3) | (randomblocks(64, 3, 2) - local(20))", N, N},
    {"strided(5) - random(5, 5)", N, N},
    {"full - random(5, 5)", 300, 700},
    {"(local(20) | random(8, 8)) & (causal | cols(0:9))", N, N},
    {"(neighborhood2d(30, 41, 5, 5) - random(3, 3)) | random(2, 9)", N, N},
    {"(random(3, 1) & (random(90, 2) | (random(9, 3) - (random(8, 4) & "
     "(random(300, 5) | random(2, 6))))))",
     N, N},
    {"random(1, 1) | random(1, 2) | random(1, 3) | random(1, 4) | random(1, 5) "
     "| random(1, 6) | random(1, 7) | random(1, 8) | random(1, 9)",
     N, N},
    {"random(3, 3) - full", 200, 200},
    {"random(5, 2)", 1, 1},
    {"random(5, 2)", 129, 63},
};
