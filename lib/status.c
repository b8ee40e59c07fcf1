/* Names and sentences of statuses. SPDX-License-Identifier: Apache-2.0 */
#include <gattn/status.h>

const char *gattn_status_name(gattn_status status) {
  switch (status) {
#define NAME(name, number, sentence) \
  case name:                         \
    return #name;
    GATTN_STATUS_TABLE(NAME)
#undef NAME
  }
  return "GATTN_STATUS_UNKNOWN";
}

const char *gattn_status_string(gattn_status status) {
  switch (status) {
#define SENTENCE(name, number, sentence) \
  case name:                             \
    return sentence;
    GATTN_STATUS_TABLE(SENTENCE)
#undef SENTENCE
  }
  return "a number that is no status of this library";
}
