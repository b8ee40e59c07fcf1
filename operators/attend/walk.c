/* Walks the keys of a tile. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/attend/walk.h"

#include <string.h>

/* Reads on until the group has a run, nothing is left, or patience is at an
 * end. */
static bool fill(gattn_walk *walk, gattn_walk_group *group) {
  while (group->next == group->count && group->upto < walk->hi &&
         walk->patience > 0) {
    group->count =
        gattn_runs(walk->graph, group->vertex, walk->stride, group->upto,
                   walk->hi, group->runs, GATTN_WALK_RUNS, &group->upto);
    group->next = 0;
    walk->patience -= group->count == 0;
  }
  return group->next < group->count;
}

void gattn_walk_begin(gattn_walk *walk, const gattn_graph *graph,
                      int64_t stride, const int64_t *vertex, int64_t n,
                      int64_t lo, int64_t hi) {
  walk->graph = graph;
  walk->stride = stride;
  walk->hi = hi;
  walk->patience = INT64_MAX;
  walk->window = lo;
  walk->at = walk->touched = 0;
  walk->lanes = 0;
  walk->n_groups = 0;
  for (int64_t l = 0; l < n; l++) {
    if (vertex[l] < 0) continue;
    gattn_walk_group *last = walk->groups + walk->n_groups - 1;
    if (walk->n_groups && gattn_same_row(graph, last->vertex, vertex[l])) {
      last->lanes |= UINT32_C(1) << l;
      continue;
    }
    gattn_walk_group *group = walk->groups + walk->n_groups++;
    group->lanes = UINT32_C(1) << l;
    group->vertex = vertex[l];
    group->count = group->next = 0;
    group->upto = lo;
  }
}

/* Marks where the group's lanes begin and end to attend within the window. */
static void mark(gattn_walk *walk, gattn_walk_group *group) {
  const int64_t end = walk->window + GATTN_WALK_WINDOW;
  while (fill(walk, group)) {
    gattn_run *run = group->runs + group->next;
    if (run->begin >= end) return;
    walk->toggles[run->begin - walk->window] ^= group->lanes;
    int64_t stop = run->end < end ? run->end : end;
    walk->toggles[stop - walk->window] ^= group->lanes;
    if (walk->touched < stop - walk->window)
      walk->touched = stop - walk->window;
    if (run->end > end) {
      run->begin = end;
      return;
    }
    group->next++;
  }
}

/* Opens the next window at the first key that any lane has left. */
static bool open_window(gattn_walk *walk) {
  int64_t first = walk->hi;
  for (int64_t g = 0; g < walk->n_groups; g++) {
    gattn_walk_group *group = walk->groups + g;
    if (fill(walk, group) && group->runs[group->next].begin < first)
      first = group->runs[group->next].begin;
  }
  if (first == walk->hi) return false;
  walk->window = first;
  walk->at = walk->touched = 0;
  walk->lanes = 0;
  memset(walk->toggles, 0, sizeof walk->toggles);
  for (int64_t g = 0; g < walk->n_groups; g++) mark(walk, walk->groups + g);
  return true;
}

/* All lanes share their row: its runs are the answer. */
static int64_t next_shared(gattn_walk *walk, int64_t *keys, uint32_t *masks) {
  gattn_walk_group *group = walk->groups;
  int64_t count = 0;
  while (count < GATTN_KEY_BLOCK && fill(walk, group)) {
    gattn_run *run = group->runs + group->next;
    while (run->begin < run->end && count < GATTN_KEY_BLOCK) {
      masks[count] = group->lanes;
      keys[count++] = run->begin++;
    }
    if (run->begin == run->end) group->next++;
  }
  return count;
}

int64_t gattn_walk_next(gattn_walk *walk, int64_t *keys, uint32_t *masks) {
  if (walk->n_groups == 1) return next_shared(walk, keys, masks);
  int64_t count = 0;
  while (count < GATTN_KEY_BLOCK) {
    if (walk->at >= walk->touched && !open_window(walk)) break;
    uint32_t lanes = walk->lanes;
    int64_t at = walk->at;
    for (; at < walk->touched && count < GATTN_KEY_BLOCK; at++) {
      lanes ^= walk->toggles[at];
      keys[count] = walk->window + at;
      masks[count] = lanes;
      count += lanes != 0;
    }
    walk->at = at;
    walk->lanes = lanes;
  }
  return count;
}
