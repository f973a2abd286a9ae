#include "nvml_device.h"

#include <algorithm>
#include <cctype>

#include "failure.h"

namespace kareus {
namespace {

int codeOf(int status) {
  switch (status) {
    case kNvmlOk:
      return KAREUS_OK;
    case kNvmlNoPermission:
      return KAREUS_NO_PERMISSION;
    case kNvmlGpuLost:
      return KAREUS_GPU_LOST;
    default:
      return KAREUS_CHANGE_FAILED;
  }
}

bool isNumber(const std::string& text) {
  return !text.empty() && text.size() < 6 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

NvmlDevice::NvmlDevice(const std::string& device, bool control) : nvml_(control) {
  if (control && (nvml_.lockClocks == nullptr || nvml_.resetClocks == nullptr)) {
    fail(KAREUS_OLD_DRIVER, "NVML lacks nvmlDeviceSetGpuLockedClocks");
  }
  find(device);
  readInfo();
}

void NvmlDevice::find(const std::string& device) {
  int status = kNvmlFunctionMissing;
  if (device.rfind("MIG-", 0) == 0) fail(KAREUS_MIG, device + " is an instance");
  if (isNumber(device)) {
    status = nvml_.byIndex(static_cast<unsigned>(std::stoul(device)), &handle_);
  } else if (device.rfind("GPU-", 0) == 0) {
    if (nvml_.byUuid != nullptr) status = nvml_.byUuid(device.c_str(), &handle_);
  } else if (nvml_.byPci != nullptr) {
    status = nvml_.byPci(device.c_str(), &handle_);
  }
  if (status != kNvmlOk) fail(KAREUS_NO_DEVICE, device + ": " + nvml_.reason(status));
}

void NvmlDevice::readInfo() {
  char text[96] = "";
  if (nvml_.name != nullptr && nvml_.name(handle_, text, sizeof text) == kNvmlOk) info_.name = text;
  if (nvml_.uuid == nullptr || nvml_.uuid(handle_, text, sizeof text) != kNvmlOk) {
    fail(KAREUS_NO_DEVICE, "the GPU does not tell its UUID");
  }
  info_.uuid = text;
  if (nvml_.driverVersion != nullptr && nvml_.driverVersion(text, 80) == kNvmlOk) {
    info_.driver = text;
  }
  NvmlPci pci = {};
  if (nvml_.pci != nullptr && nvml_.pci(handle_, &pci) == kNvmlOk) info_.pci_bus_id = pci.bus_id;
  unsigned mig = 0, pending = 0;
  if (nvml_.migMode != nullptr && nvml_.migMode(handle_, &mig, &pending) == kNvmlOk) {
    info_.mig = mig != 0;
  }
  info_.energy_counter = energy().has_value();
  info_.may_control = isPrivileged();
  info_.clocks_mhz = readClocks();
  info_.power = Gauges(nvml_, handle_).powerState();
}

// The SM clocks that go with the highest memory clock, at which training runs.
std::vector<uint32_t> NvmlDevice::readClocks() const {
  if (nvml_.memoryClocks == nullptr || nvml_.smClocks == nullptr) return {};
  std::vector<unsigned> memory(64);
  auto count = static_cast<unsigned>(memory.size());
  if (nvml_.memoryClocks(handle_, &count, memory.data()) != kNvmlOk || count == 0) return {};
  const unsigned highest = *std::max_element(memory.begin(), memory.begin() + count);
  std::vector<unsigned> clocks(1024);
  count = static_cast<unsigned>(clocks.size());
  if (nvml_.smClocks(handle_, highest, &count, clocks.data()) != kNvmlOk) return {};
  clocks.resize(count);
  std::sort(clocks.begin(), clocks.end());
  return clocks;
}

int NvmlDevice::lock(uint32_t freq_mhz) {
  return codeOf(nvml_.lockClocks(handle_, freq_mhz, freq_mhz));
}

int NvmlDevice::unlock() { return codeOf(nvml_.resetClocks(handle_)); }

std::optional<double> NvmlDevice::energy() {
  unsigned long long millijoules = 0;
  if (nvml_.energy == nullptr || nvml_.energy(handle_, &millijoules) != kNvmlOk) {
    return std::nullopt;
  }
  return static_cast<double>(millijoules) / 1000.0;
}

std::optional<double> NvmlDevice::busy() const {
  NvmlUtilization percent = {};
  if (nvml_.utilization == nullptr || nvml_.utilization(handle_, &percent) != kNvmlOk) return std::nullopt;
  return percent.gpu / 100.0;
}

unsigned NvmlDevice::index() const {
  unsigned index = 0;
  if (nvml_.index == nullptr || nvml_.index(handle_, &index) != kNvmlOk) {
    fail(KAREUS_NO_DEVICE, "the GPU does not tell its index");
  }
  return index;
}

}  // namespace kareus
