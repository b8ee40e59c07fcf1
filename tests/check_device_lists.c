/* Tile lists made on a device, against lists put together in the plainest way:
 * masks, numberings, rows. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/device.h"
#include "operators/cuda/rows.h"
#include "operators/cuda/tile/sequence.h"
#include "plan/device/lists.h"
#include "tests/backend.h"
#include "tests/device_heap.h"
#include "tests/list_scene.h"
#include "tests/suites.h"
#include "tests/tile_list.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static gattn_context *context;

static void setup(void) { context = test_context(NULL); }
static void teardown(void) { gattn_context_destroy(context); }

/* ------------------------------------------------------------ comparing */

static bool same(const void *device, const void *expected, int64_t count,
                 size_t size) {
  void *got = scene_fetch(context, device, count, size);
  const bool equal = !count || !memcmp(got, expected, (size_t)count * size);
  free(got);
  return equal;
}

static const char *difference(const gattn_tile_store *got,
                              const gattn_tile_store *expected) {
  const int64_t n = expected->n_entries;
  if (got->n_entries != n) return "entries in number";
  if (got->n_patterns != expected->n_patterns) return "patterns in number";
  if (got->most != expected->most) return "the most entries of a tile";
  if (!same(got->list.offsets, expected->list.offsets, got->n_tiles + 1,
            sizeof *got->list.offsets))
    return "offsets";
  if (!same(got->list.entries, expected->list.entries, n,
            sizeof *got->list.entries))
    return "entries";
  if (!same(got->list.words, expected->list.words, n, sizeof *got->list.words))
    return "words";
  if (!same(got->list.bits, expected->list.bits,
            expected->n_patterns * expected->lanes, sizeof *got->list.bits))
    return "bits";
  return NULL;
}

static void check_list(scene *at, gattn_graph *graph, int64_t least,
                       const char *name) {
  gattn_tile_store got, expected;
  ck_success(context, tile_list_build(context, at->frontier, &at->geometry,
                                      &at->pass, graph, least, &expected));
  const gattn_status status = gattn_list_build(
      context, at->frontier, &at->geometry, &at->pass, graph, least, &got);
  if (status) {
    test_fail("%s: %s", name, gattn_context_message(context));
  } else {
    const char *what = difference(&got, &expected);
    if (what)
      test_fail("%s: %s: %lld entries of %lld, %lld patterns of %lld", name,
                what, (long long)got.n_entries, (long long)expected.n_entries,
                (long long)got.n_patterns, (long long)expected.n_patterns);
    got.release(context, &got);
  }
  expected.release(context, &expected);
}

/* All numberings where queries and keys are the grid's vertices. */
static void check_graph(gattn_graph *graph, const char *mask) {
  const int64_t n_q = gattn_graph_queries(graph);
  const int64_t n_kv = gattn_graph_keys(graph);
  const bool square = n_q == N && n_kv == N;
  for (int32_t lanes = 64; lanes <= 128; lanes += 64)
    for (int numbering = 0; numbering <= GATTN_NUMBER_TABLE; numbering++)
      for (int rows = 0; rows < SCENES; rows++) {
        char name[512];
        if (numbering != GATTN_NUMBER_LINEAR && (!square || rows == LIST))
          continue;
        scene at = scene_of(context, n_q, n_kv, rows, numbering, lanes);
        snprintf(name, sizeof name,
                 "%s, %lld x %lld, %d lanes, numbering %d, rows %d", mask,
                 (long long)n_q, (long long)n_kv, (int)lanes, numbering, rows);
        check_list(&at, graph, 1, name);
        if (rows == ALL) check_list(&at, graph, 70, name);
        scene_free(&at);
      }
}

/* ------------------------------------------------------------ masks */

START_TEST(every_numbering) {
  gattn_graph *graph;
  ck_success(context,
             gattn_mask_parse(context, list_masks[_i].mask, list_masks[_i].n_q,
                              list_masks[_i].n_kv, &graph));
  check_graph(graph, list_masks[_i].mask);
  gattn_graph_release(graph);
  test_settle();
}
END_TEST

/* Rows and blocks that lie on the device. */
START_TEST(stored) {
  gattn_graph *rows = scene_stored(context, N, 40),
              *blocks = scene_stored(context, 77, 9);
  gattn_graph *band, *mask, *both, *cut;
  ck_success(context, gattn_mask_blockmask(context, N, N, blocks, 16, &mask));
  ck_success(context, gattn_mask_parse(context, "local(40)", N, N, &band));
  ck_success(context, gattn_graph_union(context, rows, mask, &both));
  ck_success(context, gattn_graph_difference(context, both, band, &cut));
  check_graph(rows, "stored rows");
  check_graph(mask, "stored blocks");
  check_graph(cut, "(stored rows | stored blocks) - local");
  gattn_graph *const all[] = {rows, blocks, band, mask, both, cut};
  for (int g = 0; g < COUNT(all); g++) gattn_graph_release(all[g]);
  test_settle();
}
END_TEST

/* In the order of the buckets, in another, and by vertex. */
START_TEST(buckets) {
  int64_t ids[N], other_ids[N];
  gattn_graph *bucket, *other, *both, *cut, *random;
  for (int64_t i = 0; i < N; i++) {
    ids[i] = i * 7919 % 1000 / 90;
    other_ids[i] = i % 5;
  }
  ck_success(context, gattn_mask_buckets(context, N, N, ids, N, &bucket));
  ck_success(context, gattn_mask_buckets(context, N, N, other_ids, N, &other));
  ck_success(context, gattn_mask_parse(context, "random(9, 3)", N, N, &random));
  ck_success(context, gattn_graph_difference(context, bucket, random, &cut));
  ck_success(context, gattn_graph_intersection(context, cut, other, &both));
  gattn_graph *const all[] = {bucket, cut, both};
  for (int g = 0; g < COUNT(all); g++) {
    check_graph(all[g], "buckets");
    scene at = scene_of(context, N, N, ALL, GATTN_NUMBER_TABLE, 64);
    at.pass.numbering.table = gattn_shape_of(bucket).order;
    check_list(&at, all[g], 1, "buckets in their order");
    scene_free(&at);
    gattn_graph_release(all[g]);
  }
  gattn_graph_release(other);
  gattn_graph_release(random);
  test_settle();
}
END_TEST

/* ------------------------------------------------------------ samples */

/* A sample of all query tiles is exact. */
START_TEST(surveys) {
  int dense = 0;
  for (int m = 0; m < LIST_MASKS; m++) {
    gattn_graph *graph;
    gattn_tile_sample got = {0}, expected = {0};
    if (list_masks[m].n_q != N) continue;
    ck_success(context,
               gattn_mask_parse(context, list_masks[m].mask, N, N, &graph));
    for (int rows = 0; rows < SCENES; rows++) {
      scene at = scene_of(context, N, N, rows, GATTN_NUMBER_LINEAR, 64);
      ck_success(context, tile_list_survey(context, at.frontier, &at.geometry,
                                           &at.pass, graph, 70, &expected));
      ck_success(context, gattn_list_survey(context, at.frontier, &at.geometry,
                                            &at.pass, graph, 70, &got));
      if (got.dense_edges > 0 &&
          (got.dense_edges != expected.dense_edges ||
           got.dense_key_tiles != expected.dense_key_tiles))
        test_fail("%s, rows %d: %g edges in %g dense tiles, not %g in %g",
                  list_masks[m].mask, rows, got.dense_edges,
                  got.dense_key_tiles, expected.dense_edges,
                  expected.dense_key_tiles);
      dense += got.dense_edges > 0;
      if (got.edges != expected.edges || got.slots != expected.slots ||
          got.rows != expected.rows || got.present != expected.present ||
          got.key_tiles != expected.key_tiles)
        test_fail(
            "%s, rows %d: %g edges of %g, %g slots of %g, %g present of "
            "%g, %g rows of %g",
            list_masks[m].mask, rows, got.edges, expected.edges, got.slots,
            expected.slots, got.present, expected.present, got.rows,
            expected.rows);
      scene_free(&at);
    }
    gattn_graph_release(graph);
  }
  ck_assert_int_gt(dense, 10);
  test_settle();
}
END_TEST

/* Closed forms of so many tiles are thinned out; the density stays. */
START_TEST(thinned) {
  const int64_t n = INT64_C(1) << 22;
  gattn_graph *graph;
  gattn_tile_sample sample;
  ck_success(context, gattn_mask_parse(context, "strided(4) - random(5, 5)", n,
                                       n, &graph));
  scene at = scene_of(context, n, n, ALL, GATTN_NUMBER_LINEAR, 64);
  ck_success(context, gattn_list_survey(context, NULL, &at.geometry, &at.pass,
                                        graph, 1, &sample));
  ck_assert_double_eq_tol(sample.edges / sample.slots, 0.25, 1e-4);
  ck_assert_double_eq_tol(sample.key_tiles, (double)n / 64, (double)n / 6400);
  scene_free(&at);
  gattn_graph_release(graph);
}
END_TEST

/* ------------------------------------------------------------ others */

/* Patterns that share a hash are told apart: then each entry has its own. */
START_TEST(hashes) {
  static const uint64_t hash_masks[] = {0, 1, 7, UINT64_MAX};
  gattn_graph *graph;
  gattn_tile_store expected, got;
  scene at = scene_of(context, N, N, ALL, GATTN_NUMBER_LINEAR, 128);
  ck_success(context,
             gattn_mask_parse(context, "randomblocks(40, 6, 3)", N, N, &graph));
  ck_success(context, tile_list_build(context, NULL, &at.geometry, &at.pass,
                                      graph, 1, &expected));
  for (int h = 0; h < COUNT(hash_masks); h++) {
    ck_success(context,
               gattn_list_build_hashed(context, NULL, &at.geometry, &at.pass,
                                       graph, 1, hash_masks[h], &got));
    int32_t *words =
        scene_fetch(context, got.list.words, got.n_entries, sizeof *words);
    uint64_t *bits = scene_fetch(context, got.list.bits,
                                 got.n_patterns * got.lanes, sizeof *bits);
    ck_assert_int_eq(got.n_entries, expected.n_entries);
    ck_assert_int_eq(got.most, expected.most);
    for (int64_t e = 0; e < got.n_entries; e++) {
      const int32_t want = expected.list.words[e];
      ck_assert_int_eq(words[e] == GATTN_FULL_TILE, want == GATTN_FULL_TILE);
      if (want == GATTN_FULL_TILE) continue;
      ck_assert_int_lt(words[e], got.n_patterns);
      ck_assert_mem_eq(bits + words[e] * got.lanes,
                       expected.bits + want * got.lanes,
                       (size_t)got.lanes * sizeof *bits);
    }
    free(words);
    free(bits);
    got.release(context, &got);
  }
  expected.release(context, &expected);
  gattn_graph_release(graph);
  scene_free(&at);
}
END_TEST

static gattn_status build_once(gattn_context *brutal, void *mask) {
  gattn_graph *graph = NULL;
  gattn_tile_store store;
  gattn_tile_sample sample;
  const gattn_device_attention geometry = {.n_f = 300, .n_q = 300, .n_kv = 300};
  const gattn_tile_pass pass = {.lanes = 64, .n_tiles = 5, .pieces = 1};
  gattn_status status = gattn_mask_parse(brutal, mask, 300, 300, &graph);
  if (!status)
    status =
        gattn_list_survey(brutal, NULL, &geometry, &pass, graph, 1, &sample);
  if (!status)
    status = gattn_list_build(brutal, NULL, &geometry, &pass, graph, 1, &store);
  if (!status) store.release(brutal, &store);
  gattn_device_rows rows = {0};
  bool made;
  if (!status)
    status = gattn_list_edges(brutal, graph, NULL, NULL, &rows, &made);
  gattn_device_rows_free(brutal, &rows);
  gattn_graph_release(graph);
  return status;
}

START_TEST(memory_is_refused) {
  static char *const brutal_masks[] = {
      "randomblocks(16, 4, 9) - documents(0, 50, 90)",
      "random(20, 1) & random(100, 3)"};
  for (int m = 0; m < COUNT(brutal_masks); m++) {
    gattn_context_options options = {.struct_size = sizeof options,
                                     .device = gattn_context_device(context)};
    const int64_t asked = device_brutal_run(build_once, brutal_masks[m]);
    if (test_on_device()) ck_assert_int_gt(asked, 8);
    brutal_run_with(&options, build_once, brutal_masks[m]);
  }
}
END_TEST

/* ------------------------------------------------------------ times */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Not a test of anything but that it ends: what GATTN_TEST_TIMES asks for. */
START_TEST(times) {
  static const struct {
    const char *mask;
    int64_t n;
  } timed[] = {
      {"randomblocks(64, 3, 5) - (blocklocal(64, 1) | cols(0:128))", 131072},
      {"randomblocks(128, 20, 5)", 131072},
      {"randomblocks(128, 164, 5)", 1048576},
      {"random(32, 7)", 131072}};
  if (!getenv("GATTN_TEST_TIMES")) return;
  for (int m = 0; m < COUNT(timed); m++) {
    gattn_graph *graph;
    double survey = 1e9, build = 1e9;
    gattn_tile_store store;
    gattn_tile_sample sample;
    const int64_t n = timed[m].n;
    scene at = scene_of(context, n, n, ALL, GATTN_NUMBER_LINEAR, 128);
    ck_success(context, gattn_mask_parse(context, timed[m].mask, n, n, &graph));
    for (int turn = 0; turn < 5; turn++) {
      const double begin = seconds();
      ck_success(context, gattn_list_survey(context, NULL, &at.geometry,
                                            &at.pass, graph, 1, &sample));
      const double middle = seconds();
      ck_success(context, gattn_list_build(context, NULL, &at.geometry,
                                           &at.pass, graph, 1, &store));
      const double end = seconds();
      store.release(context, &store);
      if (middle - begin < survey) survey = middle - begin;
      if (end - middle < build) build = end - middle;
    }
    printf(
        "TIME %-60s n = %lld: survey %.3f ms, list %.3f ms, %lld entries, "
        "%lld patterns\n",
        timed[m].mask, (long long)n, 1e3 * survey, 1e3 * build,
        (long long)store.n_entries, (long long)store.n_patterns);
    gattn_graph_release(graph);
    scene_free(&at);
  }
}
END_TEST

static TCase *add_case(Suite *suite, const char *name) {
  TCase *tcase = tcase_create(name);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 300);
  suite_add_tcase(suite, tcase);
  return tcase;
}

static Suite *make_lists_suite(void) {
  Suite *suite = suite_create("tile lists");
  tcase_add_loop_test(add_case(suite, "masks"), every_numbering, 0,
                      LIST_MASKS / 2);
  tcase_add_loop_test(add_case(suite, "more masks"), every_numbering,
                      LIST_MASKS / 2, LIST_MASKS);
  tcase_add_test(add_case(suite, "stored"), stored);
  tcase_add_test(add_case(suite, "buckets"), buckets);
  TCase *samples = add_case(suite, "samples");
  tcase_add_test(samples, surveys);
  tcase_add_test(samples, thinned);
  tcase_add_test(add_case(suite, "hashes"), hashes);
  tcase_add_test(add_case(suite, "memory"), memory_is_refused);
  tcase_add_test(add_case(suite, "times"), times);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_lists_suite,
                                           make_list_edges_suite};
  return test_device_main(makers, 2);
}
