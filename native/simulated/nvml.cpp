// A simulated libnvidia-ml.so.1: what libkareus asks of NVML, and a door to injecting faults.
//
// Every call is appended to the file $KAREUS_SIM_LOG names, as a line
//   <monotonic ns> <pid> <function> <device> <arguments...> = <status>
// From a test: kareus_sim_set(device, "lost", 1); kareus_sim_get(device, "locked_mhz");
// kareus_sim_fail("nvmlDeviceGetUUID", 999).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>

#include "nvml.h"
#include "nvml_common.h"

using namespace simulated;

namespace {

void uuidOf(unsigned index, char* text, size_t size) {
  std::snprintf(text, size, "GPU-00000000-0000-0000-0000-%012u", index);
}

void busIdOf(unsigned index, char* text, size_t size) {
  std::snprintf(text, size, "00000000:%02X:00.0", index + 1);
}

int copy(const char* text, char* to, unsigned size) {
  if (std::strlen(text) >= size) return kTooSmall;
  std::strcpy(to, text);
  return kOk;
}

// Counts a countdown down; true when it was at zero.
[[maybe_unused]] bool ranOut(double& countdown) {
  if (countdown < 0) return false;
  return countdown-- == 0;
}

// What every setter goes through.
[[maybe_unused]] int change(const char* function, void* handle, unsigned freq_mhz) {
  double slow_s = 0;
  const int status = with(handle, [&](Device& device, unsigned) {
    slow_s = device.slow_s;
    if (ranOut(device.deny_after)) device.permission = 0;
    if (ranOut(device.lose_after)) {
      device.lost = 1;
      return static_cast<int>(kLost);
    }
    if (device.permission == 0) return static_cast<int>(kNoPermission);
    if (device.fail_next > 0) {
      device.fail_next--;
      return static_cast<int>(kUnknown);
    }
    return static_cast<int>(kOk);
  }, function);
  if (slow_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(slow_s));
  if (status != kOk) return status;
  return with(handle, [&](Device& device, unsigned) {
    simulated::countEnergy(device);
    if (freq_mhz == 0) device.resets++;
    device.locked_mhz = freq_mhz;
    device.locked_ns = static_cast<double>(simulated::now_ns());
    return kOk;
  });
}

}  // namespace

SIMULATED_API int nvmlInit_v2() {
  state();
  return logged(kOk, "nvmlInit_v2");
}

SIMULATED_API int nvmlShutdown() { return logged(kOk, "nvmlShutdown"); }

SIMULATED_API const char* nvmlErrorString(int status) {
  switch (status) {
    case kOk:
      return "Success";
    case kNoPermission:
      return "Insufficient Permissions";
    case kNotFound:
      return "Not Found";
    case kLost:
      return "GPU is lost";
    default:
      return "Unknown Error";
  }
}

SIMULATED_API int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  return logged(copy("0.0.simulated", text, size), "nvmlSystemGetDriverVersion");
}

SIMULATED_API int nvmlDeviceGetCount_v2(unsigned* count) {
  {
    const Lock lock;
    *count = state().device_count;
  }
  return logged(kOk, "nvmlDeviceGetCount_v2");
}

SIMULATED_API int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  *handle = handleOf(index);
  const int status = with(*handle, [](Device&, unsigned) { return kOk; });
  return logged(status, "nvmlDeviceGetHandleByIndex_v2", "%u ", index);
}

static int findBy(void (*name)(unsigned, char*, size_t), const char* wanted, void** handle) {
  for (unsigned index = 0; index < simulated::kMostDevices; index++) {
    char found[96];
    name(index, found, sizeof found);
    // A bus id may come with a short or a long domain.
    const size_t skipped = std::strlen(found) - std::min(std::strlen(found), std::strlen(wanted));
    if (*wanted == '\0' || strcasecmp(found + skipped, wanted) != 0) continue;
    *handle = handleOf(index);
    return with(*handle, [](Device&, unsigned) { return kOk; }) == kInvalid ? kNotFound : kOk;
  }
  return kNotFound;
}

SIMULATED_API int nvmlDeviceGetHandleByUUID(const char* uuid, void** handle) {
  return logged(findBy(uuidOf, uuid, handle), "nvmlDeviceGetHandleByUUID", "%.60s ", uuid);
}

SIMULATED_API int nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, void** handle) {
  return logged(findBy(busIdOf, bus_id, handle), "nvmlDeviceGetHandleByPciBusId_v2", "%.60s ",
                bus_id);
}

SIMULATED_API int nvmlDeviceGetIndex(void* handle, unsigned* result) {
  const int status = with(handle, [&](Device&, unsigned index) {
    *result = index;
    return kOk;
  });
  return logged(status, "nvmlDeviceGetIndex", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetUUID(void* handle, char* text, unsigned size) {
  const int status = with(handle, [&](Device&, unsigned index) {
    char uuid[96];
    uuidOf(index, uuid, sizeof uuid);
    return copy(uuid, text, size);
  });
  return logged(status, "nvmlDeviceGetUUID", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetName(void* handle, char* text, unsigned size) {
  const int status =
      with(handle, [&](Device&, unsigned) { return copy(state().name, text, size); });
  return logged(status, "nvmlDeviceGetName", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetPciInfo_v3(void* handle, kareus::NvmlPci* pci) {
  const int status = with(handle, [&](Device&, unsigned index) {
    *pci = {};
    pci->bus = index + 1;
    busIdOf(index, pci->bus_id, sizeof pci->bus_id);
    return kOk;
  });
  return logged(status, "nvmlDeviceGetPciInfo_v3", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetMigMode(void* handle, unsigned* current, unsigned* pending) {
  const int status = with(handle, [&](Device& device, unsigned) {
    *current = *pending = device.mig != 0 ? 1 : 0;
    return kOk;
  });
  return logged(status, "nvmlDeviceGetMigMode", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetSupportedMemoryClocks(void* handle, unsigned* count,
                                                     unsigned* clocks_mhz) {
  const int status = with(handle, [&](Device&, unsigned) -> int {
    const unsigned room = *count;
    *count = 1;
    if (room < 1) return kTooSmall;
    clocks_mhz[0] = simulated::kMemory_mhz;
    return kOk;
  });
  return logged(status, "nvmlDeviceGetSupportedMemoryClocks", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetSupportedGraphicsClocks(void* handle, unsigned memory_mhz,
                                                       unsigned* count, unsigned* clocks_mhz) {
  const int status = with(handle, [&](Device&, unsigned) -> int {
    if (memory_mhz != simulated::kMemory_mhz) return kNotFound;
    const unsigned room = *count;
    *count = (simulated::kHighest_mhz - simulated::kLowest_mhz) / simulated::kStep_mhz + 1;
    if (room < *count) return kTooSmall;
    for (unsigned i = 0; i < *count; i++) {  // NVML lists the highest first
      clocks_mhz[i] = simulated::kHighest_mhz - i * simulated::kStep_mhz;
    }
    return kOk;
  });
  return logged(status, "nvmlDeviceGetSupportedGraphicsClocks", "%u ", indexOf(handle));
}

#ifndef SIMULATED_OLD_DRIVER  // one that cannot lock clocks

SIMULATED_API int nvmlDeviceSetGpuLockedClocks(void* handle, unsigned lowest_mhz,
                                               unsigned highest_mhz) {
  return logged(change(__func__, handle, highest_mhz), "nvmlDeviceSetGpuLockedClocks", "%u %u %u ",
                indexOf(handle), lowest_mhz, highest_mhz);
}

SIMULATED_API int nvmlDeviceResetGpuLockedClocks(void* handle) {
  return logged(change(__func__, handle, 0), "nvmlDeviceResetGpuLockedClocks", "%u ", indexOf(handle));
}

#endif

// 0, or -1 if there is no such device or setting.
SIMULATED_API int kareus_sim_set(unsigned device, const char* setting, double value) {
  const Lock lock;
  if (device >= state().device_count) return -1;
  simulated::countEnergy(state().devices[device]);
  double* found = simulated::settingOf(state().devices[device], setting);
  if (found == nullptr) return -1;
  *found = value;
  return 0;
}

// Every call of that function answers this status from now on; 0 and "": none.
SIMULATED_API void kareus_sim_fail(const char* function, int status) {
  const Lock lock;
  std::snprintf(state().failing, sizeof state().failing, "%s", function);
  state().failing_status = status;
}

// NaN if there is no such device or setting.
SIMULATED_API double kareus_sim_get(unsigned device, const char* setting) {
  const Lock lock;
  if (device >= state().device_count) return std::numeric_limits<double>::quiet_NaN();
  const double* found = simulated::settingOf(state().devices[device], setting);
  return found == nullptr ? std::numeric_limits<double>::quiet_NaN() : *found;
}
