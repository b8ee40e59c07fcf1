/* Tensors from inside: rank-filled views and rows as float32.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_TENSOR_H
#define GATTN_LIB_TENSOR_H

#include <stdbool.h>

#include <gattn/tensor.h>

#include "lib/context.h"

/* A checked tensor whose missing axes are filled in with length 1 and stride
 * 0, so that it always has GATTN_MAX_RANK axes: [batch, heads, rows, dim], or
 * [batch, heads, rows or edges, 1]. Strides that no element takes are 0 (on the
 * tensor's last axis 1, unless it is empty), and data is never null, so that
 * stepping over them is defined. */
typedef struct gattn_view {
  char *data;
  gattn_type type;
  int64_t shape[GATTN_MAX_RANK];
  int64_t strides[GATTN_MAX_RANK]; /* in elements */
} gattn_view;

/* Checks tensor (gattn_tensor_check, and that it lives on the context's
 * device) and fills *view. `axes` is 4 for [batch, heads, rows, dim] (rank 2 …
 * 4 given) and 3 for [batch, heads, rows] (rank 1 … 3 given; the view's last
 * axis is 1). name goes into messages. */
gattn_status gattn_view_of(gattn_context *context, const char *name,
                           const gattn_tensor *tensor, int axes,
                           gattn_view *view);

/* GATTN_ERROR_STRIDE when a view that is to be written has two indices at one
 * address by a zero stride on an axis longer than 1. */
gattn_status gattn_view_check_output(gattn_context *context, const char *name,
                                     const gattn_view *view);

/* Address of element [b, h, row, 0]. */
static inline char *gattn_view_row(const gattn_view *view, int64_t b,
                                   int64_t h, int64_t row) {
  int64_t offset = b * view->strides[0] + h * view->strides[1] +
                   row * view->strides[2];
  return view->data + offset * (int64_t)gattn_type_size(view->type);
}

/* count elements `stride` apart, converted to float32 at to[0 … count-1]. */
void gattn_load_floats(const void *from, gattn_type type, int64_t stride,
                       int64_t count, float *to);
/* The reverse, rounding to nearest even. Both do nothing for GATTN_INT64. */
void gattn_store_floats(const float *from, gattn_type type, int64_t stride,
                        int64_t count, void *to);

#endif
