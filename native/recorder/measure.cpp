#include "measure.h"

#include <algorithm>
#include <cmath>

#include "warm.h"
#include "window.h"

namespace kareus {
namespace {

constexpr const char* kTwoRegimes = "two regimes";
constexpr const char* kBackwards = "the energy counter ran backwards";

// Mean (of all runs alike) and deviation (of the stretches) of a quantity.
struct Spread {
  double mean = 0, std = 0;
};

Spread spreadOf(const std::vector<Interval>& intervals, double Interval::* quantity) {
  double sum = 0, runs = 0, squares = 0;
  for (const Interval& each : intervals) {
    sum += each.*quantity;
    runs += each.runs;
  }
  const double mean = sum / runs;
  for (const Interval& each : intervals) squares += std::pow(each.*quantity / each.runs - mean, 2);
  return {mean, std::sqrt(squares / static_cast<double>(intervals.size()))};
}

// The windows of all trials as one.
Window joined(const std::vector<Window>& windows) {
  Window all;
  double squares = 0;
  for (const Window& each : windows) {
    all.intervals.insert(all.intervals.end(), each.intervals.begin(), each.intervals.end());
    all.run_times_s.insert(all.run_times_s.end(), each.run_times_s.begin(), each.run_times_s.end());
    if (!each.reason.empty()) all.reason = each.reason;
    squares += each.error * each.error;
  }
  all.error = std::sqrt(squares) / static_cast<double>(windows.size());
  return all;
}

Measurement measurementOf(const Window& window) {
  Measurement found;
  found.trials = static_cast<int>(window.intervals.size());
  found.precision = window.error;
  for (const Interval& each : window.intervals) found.window_s += each.time_s;
  const Spread time = spreadOf(window.intervals, &Interval::time_s);
  found.time_s = time.mean;
  found.time_s_std = time.std;
  const Spread energy = spreadOf(window.intervals, &Interval::energy_j);
  found.reason = window.reason.empty() && energy.mean <= 0 ? kBackwards : window.reason;
  if (!found.reason.empty()) return found;
  found.energy_j = energy.mean;
  found.energy_j_std = energy.std;
  return found;
}

// Runs that fall into two regimes have no mean worth saying.
void tellRegimes(Measurement& found, const std::vector<Regime>& regimes) {
  if (regimes.size() < 2) return;
  found.regimes = regimes;
  const auto larger = std::max_element(regimes.begin(), regimes.end(),
                                       [](const Regime& a, const Regime& b) { return a.share < b.share; });
  found.time_s = larger->time_s;
  found.energy_j.reset();
  found.energy_j_std.reset();
  found.reason = kTwoRegimes;
}

}  // namespace

std::optional<Measurement> measure(Machine& machine, Counter& counter, const Setting& setting,
                                   const std::function<bool()>& stopped) {
  const double until_s = machine.now_s() + setting.most_s + setting.warmup_s +
                         setting.trials * (setting.window_s + setting.cooldown_s);
  Progress progress(machine);
  const double run_s = warmUp(machine, progress, setting.warmup_s);
  Weather weather;
  std::vector<Window> windows;
  for (int trial = 0; trial < setting.trials; trial++) {
    if (setting.cooldown_s > 0) machine.pause(setting.cooldown_s);
    if (stopped()) return std::nullopt;
    windows.push_back(
        runWindow(machine, counter, progress, weather, setting, run_s, until_s, stopped));
    if (stopped()) return std::nullopt;
  }
  const Window window = joined(windows);
  Measurement found = measurementOf(window);
  const std::vector<Regime> regimes = regimesOf(singleRuns(progress, found.time_s));
  tellRegimes(found, regimes.size() > 1 ? regimes : regimesOf(window.run_times_s));
  found.conditions = weather.mean();
  return found;
}

}  // namespace kareus
