/* A lowered mask copied to the device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/rows.h"
#include "plan/device/lists.h"
#include "plan/device/uploaded.h"

/* Arrays one after another in one allocation; without memory they are only
 * counted. */
typedef struct packing {
  gattn_context *context;
  char *memory;
  int64_t bytes;
  gattn_status status;
} packing;

enum { ALIGNMENT = 256 };

/* The array's place on the device. */
static void *pack(packing *pack, const void *host, int64_t count, size_t size) {
  if (!host || count == 0 || pack->status) return NULL;
  const int64_t bytes = count * (int64_t)size;
  char *device = pack->memory ? pack->memory + pack->bytes : NULL;
  pack->bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (device)
    pack->status =
        gattn_device_upload(pack->context, device, host, (size_t)bytes);
  return device;
}

static void pack_formula(packing *at, const gattn_device_part *part,
                         gattn_tile_pass *tiles) {
  for (int a = 0; a < part->arrays.n; a++) {
    const gattn_formula_array *array = &part->arrays.array[a];
    gattn_formula_point(
        &tiles->formula, array,
        pack(at, array->host, array->count, sizeof *array->host));
  }
}

static void pack_part(packing *at, const gattn_device_lowered *lowered,
                      const gattn_device_part *part, gattn_tile_pass *tiles) {
  *tiles = part->tiles;
  if (part->form == GATTN_DEVICE_EDGES) return;
  pack_formula(at, part, tiles);
  tiles->numbering.table =
      pack(at, tiles->numbering.table, lowered->geometry.n_q,
           sizeof *tiles->numbering.table);
  tiles->rows = pack(at, tiles->rows, tiles->n_rows, sizeof *tiles->rows);
  tiles->skip = pack(at, tiles->skip, tiles->n_skip, sizeof *tiles->skip);
}

static void pack_all(packing *at, const gattn_device_lowered *lowered,
                     gattn_uploaded *uploaded) {
  at->bytes = 0;
  for (int64_t p = 0; p < lowered->n_parts; p++)
    pack_part(at, lowered, lowered->parts + p, &uploaded->parts[p].tiles);
}

static gattn_status make_rows(gattn_context *context,
                              const gattn_device_lowered *lowered,
                              gattn_frontier *frontier,
                              gattn_uploaded *uploaded) {
  for (int64_t p = 0; p < lowered->n_parts; p++) {
    if (lowered->parts[p].form != GATTN_DEVICE_EDGES) continue;
    gattn_graph *graph = lowered->parts[p].graph;
    gattn_device_rows *rows = &uploaded->parts[p].rows;
    bool made;
    const int32_t apart = lowered->parts[p].apart;
    gattn_status status = gattn_list_edges(
        context, graph, frontier, apart ? &lowered->parts[apart - 1] : NULL,
        rows, &made);
    if (!status && !made)
      status = gattn_device_rows_make(context, graph, frontier, rows);
    if (status) return status;
    uploaded->parts[p].edges = uploaded->parts[p].rows.edges;
  }
  return GATTN_SUCCESS;
}

gattn_status gattn_upload(gattn_context *context,
                          const gattn_device_lowered *lowered,
                          gattn_frontier *frontier, gattn_uploaded *uploaded) {
  packing at = {.context = context};
  *uploaded = (gattn_uploaded){0};
  pack_all(&at, lowered, uploaded);
  uploaded->bytes = at.bytes;
  if (at.bytes) {
    gattn_status status = gattn_device_allocate(
        context, "lowered mask", at.bytes, 1, (void **)&uploaded->memory);
    if (status) return status;
    at.memory = uploaded->memory;
    pack_all(&at, lowered, uploaded);
  }
  if (!at.status) at.status = make_rows(context, lowered, frontier, uploaded);
  if (at.status) gattn_uploaded_clear(context, lowered, uploaded);
  return at.status;
}

void gattn_uploaded_clear(gattn_context *context,
                          const gattn_device_lowered *lowered,
                          gattn_uploaded *uploaded) {
  for (int64_t p = 0; p < lowered->n_parts; p++) {
    gattn_device_rows_free(context, &uploaded->parts[p].rows);
    gattn_windows_free(context, &uploaded->parts[p].windows);
  }
  gattn_device_free(context, uploaded->memory, uploaded->bytes, 1);
  *uploaded = (gattn_uploaded){0};
}
