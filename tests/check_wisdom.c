/* The wisdom suite on the CPU. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  Suite *suite = make_wisdom_suite();
  return test_run(&suite, 1);
}
