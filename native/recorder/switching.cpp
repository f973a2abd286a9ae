#include "switching.h"

#include <cmath>

#include "progress.h"

namespace kareus {
namespace {

constexpr int kTrials = 5;
constexpr double kSettle_s = 0.1;     // at a clock, before it is left
constexpr double kMost_s = 1;         // then the clock does not come
constexpr double kLook_s = 50e-6;
constexpr double kNear_mhz = 8;       // clocks go by steps of 15
constexpr size_t kAhead = 8;

class Switcher {
 public:
  explicit Switcher(Machine& machine) : machine_(machine), progress_(machine) {}

  // Keeps the GPU busy for that long.
  void work(double time_s) {
    for (const double end_s = machine_.now_s() + time_s; machine_.now_s() < end_s;) {
      feed();
      machine_.pause(kLook_s);
    }
  }

  // One change: false where the clock never comes. `refused` says why it cannot be locked.
  bool change(int to_mhz, double& call_s, double& time_s, std::string& refused) {
    const double before_s = machine_.now_s();
    refused = machine_.lockClock(to_mhz);
    const double called_s = machine_.now_s();
    call_s = called_s - before_s;
    while (refused.empty() && machine_.now_s() < called_s + kMost_s) {
      const auto clock_mhz = machine_.conditions().clock_mhz;
      time_s = machine_.now_s() - called_s;
      if (clock_mhz && std::fabs(*clock_mhz - to_mhz) < kNear_mhz) return true;
      feed();
      machine_.pause(kLook_s);
    }
    return false;
  }

  void finish() { progress_.finish(); }

 private:
  void feed() {
    progress_.look();
    while (progress_.ahead() < kAhead) progress_.launch(1);
  }

  Machine& machine_;
  Progress progress_;
};

SwitchTime meanOf(const std::vector<double>& calls_s, const std::vector<double>& times_s) {
  SwitchTime found;
  found.trials = static_cast<int>(times_s.size());
  for (size_t i = 0; i < times_s.size(); i++) {
    found.call_s += calls_s[i] / found.trials;
    found.time_s += times_s[i] / found.trials;
  }
  for (const double time_s : times_s) {
    found.time_s_std += (time_s - found.time_s) * (time_s - found.time_s) / found.trials;
  }
  found.time_s_std = std::sqrt(found.time_s_std);
  return found;
}

}  // namespace

std::string measureSwitches(Machine& machine, const std::vector<int>& clocks_mhz,
                            const std::function<void(const SwitchTime&)>& say,
                            const std::function<bool()>& stopped) {
  Switcher switcher(machine);
  std::string refused;
  for (const int to_mhz : clocks_mhz) {
    for (const int from_mhz : clocks_mhz) {
      std::vector<double> calls_s, times_s;
      for (int trial = 0; trial < kTrials && from_mhz != to_mhz && !stopped(); trial++) {
        double call_s = 0, time_s = 0;
        switcher.change(from_mhz, call_s, time_s, refused);
        if (!refused.empty()) return refused;
        switcher.work(kSettle_s);
        const bool came = switcher.change(to_mhz, call_s, time_s, refused);
        if (!refused.empty()) return refused;
        if (!came) continue;
        calls_s.push_back(call_s);
        times_s.push_back(time_s);
      }
      if (times_s.empty()) continue;
      SwitchTime found = meanOf(calls_s, times_s);
      found.from_mhz = from_mhz;
      found.to_mhz = to_mhz;
      say(found);
    }
  }
  switcher.finish();
  return "";
}

}  // namespace kareus
