/* Timers, numbers and limits of a CUDA device. SPDX-License-Identifier:
 * Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {make_measure_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
