#include "sharing.h"

#include <algorithm>
#include <cmath>

#include "weather.h"

namespace kareus {
namespace {

template <typename Items>
auto firstAfter(const Items& items, double at_s) {
  return std::upper_bound(items.begin(), items.end(), at_s,
                          [](double time_s, const auto& item) { return time_s < item.at_s; });
}

}  // namespace

void Sharing::note(double at_s, std::optional<double> power_w, const Conditions& conditions) {
  samples_.push_back({at_s, power_w, conditions});
}

std::optional<double> Sharing::knownUntil_s() const {
  if (ticks_.empty()) return std::nullopt;
  return ticks_.back().at_s;
}

// Power over time, each sample until the next one; constant where there are none.
double Sharing::weight(double from_s, double to_s) const {
  auto next = firstAfter(samples_, from_s);
  if (next == samples_.begin() || !std::prev(next)->power_w) return to_s - from_s;
  double weight = 0;
  for (double at_s = from_s; at_s < to_s; ++next) {
    const double power_w = std::prev(next)->power_w.value_or(0);
    const double end_s = next == samples_.end() ? to_s : std::min(to_s, next->at_s);
    weight += power_w * (end_s - at_s);
    at_s = end_s;
    if (next == samples_.end()) break;
  }
  return weight;
}

// The counter at a time between two ticks, or shortly before the first one.
double Sharing::energyAt(double at_s) const {
  if (at_s < ticks_.front().at_s) {
    const Tick &first = ticks_[0], &second = ticks_[1];
    const double power_w = (second.energy_j - first.energy_j) / (second.at_s - first.at_s);
    return first.energy_j - power_w * (first.at_s - at_s);
  }
  const auto after = firstAfter(ticks_, at_s);
  if (after == ticks_.end()) return ticks_.back().energy_j;
  const Tick &to = *after, &from = *std::prev(after);
  const double whole = weight(from.at_s, to.at_s);
  const double share = whole > 0 ? weight(from.at_s, at_s) / whole
                                 : (at_s - from.at_s) / (to.at_s - from.at_s);
  return from.energy_j + share * (to.energy_j - from.energy_j);
}

double Sharing::deviation_w(double from_s, double to_s) const {
  double sum = 0, squares = 0;
  int count = 0;
  for (auto sample = firstAfter(samples_, from_s); sample != samples_.end() && sample->at_s < to_s;
       ++sample) {
    if (!sample->power_w) continue;
    sum += *sample->power_w;
    squares += *sample->power_w * *sample->power_w;
    count++;
  }
  if (count < 2) return 0;
  const double mean = sum / count;
  return std::sqrt(std::max(0.0, squares / count - mean * mean));
}

// The error is of two kinds: when the ticks around it were, which is known to within a reading; and
// how power went between them, for which samples are trusted no further than by their deviation. What
// lies before the first tick is taken on from behind it, and may be wrong by half.
std::optional<Share> Sharing::of(double from_s, double to_s) const {
  if (ticks_.size() < 2 || to_s < from_s || to_s > ticks_.back().at_s) return std::nullopt;
  const double early_s = std::max(0.0, ticks_.front().at_s - from_s);
  if (early_s > ticks_[1].at_s - ticks_[0].at_s) return std::nullopt;
  Share share;
  share.energy_j = energyAt(to_s) - energyAt(from_s);
  const Tick& before = early_s > 0 ? ticks_.front() : *std::prev(firstAfter(ticks_, from_s));
  const auto last = firstAfter(ticks_, to_s);
  const Tick& after = last == ticks_.end() ? ticks_.back() : *last;
  const double span_s = after.at_s - before.at_s;
  const double ends_s = std::hypot(before.half_width_s, after.half_width_s) / std::sqrt(3);
  const double length_s = std::min(to_s - from_s, span_s);
  const double shape_j = deviation_w(before.at_s, after.at_s) * length_s *
                         (1 - length_s / (span_s > 0 ? span_s : 1));
  const double early_j = 0.5 * share.energy_j * std::min(1.0, early_s / (to_s - from_s));
  share.error_j = std::hypot(share.energy_j * (span_s > 0 ? ends_s / span_s : 0), shape_j, early_j);
  return share;
}

Conditions Sharing::conditions(double from_s, double to_s) const {
  Weather weather;
  // The sample before is of its beginning.
  auto sample = firstAfter(samples_, from_s);
  if (sample != samples_.begin()) --sample;
  for (; sample != samples_.end() && sample->at_s <= to_s; ++sample) weather.note(sample->conditions);
  return weather.mean();
}

void Sharing::forget(double before_s) {
  while (ticks_.size() > 1 && ticks_[1].at_s < before_s) ticks_.pop_front();
  while (samples_.size() > 1 && samples_[1].at_s < before_s) samples_.pop_front();
}

}  // namespace kareus
