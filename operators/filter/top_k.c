/* Top-k: the edges of largest value in each row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <math.h>

#include "lib/device.h"
#include "operators/filter/filter.h"
#include "operators/rows.h"

/* A row's k best edges are kept as a heap in the very slots that their keys
 * will take: no scratch beside the result. Slots hold edge numbers, which
 * order ties because keys ascend along a row; the worst edge is on top. */
typedef struct top_k_job {
  const gattn_selection *selection;
  int64_t h, k;
  int64_t *starts; /* [n_f + 1]: the slots of each row */
  gattn_chosen *chosen;
} top_k_job;

/* Whether edge a ranks behind edge b: smaller, NaN last, the later key. */
static bool behind(const top_k_job *job, int64_t a, int64_t b) {
  float x = gattn_selection_value(job->selection, job->h, a);
  float y = gattn_selection_value(job->selection, job->h, b);
  if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? a > b : isnan(x);
  return x < y || (x == y && a > b);
}

static void sift_down(const top_k_job *job, int64_t *heap, int64_t size,
                      int64_t at) {
  for (;;) {
    int64_t worst = at, left = 2 * at + 1, right = left + 1;
    if (left < size && behind(job, heap[left], heap[worst])) worst = left;
    if (right < size && behind(job, heap[right], heap[worst])) worst = right;
    if (worst == at) return;
    int64_t edge = heap[at];
    heap[at] = heap[worst];
    heap[worst] = edge;
    at = worst;
  }
}

/* Heap sort's step on plain numbers: the largest sinks nowhere. */
static void sift_number(int64_t *heap, int64_t size, int64_t at) {
  for (;;) {
    int64_t most = at, left = 2 * at + 1, right = left + 1;
    if (left < size && heap[left] > heap[most]) most = left;
    if (right < size && heap[right] > heap[most]) most = right;
    if (most == at) return;
    int64_t number = heap[at];
    heap[at] = heap[most];
    heap[most] = number;
    at = most;
  }
}

static void sort_ascending(int64_t *numbers, int64_t size) {
  for (int64_t at = size / 2; at-- > 0;) sift_number(numbers, size, at);
  for (int64_t last = size - 1; last > 0; last--) {
    int64_t number = numbers[0];
    numbers[0] = numbers[last];
    numbers[last] = number;
    sift_number(numbers, last, 0);
  }
}

/* slots[size] = the edges of [begin, end) that rank first, ascending. */
static void choose_edges(const top_k_job *job, int64_t begin, int64_t end,
                         int64_t *slots, int64_t size) {
  for (int64_t s = 0; s < size; s++) slots[s] = begin + s;
  for (int64_t at = size / 2; at-- > 0;) sift_down(job, slots, size, at);
  for (int64_t e = begin + size; e < end; e++)
    if (behind(job, slots[0], e)) {
      slots[0] = e;
      sift_down(job, slots, size, 0);
    }
  sort_ascending(slots, size);
}

static bool choose_row(const top_k_job *job, int64_t p) {
  const gattn_edges *edges = &job->selection->edges;
  const int64_t *offsets = gattn_edges_offsets(edges, job->h);
  int64_t i = gattn_edges_vertex(edges, p), edge = offsets[p];
  int64_t *slot = job->chosen->columns + job->starts[p];
  int64_t *end = job->chosen->columns + job->starts[p + 1];
  for (int64_t s = job->starts[p]; s < job->starts[p + 1]; s++)
    job->chosen->rows[s] = i;
  choose_edges(job, edge, offsets[p + 1], slot, end - slot);
  gattn_row_walk walk;
  gattn_run run;
  gattn_row_walk_start(&walk, gattn_edges_graph(edges, job->h), i,
                       offsets[p + 1] - edge);
  while (gattn_row_walk_next(&walk, &run)) {
    int64_t next = edge + run.end - run.begin;
    for (; slot < end && *slot < next; slot++)
      *slot = run.begin + (*slot - edge);
    edge = next;
  }
  return gattn_row_walk_agrees(&walk);
}

static bool choose_block(const void *job, const gattn_row_block *block) {
  for (int64_t p = block->begin; p < block->end; p++)
    if (!choose_row(job, p)) return false;
  return true;
}

/* starts[n_f + 1] of one head; its last is the number of chosen edges. */
static void fill_starts(const gattn_edges *edges, int64_t h, int64_t k,
                        int64_t *starts) {
  const int64_t *offsets = gattn_edges_offsets(edges, h);
  starts[0] = 0;
  for (int64_t p = 0; p < edges->n_f; p++) {
    int64_t degree = offsets[p + 1] - offsets[p];
    starts[p + 1] = starts[p] + (degree < k ? degree : k);
  }
}

static gattn_status choose_top(gattn_context *context,
                               const gattn_selection *selection, int64_t h,
                               const void *how, gattn_chosen *chosen) {
  top_k_job job = *(const top_k_job *)how;
  job.h = h;
  job.chosen = chosen;
  fill_starts(&selection->edges, h, job.k, job.starts);
  chosen->count = job.starts[selection->edges.n_f];
  return gattn_for_row_blocks(context, 1, 1, selection->edges.n_f, choose_block,
                              &job);
}

static gattn_status top_k_graph(gattn_context *context,
                                const gattn_selection *selection, int64_t k,
                                gattn_graph **out) {
  const gattn_edges *edges = &selection->edges;
  void *starts;
  gattn_status status =
      gattn_allocate(context, "chosen edges of rows", edges->n_f + 1,
                     sizeof(int64_t), &starts);
  if (status) return status;
  top_k_job job = {.selection = selection, .k = k, .starts = starts};
  int64_t most = 0;
  for (int64_t h = 0; h < edges->graphs; h++) {
    fill_starts(edges, h, k, job.starts);
    if (job.starts[edges->n_f] > most) most = job.starts[edges->n_f];
  }
  status =
      gattn_selection_graph(context, selection, most, choose_top, &job, out);
  gattn_free(context, starts, edges->n_f + 1, sizeof(int64_t));
  return status;
}

gattn_status gattn_top_k(gattn_context *context, gattn_graph *graph,
                         gattn_frontier *frontier, const gattn_tensor *values,
                         int64_t k, gattn_graph **out) {
  if (!context) return GATTN_ERROR_NULL;
  if (!values) return gattn_fail_null(context, "values");
  if (!out) return gattn_fail_null(context, "out");
  if (k < 1)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT, "k: %lld is below 1",
                      (long long)k);
  if (gattn_on_device(context))
    return gattn_select_device(context, graph, frontier, values, k, 0, out);
  gattn_selection selection;
  gattn_status status =
      gattn_selection_open(context, graph, frontier, values, &selection);
  if (status) return status;
  status = top_k_graph(context, &selection, k, out);
  gattn_selection_close(context, &selection);
  return status;
}
