/* gattn info: version, build options, devices. SPDX-License-Identifier:
 * Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"

const char cli_help_info[] =
    "usage: gattn info\n"
    "\n"
    "Prints the version, how the library was built, and the devices it can\n"
    "run on.\n";

static const char *compiler(void) {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

/* The processor's own name, where the system tells it. */
static void processor(char name[128]) {
  char line[256];
  FILE *stream = fopen("/proc/cpuinfo", "r");
  strcpy(name, "unknown processor");
  while (stream && fgets(line, sizeof line, stream))
    if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
      char *begin = strchr(line, ':') + 1;
      begin += strspn(begin, " \t");
      begin[strcspn(begin, "\n")] = '\0';
      cli_escape(begin, name, 128);
      break;
    }
  if (stream) fclose(stream);
}

static void print_build(void) {
  printf("version: %s\n", gattn_version_string());
  printf("compiler: %s\n", compiler());
#ifdef _OPENMP
  printf("openmp: %d\n", _OPENMP);
#else
  printf("openmp: no\n");
#endif
#ifdef GATTN_HAVE_PNG
  printf("libpng: yes\n");
#else
  printf("libpng: no\n");
#endif
#ifdef GATTN_HAVE_CUDA
  printf("cuda: %s, for %s\n", GATTN_CUDA_RELEASE, GATTN_CUDA_ARCH);
#else
  printf("cuda: not built\n");
#endif
}

static void print_instruction_sets(const gattn_context *context) {
  printf("instruction sets:");
  for (int isa = GATTN_ISA_PORTABLE; isa <= GATTN_ISA_AVX512; isa++)
    if (gattn_isa_available((gattn_isa)isa))
      printf(" %s", gattn_isa_name((gattn_isa)isa));
  printf("\ninstruction set in use: %s\n",
         gattn_isa_name(gattn_context_isa(context)));
  printf("threads: %d\n", (int)gattn_context_threads(context));
}

/* Every CUDA device, or why there is none. */
static void print_devices(void) {
  const int32_t count = gattn_device_count();
  gattn_device_description device = {.struct_size = sizeof device};
  if (!count && !gattn_device_describe(GATTN_CUDA(0), &device))
    printf("  cuda: none; %s\n", device.problem);
  for (int32_t d = 0; d < count; d++) {
    if (gattn_device_describe(GATTN_CUDA(d), &device)) continue;
    printf("  cuda:%d: %s, compute capability %d.%d, %d multiprocessors, "
           "%.1f GiB%s%s\n",
           (int)d, device.name, (int)device.capability / 10,
           (int)device.capability % 10, (int)device.multiprocessors,
           (double)device.memory_bytes / (1 << 30),
           device.usable ? "" : "; ", device.problem);
  }
}

int cli_info(int argc, char **argv) {
  int status = cli_parse_options("info", NULL, 0, argc, argv);
  if (status == CLI_HELP) return cli_print_help("info");
  if (status) return status;
  gattn_context *context;
  if (gattn_context_create(NULL, &context))
    return cli_fail(CLI_FAILURE, "info", "no memory for a context");
  char name[128];
  processor(name);
  print_build();
  print_instruction_sets(context);
  printf("devices:\n  cpu: %s, %ld processors\n", name,
         sysconf(_SC_NPROCESSORS_ONLN));
  print_devices();
  gattn_context_destroy(context);
  return CLI_SUCCESS;
}
