// How the energy between two ticks of the counter is shared out over time: as the instant power, which
// is sampled in between, goes up and down.
#pragma once

#include <deque>
#include <optional>

#include "counter.h"
#include "gauges.h"

namespace kareus {

// What a stretch of time took.
struct Share {
  double energy_j = 0;
  double error_j = 0;  // standard error
};

class Sharing {
 public:
  void note(const Tick& tick) { ticks_.push_back(tick); }
  void note(double at_s, std::optional<double> power_w, const Conditions& conditions);

  // The last tick so far; nothing before the first.
  std::optional<double> knownUntil_s() const;
  // Nothing where ticks do not reach around it.
  std::optional<Share> of(double from_s, double to_s) const;
  // The board's state meanwhile.
  Conditions conditions(double from_s, double to_s) const;
  // What lies before that time is not asked for any more.
  void forget(double before_s);

 private:
  struct Sample {
    double at_s;
    std::optional<double> power_w;
    Conditions conditions;
  };

  double energyAt(double at_s) const;
  double weight(double from_s, double to_s) const;
  double deviation_w(double from_s, double to_s) const;

  std::deque<Tick> ticks_;
  std::deque<Sample> samples_;
};

}  // namespace kareus
