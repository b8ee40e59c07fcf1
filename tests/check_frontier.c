/* Frontiers: ranges, lists, bitmaps, sets, reach.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <gattn.h>

#include "brutal.h"
#include "frontier/frontier.h"
#include "oracle.h"

static gattn_context *context;

static void setup(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), GATTN_SUCCESS);
}

static void teardown(void) { gattn_context_destroy(context); }

static void assert_failed(gattn_status got, gattn_status expected,
                          const char *words) {
  const char *message = gattn_context_message(context);
  if (got != expected || !strstr(message, words))
    ck_abort_msg("got %s: \"%s\"; expected %s: \"…%s…\"",
                 gattn_status_name(got), message, gattn_status_name(expected),
                 words);
}

static void assert_success(gattn_status status) {
  ck_assert_msg(!status, "%s: %s", gattn_status_name(status),
                gattn_context_message(context));
}

/* The frontier holds these vertices, and knows whether they are a set. */
static void assert_is(const gattn_frontier *frontier, int64_t n,
                      const int64_t *vertices, int64_t size) {
  bool unique = true, ascending = true;
  for (int64_t p = 0; p < size; p++)
    for (int64_t q = 0; q < p; q++) {
      unique = unique && vertices[p] != vertices[q];
      ascending = ascending && vertices[p] > vertices[q];
    }
  ck_assert_int_eq(gattn_frontier_universe(frontier), n);
  ck_assert_int_eq(gattn_frontier_size(frontier), size);
  ck_assert_int_eq(frontier->unique, unique);
  ck_assert_int_eq(frontier->ascending, ascending);
  for (int64_t p = 0; p < size; p++)
    ck_assert_int_eq(gattn_frontier_vertex(frontier, p), vertices[p]);
}

#define LIST(...)                 \
  (const int64_t[]){__VA_ARGS__}, \
      sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

static gattn_frontier *list_of(int64_t n, const int64_t *vertices,
                               int64_t size) {
  gattn_frontier *frontier;
  assert_success(gattn_frontier_list(context, n, vertices, size, &frontier));
  return frontier;
}

START_TEST(ranges) {
  gattn_frontier *frontier;
  assert_success(gattn_frontier_range(context, 10, 3, 6, &frontier));
  assert_is(frontier, 10, LIST(3, 4, 5));
  gattn_frontier_release(frontier);
  assert_success(gattn_frontier_all(context, 3, &frontier));
  assert_is(frontier, 3, LIST(0, 1, 2));
  gattn_frontier_release(frontier);
  assert_success(gattn_frontier_range(context, 10, 10, 10, &frontier));
  assert_is(frontier, 10, NULL, 0);
  gattn_frontier_release(frontier);
  assert_success(gattn_frontier_all(context, 0, &frontier));
  assert_is(frontier, 0, NULL, 0);
  gattn_frontier_release(frontier);
  int64_t n = GATTN_MAX_VERTICES;
  assert_success(gattn_frontier_all(context, n, &frontier));
  ck_assert_int_eq(gattn_frontier_size(frontier), n);
  ck_assert_int_eq(gattn_frontier_vertex(frontier, n - 1), n - 1);
  gattn_frontier_release(frontier);
}
END_TEST

START_TEST(ranges_refuse) {
  gattn_frontier *frontier = NULL;
  static const struct {
    int64_t n, begin, end;
    gattn_status status;
    const char *words;
  } rows[] = {
      {-1, 0, 0, GATTN_ERROR_SIZE, "n: -1"},
      {GATTN_MAX_VERTICES + 1, 0, 0, GATTN_ERROR_SIZE, "n: 46116860184273879"},
      {8, -1, 4, GATTN_ERROR_INDEX, "-1:4"},
      {8, 5, 4, GATTN_ERROR_INDEX, "5:4"},
      {8, 5, 9, GATTN_ERROR_INDEX, "5:9 does not ascend within 0:8"},
      {8, INT64_MIN, INT64_MAX, GATTN_ERROR_INDEX, "begin, end"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    assert_failed(gattn_frontier_range(context, rows[r].n, rows[r].begin,
                                       rows[r].end, &frontier),
                  rows[r].status, rows[r].words);
  assert_failed(gattn_frontier_all(context, -5, &frontier), GATTN_ERROR_SIZE,
                "-5");
  ck_assert_ptr_null(frontier);
}
END_TEST

START_TEST(lists) {
  gattn_frontier *frontier = list_of(10, LIST(4, 2, 9));
  assert_is(frontier, 10, LIST(4, 2, 9));
  gattn_frontier_release(frontier);
  frontier = list_of(10, LIST(1, 2, 5, 5));
  assert_is(frontier, 10, LIST(1, 2, 5, 5));
  ck_assert_int_eq(frontier->duplicate, 5);
  gattn_frontier_release(frontier);
  frontier = list_of(10, LIST(7, 3, 7, 3));
  assert_is(frontier, 10, LIST(7, 3, 7, 3));
  gattn_frontier_release(frontier);
  frontier = list_of(10, LIST(5, 6, 7));
  assert_is(frontier, 10, LIST(5, 6, 7));
  ck_assert_ptr_null(frontier->vertices); /* a range in disguise */
  gattn_frontier_release(frontier);
  frontier = list_of(10, NULL, 0);
  assert_is(frontier, 10, NULL, 0);
  gattn_frontier_release(frontier);
  frontier = list_of(10, LIST(8, 9, 0, 1));
  assert_is(frontier, 10, LIST(8, 9, 0, 1));
  gattn_frontier_release(frontier);
}
END_TEST

START_TEST(lists_refuse) {
  gattn_frontier *frontier = NULL;
  assert_failed(gattn_frontier_list(context, 5, LIST(1, 5), &frontier),
                GATTN_ERROR_INDEX, "vertex 5 at position 1 is not below 5");
  assert_failed(gattn_frontier_list(context, 5, LIST(3, 4, 5), &frontier),
                GATTN_ERROR_INDEX, "vertex 5 at position 2");
  assert_failed(gattn_frontier_list(context, 5, LIST(-1), &frontier),
                GATTN_ERROR_INDEX, "vertex -1 at position 0");
  assert_failed(gattn_frontier_list(context, 5, LIST(0, INT64_MAX), &frontier),
                GATTN_ERROR_INDEX, "9223372036854775807");
  assert_failed(gattn_frontier_list(context, 5, NULL, -3, &frontier),
                GATTN_ERROR_SIZE, "size: -3");
  assert_failed(gattn_frontier_list(context, -5, LIST(0), &frontier),
                GATTN_ERROR_SIZE, "n: -5");
  ck_assert_ptr_null(frontier);
}
END_TEST

/* Random bits of random density; n on, before and behind word boundaries. */
START_TEST(bitmaps) {
  static const int64_t sizes[] = {0, 1, 63, 64, 65, 127, 128, 200};
  uint64_t state = 11;
  for (int s = 0; s < 8; s++)
    for (int round = 0; round < 20; round++) {
      int64_t n = sizes[s], expected[200], size = 0;
      uint64_t words[4] = {0};
      for (int64_t v = 0; v < n; v++) {
        if (oracle_random(&state) % 20 > (uint64_t)round) continue;
        words[v / 64] |= (uint64_t)1 << v % 64;
        expected[size++] = v;
      }
      gattn_frontier *frontier;
      assert_success(gattn_frontier_bitmap(context, n, words, &frontier));
      assert_is(frontier, n, expected, size);
      gattn_frontier_release(frontier);
    }
}
END_TEST

START_TEST(a_contiguous_bitmap_is_a_range) {
  uint64_t words[] = {(uint64_t)1 << 63, UINT64_MAX, 1};
  gattn_frontier *frontier;
  assert_success(gattn_frontier_bitmap(context, 130, words, &frontier));
  ck_assert_ptr_null(frontier->vertices);
  ck_assert_int_eq(frontier->begin, 63);
  ck_assert_int_eq(frontier->size, 66);
  gattn_frontier_release(frontier);
}
END_TEST

START_TEST(bitmaps_refuse) {
  gattn_frontier *frontier = NULL;
  uint64_t words[] = {0, (uint64_t)1 << 36};
  assert_failed(gattn_frontier_bitmap(context, 100, words, &frontier),
                GATTN_ERROR_INDEX, "bit 100 is set, but n is 100");
  words[1] = (uint64_t)1 << 63;
  assert_failed(gattn_frontier_bitmap(context, 70, words, &frontier),
                GATTN_ERROR_INDEX, "bit 127");
  assert_failed(gattn_frontier_bitmap(context, -1, words, &frontier),
                GATTN_ERROR_SIZE, "-1");
  assert_failed(gattn_frontier_bitmap(context, 1, NULL, &frontier),
                GATTN_ERROR_NULL, "words");
  ck_assert_ptr_null(frontier);
}
END_TEST

START_TEST(vertices_are_copied_in_pieces) {
  gattn_frontier *frontiers[2] = {list_of(20, LIST(5, 6, 7, 8, 9)),
                                  list_of(20, LIST(5, 19, 0, 3, 3))};
  for (int f = 0; f < 2; f++)
    for (int64_t first = 0; first <= 5; first++)
      for (int64_t capacity = 0; capacity <= 6; capacity++) {
        int64_t got[7] = {-1, -1, -1, -1, -1, -1, -1}, count = -1;
        assert_success(gattn_frontier_vertices(context, frontiers[f], first,
                                               capacity, got, &count));
        int64_t left = 5 - first;
        ck_assert_int_eq(count, capacity < left ? capacity : left);
        for (int64_t p = 0; p < count; p++)
          ck_assert_int_eq(got[p],
                           gattn_frontier_vertex(frontiers[f], first + p));
        ck_assert_int_eq(got[count], -1);
      }
  int64_t got[5], count;
  assert_failed(
      gattn_frontier_vertices(context, frontiers[0], 6, 1, got, &count),
      GATTN_ERROR_INDEX, "first: position 6");
  assert_failed(
      gattn_frontier_vertices(context, frontiers[0], -1, 1, got, &count),
      GATTN_ERROR_INDEX, "first: position -1");
  assert_failed(
      gattn_frontier_vertices(context, frontiers[0], 0, -2, got, &count),
      GATTN_ERROR_SIZE, "capacity: -2");
  assert_failed(
      gattn_frontier_vertices(context, frontiers[0], 0, 1, NULL, &count),
      GATTN_ERROR_NULL, "vertices");
  assert_failed(gattn_frontier_vertices(context, frontiers[0], 0, 1, got, NULL),
                GATTN_ERROR_NULL, "count");
  assert_failed(gattn_frontier_vertices(context, NULL, 0, 1, got, &count),
                GATTN_ERROR_NULL, "frontier");
  gattn_frontier_release(frontiers[0]);
  gattn_frontier_release(frontiers[1]);
}
END_TEST

START_TEST(references) {
  gattn_frontier *frontier = list_of(9, LIST(4, 1));
  ck_assert_ptr_eq(gattn_frontier_retain(frontier), frontier);
  gattn_frontier_release(frontier);
  assert_is(frontier, 9, LIST(4, 1));
  gattn_context_destroy(context); /* the frontier keeps it alive */
  gattn_frontier_release(frontier);
  assert_success(gattn_context_create(NULL, &context));
  ck_assert_ptr_null(gattn_frontier_retain(NULL));
  gattn_frontier_release(NULL);
  ck_assert_int_eq(gattn_frontier_size(NULL), 0);
  ck_assert_int_eq(gattn_frontier_universe(NULL), 0);
}
END_TEST

static int is_odd(void *user, int64_t vertex) {
  (*(int64_t *)user)++;
  return vertex % 2 ? -1 : 0;
}

START_TEST(filters) {
  int64_t calls = 0;
  gattn_frontier *given = list_of(20, LIST(7, 2, 3, 19, 4, 7)), *out;
  assert_success(gattn_frontier_filter(context, given, is_odd, &calls, &out));
  assert_is(out, 20, LIST(7, 3, 19, 7));
  ck_assert_int_eq(calls, 6);
  gattn_frontier_release(out);
  gattn_frontier_release(given);
}
END_TEST

START_TEST(uniquifies) {
  gattn_frontier *given = list_of(20, LIST(7, 2, 3, 19, 4, 7)), *out;
  assert_success(gattn_frontier_uniquify(context, given, &out));
  assert_is(out, 20, LIST(2, 3, 4, 7, 19));
  gattn_frontier_release(given);
  assert_success(gattn_frontier_uniquify(context, out, &given));
  assert_is(given, 20, LIST(2, 3, 4, 7, 19));
  gattn_frontier_release(out);
  gattn_frontier_release(given);
  given = list_of(20, LIST(3, 2, 4, 2, 3)); /* a range once it is sorted */
  assert_success(gattn_frontier_uniquify(context, given, &out));
  assert_is(out, 20, LIST(2, 3, 4));
  ck_assert_ptr_null(out->vertices);
  gattn_frontier_release(out);
  gattn_frontier_release(given);
}
END_TEST

/* Random operands; membership is what a union is made of. */
START_TEST(unions) {
  uint64_t state = 23;
  for (int round = 0; round < 300; round++) {
    enum { N = 24 };
    bool member[N] = {false};
    gattn_frontier *operands[2], *out;
    for (int f = 0; f < 2; f++) {
      int64_t vertices[N], size = (int64_t)(oracle_random(&state) % N);
      int64_t shift = (int64_t)(oracle_random(&state) % N);
      bool run = oracle_random(&state) % 3 == 0;
      if (run && shift + size > N) size = N - shift;
      for (int64_t p = 0; p < size; p++) {
        vertices[p] = run ? shift + p : (int64_t)(oracle_random(&state) % N);
        member[vertices[p]] = true;
      }
      operands[f] = list_of(N, vertices, size);
    }
    int64_t expected[N], size = 0;
    for (int64_t v = 0; v < N; v++)
      if (member[v]) expected[size++] = v;
    assert_success(
        gattn_frontier_union(context, operands[0], operands[1], &out));
    assert_is(out, N, expected, size);
    for (int f = 0; f < 2; f++) gattn_frontier_release(operands[f]);
    gattn_frontier_release(out);
  }
}
END_TEST

START_TEST(sets_refuse) {
  gattn_frontier *a = list_of(5, LIST(1)), *b = list_of(6, LIST(1)),
                 *out = NULL;
  assert_failed(gattn_frontier_union(context, a, b, &out), GATTN_ERROR_SHAPE,
                "right: draws from 6 vertices, left from 5");
  assert_failed(gattn_frontier_union(context, NULL, b, &out), GATTN_ERROR_NULL,
                "left");
  assert_failed(gattn_frontier_union(context, a, NULL, &out), GATTN_ERROR_NULL,
                "right");
  assert_failed(gattn_frontier_union(context, a, a, NULL), GATTN_ERROR_NULL,
                "out");
  assert_failed(gattn_frontier_uniquify(context, NULL, &out), GATTN_ERROR_NULL,
                "frontier");
  assert_failed(gattn_frontier_uniquify(context, a, NULL), GATTN_ERROR_NULL,
                "out");
  assert_failed(gattn_frontier_filter(context, a, NULL, NULL, &out),
                GATTN_ERROR_NULL, "predicate");
  assert_failed(gattn_frontier_filter(context, NULL, is_odd, NULL, &out),
                GATTN_ERROR_NULL, "frontier");
  assert_failed(gattn_frontier_list(context, 5, NULL, 1, &out),
                GATTN_ERROR_NULL, "vertices");
  ck_assert_int_eq(gattn_frontier_union(NULL, a, a, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_frontier_uniquify(NULL, a, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_frontier_all(NULL, 5, &out), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_frontier_list(NULL, 5, NULL, 0, &out),
                   GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_frontier_bitmap(NULL, 0, NULL, &out),
                   GATTN_ERROR_NULL);
  assert_failed(gattn_frontier_all(context, 5, NULL), GATTN_ERROR_NULL,
                "frontier");
  assert_failed(gattn_frontier_list(context, 5, NULL, 0, NULL),
                GATTN_ERROR_NULL, "frontier");
  assert_failed(gattn_frontier_bitmap(context, 0, NULL, NULL), GATTN_ERROR_NULL,
                "frontier");
  ck_assert_ptr_null(out);
  gattn_frontier_release(a);
  gattn_frontier_release(b);
}
END_TEST

/* Two vast ranges overflow no sum and store nothing. */
START_TEST(sets_of_vast_ranges) {
  int64_t n = GATTN_MAX_VERTICES;
  gattn_frontier *a, *b, *out;
  assert_success(gattn_frontier_range(context, n, 0, n - 5, &a));
  assert_success(gattn_frontier_range(context, n, 7, n, &b));
  assert_success(gattn_frontier_union(context, a, b, &out));
  ck_assert_int_eq(out->size, n);
  ck_assert_ptr_null(out->vertices);
  gattn_frontier_release(out);
  gattn_frontier_release(b);
  assert_success(gattn_frontier_range(context, n, n - 1, n, &b));
  assert_failed(gattn_frontier_union(context, a, b, &out), GATTN_ERROR_OVERFLOW,
                "frontier");
  gattn_frontier_release(a);
  gattn_frontier_release(b);
}
END_TEST

static gattn_status every_way(gattn_context *brutal, void *user) {
  (void)user;
  gattn_frontier *list = NULL, *words = NULL, *both = NULL, *odd = NULL,
                 *set = NULL;
  int64_t vertices[100], calls = 0;
  uint64_t bits[4];
  for (int v = 0; v < 100; v++) vertices[v] = (v * 37) % 100 * 2;
  for (int w = 0; w < 4; w++) bits[w] = UINT64_C(0x3333333333333333);
  bits[3] &= 0xff;
  gattn_status status = gattn_frontier_list(brutal, 200, vertices, 100, &list);
  if (!status) status = gattn_frontier_bitmap(brutal, 200, bits, &words);
  if (!status) status = gattn_frontier_union(brutal, list, words, &both);
  if (!status) status = gattn_frontier_uniquify(brutal, list, &set);
  if (!status)
    status = gattn_frontier_filter(brutal, both, is_odd, &calls, &odd);
  if (!status) ck_assert_int_eq(gattn_frontier_size(both), 150);
  if (!status) ck_assert_int_eq(gattn_frontier_size(odd), 50);
  gattn_frontier_release(set);
  gattn_frontier_release(odd);
  gattn_frontier_release(both);
  gattn_frontier_release(words);
  gattn_frontier_release(list);
  return status;
}

START_TEST(survives_failing_allocations) {
  ck_assert_int_ge(brutal_run(every_way, NULL), 10);
}
END_TEST

static Suite *make_frontier_suite(void) {
  Suite *suite = suite_create("frontier");
  TCase *tcase = tcase_create("frontier");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, ranges);
  tcase_add_test(tcase, ranges_refuse);
  tcase_add_test(tcase, lists);
  tcase_add_test(tcase, lists_refuse);
  tcase_add_test(tcase, bitmaps);
  tcase_add_test(tcase, a_contiguous_bitmap_is_a_range);
  tcase_add_test(tcase, bitmaps_refuse);
  tcase_add_test(tcase, vertices_are_copied_in_pieces);
  tcase_add_test(tcase, references);
  tcase_add_test(tcase, filters);
  tcase_add_test(tcase, uniquifies);
  tcase_add_test(tcase, unions);
  tcase_add_test(tcase, sets_refuse);
  tcase_add_test(tcase, sets_of_vast_ranges);
  tcase_add_test(tcase, survives_failing_allocations);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_frontier_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
