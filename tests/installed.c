/* What a user's first program does. SPDX-License-Identifier: Apache-2.0 */
#include <gattn.h>
#include <stdio.h>

int main(void) {
  gattn_context *context = NULL;
  if (gattn_version() != GATTN_VERSION) return 1;
  if (gattn_context_create(NULL, &context)) return 1;
  gattn_context_destroy(context);
  puts(gattn_version_string());
  return 0;
}
