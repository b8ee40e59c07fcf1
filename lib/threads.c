/* How many threads the system grants. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <pthread.h>

#include "lib/context.h"
#include "lib/cpu.h"

static void *pass_gate(void *gate) {
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  return NULL;
}

/* All of them live at once: each waits until the last was started. */
int32_t gattn_threads_granted(int32_t wanted) {
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_t threads[GATTN_MAX_THREADS];
  int32_t started = 0;
  pthread_mutex_lock(&gate);
  while (started < wanted - 1 &&
         !pthread_create(&threads[started], NULL, pass_gate, &gate))
    started++;
  pthread_mutex_unlock(&gate);
  for (int32_t t = 0; t < started; t++) pthread_join(threads[t], NULL);
  pthread_mutex_destroy(&gate);
  return started + 1;
}

int32_t gattn_team(gattn_context *context) {
  int team = atomic_load(&context->team);
  if (team) return team;
  team = gattn_threads_granted(context->threads);
  atomic_store(&context->team, team);
  return team;
}
