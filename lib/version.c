/* The version of the linked library. SPDX-License-Identifier: Apache-2.0 */
#include <gattn/version.h>

int gattn_version(void) { return GATTN_VERSION; }

const char *gattn_version_string(void) { return GATTN_VERSION_STRING; }
