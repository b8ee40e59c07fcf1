/* Programs and plans on a CUDA device: the CPU's suites, and what only a device
 * can do. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {make_program_suite, make_plan_suite,
                                           make_plan_refusals_suite,
                                           make_device_plan_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
