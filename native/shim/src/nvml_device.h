// A GPU through the driver itself.
#pragma once

#include "device.h"
#include "nvml.h"

namespace kareus {

class NvmlDevice : public Device {
 public:
  // NO_NVML, NO_DEVICE; to control also OLD_DRIVER.
  NvmlDevice(const std::string& device, bool control);
  int lock(uint32_t freq_mhz) override;
  int unlock() override;
  std::optional<double> energy() override;
  Conditions conditions() override { return Gauges(nvml_, handle_).conditions(); }
  std::optional<double> power() override { return Gauges(nvml_, handle_).power_w(); }

  // The share of the last moments in which a kernel ran, 0 to 1; nothing where it is unknown.
  std::optional<double> busy() const;
  // Its number among this machine's GPUs, as the driver counts.
  unsigned index() const;

 private:
  void find(const std::string& device);
  void readInfo();
  std::vector<uint32_t> readClocks() const;

  Nvml nvml_;
  NvmlHandle handle_ = nullptr;
};

}  // namespace kareus
