// A GPU read through the driver and controlled through zeusd: no privilege needed.
#pragma once

#include "nvml_device.h"
#include "zeusd.h"

namespace kareus {

class ZeusdDevice : public Device {
 public:
  // NO_NVML, NO_DEVICE; to control also NO_ZEUSD.
  ZeusdDevice(const std::string& device, const std::string& socket, bool control);
  int lock(uint32_t freq_mhz) override;
  int unlock() override;
  std::optional<double> energy() override;
  Conditions conditions() override { return read_.conditions(); }
  std::optional<double> power() override { return read_.power(); }

 private:
  NvmlDevice read_;
  Zeusd zeusd_;
  unsigned index_;
};

}  // namespace kareus
