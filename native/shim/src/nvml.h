// NVML's functions by name, in our own declarations (NVIDIA's NVML reference). Those that change a
// clock are looked up only for a controller: an observer could not call them if it wanted to.
#pragma once

#include "library.h"

namespace kareus {

using NvmlHandle = void*;

// nvmlReturn_t, what matters of it.
enum NvmlStatus : int {
  kNvmlOk = 0,
  kNvmlNotSupported = 3,
  kNvmlNoPermission = 4,
  kNvmlFunctionMissing = 13,
  kNvmlGpuLost = 15,
};

// nvmlPciInfo_t.
struct NvmlPci {
  char legacy_bus_id[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};

// nvmlFieldValue_t.
struct NvmlField {
  unsigned number, scope;
  long long timestamp, latency_us;
  int type, status;
  union {
    unsigned whole;
    double real;
    unsigned long long wide;
  } value;
};

// nvmlUtilization_t: percent of the time in the last sample.
struct NvmlUtilization {
  unsigned gpu, memory;
};

// nvmlWorkloadPowerProfileCurrentProfiles_v1_t: masks of 255 bits.
struct NvmlPowerProfiles {
  unsigned version;
  unsigned supported[8], requested[8], enforced[8];
};

#define KAREUS_NVML_READERS(X)                                                   \
  X(init, "nvmlInit_v2", int())                                                  \
  X(shutdown, "nvmlShutdown", int())                                             \
  X(errorString, "nvmlErrorString", const char*(int))                            \
  X(driverVersion, "nvmlSystemGetDriverVersion", int(char*, unsigned))           \
  X(byUuid, "nvmlDeviceGetHandleByUUID", int(const char*, NvmlHandle*))          \
  X(byPci, "nvmlDeviceGetHandleByPciBusId_v2", int(const char*, NvmlHandle*))    \
  X(byIndex, "nvmlDeviceGetHandleByIndex_v2", int(unsigned, NvmlHandle*))        \
  X(index, "nvmlDeviceGetIndex", int(NvmlHandle, unsigned*))                     \
  X(uuid, "nvmlDeviceGetUUID", int(NvmlHandle, char*, unsigned))                 \
  X(name, "nvmlDeviceGetName", int(NvmlHandle, char*, unsigned))                 \
  X(pci, "nvmlDeviceGetPciInfo_v3", int(NvmlHandle, NvmlPci*))                   \
  X(migMode, "nvmlDeviceGetMigMode", int(NvmlHandle, unsigned*, unsigned*))      \
  X(energy, "nvmlDeviceGetTotalEnergyConsumption",                               \
    int(NvmlHandle, unsigned long long*))                                        \
  X(memoryClocks, "nvmlDeviceGetSupportedMemoryClocks",                          \
    int(NvmlHandle, unsigned*, unsigned*))                                       \
  X(smClocks, "nvmlDeviceGetSupportedGraphicsClocks",                            \
    int(NvmlHandle, unsigned, unsigned*, unsigned*))                             \
  X(clock, "nvmlDeviceGetClockInfo", int(NvmlHandle, unsigned, unsigned*))       \
  X(utilization, "nvmlDeviceGetUtilizationRates",                                \
    int(NvmlHandle, NvmlUtilization*))                                           \
  X(temperature, "nvmlDeviceGetTemperature",                                     \
    int(NvmlHandle, unsigned, unsigned*))                                        \
  X(eventReasons, "nvmlDeviceGetCurrentClocksEventReasons",                      \
    int(NvmlHandle, unsigned long long*))                                        \
  X(throttleReasons, "nvmlDeviceGetCurrentClocksThrottleReasons",                \
    int(NvmlHandle, unsigned long long*))                                        \
  X(fields, "nvmlDeviceGetFieldValues", int(NvmlHandle, int, NvmlField*))        \
  X(power, "nvmlDeviceGetPowerUsage", int(NvmlHandle, unsigned*))                \
  X(powerLimit, "nvmlDeviceGetEnforcedPowerLimit", int(NvmlHandle, unsigned*))   \
  X(powerProfiles, "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles",           \
    int(NvmlHandle, NvmlPowerProfiles*))

#define KAREUS_NVML_SETTERS(X)                                                          \
  X(lockClocks, "nvmlDeviceSetGpuLockedClocks", int(NvmlHandle, unsigned, unsigned))    \
  X(resetClocks, "nvmlDeviceResetGpuLockedClocks", int(NvmlHandle))

class Nvml {
 public:
  // Opens and initializes; NO_NVML. `control` looks the setters up too.
  explicit Nvml(bool control);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  const char* reason(int status) const;

#define KAREUS_MEMBER(member, symbol, type) using member##_t = type; member##_t* member = nullptr;
  KAREUS_NVML_READERS(KAREUS_MEMBER)
  KAREUS_NVML_SETTERS(KAREUS_MEMBER)
#undef KAREUS_MEMBER

 private:
  Library library_;
};

}  // namespace kareus
