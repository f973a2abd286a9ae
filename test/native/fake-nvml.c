/* Stands in for the driver's library: one GPU that burns 250 mJ at each look, and writes down what is
   done to its clocks in the file that FAKE_NVML_LOG names. FAKE_NVML_DENY: clocks may not be locked.
   FAKE_NVML_DIE: the process is gone before it resets them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_PERMISSION 4

static int gpu;
static unsigned long long millijoules = 1000000;

static void note(const char *what, unsigned low, unsigned high) {
  const char *path = getenv("FAKE_NVML_LOG");
  FILE *log = path ? fopen(path, "a") : NULL;
  if (!log) return;
  fprintf(log, "%s %u %u\n", what, low, high);
  fclose(log);
}

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  *device = &gpu;
  return index == 0 ? 0 : 2;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
  snprintf(uuid, length, "GPU-fake");
  return device == &gpu ? 0 : 2;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
  snprintf(version, length, "580.65.06");
  return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy) {
  millijoules += 250;
  *energy = millijoules;
  return device == &gpu ? 0 : 2;
}

int nvmlDeviceSetGpuLockedClocks(void *device, unsigned low, unsigned high) {
  if (getenv("FAKE_NVML_DENY")) return NO_PERMISSION;
  note("lock", low, high);
  return device == &gpu ? 0 : 2;
}

int nvmlDeviceResetGpuLockedClocks(void *device) {
  if (getenv("FAKE_NVML_DIE")) _exit(9);
  note("reset", 0, 0);
  return device == &gpu ? 0 : 2;
}

const char *nvmlErrorString(int status) {
  return status == NO_PERMISSION ? "Insufficient Permissions" : "Unknown Error";
}
