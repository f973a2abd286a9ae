// No GPU: every change succeeds and touches nothing.
#pragma once

#include "device.h"

namespace kareus {

class DryDevice : public Device {
 public:
  explicit DryDevice(const std::vector<uint32_t>& clocks_mhz);
  int lock(uint32_t freq_mhz) override;
  int unlock() override;
  std::optional<double> energy() override;
};

}  // namespace kareus
