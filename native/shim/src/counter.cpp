#include "counter.h"

#include <algorithm>
#include <cmath>

namespace kareus {
namespace {

constexpr double kStuck_s = 1;
constexpr double kJitter_s = 100e-6;
// How much of the old mean a new value leaves: both means hardly move after twenty values.
constexpr double kKept = 0.9;

}  // namespace

// A tick is far while the next one cannot come within a reading and a half. Those that nobody looked for
// came at the same distances.
bool Counter::isFar(double now_s) const {
  if (searching_ || period_s_ == 0) return false;
  const double since_s = std::fmod(now_s - last_->at_s, period_s_);
  return since_s < period_s_ - 1.5 * reading_s_ - 0.02 * period_s_;
}

std::optional<Tick> Counter::poll() {
  const double before_s = meter_.now_s();
  if (!present_ || isFar(before_s)) return std::nullopt;
  const std::optional<double> energy_j = meter_.energy_j();
  const double after_s = meter_.now_s();
  present_ = energy_j.has_value();
  if (!present_) return std::nullopt;
  reading_s_ = reading_s_ == 0 ? after_s - before_s
                               : kKept * reading_s_ + (1 - kKept) * (after_s - before_s);
  // One that was held up was made anywhere within its time, not in its middle.
  const bool held_up = after_s - before_s > 2 * reading_s_ + kJitter_s;
  const bool doubtful = held_up || held_up_;
  held_up_ = held_up;
  const double middle_s = (before_s + after_s) / 2;
  const bool first = !energy_j_;
  const bool moved = !first && *energy_j != *energy_j_;
  if (first || moved) moved_at_s_ = middle_s;
  stuck_ = middle_s - moved_at_s_ > kStuck_s;
  Tick tick;
  tick.at_s = (read_at_s_ + middle_s) / 2;
  tick.half_width_s = (middle_s - read_at_s_) / 2;
  tick.energy_j = *energy_j;
  read_at_s_ = middle_s;
  energy_j_ = energy_j;
  // From the first reading near a tick on it is read until the tick has come.
  searching_ = true;
  if (!moved) return std::nullopt;
  // One that came between readings far apart, or held up, is not known well enough; the next will be.
  if (doubtful || tick.half_width_s > std::max(1.5 * reading_s_, coarse_s_)) {
    if (period_s_ == 0) last_.reset();  // there may be others in between
    return std::nullopt;
  }
  note(tick);
  return tick;
}

void Counter::note(const Tick& tick) {
  // After a long time it is not known how many ticks there were.
  constexpr double kMostPeriods = 20;
  searching_ = false;
  const double apart_s = last_ ? tick.at_s - last_->at_s : 0;
  if (last_ && (period_s_ == 0 || apart_s < kMostPeriods * period_s_)) {
    const double periods = period_s_ == 0 ? 1 : std::max(1.0, std::round(apart_s / period_s_));
    const double period_s = apart_s / periods;
    period_s_ = period_s_ == 0 ? period_s : kKept * period_s_ + (1 - kKept) * period_s;
  }
  last_ = tick;
}

}  // namespace kareus
