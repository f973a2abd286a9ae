#include "dry.h"

#include <algorithm>

#include "kareus.h"

namespace kareus {

DryDevice::DryDevice(const std::vector<uint32_t>& clocks_mhz) {
  info_.name = "dry";
  info_.clocks_mhz = clocks_mhz;
  std::sort(info_.clocks_mhz.begin(), info_.clocks_mhz.end());
  info_.may_control = true;
}

int DryDevice::lock(uint32_t) { return KAREUS_OK; }

int DryDevice::unlock() { return KAREUS_OK; }

std::optional<double> DryDevice::energy() { return std::nullopt; }

}  // namespace kareus
