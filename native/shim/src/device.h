// One GPU as the runtime sees it, through the driver, through zeusd, or without a GPU (dry).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gauges.h"

namespace kareus {

// Which GPU, through what, to do what.
struct Target {
  int backend = 0;  // kareus_backend
  bool control = false;
  std::string device;        // UUID, PCI bus id or index
  std::string zeusd_socket;  // empty: from the environment
  std::vector<uint32_t> dry_clocks_mhz;
};

struct DeviceInfo {
  std::string name, uuid, pci_bus_id, driver;
  std::vector<uint32_t> clocks_mhz;  // ascending; empty: any
  bool may_control = false;
  bool mig = false;
  bool energy_counter = false;
  PowerState power;
};

class Device {
 public:
  virtual ~Device() = default;

  // Lock the SM clock, unlock it: KAREUS_OK, NO_PERMISSION, GPU_LOST, or CHANGE_FAILED, which may
  // be worth another try. Only one thread at a time; not of an observer.
  virtual int lock(uint32_t freq_mhz) = 0;
  virtual int unlock() = 0;

  // Joules since some moment; nothing without a counter. Any thread.
  virtual std::optional<double> energy() = 0;

  // The state of the board, and the power of this moment in watts; nothing where it is unknown.
  virtual Conditions conditions() { return {}; }
  virtual std::optional<double> power() { return std::nullopt; }

  const DeviceInfo& info() const { return info_; }

 protected:
  DeviceInfo info_;
};

// Throws Failure: NO_NVML, NO_DEVICE; to control also MIG, NO_PERMISSION, OLD_DRIVER, NO_ZEUSD.
std::unique_ptr<Device> openDevice(const Target& target);

// Unlocks, trying again a few times; the last code.
int unlockStubbornly(Device& device);

// Whether this process may change clocks directly: CAP_SYS_ADMIN, which the driver asks for.
// $KAREUS_PRIVILEGED (0 or 1) overrules it, for drivers with rules of their own.
bool isPrivileged();

}  // namespace kareus
