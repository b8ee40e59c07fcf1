/* The machine that gattn bench measures. SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cli/bench.h"

static void *take(void *user, size_t bytes, size_t alignment) {
  bench_machine *machine = user;
  void *memory = NULL;
  (void)alignment; /* the library's own is what it asks of an allocator */
  if (gattn_memory_allocate(machine->operands.context, bytes, &memory))
    return NULL;
  machine->held += bytes;
  if (machine->held > machine->peak) machine->peak = machine->held;
  return memory;
}

static void give_back(void *user, void *memory, size_t bytes) {
  bench_machine *machine = user;
  gattn_memory_release(machine->operands.context, memory, bytes);
  machine->held -= bytes;
}

static int open_device(const bench_request *request, bench_machine *machine) {
  const gattn_allocator counted = {machine, take, give_back};
  gattn_device_description device = {.struct_size = sizeof device};
  cli_session_options options = request->machine;
  int status = cli_session_open("bench", &options, &machine->operands);
  if (status) return status;
  options.device_allocator = &counted;
  status = cli_session_open("bench", &options, &machine->session);
  if (status) return status;
  machine->device = true;
  if (!gattn_device_describe(gattn_context_device(machine->session.context),
                             &device)) {
    snprintf(machine->name, sizeof machine->name, "%s", device.name);
    machine->memory = device.memory_bytes;
  }
  return CLI_SUCCESS;
}

int bench_machine_open(const bench_request *request, bench_machine *machine) {
  const char *device = request->machine.device;
  memset(machine, 0, sizeof *machine);
  machine->limits_rows = -1;
  int status = device && strcmp(device, "cpu")
                   ? open_device(request, machine)
                   : cli_session_open("bench", &request->machine,
                                      &machine->session);
  if (status) bench_machine_close(machine);
  return status;
}

void bench_machine_close(bench_machine *machine) {
  cli_session_close(&machine->session);
  cli_session_close(&machine->operands);
}

int bench_machine_limits(bench_machine *machine, const bench_request *request,
                         const bench_workload *workload) {
  int64_t rows = 0, row_bytes = 0;
  if (workload && workload->gathered) {
    const int64_t d = workload->d ? workload->d : request->d;
    rows = 2 * workload->n;
    row_bytes = ((int64_t)gattn_type_size(request->type) * d + 63) / 64 * 64;
  }
  if (machine->limits_rows >= 0 && (!rows || rows == machine->limits_rows))
    return CLI_SUCCESS;
  machine->limits.struct_size = sizeof machine->limits;
  gattn_status status = gattn_measure_limits(bench_operands(machine), rows,
                                             row_bytes, &machine->limits);
  if (status)
    return cli_session_fail(
        machine->device ? &machine->operands : &machine->session, status,
        "limits");
  const bool first = machine->limits_rows < 0;
  machine->limits_rows = rows;
  if (!request->json && (first || workload->uniform))
    bench_print_machine(machine);
  return CLI_SUCCESS;
}
