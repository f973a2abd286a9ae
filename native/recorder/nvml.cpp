#include "nvml.h"

namespace kareus {
namespace {

// Declared here because the toolkit does not always bring nvml.h. From NVIDIA's NVML reference.
constexpr int kSuccess = 0;
constexpr unsigned kVersionLength = 80;
constexpr unsigned kUuidLength = 96;
using Init = int();
using ByIndex = int(unsigned, void**);
using ByBusId = int(const char*, void**);
using Uuid = int(void*, char*, unsigned);
using Energy = int(void*, unsigned long long*);
using LockClocks = int(void*, unsigned, unsigned);
using ResetClocks = int(void*);
using ErrorString = const char*(int);
using DriverVersion = int(char*, unsigned);

}  // namespace

Nvml::Nvml(const std::string& pci_bus_id)
    : library_("KAREUS_NVML", {"libnvidia-ml.so.1", "libnvidia-ml.so"}) {
  auto* init = library_.function<Init>("nvmlInit_v2");
  if (init == nullptr || init() != kSuccess) return;
  void* device = nullptr;
  int status = -1;
  if (pci_bus_id.empty()) {
    auto* find = library_.function<ByIndex>("nvmlDeviceGetHandleByIndex_v2");
    if (find != nullptr) status = find(0, &device);
  } else {
    auto* find = library_.function<ByBusId>("nvmlDeviceGetHandleByPciBusId_v2");
    if (find != nullptr) status = find(pci_bus_id.c_str(), &device);
  }
  if (status == kSuccess) device_ = device;
}

Nvml::~Nvml() {
  unlockClock();
  if (auto* shutdown = library_.function<Init>("nvmlShutdown")) shutdown();
}

std::string Nvml::driver() const {
  char version[kVersionLength] = "";
  auto* ask = library_.function<DriverVersion>("nvmlSystemGetDriverVersion");
  if (ask == nullptr || ask(version, kVersionLength) != kSuccess) return "";
  return version;
}

std::optional<double> Nvml::energy() const {
  auto* ask = library_.function<Energy>("nvmlDeviceGetTotalEnergyConsumption");
  unsigned long long millijoules = 0;
  if (!available() || ask == nullptr || ask(device_, &millijoules) != kSuccess) return std::nullopt;
  return static_cast<double>(millijoules) / 1000.0;
}

std::string Nvml::lockClock(int clock_mhz) {
  auto* lock = library_.function<LockClocks>("nvmlDeviceSetGpuLockedClocks");
  if (!available() || lock == nullptr) return "the driver's library is missing";
  const std::string gpu = uuid();
  if (gpu.empty()) return "the GPU does not tell its UUID";
  const std::string refused = claim_.take(gpu);
  if (!refused.empty()) return refused;
  const auto mhz = static_cast<unsigned>(clock_mhz);
  const int status = lock(device_, mhz, mhz);
  if (status == kSuccess) locked_ = true;
  if (!locked_) claim_.settle();
  return status == kSuccess ? "" : reasonOf(status);
}

void Nvml::unlockClock() {
  auto* reset = library_.function<ResetClocks>("nvmlDeviceResetGpuLockedClocks");
  if (!locked_ || reset == nullptr) return;
  locked_ = false;
  // Else the journal keeps it, for `kareus doctor --reset`.
  if (reset(device_) == kSuccess) claim_.settle();
}

std::string Nvml::uuid() const {
  char text[kUuidLength] = "";
  auto* ask = library_.function<Uuid>("nvmlDeviceGetUUID");
  if (ask == nullptr || ask(device_, text, kUuidLength) != kSuccess) return "";
  return text;
}

std::string Nvml::reasonOf(int status) const {
  auto* describe = library_.function<ErrorString>("nvmlErrorString");
  return describe == nullptr ? "status " + std::to_string(status) : describe(status);
}

}  // namespace kareus
