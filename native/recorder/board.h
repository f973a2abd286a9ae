// The energy counter, gauges and clocks of one GPU, through the driver's own library.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../shim/src/gauges.h"
#include "claim.h"

namespace kareus {

class Board {
 public:
  // `pci_bus_id` as CUDA writes it: both number GPUs differently. Empty: the first GPU.
  explicit Board(const std::string& pci_bus_id);
  // Gives locked clocks back.
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  std::string driver() const;
  // Joules since the driver was loaded; none on GPUs before Volta or without the library.
  std::optional<double> energy_j() const;
  Conditions conditions() const;
  PowerState powerState() const;

  // Holds the SM clock. Empty on success, else the driver's reason (mostly: no permission), or who
  // holds it.
  std::string lockClock(int clock_mhz);
  void unlockClock();

 private:
  std::string uuid() const;

  std::unique_ptr<Nvml> nvml_;  // null: the library is missing
  NvmlHandle handle_ = nullptr;
  Claim claim_;
  bool locked_ = false;
};

}  // namespace kareus
