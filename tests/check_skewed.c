/* Skewed rows and frontiers from tensors on the CPU.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  Suite *suites[] = {make_skewed_suite(), make_frontier_tensors_suite()};
  return test_run(suites, 2);
}
