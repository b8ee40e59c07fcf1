/* Masks refused: every argument out of its range, and every allocation failing
 * in turn. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "brutal.h"
#include "mask_cases.h"

#define BIG   INT64_MAX
#define LIMIT GATTN_MAX_VERTICES

static gattn_context *context;

static void start(void) {
  ck_assert_int_eq(gattn_context_create(NULL, &context), 0);
}
static void stop(void) { gattn_context_destroy(context); }

/* The call fails with the status, its message has `word` in it (the offending
 * value) and begins with the argument's name, and the output is untouched. */
#define REFUSED(STATUS, NAME, WORD, FUNCTION, ...)                             \
  do {                                                                         \
    gattn_graph *graph_ = (gattn_graph *)&context;                             \
    gattn_status status_ = FUNCTION(context, __VA_ARGS__, &graph_);            \
    const char *message_ = gattn_context_message(context);                     \
    ck_assert_msg(status_ == (STATUS), #FUNCTION "(" #__VA_ARGS__ "): %s, %s", \
                  gattn_status_name(status_), message_);                       \
    ck_assert_msg(!strncmp(message_, NAME ":", strlen(NAME) + 1) &&            \
                      strstr(message_, WORD),                                  \
                  #FUNCTION "(" #__VA_ARGS__ "): says \"%s\"", message_);      \
    ck_assert_ptr_eq(graph_, &context);                                        \
  } while (0)

#define ARGUMENT(...) REFUSED(GATTN_ERROR_ARGUMENT, __VA_ARGS__)
#define INDEX(...)    REFUSED(GATTN_ERROR_INDEX, __VA_ARGS__)
#define SHAPE(...)    REFUSED(GATTN_ERROR_SHAPE, __VA_ARGS__)
#define SIZE(...)     REFUSED(GATTN_ERROR_SIZE, __VA_ARGS__)

START_TEST(parameters) {
  ARGUMENT("left", "-1", gattn_mask_local, 8, 8, -1, 1);
  ARGUMENT("right", "-7", gattn_mask_local, 8, 8, 1, -7);
  ARGUMENT("w", "-1", gattn_mask_dilated, 8, 8, -1, 1);
  ARGUMENT("r", "0", gattn_mask_dilated, 8, 8, 1, 0);
  ARGUMENT("b", "0", gattn_mask_dilated2d, 8, 8, 0, 1);
  ARGUMENT("r", "-2", gattn_mask_dilated2d, 8, 8, 1, -2);
  ARGUMENT("s", "0", gattn_mask_strided, 8, 8, 0);
  ARGUMENT("s", "0", gattn_mask_fixed, 8, 8, 0, 0);
  ARGUMENT("c", "-1", gattn_mask_fixed, 8, 8, 4, -1);
  ARGUMENT("c", "5", gattn_mask_fixed, 8, 8, 4, 5);
  ARGUMENT("b", "0", gattn_mask_blocks, 8, 8, 0);
  ARGUMENT("b", "-3", gattn_mask_blocklocal, 8, 8, -3, 0);
  ARGUMENT("w", "-1", gattn_mask_blocklocal, 8, 8, 3, -1);
  ARGUMENT("k", "0", gattn_mask_random, 8, 8, 0, 1);
  ARGUMENT("b", "0", gattn_mask_randomblocks, 8, 8, 0, 1, 1);
  ARGUMENT("k", "-1", gattn_mask_randomblocks, 8, 8, 2, -1, 1);
  ARGUMENT("p", "-1", gattn_mask_prefix, 8, 8, -1);
  ARGUMENT("p", "9", gattn_mask_prefix, 12, 8, 9);
}
END_TEST

START_TEST(sizes) {
  static const int64_t list[1] = {0};
  static const gattn_range set[1] = {{0, 1}};
  SIZE("n_q", "-1", gattn_mask_full, -1, 8);
  SIZE("n_kv", "-5", gattn_mask_causal, 8, -5);
  SIZE("n_q", "4611686018427387905", gattn_mask_local, LIMIT + 1, 8, 1, 1);
  SIZE("n_kv", "9223372036854775807", gattn_mask_random, 8, BIG, 1, 1);
  SIZE("n_q", "-1", gattn_mask_randomblocks, -1, 8, 2, 1, 1);
  SIZE("n_q", "-1", gattn_mask_rows, -1, 8, set, 1);
  SIZE("n_q", "-1", gattn_mask_tree, -1, -1, list, 1);
  SIZE("n_q", "-4", gattn_mask_blocks2d, -4, -4, 2, -2, 1, 1);
  SIZE("n_q", "-4", gattn_mask_longformer, -4, 4, 1, 1);
  SIZE("n", "-1", gattn_mask_cols, 8, 8, set, -1);
  SIZE("n", "-1", gattn_mask_documents, 8, 8, list, -1);
  SIZE("n", "-1", gattn_mask_buckets, 8, 8, list, -1);
  SIZE("n", "-2", gattn_mask_intervals, 8, 8, list, list, -2);
  SIZE("n", "-2", gattn_mask_longnet, 8, 8, list, list, -2);
}
END_TEST

START_TEST(sets) {
  static const gattn_range empty = {3, 3}, falling = {4, 2}, below = {-2, 1},
                           past = {7, 9}, far = {0, BIG};
  ARGUMENT("set", "0", gattn_mask_rows, 8, 8, &past, 0);
  ARGUMENT("set", "3:3", gattn_mask_rows, 8, 8, &empty, 1);
  ARGUMENT("set", "4:2", gattn_mask_cols, 8, 8, &falling, 1);
  INDEX("set", "-2", gattn_mask_global, 8, 8, &below, 1);
  INDEX("set", "8", gattn_mask_rows, 8, 12, &past, 1);
  INDEX("set", "8", gattn_mask_cols, 12, 8, &past, 1);
  INDEX("set", "8", gattn_mask_global, 8, 8, &past, 1);
  INDEX("set", "9223372036854775806", gattn_mask_global, 8, 8, &far, 1);
  INDEX("set", "8", gattn_mask_global, 0, 0, &past, 1);
}
END_TEST

START_TEST(data) {
  static const int64_t none[] = {1, 2}, still[] = {0, 4, 4},
                       falling[] = {0, 4, 3}, past[] = {0, 8},
                       below[] = {-1, 0}, zeros[] = {0, 0, 0, 0},
                       threes[] = {3, 3, 3, 9}, self[] = {-1, 1},
                       later[] = {-1, 0, 3, 1}, under[] = {-1, -2};
  ARGUMENT("starts", "0", gattn_mask_documents, 8, 8, zeros, 0);
  ARGUMENT("starts", "1", gattn_mask_documents, 8, 8, none, 2);
  ARGUMENT("starts", "-1", gattn_mask_documents, 8, 8, below, 2);
  ARGUMENT("starts", "4", gattn_mask_documents, 8, 8, still, 3);
  ARGUMENT("starts", "3", gattn_mask_documents, 8, 8, falling, 3);
  INDEX("starts", "8", gattn_mask_documents, 8, 8, past, 2);
  REFUSED(GATTN_ERROR_CYCLE, "parents", "1", gattn_mask_tree, 2, 2, self, 2);
  REFUSED(GATTN_ERROR_CYCLE, "parents", "3", gattn_mask_tree, 4, 4, later, 4);
  REFUSED(GATTN_ERROR_CYCLE, "parents", "-2", gattn_mask_tree, 2, 2, under, 2);
  SHAPE("parents", "4", gattn_mask_tree, 5, 5, later, 4);
  SHAPE("parents", "n_kv", gattn_mask_tree, 4, 5, later, 4);
  SHAPE("ids", "4", gattn_mask_buckets, 3, 4, zeros, 4);
  SHAPE("ids", "4", gattn_mask_buckets, 4, 3, zeros, 4);
  SHAPE("lo", "4", gattn_mask_intervals, 3, 8, zeros, threes, 4);
  ARGUMENT("lo", "3", gattn_mask_intervals, 4, 8, threes, zeros, 4);
  INDEX("hi", "9", gattn_mask_intervals, 4, 8, zeros, threes, 4);
  INDEX("lo", "-1", gattn_mask_intervals, 2, 8, below, zeros, 2);
}
END_TEST

START_TEST(grids) {
  ARGUMENT("h", "0", gattn_mask_blocks2d, 0, 0, 0, 4, 1, 1);
  ARGUMENT("w", "-4", gattn_mask_blocks2d, 16, 16, 4, -4, 1, 1);
  ARGUMENT("bh", "0", gattn_mask_blocks2d, 16, 16, 4, 4, 0, 1);
  ARGUMENT("bw", "-1", gattn_mask_blocks2d, 16, 16, 4, 4, 2, -1);
  SHAPE("h", "15", gattn_mask_blocks2d, 15, 16, 4, 4, 2, 2);
  SHAPE("h", "n_kv", gattn_mask_blocks2d, 16, 15, 4, 4, 2, 2);
  REFUSED(GATTN_ERROR_OVERFLOW, "h", "4294967296", gattn_mask_blocks2d, 0, 0,
          (int64_t)1 << 32, (int64_t)1 << 32, 2, 2);
  ARGUMENT("kh", "2", gattn_mask_neighborhood2d, 16, 16, 4, 4, 2, 3);
  ARGUMENT("kw", "0", gattn_mask_neighborhood2d, 16, 16, 4, 4, 3, 0);
  ARGUMENT("kw", "-3", gattn_mask_neighborhood2d, 16, 16, 4, 4, 3, -3);
  ARGUMENT("kh", "5", gattn_mask_neighborhood2d, 16, 16, 4, 4, 5, 3);
  SHAPE("h", "20", gattn_mask_neighborhood2d, 16, 16, 4, 5, 3, 3);
}
END_TEST

START_TEST(block_graphs) {
  gattn_graph *blocks, *stack;
  ck_assert_int_eq(gattn_mask_full(context, 3, 4, &blocks), 0);
  SHAPE("blocks", "3 x 4", gattn_mask_blockmask, 8, 8, blocks, 2);
  SHAPE("blocks", "3 x 4", gattn_mask_blockmask, 7, 8, blocks, 3);
  ARGUMENT("b", "0", gattn_mask_blockmask, 6, 8, blocks, 0);
  ck_assert_int_eq(gattn_graph_stack(context, &blocks, 1, &stack), 0);
  REFUSED(GATTN_ERROR_UNSUPPORTED, "blocks", "1", gattn_mask_blockmask, 6, 8,
          stack, 2);
  gattn_graph_release(stack);
  gattn_graph_release(blocks);
}
END_TEST

START_TEST(presets) {
  static const int64_t w[] = {4, 0}, r[] = {1, 1}, zeros[] = {0, 0};
  ARGUMENT("w", "-1", gattn_mask_longformer, 8, 8, -1, 1);
  ARGUMENT("g", "0", gattn_mask_longformer, 8, 8, 1, 0);
  INDEX("g", "9", gattn_mask_longformer, 8, 8, 1, 9);
  ARGUMENT("b", "0", gattn_mask_bigbird, 8, 8, 0, 1, 1, 1, 1);
  ARGUMENT("w", "-1", gattn_mask_bigbird, 8, 8, 2, -1, 1, 1, 1);
  INDEX("g", "5", gattn_mask_bigbird, 8, 8, 2, 1, 5, 1, 1);
  INDEX("g", "9223372036854775807", gattn_mask_bigbird, 8, 8, 2, 1, BIG, 1, 1);
  ARGUMENT("r", "0", gattn_mask_bigbird, 8, 8, 2, 1, 1, 0, 1);
  ARGUMENT("n", "0", gattn_mask_longnet, 8, 8, w, r, 0);
  ARGUMENT("w", "0", gattn_mask_longnet, 8, 8, w, r, 2);
  ARGUMENT("r", "0", gattn_mask_longnet, 8, 8, w, zeros, 1);
  ARGUMENT("s", "0", gattn_mask_streaming, 8, 8, 0, 1);
  INDEX("s", "9", gattn_mask_streaming, 8, 8, 9, 1);
  ARGUMENT("w", "-1", gattn_mask_streaming, 8, 8, 1, -1);
  ARGUMENT("s", "0", gattn_mask_sparsetransformer, 8, 8, 0);
}
END_TEST

START_TEST(nulls) {
  gattn_graph *graph;
  static const int64_t list[] = {0};
  ck_assert_int_eq(gattn_mask_full(NULL, 1, 1, &graph), GATTN_ERROR_NULL);
  ck_assert_int_eq(gattn_mask_full(context, 1, 1, NULL), GATTN_ERROR_NULL);
#define NULLED(NAME, ...) REFUSED(GATTN_ERROR_NULL, NAME, "null", __VA_ARGS__)
  NULLED("set", gattn_mask_rows, 8, 8, NULL, 1);
  NULLED("set", gattn_mask_cols, 8, 8, NULL, 1);
  NULLED("set", gattn_mask_global, 8, 8, NULL, 1);
  NULLED("starts", gattn_mask_documents, 8, 8, NULL, 1);
  NULLED("parents", gattn_mask_tree, 1, 1, NULL, 1);
  NULLED("ids", gattn_mask_buckets, 1, 1, NULL, 1);
  NULLED("lo", gattn_mask_intervals, 1, 1, NULL, list, 1);
  NULLED("hi", gattn_mask_intervals, 1, 1, list, NULL, 1);
  NULLED("blocks", gattn_mask_blockmask, 1, 1, NULL, 1);
  NULLED("w", gattn_mask_longnet, 1, 1, NULL, list, 1);
  NULLED("r", gattn_mask_longnet, 1, 1, list, NULL, 1);
}
END_TEST

static gattn_status make_and_turn(gattn_context *brutal, void *user) {
  const mask_case *mask = user;
  gattn_graph *graph, *transpose;
  gattn_status status = mask->kind->make(brutal, mask, &graph);
  if (status) return status;
  status = gattn_graph_transpose(brutal, graph, &transpose);
  if (!status) gattn_graph_release(transpose);
  gattn_graph_release(graph);
  return status;
}

static void starve(const mask_case *mask) {
  mask_case copy = *mask;
  if (mask->n_q == 16 || mask->n_q == 12)
    ck_assert_int_ge(brutal_run(make_and_turn, &copy), 2);
}

START_TEST(allocations) { mask_cases_visit(mask_kind_at(_i), starve); }
END_TEST

static Suite *make_masks_errors_suite(void) {
  Suite *suite = suite_create("masks, refused");
  TCase *tcase = tcase_create("refused");
  int kinds = 0;
  while (mask_kind_at(kinds)) kinds++;
  tcase_add_checked_fixture(tcase, start, stop);
  tcase_add_test(tcase, parameters);
  tcase_add_test(tcase, sizes);
  tcase_add_test(tcase, sets);
  tcase_add_test(tcase, data);
  tcase_add_test(tcase, grids);
  tcase_add_test(tcase, block_graphs);
  tcase_add_test(tcase, presets);
  tcase_add_test(tcase, nulls);
  tcase_add_loop_test(tcase, allocations, 0, kinds);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  SRunner *runner = srunner_create(make_masks_errors_suite());
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
