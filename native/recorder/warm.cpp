#include "warm.h"

#include <algorithm>
#include <cmath>

namespace kareus {
namespace {

constexpr double kBurst_s = 0.005;  // by far longer than what lies between a launch and its start
constexpr double kAgree = 0.02;
// Times that never agree (two regimes, say) are for the window to judge.
constexpr double kMost_s = 1.5;

// The GPU's time between the last two marks.
double lastBurst(const Progress& progress) {
  const auto& marks = progress.marks();
  return marks[marks.size() - 1].gpu_s - marks[marks.size() - 2].gpu_s;
}

}  // namespace

double warmUp(Machine& machine, Progress& progress, double least_s) {
  const double started_s = machine.now_s();
  int64_t runs = 1;
  double before_s = 0;
  for (;;) {
    progress.launch(runs);
    progress.finish();
    const double burst_s = lastBurst(progress);
    const double run_s = burst_s / static_cast<double>(runs);
    const double passed_s = machine.now_s() - started_s;
    const bool agree = before_s > 0 && std::fabs(run_s / before_s - 1) < kAgree;
    const bool long_enough = burst_s >= kBurst_s;
    if (long_enough && passed_s >= least_s && (agree || passed_s > std::max(kMost_s, least_s))) {
      return run_s;
    }
    before_s = long_enough ? run_s : 0;
    if (!long_enough) {
      const double wanted = std::ceil(1.2 * kBurst_s / std::max(run_s, 1e-7));
      runs = std::clamp(static_cast<int64_t>(wanted), runs + 1, 8 * runs);
    }
  }
}

std::vector<double> singleRuns(Progress& progress, double run_s) {
  constexpr double kShortest_s = 50e-6, kLongest_s = 0.004, kTogether_s = 0.05;
  constexpr int kMost = 64;
  if (run_s < kShortest_s || run_s > kLongest_s) return {};
  const int count = std::min(kMost, static_cast<int>(kTogether_s / run_s));
  const size_t first = progress.marks().size();
  for (int i = 0; i < count; i++) progress.launch(1);
  progress.finish();
  std::vector<double> times_s;
  const auto& marks = progress.marks();
  // The first run waits for its launch.
  for (size_t i = first + 1; i < marks.size(); i++) {
    times_s.push_back(marks[i].gpu_s - marks[i - 1].gpu_s);
  }
  return times_s;
}

}  // namespace kareus
