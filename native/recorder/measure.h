// One configuration, measured: warm, between ticks, to a precision.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "machine.h"
#include "regimes.h"
#include "setting.h"

namespace kareus {

// Per run of the task. In a profile's words (src/profile/records.ts).
struct Measurement {
  double time_s = 0, time_s_std = 0;
  std::optional<double> energy_j, energy_j_std;
  int trials = 0;  // stretches between ticks that mean and deviation are of
  double precision = 0;
  double window_s = 0;
  Conditions conditions;  // over the windows
  std::string reason;  // why there is no energy
  std::vector<Regime> regimes;  // two, where the runs fall into them
};

// Measures the prepared task. Nothing where `stopped` turned true before it was whole.
std::optional<Measurement> measure(Machine& machine, Counter& counter, const Setting& setting,
                                   const std::function<bool()>& stopped);

}  // namespace kareus
