/* Families of problems for tests. SPDX-License-Identifier: Apache-2.0 */
#include "tests/problem.h"

void test_problems_of_mask(test_mask mask, test_problem_check check) {
  for (int frontier = 0; frontier < FRONTIERS; frontier++)
    check(&(test_problem_options){.mask = mask,
                                  .frontier = (test_frontier)frontier,
                                  .rank = 2 + frontier,
                                  .n_q = 70,
                                  .n_kv = 81,
                                  .dim = 17,
                                  .dim_v = 9,
                                  .seed = 10});
}

void test_problems_of_type(gattn_type type, test_problem_check check) {
  for (int layout = 0; layout < ORACLE_LAYOUTS; layout++)
    check(&(test_problem_options){.mask = layout % 2 ? MASK_CAUSAL : MASK_BAND,
                                  .type = type,
                                  .layout = (oracle_layout)layout,
                                  .batch = 2,
                                  .heads = 4,
                                  .kv_heads = 2,
                                  .n_q = 35,
                                  .n_kv = 29,
                                  .dim = 8,
                                  .dim_v = 7,
                                  .seed = 20});
}

void test_problems_of_stacks(test_problem_check check) {
  for (int frontier = 0; frontier < FRONTIERS; frontier++)
    check(&(test_problem_options){.frontier = (test_frontier)frontier,
                                  .stack = true,
                                  .batch = 2,
                                  .heads = 6,
                                  .kv_heads = 3,
                                  .n_q = 21,
                                  .n_kv = 33,
                                  .dim = 3,
                                  .dim_v = 4,
                                  .seed = 30});
}

/* n_q, n_kv, dim, dim_v */
static const int64_t shapes[TEST_SHAPES][4] = {
    {0, 5, 3, 3},   {5, 0, 3, 3},       {1, 1, 1, 1},       {1, 300, 2, 1},
    {300, 1, 1, 2}, {33, 65, 257, 300}, {64, 64, 256, 513}, {4, 4, 2, 0},
};

void test_problems_of_shape(int shape, test_problem_check check) {
  for (int mask = 0; mask < MASKS; mask++)
    check(&(test_problem_options){.mask = (test_mask)mask,
                                  .rank = 3,
                                  .heads = 2,
                                  .kv_heads = 1,
                                  .n_q = shapes[shape][0],
                                  .n_kv = shapes[shape][1],
                                  .dim = shapes[shape][2],
                                  .dim_v = shapes[shape][3],
                                  .seed = 40});
}
