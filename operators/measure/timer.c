/* Timers: events of a device, or readings of the clock.
 * SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <gattn/measure.h>

#include <string.h>
#include <time.h>

#include "lib/device.h"

static const int64_t most_marks = 65536;

struct gattn_timer {
  gattn_context *context;
  int64_t capacity, set;
  void **events;   /* [capacity] on a device, else null */
  double *seconds; /* [capacity] on the CPU, else null */
};

static double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void destroy_events(gattn_timer *timer, int64_t n) {
  for (int64_t e = 0; e < n; e++)
    gattn_device_event_destroy(timer->context, timer->events[e]);
}

static gattn_status create_events(gattn_timer *timer) {
  gattn_status status =
      gattn_allocate(timer->context, "timer", timer->capacity,
                     sizeof *timer->events, (void **)&timer->events);
  if (status) return status;
  int64_t created = 0;
  for (; created < timer->capacity; created++) {
    status = gattn_device_event_create(timer->context,
                                       &timer->events[created]);
    if (status) goto destroy_events;
  }
  return GATTN_SUCCESS;
destroy_events:
  destroy_events(timer, created);
  gattn_free(timer->context, timer->events, timer->capacity,
             sizeof *timer->events);
  return status;
}

gattn_status gattn_timer_create(gattn_context *context, int64_t marks,
                                gattn_timer **timer) {
  if (!context) return GATTN_ERROR_NULL;
  if (!timer) return gattn_fail_null(context, "timer");
  if (marks < 1 || marks > most_marks)
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "marks: %lld is not in [1, %lld]", (long long)marks,
                      (long long)most_marks);
  gattn_timer *created;
  gattn_status status =
      gattn_allocate(context, "timer", 1, sizeof *created, (void **)&created);
  if (status) return status;
  *created = (gattn_timer){.context = context, .capacity = marks};
  status = gattn_on_device(context)
               ? create_events(created)
               : gattn_allocate(context, "timer", marks,
                                sizeof *created->seconds,
                                (void **)&created->seconds);
  if (status) {
    gattn_free(context, created, 1, sizeof *created);
    return status;
  }
  gattn_context_retain(context);
  *timer = created;
  return GATTN_SUCCESS;
}

void gattn_timer_destroy(gattn_timer *timer) {
  if (!timer) return;
  gattn_context *context = timer->context;
  if (timer->events) destroy_events(timer, timer->capacity);
  gattn_free(context, timer->events, timer->capacity, sizeof *timer->events);
  gattn_free(context, timer->seconds, timer->capacity, sizeof *timer->seconds);
  gattn_free(context, timer, 1, sizeof *timer);
  gattn_context_unref(context);
}

gattn_status gattn_timer_mark(gattn_timer *timer, void *stream) {
  if (!timer) return GATTN_ERROR_NULL;
  gattn_context *context = timer->context;
  if (timer->set == timer->capacity)
    return gattn_fail(context, GATTN_ERROR_STATE,
                      "timer: all of its %lld marks are set",
                      (long long)timer->capacity);
  if (timer->events) {
    gattn_status status = gattn_device_event_record(
        context, timer->events[timer->set],
        stream ? stream : gattn_device_stream(context));
    if (status) return status;
  } else if (stream) {
    return gattn_fail(context, GATTN_ERROR_ARGUMENT,
                      "stream: is not null, but the device is the CPU");
  } else {
    timer->seconds[timer->set] = clock_seconds();
  }
  timer->set++;
  return GATTN_SUCCESS;
}

/* Between marks lap and lap + 1. */
static gattn_status read_lap(gattn_timer *timer, int64_t lap,
                             double *seconds) {
  if (timer->events)
    return gattn_device_event_elapsed(timer->context, timer->events[lap],
                                      timer->events[lap + 1], seconds);
  *seconds = timer->seconds[lap + 1] - timer->seconds[lap];
  return GATTN_SUCCESS;
}

gattn_status gattn_timer_read(gattn_timer *timer, double *seconds) {
  if (!timer) return GATTN_ERROR_NULL;
  if (!seconds) return gattn_fail_null(timer->context, "seconds");
  if (timer->set < 2)
    return gattn_fail(timer->context, GATTN_ERROR_STATE,
                      "timer: %lld marks are set, fewer than two",
                      (long long)timer->set);
  /* Waits, so that what can fail has failed before a lap is written. */
  gattn_status status = GATTN_SUCCESS;
  double all;
  if (timer->events)
    status = gattn_device_event_elapsed(timer->context, timer->events[0],
                                        timer->events[timer->set - 1], &all);
  for (int64_t lap = 0; lap < timer->set - 1 && !status; lap++)
    status = read_lap(timer, lap, &seconds[lap]);
  timer->set = 0;
  return status;
}
