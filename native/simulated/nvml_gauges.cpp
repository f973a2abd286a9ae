// Of the simulated libnvidia-ml.so.1: what a board tells of itself while it works.
#include <chrono>
#include <thread>

#include "nvml.h"
#include "nvml_common.h"

using namespace simulated;

static void sleepFor(double time_s) {
  if (time_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(time_s));
}

SIMULATED_API int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* energy_mj) {
  double reading_s = 0;
  with(handle, [&](Device& device, unsigned) {
    reading_s = device.reading_s;
    return kOk;
  });
  sleepFor(reading_s / 2);
  const int status = with(handle, [&](Device& device, unsigned) -> int {
    if (device.energy_counter == 0) return kNotSupported;
    simulated::countEnergy(device);
    *energy_mj = static_cast<unsigned long long>(device.shown_j * 1000);
    return kOk;
  });
  sleepFor(reading_s / 2);
  return logged(status, "nvmlDeviceGetTotalEnergyConsumption", "%u ", indexOf(handle));
}

SIMULATED_API int nvmlDeviceGetPowerUsage(void* handle, unsigned* milliwatts) {
  return with(handle, [&](Device& device, unsigned) {
    *milliwatts = static_cast<unsigned>(simulated::powerOf(device) * 1000);
    return kOk;
  });
}

SIMULATED_API int nvmlDeviceGetEnforcedPowerLimit(void* handle, unsigned* milliwatts) {
  return with(handle, [&](Device& device, unsigned) {
    *milliwatts = static_cast<unsigned>(device.power_limit_w * 1000);
    return kOk;
  });
}

SIMULATED_API int nvmlDeviceGetClockInfo(void* handle, unsigned, unsigned* clock_mhz) {
  return with(handle, [&](Device& device, unsigned) {
    const bool locked = device.locked_mhz > 0;
    *clock_mhz = locked ? static_cast<unsigned>(device.locked_mhz) : simulated::kHighest_mhz;
    return kOk;
  });
}

SIMULATED_API int nvmlDeviceGetUtilizationRates(void* handle, kareus::NvmlUtilization* percent) {
  return with(handle, [&](Device& device, unsigned) {
    percent->gpu = percent->memory = static_cast<unsigned>(device.busy * 100);
    return kOk;
  });
}

SIMULATED_API int nvmlDeviceGetTemperature(void* handle, unsigned, unsigned* temperature_c) {
  return with(handle, [&](Device& device, unsigned) {
    *temperature_c = static_cast<unsigned>(device.temperature_c);
    return kOk;
  });
}

SIMULATED_API int nvmlDeviceGetCurrentClocksEventReasons(void* handle, unsigned long long* reasons) {
  return with(handle, [&](Device& device, unsigned) {
    *reasons = static_cast<unsigned long long>(device.limits);
    return kOk;
  });
}
