/* .npy files. SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  gattn_context *context = fuzz_context();
  gattn_tensor tensor = {.rank = -1};
  gattn_status status =
      gattn_npy_parse(context, "input.npy", bytes, length, &tensor);
  if (status) {
    FUZZ_HOLDS(tensor.rank == -1);
    fuzz_expect_message(context, status);
    fuzz_context_end(context);
    return 0;
  }
  FUZZ_HOLDS(tensor.rank >= 1 && tensor.rank <= GATTN_MAX_RANK);
  size_t payload =
      (size_t)gattn_tensor_elements(&tensor) * gattn_type_size(tensor.type);
  FUZZ_HOLDS(payload <= length);
  const uint8_t *data = tensor.data;
  FUZZ_HOLDS(!payload || (data > bytes && data + payload == bytes + length));
  fuzz_context_end(context);
  return 0;
}
