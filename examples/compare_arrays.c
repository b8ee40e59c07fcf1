/* How far two .npy arrays are apart: mapped, not read. `make demo` uses it.
 * Usage: compare_arrays A.NPY B.NPY. SPDX-License-Identifier: Apache-2.0 */
#include "example.h"

static double element(const gattn_tensor *tensor, int64_t e) {
  if (tensor->type == GATTN_FLOAT16)
    return gattn_float16_to_float(((const uint16_t *)tensor->data)[e]);
  return ((const float *)tensor->data)[e];
}

int main(int argc, char **argv) {
  gattn_context *context;
  gattn_tensor a, b;
  gattn_npy *a_file, *b_file;
  if (argc != 3 || gattn_context_create(NULL, &context)) return 1;
  TRY(gattn_npy_open(context, argv[1], &a, &a_file));
  TRY(gattn_npy_open(context, argv[2], &b, &b_file));
  const int64_t count = gattn_tensor_elements(&a);
  if (a.type == GATTN_INT64 || b.type == GATTN_INT64 ||
      count != gattn_tensor_elements(&b)) {
    fprintf(stderr, "the arrays are not of one shape\n");
    return 1;
  }
  double largest = 0, difference = 0, size = 0;
  for (int64_t e = 0; e < count; e++) {
    double x = element(&a, e), y = element(&b, e);
    if (fabs(x - y) > largest) largest = fabs(x - y);
    difference += (x - y) * (x - y);
    size += x * x;
  }
  printf("%lld elements: largest difference %.4g, relative difference %.2f%%\n",
         (long long)count, largest, 100 * sqrt(difference / size));
  gattn_npy_close(a_file);
  gattn_npy_close(b_file);
  gattn_context_destroy(context);
  return 0;
}
