/* The plan suites on the CPU. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  Suite *const suites[] = {make_plan_suite(), make_plan_refusals_suite()};
  return test_run(suites, 2);
}
