/* Checks of score functions. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "operators/score.h"

#include "lib/context.h"

/* One row per gattn_score_kind, in its order. */
static const struct {
  const char *name;
  gattn_score_values values;
} kind_table[] = {
    [GATTN_SCORE_IDENTITY] = {"identity", GATTN_VALUES_UNUSED},
    [GATTN_SCORE_FUNCTION] = {"function", GATTN_VALUES_OPTIONAL},
    [GATTN_SCORE_ALIBI] = {"alibi", GATTN_VALUES_UNUSED},
    [GATTN_SCORE_SOFTCAP] = {"softcap", GATTN_VALUES_UNUSED},
    [GATTN_SCORE_RELATIVE] = {"relative", GATTN_VALUES_UNUSED},
    [GATTN_SCORE_EDGE_BIAS] = {"edge bias", GATTN_VALUES_REQUIRED},
    [GATTN_SCORE_EDGE_SCALE] = {"edge scale", GATTN_VALUES_REQUIRED},
};

gattn_score_values gattn_score_reads(const gattn_score *score) {
  return score ? kind_table[score->kind].values : GATTN_VALUES_UNUSED;
}

const char *gattn_score_name(const gattn_score *score) {
  if (score && score->name) return score->name;
  return kind_table[score ? score->kind : GATTN_SCORE_IDENTITY].name;
}

static gattn_status check_alibi(gattn_context *context,
                                const gattn_score *score, int64_t heads) {
  if (!score->table) return gattn_fail_null(context, "score.table");
  if (score->count < 1)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "score.count: %lld is below 1", (long long)score->count);
  if (score->count != heads)
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "score.count: %lld slopes for %lld query heads",
                      (long long)score->count, (long long)heads);
  return GATTN_SUCCESS;
}

static gattn_status check_relative(gattn_context *context,
                                   const gattn_score *score, int64_t heads) {
  int64_t elements;
  if (!score->table) return gattn_fail_null(context, "score.table");
  if (score->count < 1 || score->count % 2 == 0)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "score.count: %lld is not odd and positive",
                      (long long)score->count);
  if (!gattn_multiply(score->count, heads, &elements))
    return gattn_fail(context, GATTN_ERROR_SHAPE,
                      "score.count: %lld biases for each of %lld heads "
                      "overflow",
                      (long long)score->count, (long long)heads);
  return GATTN_SUCCESS;
}

gattn_status gattn_score_check(gattn_context *context, const gattn_score *score,
                               int64_t heads) {
  if (!context) return GATTN_ERROR_NULL;
  if (!score) return GATTN_SUCCESS;
  if (score->struct_size != sizeof *score)
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "score.struct_size: %zu, not %zu", score->struct_size,
                      sizeof *score);
  switch (score->kind) {
    case GATTN_SCORE_FUNCTION:
      return score->function ? GATTN_SUCCESS
                             : gattn_fail_null(context, "score.function");
    case GATTN_SCORE_ALIBI:
      return check_alibi(context, score, heads);
    case GATTN_SCORE_RELATIVE:
      return check_relative(context, score, heads);
    case GATTN_SCORE_SOFTCAP:
      if (score->cap > 0 && isfinite(score->cap)) return GATTN_SUCCESS;
      return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                        "score.cap: %g is not positive and finite",
                        (double)score->cap);
    case GATTN_SCORE_IDENTITY:
    case GATTN_SCORE_EDGE_BIAS:
    case GATTN_SCORE_EDGE_SCALE:
      return GATTN_SUCCESS;
  }
  return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                    "score.kind: %d is no kind of score", (int)score->kind);
}
