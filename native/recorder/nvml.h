// Energy counter and clocks of one GPU, through the driver's own library.
#pragma once

#include <optional>
#include <string>

#include "claim.h"
#include "../shim/src/library.h"

namespace kareus {

class Nvml {
 public:
  // `pci_bus_id` as CUDA writes it: both number GPUs differently. Empty: the first GPU.
  explicit Nvml(const std::string& pci_bus_id);
  // Gives locked clocks back.
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool available() const { return device_ != nullptr; }
  std::string driver() const;

  // Joules since the driver was loaded; none on GPUs before Volta or without the library.
  std::optional<double> energy() const;

  // Holds the SM clock. Empty on success, else the driver's reason (mostly: no permission), or who
  // holds it.
  std::string lockClock(int clock_mhz);
  void unlockClock();

 private:
  std::string reasonOf(int status) const;

  std::string uuid() const;

  Library library_;
  Claim claim_;
  void* device_ = nullptr;
  bool locked_ = false;
};

}  // namespace kareus
