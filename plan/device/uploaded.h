/* A lowered mask on the device, and the plan that holds it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_UPLOADED_H
#define GATTN_PLAN_DEVICE_UPLOADED_H

#include "lib/device.h"
#include "plan/device/attend.h"
#include "plan/device/lowered.h"
#include "plan/device/windows.h"

/* A part with its pointers into device memory. */
typedef struct gattn_uploaded_part {
  gattn_tile_pass tiles;              /* TILES, HUBS */
  gattn_device_rows rows;             /* EDGES; owned; none with windows */
  gattn_windows windows;              /* EDGES: instead of rows; or no items */
  const gattn_device_rows *head_rows; /* device, [heads]; null: rows */
  int64_t edges;                      /* the most of any head */
} gattn_uploaded_part;

typedef struct gattn_uploaded {
  char *memory; /* all arrays one after another; null: none */
  int64_t bytes;
  gattn_uploaded_part parts[GATTN_DEVICE_PARTS];
} gattn_uploaded;

/* Copies what the parts point to, and makes the rows of edge parts. */
gattn_status gattn_upload(gattn_context *context,
                          const gattn_device_lowered *lowered,
                          gattn_frontier *frontier, gattn_uploaded *uploaded);
void gattn_uploaded_clear(gattn_context *context,
                          const gattn_device_lowered *lowered,
                          gattn_uploaded *uploaded);

/* Where an execution's memory lies in its workspace, in bytes from a multiple
 * of 256 on. */
typedef struct gattn_device_layout {
  uint64_t state_o, state_lse, scratch, hub_scratch, bytes;
} gattn_device_layout;

struct gattn_device_attend {
  gattn_context *context;
  gattn_attend_problem problem; /* borrows graph and frontier */
  int64_t n_lowered;            /* graphs: 1 that all heads share, or heads */
  int64_t n_launches;           /* 1: of all heads; else one a head */
  gattn_device_lowered *lowered;
  gattn_uploaded *uploaded;
  int64_t *vertices; /* device [n_f]; null: a range, or the frontier's own */
  float *table;      /* device: the score's; or null */
  int64_t table_count;
  char *head_memory; /* device: formulas, lists, rows of heads in one launch */
  int64_t head_bytes;
  gattn_device_layout layout;
};

/* The context's device. */
gattn_device_target gattn_device_target_of(const gattn_context *context);

/* Heads of one launch. */
static inline int64_t gattn_launch_heads(const gattn_device_attend *attend) {
  return attend->n_launches == 1 ? attend->problem.heads : 1;
}

/* Whether the graphs of all heads can run in one launch; and making them. */
bool gattn_heads_alike(const gattn_device_attend *attend);
gattn_status gattn_heads_join(gattn_device_attend *attend);

/* Whether the first part is hub rows; whether the last is edges; whether the
 * hubs' pieces are merged behind those edges, which are then all there is; and
 * whether states lie in memory between the parts. */
bool gattn_has_hubs(const gattn_device_lowered *lowered);
bool gattn_edges_last(const gattn_device_lowered *lowered);
bool gattn_hubs_behind(const gattn_device_lowered *lowered);
bool gattn_keeps_state(const gattn_device_lowered *lowered);

/* The attention without its operands, of the heads from `head` on. */
gattn_device_attention gattn_device_attention_of(
    const gattn_device_attend *attend, int64_t head);

/* GATTN_ERROR_OVERFLOW. */
gattn_status gattn_device_lay_out(gattn_device_attend *attend);

/* The bytes of `pieces` states of `rows` rows; false on overflow. */
bool gattn_state_bytes(const gattn_device_attend *attend, int64_t pieces,
                       int64_t rows, uint64_t *o, uint64_t *lse);

#endif
