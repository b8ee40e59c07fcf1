/* Contexts. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lib/context.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpu.h"
#include "lib/device.h"

static void *default_allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded < bytes) return NULL;
  return aligned_alloc(alignment, rounded ? rounded : alignment);
}

static void default_release(void *user, void *memory, size_t bytes) {
  (void)user;
  (void)bytes;
  free(memory);
}

/* A failure before there is a context reaches the logger alone. */
static gattn_status report_early(const gattn_context_options *options,
                                 gattn_status status, const char *line) {
  if (options->logger)
    options->logger(options->logger_user, GATTN_LOG_ERROR, line);
  return status;
}

static gattn_status fail_early(const gattn_context_options *options,
                               gattn_status status, const char *format,
                               long long value) {
  char line[GATTN_MESSAGE_SIZE];
  snprintf(line, sizeof line, format, value);
  return report_early(options, status, line);
}

static gattn_status check_allocator(const gattn_context_options *options,
                                    const gattn_allocator *allocator,
                                    const char *lacks_allocate,
                                    const char *lacks_release) {
  if (!allocator->allocate && allocator->release)
    return report_early(options, GATTN_ERROR_ARGUMENT, lacks_allocate);
  if (allocator->allocate && !allocator->release)
    return report_early(options, GATTN_ERROR_ARGUMENT, lacks_release);
  return GATTN_SUCCESS;
}

static gattn_status check_allocators(const gattn_context_options *options) {
  gattn_status status = check_allocator(
      options, &options->allocator,
      "options.allocator: allocate is null, release is not",
      "options.allocator: release is null, allocate is not");
  if (status) return status;
  return check_allocator(
      options, &options->device_allocator,
      "options.device_allocator: allocate is null, release is not",
      "options.device_allocator: release is null, allocate is not");
}

static gattn_status check_options(const gattn_context_options *options) {
  if (options->threads < 0)
    return fail_early(options, GATTN_ERROR_ARGUMENT,
                      "options.threads: %lld is negative", options->threads);
  if (options->threads > GATTN_MAX_THREADS)
    return fail_early(options, GATTN_ERROR_ARGUMENT,
                      "options.threads: %lld is more than "
                      "GATTN_MAX_THREADS, 1024",
                      options->threads);
  gattn_status status = check_allocators(options);
  if (status) return status;
  if (options->isa < GATTN_ISA_AUTO || options->isa > GATTN_ISA_AVX512)
    return fail_early(options, GATTN_ERROR_ARGUMENT,
                      "options.isa: %lld is no instruction set",
                      (int)options->isa);
  if (!gattn_isa_available(options->isa))
    return fail_early(options, GATTN_ERROR_DEVICE,
                      "options.isa: the processor or this build lacks "
                      "instruction set %lld", options->isa);
  if (options->device < GATTN_CPU)
    return fail_early(options, GATTN_ERROR_ARGUMENT,
                      "options.device: %lld is no device", options->device);
  if (options->device == GATTN_CPU && options->stream)
    return report_early(options, GATTN_ERROR_ARGUMENT,
                        "options.stream: is not null, but the device is the "
                        "CPU");
  return GATTN_SUCCESS;
}

/* Structures from before there were devices ended before the stream. */
static bool size_known(size_t size) {
  return size == offsetof(gattn_context_options, stream) ||
         size == sizeof(gattn_context_options);
}

/* What was asked for, or what there is of OpenMP's default. */
static gattn_status count_threads(const gattn_context_options *options,
                                  int32_t *threads) {
  int32_t asked = options->threads;
  *threads = gattn_threads_granted(asked ? asked : gattn_threads_default());
  if (*threads >= asked) return GATTN_SUCCESS;
  return fail_early(options, GATTN_ERROR_MEMORY,
                    "options.threads: the system does not grant %lld threads",
                    asked);
}

static gattn_status open_device(gattn_context *context) {
  gattn_device_facts facts;
  char line[GATTN_MESSAGE_SIZE];
  gattn_status status =
      gattn_device_open(context->options.device, &facts, line);
  if (status) {
    char sentence[GATTN_MESSAGE_SIZE + 32];
    snprintf(sentence, sizeof sentence, "options.device: %s", line);
    return report_early(&context->options, status, sentence);
  }
  void *memory;
  status = gattn_allocate(context, "context", 1, sizeof facts, &memory);
  if (status) return status;
  context->device_facts = memory;
  *context->device_facts = facts;
  return GATTN_SUCCESS;
}

gattn_status gattn_context_create(const gattn_context_options *given,
                                  gattn_context **out) {
  gattn_context_options options = {.struct_size = sizeof options};
  if (!out) return GATTN_ERROR_NULL;
  if (given) {
    if (!size_known(given->struct_size)) return GATTN_ERROR_STRUCT_SIZE;
    memcpy(&options, given, given->struct_size);
    options.struct_size = sizeof options;
  }
  int32_t threads;
  gattn_status status = check_options(&options);
  if (!status) status = count_threads(&options, &threads);
  if (status) return status;
  if (!options.allocator.allocate) {
    options.allocator.allocate = default_allocate;
    options.allocator.release = default_release;
  }
  gattn_context *context = options.allocator.allocate(
      options.allocator.user, sizeof *context, 64);
  if (!context)
    return fail_early(&options, GATTN_ERROR_MEMORY,
                      "context: no memory for %lld bytes", sizeof *context);
  memset(context, 0, sizeof *context);
  atomic_init(&context->references, 1);
  atomic_flag_clear(&context->recording);
  pthread_mutex_init(&context->wisdom.lock, NULL);
  context->options = options;
  context->threads = threads;
  context->isa =
      options.isa == GATTN_ISA_AUTO ? gattn_isa_best() : options.isa;
  if (options.device != GATTN_CPU) status = open_device(context);
  if (status) {
    gattn_context_unref(context);
    return status;
  }
  *out = context;
  return GATTN_SUCCESS;
}

gattn_context *gattn_context_retain(gattn_context *context) {
  atomic_fetch_add(&context->references, 1);
  return context;
}

void gattn_context_unref(gattn_context *context) {
  if (atomic_fetch_sub(&context->references, 1) != 1) return;
  gattn_device_branches_free(context);
  gattn_free(context, context->device_facts, 1, sizeof(gattn_device_facts));
  gattn_free(context, context->wisdom.entries, context->wisdom.capacity,
             context->wisdom.size);
  pthread_mutex_destroy(&context->wisdom.lock);
  gattn_allocator allocator = context->options.allocator;
  allocator.release(allocator.user, context, sizeof *context);
}

void gattn_context_destroy(gattn_context *context) {
  if (context) gattn_context_unref(context);
}

const char *gattn_context_message(const gattn_context *context) {
  return context ? context->message : "";
}

gattn_device gattn_context_device(const gattn_context *context) {
  return context ? context->options.device : GATTN_CPU;
}

int32_t gattn_context_threads(const gattn_context *context) {
  return context ? context->threads : 0;
}

gattn_isa gattn_context_isa(const gattn_context *context) {
  return context ? context->isa : GATTN_ISA_AUTO;
}

gattn_status gattn_fail(gattn_context *context, gattn_status status,
                        const char *format, ...) {
  if (!context) return status;
  char message[GATTN_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  while (atomic_flag_test_and_set(&context->recording)) {
  }
  memcpy(context->message, message, sizeof message);
  atomic_flag_clear(&context->recording);
  if (context->options.logger)
    context->options.logger(context->options.logger_user, GATTN_LOG_ERROR,
                            message);
  return status;
}

gattn_status gattn_fail_null(gattn_context *context, const char *argument) {
  return gattn_fail(context, GATTN_ERROR_NULL, "%s: is null", argument);
}

void gattn_log(gattn_context *context, gattn_log_level level,
               const char *format, ...) {
  if (!context->options.logger) return;
  char line[GATTN_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  context->options.logger(context->options.logger_user, level, line);
}

bool gattn_progress_report(gattn_context *context, int64_t done,
                           int64_t total) {
  gattn_progress progress = context->options.progress;
  return progress && progress(context->options.progress_user, done, total);
}
