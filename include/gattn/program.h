/* Programs and plans: describe, plan once, execute many times.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GATTN_PROGRAM_H
#define GATTN_PROGRAM_H

#include <gattn/limits.h>
#include <gattn/operators.h>

GATTN_BEGIN_DECLS

/* A program is a small acyclic graph of operators on named values. Opaque. */
typedef struct gattn_program gattn_program;
/* A program with every choice made. Opaque; immutable. */
typedef struct gattn_plan gattn_plan;

/* A value of a program: a number, valid in the program that gave it. */
typedef int32_t gattn_value;
#define GATTN_NO_VALUE ((gattn_value)-1)

/* ------------------------------------------------------------ describe */

GATTN_API gattn_status gattn_program_create(gattn_context *context,
                                            gattn_program **program);
/* Plans made from the program stay valid. Null is allowed. */
GATTN_API void gattn_program_destroy(gattn_program *program);

/* An input tensor of a type and shape, bound at execution; strides are free.
 * name is copied, for explain. GATTN_ERROR_TYPE, GATTN_ERROR_SHAPE,
 * GATTN_ERROR_SIZE, GATTN_ERROR_OVERFLOW. */
GATTN_API gattn_status gattn_program_input(gattn_program *program,
                                           const char *name, gattn_type type,
                                           int32_t rank, const int64_t *shape,
                                           gattn_value *value);

/* The operators of operators.h as nodes: the same meaning, arguments and
 * statuses; here shapes and types are checked, at execution data. Graphs and
 * frontiers are retained, scores borrowed until the last plan is destroyed.
 * edge_values, and lse where one is returned, may be GATTN_NO_VALUE / null.
 * GATTN_ERROR_STATE for a value that is not this program's, or an edge value
 * of another graph or frontier. */
GATTN_API gattn_status gattn_program_advance(
    gattn_program *program, gattn_graph *graph, gattn_frontier *frontier,
    gattn_value q, gattn_value k, const double *scale,
    const gattn_score *score, gattn_value edge_values, gattn_value *scores);
GATTN_API gattn_status gattn_program_segmented_reduce(gattn_program *program,
                                                      gattn_monoid monoid,
                                                      gattn_value values,
                                                      gattn_value *rows);
GATTN_API gattn_status gattn_program_segmented_softmax(gattn_program *program,
                                                       gattn_value scores,
                                                       gattn_value *weights,
                                                       gattn_value *lse);
GATTN_API gattn_status gattn_program_gather(gattn_program *program,
                                            gattn_value weights, gattn_value v,
                                            gattn_value *o);

/* Names a value as an output: it is bound at execution and written there. A
 * value that is no output exists only if the plan needs it.
 * GATTN_ERROR_STATE for an input or a second naming. */
GATTN_API gattn_status gattn_program_output(gattn_program *program,
                                            const char *name,
                                            gattn_value value);

/* Type, rank and shape of a value, as a binding must have them. */
GATTN_API gattn_status gattn_program_value(gattn_program *program,
                                           gattn_value value, gattn_type *type,
                                           int32_t *rank,
                                           int64_t shape[GATTN_MAX_RANK]);

/* ------------------------------------------------------------ plan */

typedef enum gattn_fusion {
  GATTN_FUSE_AUTO = 0, /* fuse advance → softmax → gather where scores and
                        * weights are no outputs */
  GATTN_FUSE_NEVER = 1 /* run the operators one by one: the reference */
} gattn_fusion;

/* How a plan comes by its choices. Wisdom (wisdom.h) that the context has of
 * the same work goes before either. */
typedef enum gattn_effort {
  GATTN_EFFORT_ESTIMATE = 0, /* what the cost model predicts to be fastest:
                              * fractions of a millisecond for closed forms */
  GATTN_EFFORT_MEASURE = 1   /* candidates are run and timed on operands of the
                              * plan's own shapes: a warm-up and some runs of
                              * each. What is found joins the context's wisdom */
} gattn_effort;

/* Zero every field but struct_size for the defaults. Structures of earlier
 * versions, which are shorter, are taken. */
typedef struct gattn_plan_options {
  size_t struct_size; /* sizeof(gattn_plan_options) */
  gattn_fusion fusion;
  /* Added with the planner; a structure that ends here has them zero. */

  /* What gattn_measure_limits found, which the predictions then begin with; null:
   * the library's own figures. Read while planning. On the CPU they change no
   * choice: its costs are ratios, and the limits turn them into seconds. */
  const gattn_limits *limits;
  gattn_effort effort;
  /* Most bytes of scratch operands, workspace and stored lists or edges that
   * MEASURE may hold at once; 0: what the device or the system grants. */
  int64_t effort_bytes;
} gattn_plan_options;

/* Makes every choice: what is fused, how each graph is cut into parts and in
 * which lowered form each part runs. options may be null. The program may be
 * destroyed afterwards. On a device, what kernels read of masks, frontiers and
 * scores is copied there now.
 *
 * GATTN_EFFORT_MEASURE times fused attentions whose score reads no edge values;
 * for everything else there is one way, and nothing is timed. On a device the
 * ways are bands, renumbered bands (of one term or joined with another's), tile
 * lists (whole, or split into dense tiles and edges), edge lists and hub rows,
 * the width of tiles and the pieces that keys are cut into; on the CPU bands,
 * renumbered bands, edge lists and hub rows and the width of tiles (it has no
 * stored lists, and cuts keys alike). It works on the context's stream and
 * waits for it, and fails with GATTN_ERROR_MEMORY where the operands do not fit,
 * or not within effort_bytes. The operands are random normals; a mask's or a
 * score's callbacks are called as by an execution.
 *
 * GATTN_ERROR_STRUCT_SIZE, GATTN_ERROR_ARGUMENT (an unknown fusion or effort,
 * effort_bytes below 0, limits that are not above 0 or not finite),
 * GATTN_ERROR_STATE (no outputs; MEASURE while the context's stream is being
 * captured), GATTN_ERROR_UNSUPPORTED (a device: a score that is a function, or
 * dimensions beyond 1024). */
GATTN_API gattn_status gattn_plan_create(gattn_program *program,
                                         const gattn_plan_options *options,
                                         gattn_plan **plan);
/* Waits for the context's stream; executions on other streams must be done. */
GATTN_API void gattn_plan_destroy(gattn_plan *plan);

/* *bytes the workspace of gattn_plan_execute must have; may be 0. For fused
 * attention over closed forms it grows with threads and head dimension only. */
GATTN_API gattn_status gattn_plan_workspace(const gattn_plan *plan,
                                            size_t *bytes);

/* What the plan will do, in lines: parts, forms, tiles, predicted bytes and
 * operations; what was chosen by whom, and for each part what the alternatives
 * are predicted to take. On a device, and on the CPU where limits were given,
 * predictions are times; else they are shares of the multiply-add rate, and the
 * alternatives multiples of the choice. Samples the mask to tell the
 * alternatives, on a device on the context's stream, for which it waits.
 * Terminated when size > 0. GATTN_NOTE_TRUNCATED. */
GATTN_API gattn_status gattn_plan_explain(const gattn_plan *plan, char *text,
                                          size_t size);

/* A value and the tensor that carries it in one execution. */
typedef struct gattn_binding {
  gattn_value value;
  const gattn_tensor *tensor;
} gattn_binding;

/* Runs the plan on bindings[n], which bind every input that is used and every
 * output once. Does not allocate. workspace is aligned to 64 bytes and has
 * workspace_bytes >= gattn_plan_workspace. One plan may be executed from
 * several threads at once, each with its own workspace; the context's message
 * is then that of the last to fail. No output may share memory with another
 * bound tensor (GATTN_ERROR_ARGUMENT).
 *
 * On a device tensors and workspace are memory of that device, and the work is
 * put on stream, a cudaStream_t, null for the context's: nothing is waited for
 * or read back, so that executions can be captured into a CUDA graph. What goes
 * wrong there is found by the next call that waits. On the CPU stream must be
 * null (GATTN_ERROR_ARGUMENT).
 *
 * GATTN_ERROR_STATE (a binding missing, twice, or unknown), GATTN_ERROR_SHAPE,
 * GATTN_ERROR_TYPE, GATTN_ERROR_WORKSPACE, GATTN_ERROR_CALLBACK,
 * GATTN_ERROR_CANCELLED, GATTN_ERROR_DEVICE. */
GATTN_API gattn_status gattn_plan_execute(gattn_plan *plan,
                                          const gattn_binding *bindings,
                                          int64_t n, void *workspace,
                                          size_t workspace_bytes,
                                          void *stream);

GATTN_END_DECLS

#endif
