#include "weather.h"

namespace kareus {

void Weather::Sum::add(std::optional<double> value) {
  if (!value) return;
  sum += *value;
  count++;
}

std::optional<double> Weather::Sum::mean() const {
  if (count == 0) return std::nullopt;
  return sum / count;
}

void Weather::note(const Conditions& conditions) {
  clock_.add(conditions.clock_mhz);
  temperature_.add(conditions.temperature_c);
  if (!conditions.limits) return;
  told_++;
  for (int bit = 0; bit < kBits; bit++) held_[bit] += static_cast<int>(*conditions.limits >> bit & 1);
}

Conditions Weather::mean() const {
  Conditions mean;
  mean.clock_mhz = clock_.mean();
  mean.temperature_c = temperature_.mean();
  if (told_ == 0) return mean;
  mean.limits = 0;
  for (int bit = 0; bit < kBits; bit++) {
    if (10 * held_[bit] >= told_) *mean.limits |= uint64_t{1} << bit;
  }
  return mean;
}

}  // namespace kareus
