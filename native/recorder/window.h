// A window: work runs without a pause, and energy is taken between two ticks of the counter.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "../shim/src/weather.h"
#include "machine.h"
#include "progress.h"
#include "setting.h"

namespace kareus {

// What lies between two neighbouring ticks, or two marks where there is no counter.
struct Interval {
  double time_s = 0;
  double runs = 0;
  double energy_j = 0;
};

struct Window {
  std::vector<Interval> intervals;  // between ticks; without energy, between marks
  std::string reason;               // why there is no energy; empty where there is
  double error = 0;  // standard error of energy per run (without energy: of time), relative
  std::vector<double> run_times_s;  // per run, of each stretch between two marks of these intervals
};

// Runs the prepared task, warm by now, until the energy per run is known to the asked precision, or
// until `until_s` of the host's clock. `stopped` ends it early.
Window runWindow(Machine& machine, Counter& counter, Progress& progress, Weather& weather,
                 const Setting& setting, double run_s, double until_s,
                 const std::function<bool()>& stopped);

}  // namespace kareus
