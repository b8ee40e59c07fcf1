/* The handle of an open .npy file. SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_LIB_NPY_FILE_H
#define GATTN_LIB_NPY_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "lib/npy.h"

/* What a handle is good for, in the order in which it gets there. */
typedef enum npy_stage { NPY_READING, NPY_WRITING, NPY_COMMITTED } npy_stage;

struct gattn_npy {
  gattn_context *context; /* retained */
  npy_stage stage;
  void *mapping;       /* MAP_FAILED where there is none */
  size_t mapped;       /* bytes of mapping or memory: the whole file */
  void *memory;        /* a device's or pipe's content until the commit */
  int file;            /* writing; else -1 */
  int directory;       /* of target and temporary; -1 for a device */
  mode_t mode;         /* permissions of the file to be replaced; 0: none */
  char path[PATH_MAX]; /* as given, for messages */
  char target[NAME_MAX + 1];    /* within directory */
  char temporary[NAME_MAX + 1]; /* within directory; "" while there is none */
};

/* An empty handle that gattn_npy_close can take. */
gattn_status gattn_npy_new(gattn_context *context, gattn_npy **npy);

#endif
