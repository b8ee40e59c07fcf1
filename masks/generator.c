/* Users' generators: callbacks whose answers are checked before use.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "masks/generator.h"

#include <string.h>

typedef struct generator {
  gattn_graph graph;
  gattn_generator user; /* its name points at `name`, or is null */
  atomic_bool broken;
  char name[];
} generator;

static const generator *generator_of(const gattn_graph *graph) {
  return (const generator *)graph;
}

/* The one thing about a graph that changes: it only ever becomes true, and
 * nothing else is published with it. */
static void mark_broken(const generator *g) {
  atomic_store_explicit(&((generator *)g)->broken, true, memory_order_relaxed);
}

static bool generator_broken(const gattn_graph *graph) {
  return atomic_load_explicit(&((generator *)graph)->broken,
                              memory_order_relaxed);
}

/* An answer in [least, most], else `instead`. */
static int64_t checked(const generator *g, int64_t answer, int64_t least,
                       int64_t most, int64_t instead) {
  if (answer >= least && answer <= most) return answer;
  mark_broken(g);
  return instead;
}

static int64_t generator_next(const gattn_graph *graph, int64_t i, int64_t j) {
  const generator *g = generator_of(graph);
  if (j >= graph->n_kv) return graph->n_kv;
  return checked(g, g->user.next(g->user.state, i, j), j, graph->n_kv,
                 graph->n_kv);
}

static int64_t generator_stretch(const gattn_graph *graph, int64_t i,
                                 int64_t j) {
  const generator *g = generator_of(graph);
  if (!g->user.stretch) return j + 1;
  return checked(g, g->user.stretch(g->user.state, i, j), j + 1, graph->n_kv,
                 j + 1);
}

static int64_t generator_degree(const gattn_graph *graph, int64_t i) {
  const generator *g = generator_of(graph);
  return checked(g, g->user.degree(g->user.state, i), 0, graph->n_kv, 0);
}

bool gattn_generator_edges(const gattn_graph *graph, int64_t begin,
                           int64_t end, gattn_wide *edges) {
  if (graph->class_->broken != generator_broken) return false;
  const generator *g = generator_of(graph);
  if (!g->user.edges_before) return false;
  int64_t before = g->user.edges_before(g->user.state, begin);
  int64_t after = g->user.edges_before(g->user.state, end);
  *edges = 0;
  if (before < 0 || after < before ||
      (gattn_wide)(after - before) >
          (gattn_wide)(end - begin) * (gattn_wide)graph->n_kv)
    mark_broken(g);
  else
    *edges = (gattn_wide)(after - before);
  return true;
}

static void generator_describe(const gattn_graph *graph, gattn_text *text) {
  const generator *g = generator_of(graph);
  gattn_text_append(text, "%s", g->user.name ? g->user.name : "generator");
}

static void generator_release(gattn_graph *graph) {
  const generator *g = generator_of(graph);
  if (g->user.release) g->user.release(g->user.state);
}

static const gattn_graph_class generator_class = {
    .name = "generator",
    .next = generator_next,
    .stretch = generator_stretch,
    .describe = generator_describe,
    .release = generator_release,
    .broken = generator_broken,
};

static const gattn_graph_class generator_class_with_degree = {
    .name = "generator",
    .next = generator_next,
    .stretch = generator_stretch,
    .degree = generator_degree,
    .describe = generator_describe,
    .release = generator_release,
    .broken = generator_broken,
};

gattn_status gattn_graph_from_generator(gattn_context *context, int64_t n_q,
                                        int64_t n_kv,
                                        const gattn_generator *user,
                                        gattn_graph **graph) {
  if (!context) return gattn_fail_null(context, "context");
  if (!user) return gattn_fail_null(context, "generator");
  if (!graph) return gattn_fail_null(context, "graph");
  if (user->struct_size != sizeof *user)
    return gattn_fail(context, GATTN_ERROR_STRUCT_SIZE,
                      "generator.struct_size: %zu is not %zu",
                      user->struct_size, sizeof *user);
  if (!user->next) return gattn_fail_null(context, "generator.next");
  size_t name_size = user->name ? strlen(user->name) + 1 : 0;
  generator *g;
  gattn_status status = gattn_graph_new(
      context, user->degree ? &generator_class_with_degree : &generator_class,
      sizeof *g + name_size, n_q, n_kv, &g);
  if (status) return status;
  g->user = *user;
  atomic_init(&g->broken, false);
  if (user->name) g->user.name = memcpy(g->name, user->name, name_size);
  *graph = &g->graph;
  return GATTN_SUCCESS;
}
