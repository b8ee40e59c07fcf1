/* The operators standing alone, and frontiers, on a CUDA device.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {
      make_operators_suite, make_selection_suite, make_merge_suite,
      make_skewed_suite, make_frontier_tensors_suite,
      make_operators_brutal_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
