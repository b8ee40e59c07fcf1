/* The workspace of an attention on the device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plan/device/uploaded.h"

enum { ALIGNMENT = 256 };

bool gattn_has_hubs(const gattn_device_lowered *lowered) {
  return lowered->n_parts > 0 && lowered->parts[0].form == GATTN_DEVICE_HUBS;
}

bool gattn_edges_last(const gattn_device_lowered *lowered) {
  const int64_t n = lowered->n_parts;
  return n > 0 && lowered->parts[n - 1].form == GATTN_DEVICE_EDGES;
}

bool gattn_hubs_behind(const gattn_device_lowered *lowered) {
  return lowered->n_parts == 2 && gattn_has_hubs(lowered) &&
         gattn_edges_last(lowered);
}

bool gattn_keeps_state(const gattn_device_lowered *lowered) {
  return lowered->n_parts - gattn_has_hubs(lowered) > 1;
}

/* a + b, rounded up to the alignment. */
static bool add_aligned(uint64_t a, uint64_t b, uint64_t *sum) {
  if (__builtin_add_overflow(a, b, sum)) return false;
  if (__builtin_add_overflow(*sum, (uint64_t)ALIGNMENT - 1, sum)) return false;
  *sum = *sum / ALIGNMENT * ALIGNMENT;
  return true;
}

bool gattn_state_bytes(const gattn_device_attend *attend, int64_t pieces,
                       int64_t rows, uint64_t *o, uint64_t *lse) {
  const gattn_attend_problem *problem = &attend->problem;
  int64_t count, bytes;
  if (!gattn_multiply(pieces, rows, &count) ||
      !gattn_multiply(count, problem->batch, &count) ||
      !gattn_multiply(count, gattn_launch_heads(attend), &count) ||
      !gattn_multiply(count, (int64_t)sizeof(float), &bytes))
    return false;
  if (!add_aligned((uint64_t)bytes, 0, lse) ||
      !gattn_multiply(bytes, problem->dim_v, &bytes))
    return false;
  return add_aligned((uint64_t)bytes, 0, o);
}

/* Scratch of one part. */
static bool part_scratch(const gattn_device_attend *attend,
                         const gattn_device_part *part,
                         const gattn_uploaded_part *uploaded, uint64_t *bytes) {
  uint64_t o, lse;
  *bytes = 0;
  if (part->form == GATTN_DEVICE_EDGES) {
    const gattn_device_attention attention =
        gattn_device_attention_of(attend, 0);
    *bytes = uploaded->windows.n_items
                 ? gattn_windows_workspace(&attention, &uploaded->windows)
                 : gattn_edges_workspace(&attention, uploaded->edges);
    return *bytes != UINT64_MAX;
  }
  if (part->tiles.pieces <= 1) return true;
  const int64_t rows =
      part->tiles.rows ? part->tiles.n_rows : attend->problem.n_f;
  return gattn_state_bytes(attend, part->tiles.pieces, rows, &o, &lse) &&
         add_aligned(o, lse, bytes);
}

static bool lay_out(const gattn_device_attend *attend,
                    gattn_device_layout *layout) {
  uint64_t o = 0, lse = 0, most = 0, hubs = 0;
  bool state = false;
  for (int64_t h = 0; h < attend->n_lowered; h++) {
    const gattn_device_lowered *lowered = &attend->lowered[h];
    state |= gattn_keeps_state(lowered);
    for (int64_t p = 0; p < lowered->n_parts; p++) {
      uint64_t bytes;
      if (!part_scratch(attend, &lowered->parts[p],
                        &attend->uploaded[h].parts[p], &bytes))
        return false;
      uint64_t *least =
          lowered->parts[p].form == GATTN_DEVICE_HUBS ? &hubs : &most;
      if (bytes > *least) *least = bytes;
    }
  }
  if (state && !gattn_state_bytes(attend, 1, attend->problem.n_f, &o, &lse))
    return false;
  layout->state_o = 0;
  layout->state_lse = o;
  if (!add_aligned(o, lse, &layout->scratch) ||
      !add_aligned(layout->scratch, most, &layout->hub_scratch) ||
      !add_aligned(layout->hub_scratch, hubs, &layout->bytes))
    return false;
  /* Workspaces are aligned to 64 only. */
  if (layout->bytes)
    return add_aligned(layout->bytes, ALIGNMENT, &layout->bytes) &&
           layout->bytes <= INT64_MAX;
  return true;
}

gattn_status gattn_device_lay_out(gattn_device_attend *attend) {
  if (lay_out(attend, &attend->layout)) return GATTN_SUCCESS;
  return gattn_fail(attend->context, GATTN_ERROR_OVERFLOW,
                    "workspace: the bytes of %lld rows, %lld heads and a "
                    "dimension of %lld overflow",
                    (long long)attend->problem.n_f,
                    (long long)attend->problem.heads,
                    (long long)attend->problem.dim_v);
}
