/* The mask table from inside: names, arguments and constructors.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_MASKS_TABLE_H
#define GATTN_MASKS_TABLE_H

#include <gattn/masks.h>
#include <stddef.h>

#define GATTN_MOST_ARGUMENTS 5 /* that a form names one by one */
#define GATTN_MOST_FORMS     2

/* What an argument may be, and how often. A form has integers and paths in any
 * order, or one set, or lists alone. */
typedef enum gattn_argument_kind {
  GATTN_ARGUMENT_NONE = 0,
  GATTN_ARGUMENT_INTEGER,
  GATTN_ARGUMENT_PATH, /* a string */
  GATTN_ARGUMENT_SET,  /* integers and ranges, one or more */
  GATTN_ARGUMENT_LIST  /* integers, one or more; the name is the first one's
                        * ("s0", then s1, s2, …); two lists take turns:
                        * w1, r1, w2, r2, … */
} gattn_argument_kind;

typedef struct gattn_argument_spec {
  gattn_argument_kind kind;
  const char *name;
} gattn_argument_spec;

/* The arguments of one mask of an expression, in the form's order. */
typedef struct gattn_mask_values {
  const int64_t *integers;
  int64_t n_integers;
  const gattn_range *set;
  int64_t n_set;
  const char *paths[GATTN_MOST_ARGUMENTS];
} gattn_mask_values;

/* The constructor, of the type that the form's arguments ask for: by their
 * number when all are integers, sets and lists as an array, paths as values. */
typedef union gattn_mask_constructor {
  gattn_status (*none)(gattn_context *, int64_t n_q, int64_t n_kv,
                       gattn_graph **);
  gattn_status (*one)(gattn_context *, int64_t n_q, int64_t n_kv, int64_t,
                      gattn_graph **);
  gattn_status (*two)(gattn_context *, int64_t n_q, int64_t n_kv, int64_t,
                      int64_t, gattn_graph **);
  gattn_status (*three)(gattn_context *, int64_t n_q, int64_t n_kv, int64_t,
                        int64_t, int64_t, gattn_graph **);
  gattn_status (*four)(gattn_context *, int64_t n_q, int64_t n_kv, int64_t,
                       int64_t, int64_t, int64_t, gattn_graph **);
  gattn_status (*five)(gattn_context *, int64_t n_q, int64_t n_kv, int64_t,
                       int64_t, int64_t, int64_t, int64_t, gattn_graph **);
  gattn_status (*set)(gattn_context *, int64_t n_q, int64_t n_kv,
                      const gattn_range *, int64_t, gattn_graph **);
  gattn_status (*list)(gattn_context *, int64_t n_q, int64_t n_kv,
                       const int64_t *, int64_t, gattn_graph **);
  gattn_status (*values)(gattn_context *, int64_t n_q, int64_t n_kv,
                         const gattn_mask_values *, gattn_graph **);
} gattn_mask_constructor;

/* One way to write a mask's arguments. */
typedef struct gattn_mask_form {
  gattn_argument_spec arguments[GATTN_MOST_ARGUMENTS];
  gattn_mask_constructor make;
} gattn_mask_form;

typedef struct gattn_mask_row {
  gattn_mask_info info;
  gattn_mask_form forms[GATTN_MOST_FORMS]; /* a null make ends them */
} gattn_mask_row;

/* How many arguments the form names. */
int gattn_mask_form_arguments(const gattn_mask_form *form);

/* The row called name[length]; null when there is none. */
const gattn_mask_row *gattn_mask_find(const char *name, size_t length);

/* The name in the table closest to name[length]. */
const char *gattn_mask_closest(const char *name, size_t length);

/* Single characters to insert, delete, replace or swap with their neighbour
 * to turn one name into the other, whatever their case. */
int gattn_edit_distance(const char *name, size_t length, const char *known);

/* Calls the form's constructor. */
gattn_status gattn_mask_make(gattn_context *context,
                             const gattn_mask_form *form, int64_t n_q,
                             int64_t n_kv, const gattn_mask_values *values,
                             gattn_graph **graph);

/* Masks whose arguments stand in files (masks/files.c). */
gattn_status gattn_mask_documents_file(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_mask_values *values,
                                       gattn_graph **graph);
gattn_status gattn_mask_tree_file(gattn_context *context, int64_t n_q,
                                  int64_t n_kv, const gattn_mask_values *values,
                                  gattn_graph **graph);
gattn_status gattn_mask_buckets_file(gattn_context *context, int64_t n_q,
                                     int64_t n_kv,
                                     const gattn_mask_values *values,
                                     gattn_graph **graph);
gattn_status gattn_mask_intervals_files(gattn_context *context, int64_t n_q,
                                        int64_t n_kv,
                                        const gattn_mask_values *values,
                                        gattn_graph **graph);
gattn_status gattn_mask_edges_file(gattn_context *context, int64_t n_q,
                                   int64_t n_kv,
                                   const gattn_mask_values *values,
                                   gattn_graph **graph);
gattn_status gattn_mask_blockmask_file(gattn_context *context, int64_t n_q,
                                       int64_t n_kv,
                                       const gattn_mask_values *values,
                                       gattn_graph **graph);

#endif
