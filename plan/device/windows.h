/* Whether edges run as windows, and making them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PLAN_DEVICE_WINDOWS_H
#define GATTN_PLAN_DEVICE_WINDOWS_H

#include "lib/device.h"
#include "operators/cuda/windows/windows.h"
#include "plan/attend.h"

/* What was sampled of rows, for the choice. */
typedef struct gattn_window_sample {
  double edges, columns, slots; /* of all windows, from those sampled */
} gattn_window_sample;

/* Seconds on the device, of one head of 64 dimensions: of the rows' edges one
 * by one, and of windows with so many columns and slots, whose keys and values the
 * cache holds or not. */
double gattn_edges_cost(int64_t rows, double edges, bool cached);
double gattn_windows_cost(int64_t rows, double columns, double slots,
                          bool cached);
bool gattn_windows_cached(gattn_context *context,
                          const gattn_attend_problem *problem);

/* Windows of the rows on the device where they pay for the problem, in the
 * order of rows that shares most keys; else *windows has no items. May
 * synchronise and allocate. GATTN_ERROR_MEMORY, GATTN_ERROR_DEVICE. */
gattn_status gattn_windows_make(gattn_context *context,
                                const gattn_attend_problem *problem,
                                const gattn_device_rows *rows,
                                gattn_windows *windows);
/* Windows whether they pay or not; `renumber`: sorted by the keys they share.
 */
gattn_status gattn_windows_build(gattn_context *context,
                                 const gattn_device_rows *rows, bool renumber,
                                 gattn_windows *windows);
void gattn_windows_free(gattn_context *context, gattn_windows *windows);

#endif
