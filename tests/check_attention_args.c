/* What attention refuses, on the CPU. SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  Suite *const suites[] = {make_attention_args_suite(),
                           make_broken_generators_suite()};
  return test_run(suites, 2);
}
