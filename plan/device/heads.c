/* A stack of graphs run in one launch: heads whose passes differ in nothing but
 * formulas, lists and edges. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

#include "plan/device/uploaded.h"

/* ------------------------------------------------------------ alike */

static bool same_bytes(const void *a, const void *b, int64_t count,
                       size_t size) {
  if (!a || !b) return a == b;
  return a == b || !memcmp(a, b, (size_t)count * size);
}

static bool same_tiles(const gattn_tile_pass *a, const gattn_tile_pass *b) {
  const gattn_numbering *x = &a->numbering, *y = &b->numbering;
  return x->kind == y->kind && x->stride == y->stride &&
         x->grid_h == y->grid_h && x->grid_w == y->grid_w &&
         x->table == y->table && a->lanes == b->lanes &&
         a->n_tiles == b->n_tiles && a->first_tile == b->first_tile &&
         a->row_all == b->row_all && a->n_rows == b->n_rows &&
         a->n_skip == b->n_skip &&
         same_bytes(a->rows, b->rows, a->n_rows, sizeof *a->rows) &&
         same_bytes(a->skip, b->skip, a->n_skip, sizeof *a->skip);
}

static bool same_parts(const gattn_device_lowered *a,
                       const gattn_device_lowered *b) {
  if (a->n_parts != b->n_parts) return false;
  for (int64_t p = 0; p < a->n_parts; p++)
    if (a->parts[p].form != b->parts[p].form ||
        !same_tiles(&a->parts[p].tiles, &b->parts[p].tiles))
      return false;
  return true;
}

bool gattn_heads_alike(const gattn_device_attend *attend) {
  for (int64_t h = 1; h < attend->n_lowered; h++)
    if (!same_parts(&attend->lowered[0], &attend->lowered[h])) return false;
  return true;
}

/* ------------------------------------------------------------ joining */

/* What the heads have of one part, [heads] each, on the host. */
typedef struct head_arrays {
  gattn_formula *formulas;
  gattn_tile_list *lists;
  gattn_device_rows *rows;
} head_arrays;

static size_t part_bytes(int64_t heads) {
  return (size_t)heads * (sizeof(gattn_formula) + sizeof(gattn_tile_list) +
                          sizeof(gattn_device_rows));
}

static head_arrays arrays_at(char *memory, int64_t heads, int64_t part) {
  char *at = memory + part_bytes(heads) * (size_t)part;
  head_arrays arrays = {.formulas = (gattn_formula *)at};
  arrays.lists = (gattn_tile_list *)(arrays.formulas + heads);
  arrays.rows = (gattn_device_rows *)(arrays.lists + heads);
  return arrays;
}

static void gather_part(const gattn_device_attend *attend, int64_t p,
                        const head_arrays *arrays) {
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    const gattn_uploaded_part *part = &attend->uploaded[h].parts[p];
    arrays->formulas[h] = part->tiles.formula;
    arrays->lists[h] = part->tiles.list[0];
    arrays->rows[h] = part->rows;
  }
}

/* The first head's part stands for all. */
static void point_part(gattn_device_attend *attend, int64_t p,
                       const head_arrays *device) {
  gattn_uploaded_part *part = &attend->uploaded[0].parts[p];
  part->tiles.head_formulas = device->formulas;
  part->tiles.head_lists = device->lists;
  part->head_rows = device->rows;
  part->edges = 0;
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    const gattn_device_part *other = &attend->lowered[h].parts[p];
    const int64_t edges = attend->uploaded[h].parts[p].rows.edges;
    if (edges > part->edges) part->edges = edges;
    if (other->tiles.pieces > part->tiles.pieces)
      part->tiles.pieces = other->tiles.pieces;
  }
}

gattn_status gattn_heads_join(gattn_device_attend *attend) {
  gattn_context *context = attend->context;
  const int64_t heads = attend->n_lowered;
  const int64_t parts = attend->lowered[0].n_parts;
  const int64_t bytes = (int64_t)part_bytes(heads) * parts;
  char *host;
  gattn_status status =
      gattn_allocate(context, "heads", bytes, 1, (void **)&host);
  if (status) return status;
  status = gattn_device_allocate(context, "heads", bytes, 1,
                                 (void **)&attend->head_memory);
  if (status) goto free_host;
  attend->head_bytes = bytes;
  for (int64_t p = 0; p < parts; p++) {
    const head_arrays from = arrays_at(host, heads, p);
    const head_arrays to = arrays_at(attend->head_memory, heads, p);
    gather_part(attend, p, &from);
    point_part(attend, p, &to);
  }
  status =
      gattn_device_upload(context, attend->head_memory, host, (size_t)bytes);
  attend->n_launches = 1;
free_host:
  gattn_free(context, host, bytes, 1);
  return status;
}
