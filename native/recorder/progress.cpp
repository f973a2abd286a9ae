#include "progress.h"

#include <algorithm>

namespace kareus {

void Progress::launch(int64_t runs) {
  machine_.launch(runs);
  launched_.push_back(launched_.back() + runs);
}

void Progress::look() {
  while (marks_.size() < launched_.size()) {
    const std::optional<double> gpu_s = machine_.reached(marks_.size());
    if (!gpu_s) return;
    offset_s_ = std::min(offset_s_, machine_.now_s() - *gpu_s);
    marks_.push_back({launched_[marks_.size()], *gpu_s});
  }
}

void Progress::finish() {
  constexpr double kLook_s = 20e-6;
  for (look(); ahead() > 0; look()) machine_.pause(kLook_s);
}

bool Progress::passed(double host_s) const {
  return !marks_.empty() && gpuTime(host_s) < marks_.back().gpu_s;
}

double Progress::runsAt(double host_s) const {
  const double gpu_s = gpuTime(host_s);
  const auto after = std::lower_bound(marks_.begin() + 1, marks_.end() - 1, gpu_s,
                                      [](const Mark& mark, double at_s) { return mark.gpu_s < at_s; });
  const Mark& to = *after;
  const Mark& from = *(after - 1);
  const double share = (gpu_s - from.gpu_s) / (to.gpu_s - from.gpu_s);
  return static_cast<double>(from.runs) + share * static_cast<double>(to.runs - from.runs);
}

}  // namespace kareus
