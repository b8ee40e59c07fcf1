/* Graphs of edges in tensors, on the CPU. SPDX-License-Identifier: Apache-2.0 */
#include "tests/brutal.h"
#include "tests/suites.h"

static gattn_tensor strided(int64_t *ids, int64_t n) {
  return (gattn_tensor){.data = ids,
                        .type = GATTN_INT64,
                        .rank = 1,
                        .shape = {n},
                        .strides = {2}};
}

static gattn_status make_both(gattn_context *context, void *user) {
  int64_t offsets[] = {0, 9, 2, 9, 3}, columns[] = {3, 9, 1, 9, 1};
  const gattn_tensor o = strided(offsets, 3), c = strided(columns, 3);
  gattn_graph *graph = NULL;
  (void)user;
  gattn_status status =
      gattn_graph_from_csr_tensors(context, 2, 4, &o, &c, &graph);
  gattn_graph_release(graph);
  graph = NULL;
  if (!status)
    status = gattn_graph_from_coo_tensors(context, 4, 4, &c, &c, &graph);
  gattn_graph_release(graph);
  return status;
}

START_TEST(memory_may_fail) { ck_assert_int_gt(brutal_run(make_both, NULL), 8); }
END_TEST

int main(void) {
  Suite *suite = make_csr_tensors_suite();
  TCase *tcase = tcase_create("memory");
  tcase_add_test(tcase, memory_may_fail);
  suite_add_tcase(suite, tcase);
  return test_run(&suite, 1);
}
