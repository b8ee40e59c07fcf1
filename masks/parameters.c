/* Checks of the masks' parameters. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/parameters.h"

gattn_status gattn_mask_check(gattn_context *context, int64_t n_q, int64_t n_kv,
                              gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!graph) return gattn_fail_null(context, "graph");
  return gattn_graph_check_size(context, n_q, n_kv);
}

gattn_status gattn_check_least(gattn_context *context, const char *argument,
                               int64_t value, int64_t least) {
  if (value >= least) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_ARGUMENT, "%s: %lld is below %lld",
                    argument, (long long)value, (long long)least);
}

gattn_status gattn_check_array(gattn_context *context, const char *argument,
                               const void *array, int64_t n) {
  if (n < 0)
    return gattn_fail(context, GATTN_ERROR_SIZE,
                      "n: %lld elements of %s is negative", (long long)n,
                      argument);
  if (!array && n > 0) return gattn_fail_null(context, argument);
  return GATTN_SUCCESS;
}

gattn_status gattn_check_length(gattn_context *context, const char *argument,
                                int64_t n, const char *what, int64_t vertices) {
  if (n == vertices) return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_SHAPE,
                    "%s: has %lld elements where %s is %lld", argument,
                    (long long)n, what, (long long)vertices);
}
