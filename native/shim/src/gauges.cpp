#include "gauges.h"

namespace kareus {
namespace {

// nvmlClockType_t, nvmlTemperatureSensors_t and field identifiers, from NVIDIA's NVML reference.
constexpr unsigned kSmClock = 1;
constexpr unsigned kDie = 0;
constexpr unsigned kInstantPower_mw = 186;
constexpr unsigned kPowerSmoothing = 251;

constexpr uint64_t kPowerCap = 0x4, kThermal = 0x20 | 0x40, kPowerBrake = 0x80;

struct Limit {
  uint64_t bits;
  const char* word;
};
constexpr Limit kLimits[] = {
    {kPowerCap, "power"},       {kThermal, "thermal"}, {0x8, "hardware_slowdown"},
    {kPowerBrake, "power_brake"}, {0x10, "sync_boost"},  {0x2, "setting"},
    {0x100, "display"},
};

// nvmlPowerProfileType_t.
constexpr const char* kProfiles[] = {
    "max-p",        "max-q",        "compute", "memory-bound", "network",     "balanced",
    "llm-inference", "llm-training", "rbm",     "dc-pcie",      "hmma-sparse", "hmma-dense",
    "sync-balanced", "hpc",          "mig",
};

}  // namespace

const char* limitOf(uint64_t limits) {
  if ((limits & kThermal) != 0) return "thermal";
  return (limits & (kPowerCap | kPowerBrake)) != 0 ? "power" : "";
}

std::vector<std::string> wordsOf(uint64_t limits) {
  std::vector<std::string> words;
  for (const Limit& limit : kLimits) {
    if ((limits & limit.bits) != 0) words.push_back(limit.word);
  }
  return words;
}

Conditions Gauges::conditions() const {
  Conditions found;
  unsigned value = 0;
  if (nvml_.clock != nullptr && nvml_.clock(handle_, kSmClock, &value) == kNvmlOk) {
    found.clock_mhz = value;
  }
  if (nvml_.temperature != nullptr && nvml_.temperature(handle_, kDie, &value) == kNvmlOk) {
    found.temperature_c = value;
  }
  auto* ask = nvml_.eventReasons != nullptr ? nvml_.eventReasons : nvml_.throttleReasons;
  unsigned long long reasons = 0;
  if (ask != nullptr && ask(handle_, &reasons) == kNvmlOk) found.limits = reasons;
  return found;
}

std::optional<unsigned> Gauges::field(unsigned number) const {
  NvmlField field = {};
  field.number = number;
  if (nvml_.fields == nullptr || nvml_.fields(handle_, 1, &field) != kNvmlOk) return std::nullopt;
  if (field.status != kNvmlOk) return std::nullopt;
  return field.value.whole;
}

std::optional<double> Gauges::power_w() const {
  if (const auto milliwatts = field(kInstantPower_mw)) return *milliwatts / 1000.0;
  unsigned milliwatts = 0;
  if (nvml_.power == nullptr || nvml_.power(handle_, &milliwatts) != kNvmlOk) return std::nullopt;
  return milliwatts / 1000.0;
}

std::optional<std::string> Gauges::workloadProfile() const {
  NvmlPowerProfiles profiles = {};
  profiles.version = sizeof profiles | 1U << 24;
  if (nvml_.powerProfiles == nullptr || nvml_.powerProfiles(handle_, &profiles) != kNvmlOk) {
    return std::nullopt;
  }
  std::string names;
  for (unsigned i = 0; i < 255; i++) {
    if ((profiles.enforced[i / 32] >> i % 32 & 1) == 0) continue;
    const bool known = i < sizeof kProfiles / sizeof *kProfiles;
    names += (names.empty() ? "" : "+") + (known ? kProfiles[i] : std::to_string(i));
  }
  return names.empty() ? "none" : names;
}

PowerState Gauges::powerState() const {
  PowerState state;
  unsigned milliwatts = 0;
  if (nvml_.powerLimit != nullptr && nvml_.powerLimit(handle_, &milliwatts) == kNvmlOk) {
    state.limit_w = milliwatts / 1000.0;
  }
  state.workload_profile = workloadProfile();
  if (const auto enabled = field(kPowerSmoothing)) state.smoothing = *enabled != 0;
  return state;
}

}  // namespace kareus
