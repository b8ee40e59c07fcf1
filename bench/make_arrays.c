/* Writes Q, K and V of normal numbers as .npy files.
 * Usage: make_arrays N D Q.NPY K.NPY V.NPY
 * SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdio.h>
#include <stdlib.h>

/* Normal enough: the sum of four uniform numbers, of variance 1. */
static float draw(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  float sum = (float)(x & 0xffff) + (float)(x >> 16 & 0xffff) +
              (float)(x >> 32 & 0xffff) + (float)(x >> 48);
  return (sum / 65536.0f - 2.0f) * 1.7320508f;
}

static gattn_status write_array(gattn_context *context, const char *path,
                                const int64_t *shape, uint64_t seed) {
  gattn_tensor tensor;
  gattn_npy *file;
  gattn_status status =
      gattn_npy_create(context, path, GATTN_FLOAT32, 2, shape, &tensor, &file);
  if (status < 0) return status;
  float *data = tensor.data;
  const int64_t count = gattn_tensor_elements(&tensor);
  for (int64_t e = 0; e < count; e++) data[e] = draw(&seed);
  status = gattn_npy_commit(context, file);
  gattn_npy_close(file);
  return status;
}

int main(int argc, char **argv) {
  gattn_context *context;
  if (argc != 6) {
    fprintf(stderr, "usage: make_arrays N D Q.NPY K.NPY V.NPY\n");
    return 2;
  }
  const int64_t shape[] = {atoll(argv[1]), atoll(argv[2])};
  if (gattn_context_create(NULL, &context)) return 1;
  for (int a = 0; a < 3; a++)
    if (write_array(context, argv[3 + a], shape, (uint64_t)a << 56) < 0) {
      fprintf(stderr, "make_arrays: %s\n", gattn_context_message(context));
      gattn_context_destroy(context);
      return 1;
    }
  gattn_context_destroy(context);
  return 0;
}
