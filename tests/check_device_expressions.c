/* Random mask expressions on a CUDA device, against the oracle.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>

#include "tests/attend_case.h"
#include "tests/random_mask.h"

enum { ROUNDS = 20, EXPRESSIONS = 20 };

static gattn_context *context;

static void create(void) { context = attend_context(GATTN_ISA_AUTO, 2); }

static void destroy(void) {
  gattn_context_destroy(context);
  test_settle();
}

static const int64_t grids[][2] = {{8, 8}, {9, 15}, {16, 16}, {5, 60}, {20, 13}};
static const int64_t dims[] = {64, 32, 128, 20, 64};
static const char *const frontiers[] = {NULL, NULL, NULL, "range:30:61",
                                        "last:1", "list:5,63,2,60"};

/* Every draw is a function of the number of the expression alone. */
static void one_expression(uint64_t number) {
  char mask[1024];
  uint64_t state = number * 1000003;
  const int64_t *grid = grids[oracle_random(&state) % 5];
  const int64_t n = grid[0] * grid[1];
  const int64_t dim = dims[oracle_random(&state) % 5];
  const uint64_t drawn = oracle_random(&state);
  random_mask(&state, grid[0], grid[1], mask, sizeof mask);
  attend_case c = {.mask = mask, .n_q = n, .n_kv = n, .dim = dim, .dim_v = dim,
                   .heads = 1 + (int64_t)(drawn % 2),
                   .kv_heads = 1,
                   .type = (gattn_type)(drawn / 2 % 3),
                   .layout = (oracle_layout)(drawn / 6 % ORACLE_LAYOUTS),
                   .frontier = frontiers[drawn / 24 % 6],
                   .poison = drawn / 144 % 8 ? NULL : "v"};
  attend_compare(context, &c);
}

START_TEST(random_expressions) {
  for (uint64_t e = 0; e < EXPRESSIONS; e++)
    one_expression((uint64_t)_i * EXPRESSIONS + e);
}
END_TEST

static Suite *make_expressions_suite(void) {
  Suite *suite = suite_create("device expressions");
  TCase *tcase = tcase_create("random");
  tcase_add_checked_fixture(tcase, create, destroy);
  tcase_add_loop_test(tcase, random_expressions, 0, ROUNDS);
  suite_add_tcase(suite, tcase);
  return suite;
}

int main(void) {
  static Suite *(*const makers[])(void) = {make_expressions_suite};
  return test_device_main(makers, 1);
}
