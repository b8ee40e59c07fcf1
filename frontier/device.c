/* Frontiers on the device. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "frontier/scratch.h"
#include "lib/device.h"

gattn_status gattn_frontier_check_device(gattn_context *context,
                                         const char *name,
                                         const gattn_frontier *frontier) {
  if (!gattn_frontier_on_device(frontier) ||
      gattn_context_device(frontier->context) == gattn_context_device(context))
    return GATTN_SUCCESS;
  return gattn_fail(context, GATTN_ERROR_DEVICE,
                    "%s: is on device %d, but the context is on %d", name,
                    (int)gattn_context_device(frontier->context),
                    (int)gattn_context_device(context));
}

gattn_status gattn_frontier_device_new(gattn_context *context, int64_t n,
                                       int64_t size, gattn_frontier **out) {
  gattn_frontier *frontier;
  void *memory;
  gattn_status status = gattn_frontier_new(context, n, &frontier);
  if (status) return status;
  status = gattn_device_allocate(context, "frontier", size + 1,
                                 sizeof(int64_t), &memory);
  if (!status) {
    frontier->size = size;
    frontier->device_vertices = memory;
    frontier->device_size = frontier->device_vertices + size;
  }
  return gattn_frontier_finish(status, frontier, out);
}

/* ------------------------------------------------------------ to and fro */

static gattn_status fill_device(const gattn_frontier *frontier,
                                gattn_frontier *copy) {
  gattn_context *context = copy->context;
  const int64_t *vertices = frontier->vertices;
  gattn_status status = GATTN_SUCCESS;
  if (vertices && frontier->size)
    status =
        gattn_device_upload(context, copy->device_vertices, vertices,
                            (size_t)frontier->size * sizeof *vertices);
  if (status) return status;
  int error = gattn_frontier_fill_launch(
      vertices ? copy->device_vertices : NULL, 1, frontier->begin,
      frontier->size, copy->device_vertices, copy->device_size,
      gattn_device_stream(context));
  return gattn_device_check(context, error, "frontier");
}

gattn_status gattn_frontier_to_device(gattn_context *context,
                                      const gattn_frontier *frontier,
                                      gattn_frontier **out) {
  gattn_status status =
      gattn_frontier_check_device(context, "frontier", frontier);
  if (status) return status;
  if (gattn_frontier_on_device(frontier)) {
    *out = gattn_frontier_retain((gattn_frontier *)frontier);
    return GATTN_SUCCESS;
  }
  int previous;
  gattn_frontier *copy;
  status = gattn_device_enter(context, &previous);
  if (status) return status;
  status =
      gattn_frontier_device_new(context, frontier->n, frontier->size, &copy);
  if (!status) {
    copy->ascending = frontier->ascending;
    copy->unique = frontier->unique;
    copy->duplicate = frontier->duplicate;
    status = gattn_frontier_finish(fill_device(frontier, copy), copy, out);
  }
  gattn_device_leave(context, previous);
  return status;
}

gattn_status gattn_frontier_to_host(gattn_context *context,
                                    const gattn_frontier *frontier,
                                    gattn_frontier **out) {
  if (!gattn_frontier_on_device(frontier)) {
    *out = gattn_frontier_retain((gattn_frontier *)frontier);
    return GATTN_SUCCESS;
  }
  int64_t count;
  void *vertices;
  gattn_status status = gattn_frontier_count(context, frontier, &count);
  if (!status)
    status = gattn_allocate(context, "frontier", count, sizeof(int64_t),
                            &vertices);
  if (status) return status;
  const int64_t room = count;
  status = gattn_frontier_vertices(context, frontier, 0, room, vertices,
                                   &count);
  if (!status)
    status = gattn_frontier_list(context, frontier->n, vertices, count, out);
  gattn_free(context, vertices, room, sizeof(int64_t));
  return status;
}

/* ------------------------------------------------------------ tensors */

/* The record says that there are no duplicates, unless it was told of one. */
static gattn_status judge_list(gattn_frontier *frontier,
                               const gattn_frontier_record *record) {
  gattn_context *context = frontier->context;
  int64_t vertex;
  if (record->size != INT64_MAX)
    return gattn_fail(context, GATTN_ERROR_SIZE,
                      "size: %lld is not between 0 and %lld",
                      (long long)record->size, (long long)frontier->size);
  if (record->outside != INT64_MAX) {
    gattn_status status = gattn_device_download(
        context, &vertex, frontier->device_vertices + record->outside,
        sizeof vertex);
    if (status) return status;
    return gattn_fail(context, GATTN_ERROR_INDEX,
                      "vertices: vertex %lld at position %lld is not below "
                      "%lld",
                      (long long)vertex, (long long)record->outside,
                      (long long)frontier->n);
  }
  frontier->ascending = record->descent == INT64_MAX;
  frontier->unique = record->duplicate == INT64_MAX;
  frontier->duplicate = frontier->unique ? 0 : record->duplicate;
  return GATTN_SUCCESS;
}

static gattn_status read_record(const gattn_frontier_scratch *scratch,
                                gattn_frontier_record *record) {
  return gattn_device_download(scratch->context, record,
                               gattn_frontier_record_of(scratch),
                               sizeof *record);
}

/* Copies the list, and looks for duplicates where it does not ascend. */
static gattn_status copy_list(const gattn_frontier_scratch *scratch,
                              const gattn_tensor *vertices,
                              const gattn_tensor *size,
                              gattn_frontier *frontier) {
  gattn_context *context = scratch->context;
  void *stream = gattn_device_stream(context);
  gattn_frontier_record record;
  int error = gattn_frontier_list_launch(
      vertices->data, vertices->strides[0], frontier->size,
      size ? size->data : NULL, frontier->n, frontier->device_vertices,
      frontier->device_size, gattn_frontier_record_of(scratch), stream);
  gattn_status status = gattn_device_check(context, error, "vertices");
  if (!status) status = read_record(scratch, &record);
  if (!status) status = judge_list(frontier, &record);
  if (status || frontier->ascending) return status;
  error = gattn_frontier_unique_launch(
      frontier->device_vertices, frontier->size, 0, NULL, NULL,
      gattn_frontier_record_of(scratch), gattn_frontier_temp_of(scratch),
      stream);
  status = gattn_device_check(context, error, "vertices");
  if (!status) status = read_record(scratch, &record);
  return status ? status : judge_list(frontier, &record);
}

gattn_status gattn_frontier_list_device(gattn_context *context, int64_t n,
                                        const gattn_tensor *vertices,
                                        const gattn_tensor *size,
                                        gattn_frontier **out) {
  gattn_frontier_scratch scratch;
  gattn_frontier *made = NULL;
  const int64_t capacity = vertices->shape[0];
  gattn_status status =
      gattn_frontier_scratch_open(context, capacity, 0, &scratch);
  if (status) return status;
  status = gattn_frontier_device_new(context, n, capacity, &made);
  if (!status) status = copy_list(&scratch, vertices, size, made);
  return gattn_frontier_scratch_close(&scratch, status, made, out);
}

static gattn_status copy_bitmap(const gattn_frontier_scratch *scratch,
                                const gattn_tensor *words,
                                gattn_frontier *frontier) {
  gattn_context *context = scratch->context;
  gattn_frontier_record record;
  int error = gattn_frontier_bitmap_launch(
      words->data, words->strides[0], frontier->n, frontier->device_vertices,
      frontier->device_size, gattn_frontier_record_of(scratch),
      gattn_frontier_temp_of(scratch),
      gattn_device_stream(context));
  gattn_status status = gattn_device_check(context, error, "words");
  if (!status) status = read_record(scratch, &record);
  if (status || record.outside == INT64_MAX) return status;
  return gattn_fail(context, GATTN_ERROR_INDEX,
                    "words: bit %lld is set, but n is %lld",
                    (long long)record.outside, (long long)frontier->n);
}

gattn_status gattn_frontier_bitmap_device(gattn_context *context, int64_t n,
                                          const gattn_tensor *words,
                                          gattn_frontier **out) {
  gattn_frontier_scratch scratch;
  gattn_frontier *made = NULL;
  const int64_t count = n > 0 ? n : 0;
  gattn_status status =
      gattn_frontier_scratch_open(context, count, 0, &scratch);
  if (status) return status;
  status = gattn_frontier_device_new(context, n, count, &made);
  if (!status) status = copy_bitmap(&scratch, words, made);
  return gattn_frontier_scratch_close(&scratch, status, made, out);
}

/* ------------------------------------------------------------ sets */

/* The vertices among list[count], which is on the device, each once. */
static gattn_status unique_of(const gattn_frontier_scratch *scratch, int64_t n,
                              const int64_t *list, int64_t count,
                              gattn_frontier **out) {
  gattn_context *context = scratch->context;
  gattn_frontier *set;
  gattn_status status =
      gattn_frontier_device_new(context, n, count < n ? count : n, &set);
  if (status) return status;
  int error = gattn_frontier_unique_launch(
      list, count, set->size, set->device_vertices, set->device_size, NULL,
      gattn_frontier_temp_of(scratch), gattn_device_stream(context));
  return gattn_frontier_finish(gattn_device_check(context, error, "frontier"),
                               set, out);
}

gattn_status gattn_frontier_uniquify_device(gattn_context *context,
                                            const gattn_frontier *frontier,
                                            gattn_frontier **out) {
  gattn_status status =
      gattn_frontier_check_device(context, "frontier", frontier);
  if (status) return status;
  if (frontier->ascending) {
    *out = gattn_frontier_retain((gattn_frontier *)frontier);
    return GATTN_SUCCESS;
  }
  gattn_frontier_scratch scratch;
  status = gattn_frontier_scratch_open(context, frontier->size, 0, &scratch);
  if (status) return status;
  gattn_frontier *made = NULL;
  status = unique_of(&scratch, frontier->n, frontier->device_vertices,
                     frontier->size, &made);
  return gattn_frontier_scratch_close(&scratch, status, made, out);
}

/* Both lists, one behind the other, and then their union. */
static gattn_status join(const gattn_frontier_scratch *scratch,
                         const gattn_frontier *left,
                         const gattn_frontier *right, gattn_frontier **out) {
  gattn_context *context = scratch->context;
  void *memory, *stream = gattn_device_stream(context);
  const int64_t count = left->size + right->size;
  gattn_status status = gattn_device_allocate(context, "frontier", count,
                                              sizeof(int64_t), &memory);
  if (status) return status;
  int64_t *both = memory;
  int error = gattn_frontier_fill_launch(left->device_vertices, 1, 0,
                                         left->size, both, NULL, stream);
  if (!error)
    error =
        gattn_frontier_fill_launch(right->device_vertices, 1, 0, right->size,
                                   both + left->size, NULL, stream);
  status = gattn_device_check(context, error, "frontier");
  if (!status) status = unique_of(scratch, left->n, both, count, out);
  gattn_status waited = gattn_device_synchronize(context);
  gattn_device_free(context, memory, count, sizeof(int64_t));
  return status ? status : waited;
}

gattn_status gattn_frontier_union_device(gattn_context *context,
                                         const gattn_frontier *left,
                                         const gattn_frontier *right,
                                         gattn_frontier **out) {
  gattn_frontier *a, *b;
  gattn_frontier_scratch scratch;
  gattn_status status = gattn_frontier_to_device(context, left, &a);
  if (status) return status;
  status = gattn_frontier_to_device(context, right, &b);
  if (status) goto release_a;
  status = gattn_frontier_scratch_open(context, a->size + b->size, 0, &scratch);
  if (status) goto release_b;
  gattn_frontier *made = NULL;
  status = join(&scratch, a, b, &made);
  status = gattn_frontier_scratch_close(&scratch, status, made, out);
release_b:
  gattn_frontier_release(b);
release_a:
  gattn_frontier_release(a);
  return status;
}
