/* Version of the library. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_VERSION_H
#define GATTN_VERSION_H

#include <gattn/export.h>

#define GATTN_VERSION_MAJOR 0
#define GATTN_VERSION_MINOR 1
#define GATTN_VERSION_PATCH 0

/* The version this header belongs to, as one comparable number. */
#define GATTN_VERSION_NUMBER(major, minor, patch) \
  ((major) * 1000000 + (minor) * 1000 + (patch))
#define GATTN_VERSION                                         \
  GATTN_VERSION_NUMBER(GATTN_VERSION_MAJOR, GATTN_VERSION_MINOR, \
                       GATTN_VERSION_PATCH)
#define GATTN_VERSION_STRING "0.1.0"

GATTN_BEGIN_DECLS

/* The version of the library that is linked, as GATTN_VERSION counts. It
 * differs from GATTN_VERSION when header and library are not of one build. */
GATTN_API int gattn_version(void);

/* The same as text, "major.minor.patch". Never null; do not free. */
GATTN_API const char *gattn_version_string(void);

GATTN_END_DECLS

#endif
