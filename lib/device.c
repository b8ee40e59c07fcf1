/* What a context knows of its device, in every build.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/device.h"

#include <gattn/device.h>

#include <stdio.h>

bool gattn_on_device(const gattn_context *context) {
  return gattn_context_device(context) != GATTN_CPU;
}

const char *gattn_device_text(gattn_device device,
                              char text[GATTN_DEVICE_TEXT]) {
  if (device == GATTN_CPU)
    snprintf(text, GATTN_DEVICE_TEXT, "cpu");
  else
    snprintf(text, GATTN_DEVICE_TEXT, "cuda:%d", (int)device - 1);
  return text;
}

void *gattn_device_stream(const gattn_context *context) {
  return context->options.stream;
}

const gattn_device_facts *gattn_device_facts_of(const gattn_context *context) {
  return context->device_facts;
}

int32_t gattn_device_count(void) { return gattn_device_number(); }

gattn_status gattn_device_describe(gattn_device device,
                                   gattn_device_description *description) {
  if (!description) return GATTN_ERROR_NULL;
  if (description->struct_size != sizeof *description)
    return GATTN_ERROR_STRUCT_SIZE;
  if (device <= GATTN_CPU) return GATTN_ERROR_ARGUMENT;
  gattn_device_facts facts;
  char text[GATTN_MESSAGE_SIZE] = "";
  gattn_device_description filled = {.struct_size = sizeof filled};
  filled.usable = !gattn_device_open(device, &facts, text);
  filled.capability = facts.capability;
  filled.multiprocessors = facts.multiprocessors;
  filled.memory_bytes = facts.memory_bytes;
  snprintf(filled.name, sizeof filled.name, "%s", facts.name);
  snprintf(filled.problem, sizeof filled.problem, "%.*s",
           (int)sizeof filled.problem - 1, text);
  *description = filled;
  return GATTN_SUCCESS;
}
