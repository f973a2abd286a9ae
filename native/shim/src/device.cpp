#include "device.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "dry.h"
#include "failure.h"
#include "nvml_device.h"
#include "zeusd_device.h"

namespace kareus {

std::unique_ptr<Device> openDevice(const Target& target) {
  std::unique_ptr<Device> device;
  switch (target.backend) {
    case KAREUS_BACKEND_NVML:
      device = std::make_unique<NvmlDevice>(target.device, target.control);
      break;
    case KAREUS_BACKEND_ZEUSD:
      device = std::make_unique<ZeusdDevice>(target.device, target.zeusd_socket, target.control);
      break;
    case KAREUS_BACKEND_DRY:
      return std::make_unique<DryDevice>(target.dry_clocks_mhz);
    default:
      fail(KAREUS_BAD_ARGUMENT, "no such backend");
  }
  if (target.control && device->info().mig) fail(KAREUS_MIG, device->info().uuid);
  if (target.control && !device->info().may_control) {
    fail(KAREUS_NO_PERMISSION,
         "root (CAP_SYS_ADMIN) may, or anyone through zeusd; observe mode needs neither");
  }
  return device;
}

int unlockStubbornly(Device& device) {
  constexpr int kTries = 5;
  int code = KAREUS_OK;
  for (int attempt = 0; attempt < kTries; attempt++) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2 << attempt));
    code = device.unlock();
    if (code == KAREUS_OK) break;
  }
  return code;
}

bool isPrivileged() {
  constexpr unsigned kCapSysAdmin = 21;  // linux/capability.h
  const char* said = std::getenv("KAREUS_PRIVILEGED");
  if (said != nullptr && *said != '\0') return std::strcmp(said, "0") != 0;
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "CapEff:") continue;
    status >> word;
    return (std::strtoull(word.c_str(), nullptr, 16) >> kCapSysAdmin & 1) != 0;
  }
  return false;
}

}  // namespace kareus
