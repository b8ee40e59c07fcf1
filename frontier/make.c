/* Frontiers from ranges, lists and bitmaps. SPDX-License-Identifier: Apache-2.0
 */
#include "config.h"

#include "frontier/frontier.h"

gattn_status gattn_frontier_range(gattn_context *context, int64_t n,
                                  int64_t begin, int64_t end,
                                  gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!out) return gattn_fail_null(context, "frontier");
  gattn_frontier *frontier;
  gattn_status status = gattn_frontier_new(context, n, &frontier);
  if (status) return status;
  if (begin < 0 || begin > end || end > n) {
    gattn_frontier_release(frontier);
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "begin, end: the range %lld:%lld does not ascend within "
                      "0:%lld",
                      (long long)begin, (long long)end, (long long)n);
  }
  frontier->begin = begin;
  frontier->size = end - begin;
  *out = frontier;
  return GATTN_SUCCESS;
}

gattn_status gattn_frontier_all(gattn_context *context, int64_t n,
                                gattn_frontier **frontier) {
  return gattn_frontier_range(context, n, 0, n, frontier);
}

static gattn_status append_list(gattn_frontier *frontier,
                                const int64_t *vertices, int64_t size) {
  for (int64_t p = 0, q; p < size; p = q) {
    if (vertices[p] < 0 || vertices[p] >= frontier->n)
      return gattn_fail(frontier->context, GATTN_ERROR_INDEX,
                        "vertices: vertex %lld at position %lld is not below "
                        "%lld",
                        (long long)vertices[p], (long long)p,
                        (long long)frontier->n);
    for (q = p + 1; q < size && vertices[q] == vertices[q - 1] + 1 &&
                    vertices[q] < frontier->n;)
      q++;
    gattn_status status =
        gattn_frontier_append(frontier, vertices[p], vertices[q - 1] + 1);
    if (status) return status;
  }
  return gattn_frontier_settle(frontier);
}

gattn_status gattn_frontier_list(gattn_context *context, int64_t n,
                                 const int64_t *vertices, int64_t size,
                                 gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!out) return gattn_fail_null(context, "frontier");
  if (size < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE, "size: %lld is negative",
                      (long long)size);
  if (!vertices && size) return gattn_fail_null(context, "vertices");
  gattn_frontier *frontier;
  gattn_status status = gattn_frontier_new(context, n, &frontier);
  if (status) return status;
  return gattn_frontier_finish(append_list(frontier, vertices, size), frontier,
                               out);
}

static gattn_status append_word(gattn_frontier *frontier, int64_t base,
                                uint64_t word) {
  while (word) {
    int first = __builtin_ctzll(word);
    uint64_t rest = ~(word >> first);
    int length = rest ? __builtin_ctzll(rest) : 64;
    gattn_status status =
        gattn_frontier_append(frontier, base + first, base + first + length);
    if (status) return status;
    if (first + length == 64) break;
    word = word >> (first + length) << (first + length);
  }
  return GATTN_SUCCESS;
}

static gattn_status append_bitmap(gattn_frontier *frontier,
                                  const uint64_t *words) {
  int64_t n = frontier->n;
  uint64_t past = n % 64 ? words[n / 64] >> (n % 64) : 0;
  if (past)
    return gattn_fail(frontier->context, GATTN_ERROR_INDEX,
                      "words: bit %lld is set, but n is %lld",
                      (long long)(n + __builtin_ctzll(past)), (long long)n);
  gattn_status status = GATTN_SUCCESS;
  for (int64_t base = 0; base < n && !status; base += 64)
    status = append_word(frontier, base, words[base / 64]);
  return status;
}

gattn_status gattn_frontier_bitmap(gattn_context *context, int64_t n,
                                   const uint64_t *words,
                                   gattn_frontier **out) {
  if (!context) return gattn_fail_null(context, "context");
  if (!out) return gattn_fail_null(context, "frontier");
  if (!words && n > 0) return gattn_fail_null(context, "words");
  gattn_frontier *frontier;
  gattn_status status = gattn_frontier_new(context, n, &frontier);
  if (status) return status;
  return gattn_frontier_finish(append_bitmap(frontier, words), frontier, out);
}
