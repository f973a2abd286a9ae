#include "regimes.h"

#include <algorithm>
#include <cmath>

namespace kareus {
namespace {

constexpr size_t kFewest = 10;
constexpr double kLeastShare = 0.1;
constexpr double kLeastRatio = 1.25;
// The empty space between both, in standard deviations of the wider one.
constexpr double kLeastGap = 2;

struct Part {
  double mean = 0, variance = 0;
};

Part partOf(const std::vector<double>& times_s, size_t from, size_t to) {
  const auto count = static_cast<double>(to - from);
  Part part;
  for (size_t i = from; i < to; i++) part.mean += times_s[i] / count;
  for (size_t i = from; i < to; i++) {
    part.variance += (times_s[i] - part.mean) * (times_s[i] - part.mean) / count;
  }
  return part;
}

}  // namespace

std::vector<Regime> regimesOf(std::vector<double> times_s) {
  if (times_s.empty()) return {};
  std::sort(times_s.begin(), times_s.end());
  const size_t count = times_s.size();
  const auto share = [count](size_t runs) {
    return static_cast<double>(runs) / static_cast<double>(count);
  };
  size_t cut = 0;  // before the widest gap that leaves enough on both sides
  for (size_t i = 1; i < count; i++) {
    if (share(i) < kLeastShare || share(count - i) < kLeastShare) continue;
    if (cut == 0 || times_s[i] - times_s[i - 1] > times_s[cut] - times_s[cut - 1]) cut = i;
  }
  const Part all = partOf(times_s, 0, count);
  if (count < kFewest || cut == 0) return {{all.mean, 1}};
  const Part fast = partOf(times_s, 0, cut), slow = partOf(times_s, cut, count);
  const double spread = std::sqrt(std::max(fast.variance, slow.variance));
  const double gap = times_s[cut] - times_s[cut - 1];
  const bool apart = slow.mean > kLeastRatio * fast.mean && gap > kLeastGap * spread;
  if (!apart) return {{all.mean, 1}};
  return {{fast.mean, share(cut)}, {slow.mean, share(count - cut)}};
}

}  // namespace kareus
