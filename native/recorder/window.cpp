#include "window.h"

#include <algorithm>
#include <cmath>

namespace kareus {
namespace {

constexpr double kChunk_s = 0.004;
constexpr double kAhead_s = 0.012;  // queued work outlasts a slow reading of the counter
constexpr double kLook_s = 200e-6;
constexpr size_t kFewestIntervals = 3;
constexpr double kSettled = 0.005;  // speeds that differ by less are one
constexpr double kShortestWithoutCounter_s = 0.25;

constexpr const char* kNoCounter = "the GPU has no energy counter";
constexpr const char* kStuck = "the energy counter did not move";
constexpr const char* kTooShort = "no two ticks of the energy counter in the time that there was";

double runTime(const Interval& interval) { return interval.time_s / interval.runs; }

Interval sumOf(const std::vector<Interval>& intervals, size_t from, size_t to) {
  Interval sum;
  for (size_t i = from; i < to; i++) {
    sum.time_s += intervals[i].time_s;
    sum.runs += intervals[i].runs;
    sum.energy_j += intervals[i].energy_j;
  }
  return sum;
}

// The standard error of energy per run: from the moments of both ends, and from what both halves
// differ by where that is clearly more than their own ends explain.
double errorOf(const std::vector<Interval>& intervals, double half_width_s) {
  const size_t middle = intervals.size() / 2;
  const Interval all = sumOf(intervals, 0, intervals.size());
  const Interval early = sumOf(intervals, 0, middle);
  const Interval late = sumOf(intervals, middle, intervals.size());
  const double end_s = half_width_s / std::sqrt(3);  // of a moment that lies anywhere in its width
  const double ends = std::sqrt(2) * end_s / all.time_s;
  const double mean = all.energy_j / all.runs;
  const double halves = (late.energy_j / late.runs - early.energy_j / early.runs) / (2 * mean);
  // Both halves share the tick between them, so that its moment counts twice.
  const double expected = std::sqrt(6) * end_s / all.time_s;
  const bool drifts = std::fabs(halves) > 2 * expected;
  return std::sqrt(ends * ends + (drifts ? halves * halves - expected * expected : 0));
}

double errorOfTimes(const std::vector<Interval>& intervals) {
  const Interval all = sumOf(intervals, 0, intervals.size());
  const double mean = runTime(all);
  double squares = 0;
  for (const Interval& each : intervals) squares += std::pow(runTime(each) / mean - 1, 2);
  const auto count = static_cast<double>(intervals.size());
  return std::sqrt(squares) / count;
}

class Run {
 public:
  Run(Machine& machine, Counter& counter, Progress& progress, Weather& weather,
         const Setting& setting, double run_s)
      : machine_(machine),
        counter_(counter),
        progress_(progress),
        weather_(weather),
        setting_(setting),
        run_s_(run_s),
        first_mark_(progress.marks().size()),
        started_s_(machine.now_s()) {}

  Window run(double until_s, const std::function<bool()>& stopped) {
    Window window;
    for (;;) {
      step();
      const double now_s = machine_.now_s();
      const bool over = now_s >= until_s || stopped();
      if (judge(window, over) || over) break;
    }
    progress_.finish();
    for (const Sample& sample : samples_) {
      if (sample.at_s >= from_s_ && sample.at_s <= to_s_) weather_.note(sample.conditions);
    }
    return window;
  }

 private:
  struct Sample {
    double at_s;
    Conditions conditions;
  };

  void step() {
    progress_.look();
    feed();
    samples_.push_back({machine_.now_s(), machine_.conditions()});
    const auto tick = counter_.poll();
    if (tick && tick->at_s - tick->half_width_s > started_s_) ticks_.push_back(*tick);
    if (!tick) machine_.pause(kLook_s);
  }

  // Keeps so much queued that the GPU never waits, at the speed that it has now.
  void feed() {
    const auto& marks = progress_.marks();
    if (marks.size() > first_mark_ + 1) {
      const auto &from = marks[marks.size() - 2], &to = marks.back();
      run_s_ = (to.gpu_s - from.gpu_s) / static_cast<double>(to.runs - from.runs);
    }
    const auto chunk = std::max<int64_t>(1, std::llround(kChunk_s / run_s_));
    const auto ahead = 2 + static_cast<size_t>(kAhead_s / (run_s_ * static_cast<double>(chunk)));
    while (progress_.ahead() < ahead) progress_.launch(chunk);
  }

  // Fills the window with what is known so far; true once that is enough.
  bool judge(Window& window, bool over) {
    const auto known = static_cast<size_t>(std::count_if(
        ticks_.begin(), ticks_.end(), [this](const Tick& tick) { return progress_.passed(tick.at_s); }));
    if (!counter_.moves() || (over && known < 2)) return judgeTimes(window, over);
    if (known < 2 || known == judged_) return false;
    judged_ = known;
    const std::vector<Interval> all = between(known);
    const size_t unsettled = unsettledOf(all);
    window.intervals.assign(all.begin() + static_cast<std::ptrdiff_t>(unsettled), all.end());
    const Tick &first = ticks_[unsettled], &last = ticks_[known - 1];
    from_s_ = first.at_s;
    to_s_ = last.at_s;
    window.run_times_s = runTimes();
    window.error = errorOf(window.intervals, std::max(first.half_width_s, last.half_width_s));
    return window.intervals.size() >= kFewestIntervals && to_s_ - from_s_ >= setting_.window_s &&
           2 * window.error <= setting_.precision;
  }

  std::vector<Interval> between(size_t known) const {
    std::vector<Interval> intervals;
    for (size_t i = 1; i < known; i++) {
      intervals.push_back({ticks_[i].at_s - ticks_[i - 1].at_s,
                           progress_.runsAt(ticks_[i].at_s) - progress_.runsAt(ticks_[i - 1].at_s),
                           ticks_[i].energy_j - ticks_[i - 1].energy_j});
    }
    return intervals;
  }

  // How many at the beginning ran at another speed than the rest: a clock still fell. At least one
  // interval stays.
  size_t unsettledOf(const std::vector<Interval>& intervals) const {
    const double most = std::min(kSettled, setting_.precision / 2);
    for (size_t first = 0; first + 1 < intervals.size(); first++) {
      const double rest_s = runTime(sumOf(intervals, first + 1, intervals.size()));
      if (std::fabs(runTime(intervals[first]) / rest_s - 1) <= most) return first;
    }
    return intervals.size() - 1;
  }

  bool judgeTimes(Window& window, bool over) {
    const double wanted_s = std::max(setting_.window_s, kShortestWithoutCounter_s);
    if (machine_.now_s() - started_s_ < wanted_s && !over) return false;
    to_s_ = machine_.now_s();
    from_s_ = std::max(started_s_, to_s_ - wanted_s);  // the clock has settled by then
    window.intervals.clear();
    const auto& marks = progress_.marks();
    for (size_t i = first_mark_ + 1; i < marks.size(); i++) {
      if (marks[i - 1].gpu_s < progress_.gpuTime(from_s_)) continue;
      window.intervals.push_back({marks[i].gpu_s - marks[i - 1].gpu_s,
                                  static_cast<double>(marks[i].runs - marks[i - 1].runs), 0});
    }
    if (window.intervals.empty()) return false;
    const size_t middle = window.intervals.size() / 2;
    const double early_s = runTime(sumOf(window.intervals, 0, std::max<size_t>(1, middle)));
    const double late_s = runTime(sumOf(window.intervals, middle, window.intervals.size()));
    if (std::fabs(early_s / late_s - 1) > kSettled && !over) return false;
    window.error = errorOfTimes(window.intervals);
    window.reason = !counter_.present() ? kNoCounter : counter_.moves() ? kTooShort : kStuck;
    window.run_times_s.clear();
    for (const Interval& each : window.intervals) window.run_times_s.push_back(runTime(each));
    return true;
  }

  // Per run, of the stretches between marks that lie within the window.
  std::vector<double> runTimes() const {
    std::vector<double> times_s;
    const auto& marks = progress_.marks();
    for (size_t i = first_mark_ + 1; i < marks.size(); i++) {
      const bool within = marks[i - 1].gpu_s >= progress_.gpuTime(from_s_) &&
                          marks[i].gpu_s <= progress_.gpuTime(to_s_);
      if (!within) continue;
      times_s.push_back((marks[i].gpu_s - marks[i - 1].gpu_s) /
                        static_cast<double>(marks[i].runs - marks[i - 1].runs));
    }
    return times_s;
  }

  Machine& machine_;
  Counter& counter_;
  Progress& progress_;
  Weather& weather_;
  const Setting& setting_;
  double run_s_;
  const size_t first_mark_;
  const double started_s_;
  std::vector<Tick> ticks_;
  std::vector<Sample> samples_;
  size_t judged_ = 0;
  double from_s_ = 0, to_s_ = 0;  // the window as it is judged, on the host's clock
};

}  // namespace

Window runWindow(Machine& machine, Counter& counter, Progress& progress, Weather& weather,
                 const Setting& setting, double run_s, double until_s,
                 const std::function<bool()>& stopped) {
  return Run(machine, counter, progress, weather, setting, run_s).run(until_s, stopped);
}

}  // namespace kareus
