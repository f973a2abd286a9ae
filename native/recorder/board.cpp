#include "board.h"

#include "../shim/src/failure.h"

namespace kareus {

Board::Board(const std::string& pci_bus_id) {
  try {
    nvml_ = std::make_unique<Nvml>(true);
  } catch (const Failure&) {
    return;
  }
  int status = kNvmlFunctionMissing;
  if (pci_bus_id.empty()) {
    status = nvml_->byIndex(0, &handle_);
  } else if (nvml_->byPci != nullptr) {
    status = nvml_->byPci(pci_bus_id.c_str(), &handle_);
  }
  if (status != kNvmlOk) nvml_.reset();
}

Board::~Board() { unlockClock(); }

std::string Board::driver() const {
  char version[80] = "";
  if (!nvml_ || nvml_->driverVersion == nullptr) return "";
  return nvml_->driverVersion(version, sizeof version) == kNvmlOk ? version : "";
}

std::optional<double> Board::energy_j() const {
  unsigned long long millijoules = 0;
  const bool answered = nvml_ && nvml_->energy != nullptr &&
                        nvml_->energy(handle_, &millijoules) == kNvmlOk;
  if (!answered) return std::nullopt;
  return static_cast<double>(millijoules) / 1000.0;
}

Conditions Board::conditions() const {
  return nvml_ ? Gauges(*nvml_, handle_).conditions() : Conditions();
}

PowerState Board::powerState() const {
  return nvml_ ? Gauges(*nvml_, handle_).powerState() : PowerState();
}

std::string Board::lockClock(int clock_mhz) {
  if (!nvml_ || nvml_->lockClocks == nullptr) return "the driver's library is missing";
  const std::string gpu = uuid();
  if (gpu.empty()) return "the GPU does not tell its UUID";
  const std::string refused = claim_.take(gpu);
  if (!refused.empty()) return refused;
  const auto mhz = static_cast<unsigned>(clock_mhz);
  const int status = nvml_->lockClocks(handle_, mhz, mhz);
  if (status == kNvmlOk) locked_ = true;
  if (!locked_) claim_.settle();
  return status == kNvmlOk ? "" : nvml_->reason(status);
}

void Board::unlockClock() {
  if (!locked_ || nvml_->resetClocks == nullptr) return;
  locked_ = false;
  // Else the journal keeps it, for `kareus doctor --reset`.
  if (nvml_->resetClocks(handle_) == kNvmlOk) claim_.settle();
}

std::string Board::uuid() const {
  char text[96] = "";
  if (nvml_->uuid == nullptr || nvml_->uuid(handle_, text, sizeof text) != kNvmlOk) return "";
  return text;
}

}  // namespace kareus
