/* What a context knows of its device, in every build.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"

bool gattn_on_device(const gattn_context *context) {
  return gattn_context_device(context) != GATTN_CPU;
}

void *gattn_device_stream(const gattn_context *context) {
  return context->options.stream;
}

const gattn_device_facts *gattn_device_facts_of(const gattn_context *context) {
  return context->device_facts;
}
