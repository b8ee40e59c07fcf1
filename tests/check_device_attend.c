/* Fused attention on a CUDA device: the CPU's suites, and one for tiles.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/suites.h"

int main(void) {
  static Suite *(*const makers[])(void) = {
      make_attend_suite, make_attend_scores_suite, make_attend_extremes_suite,
      make_attend_shapes_suite};
  return test_device_main(makers, sizeof makers / sizeof *makers);
}
