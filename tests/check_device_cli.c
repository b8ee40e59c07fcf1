/* The cli_answers suite on a device. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  Suite *(*const makers[])(void) = {make_cli_answers_suite};
  return test_device_main(makers, 1);
}
