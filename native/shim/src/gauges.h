// What a board tells of its state besides energy, each in microseconds; nothing where it does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nvml.h"

namespace kareus {

struct Conditions {
  std::optional<double> clock_mhz;  // of the SMs, as it is
  std::optional<double> temperature_c;
  std::optional<uint64_t> limits;  // why the clock is not higher: NVML's clock event reasons
};

// What decides of a board's power for a long time; records of different states do not mix.
struct PowerState {
  std::optional<double> limit_w;
  std::optional<std::string> workload_profile;
  std::optional<bool> smoothing;
};

class Gauges {
 public:
  Gauges(const Nvml& nvml, NvmlHandle handle) : nvml_(nvml), handle_(handle) {}

  Conditions conditions() const;
  // Of this moment where the driver knows it, else the mean of the last second.
  std::optional<double> power_w() const;
  PowerState powerState() const;

 private:
  std::optional<unsigned> field(unsigned number) const;
  std::optional<std::string> workloadProfile() const;

  const Nvml& nvml_;
  NvmlHandle handle_;
};

// What the clock was held back by: "power", "thermal" or "" (neither).
const char* limitOf(uint64_t limits);
// Every reason in words, without "idle": power, thermal, hardware_slowdown, ...
std::vector<std::string> wordsOf(uint64_t limits);

}  // namespace kareus
