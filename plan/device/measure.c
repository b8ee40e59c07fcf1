/* How many key tiles a pass visits, from a few of its query tiles.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/cuda/tile/sequence.h"
#include "plan/device/lowered.h"

/* The least and the largest number of the lanes that are there; false when
 * there is none. */
static bool lane_extent(const gattn_device_attention *geometry,
                        const gattn_tile_pass *pass, int64_t t, int64_t *first,
                        int64_t *last) {
  bool any = false;
  for (int lane = 0; lane < pass->lanes; lane++) {
    const gattn_query_lane at = gattn_query_lane_at(geometry, pass, t, lane);
    if (at.position < 0) continue;
    if (!any || at.number < *first) *first = at.number;
    if (!any || at.number > *last) *last = at.number;
    any = true;
  }
  return any;
}

gattn_pass_measure gattn_pass_measured(const gattn_device_attention *geometry,
                                       const gattn_tile_pass *pass) {
  gattn_pass_measure measure = {0};
  const int64_t samples = gattn_samples_of(pass->n_tiles);
  for (int64_t s = 0; s < samples; s++) {
    const int64_t t = gattn_sampled_tile(pass->n_tiles, s);
    gattn_key_sequence sequence;
    int64_t first = 0, last = 0;
    if (!lane_extent(geometry, pass, t, &first, &last)) continue;
    gattn_key_sequence_of(geometry, pass, 0, t, 0, first, last, &sequence);
    const int64_t visited = sequence.end - sequence.begin;
    measure.average += (double)visited / (double)samples;
    if (visited > measure.most) measure.most = visited;
  }
  return measure;
}
