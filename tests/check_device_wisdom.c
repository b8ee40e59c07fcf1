/* The wisdom suite on a CUDA device. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {make_wisdom_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
