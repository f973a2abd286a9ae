#include "board.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "load.h"

namespace simulated {
namespace {

constexpr double kStep_s = 0.5e-3;
// Short kernels are launched as graphs of many.
constexpr double kLaunch_s = 1e-6, kMark_s = 1e-6, kAsk_s = 1e-6, kGauges_s = 8e-6;
constexpr double kLock_s = 1e-3;
// The GPU's clock runs beside the host's.
constexpr double kGpuClock_s = 12.5;
constexpr double kWandering_s = 0.05;  // time constant of the slow noise
constexpr uint64_t kIdle = 1, kPowerCap = 4;

// Relative voltage: flat at low clocks, then rising to 1 at the highest.
double voltageAt(double share) {
  constexpr double kFloor = 0.7, kKnee = 0.45;
  return share <= kKnee ? kFloor : kFloor + (1 - kFloor) * (share - kKnee) / (1 - kKnee);
}

}  // namespace

BoardSettings boardSettings(const std::string& words, std::string& problem) {
  BoardSettings settings;
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    double* setting = nullptr;
#define SIMULATED_BOARD_FIND(known, initial) \
  if (name == #known) setting = &settings.known;
    SIMULATED_BOARD_SETTINGS(SIMULATED_BOARD_FIND)
#undef SIMULATED_BOARD_FIND
    if (setting == nullptr || equals == std::string::npos) {
      problem = "unknown setting " + word;
      return settings;
    }
    *setting = std::atof(word.c_str() + equals + 1);
  }
  return settings;
}

Board::Board(const BoardSettings& settings)
    : settings_(settings),
      random_(static_cast<uint64_t>(settings.seed)),
      locked_mhz_(settings.top_mhz),
      held_mhz_(settings.top_mhz),
      capped_mhz_(settings.top_mhz),
      clock_mhz_(settings.top_mhz) {
  next_tick_s_ = std::uniform_real_distribution<double>(0, settings.tick_s)(random_);
}

std::string Board::prepare(const kareus::Task& task) {
  for (const kareus::Kernel& kernel : task.kernels) {
    if (kernel.op == "conv") return "convolutions are not measured";
  }
  kareus::Task shape = task;
  shape.id = 0;
  shape.clock_mhz = 1;
  load_ = loadOf(task, settings_.packs != 0);
  stands_in_ = !task.communications().empty();
  cold_ = seen_.insert(kareus::lineOf(shape)).second;
  runs_done_ = cold_ ? 0 : static_cast<int64_t>(settings_.cold_runs);
  part_done_ = 0;
  queue_.clear();
  marks_s_ = {now_s_};
  launched_ = 1;
  return "";
}

void Board::launch(int64_t runs) {
  if (cold_) advance(settings_.compile_s);
  cold_ = false;
  queue_.push_back({static_cast<double>(runs), runs});
  launched_++;
  advance(kMark_s + kLaunch_s * static_cast<double>(runs));
}

std::optional<double> Board::reached(size_t mark) {
  advance(kAsk_s);
  if (mark >= marks_s_.size()) return std::nullopt;
  return marks_s_[mark] - marks_s_[0] + kGpuClock_s;
}

int Board::standInSms(int blocks) { return settings_.packs != 0 ? (blocks + 1) / 2 : blocks; }

std::optional<double> Board::energy_j() {
  if (settings_.counter == 0) return std::nullopt;
  // The value is taken somewhere within the reading, mostly at the same place.
  const double place = 0.6 + std::uniform_real_distribution<double>(-0.1, 0.1)(random_);
  advance(settings_.reading_s * place);
  const double value_j = shown_j_;
  advance(settings_.reading_s * (1 - place));
  return settings_.stuck != 0 ? 0 : value_j;
}

kareus::Conditions Board::conditions() {
  advance(kGauges_s);
  kareus::Conditions found;
  constexpr double kClockStep_mhz = 15;
  found.clock_mhz = std::round(clock_mhz_ / kClockStep_mhz) * kClockStep_mhz;
  found.temperature_c = std::round(temperature_c_);
  found.limits = queue_.empty() ? kIdle : limitedClock() < held_mhz_ ? kPowerCap : 0;
  return found;
}

std::string Board::lockClock(int clock_mhz) {
  if (settings_.may_lock == 0) return "Insufficient Permissions";
  advance(kLock_s);
  locked_mhz_ = clock_mhz;
  locking_at_s_ = now_s_ + settings_.switch_s;
  return "";
}

kareus::PowerState Board::powerState() const {
  kareus::PowerState state;
  state.limit_w = settings_.limit_w;
  state.workload_profile = "none";
  state.smoothing = false;
  return state;
}

double Board::slowdown() const {
  const double cold = runs_done_ < settings_.cold_runs ? settings_.cold_slowdown : 1;
  const double slow = settings_.regimes != 0 && runs_done_ % 2 == 1 ? 3 : 1;
  return cold * slow;
}

double Board::runTime_s(double clock_mhz) const {
  return load_.fixed_s + load_.compute_s * settings_.top_mhz / clock_mhz + load_.memory_s;
}

double Board::power_w(double clock_mhz, bool busy) const {
  constexpr double kLeakPerKelvin = 0.004, kReference_c = 40;
  const double idle_w = settings_.idle_w * (1 + kLeakPerKelvin * (temperature_c_ - kReference_c));
  if (!busy) return idle_w;
  const double volt = voltageAt(clock_mhz / settings_.top_mhz);
  return idle_w + (load_.core_j * volt * volt + load_.memory_j) / runTime_s(clock_mhz);
}

// The highest clock at which the prepared task keeps to the power limit.
double Board::limitedClock() const {
  constexpr double kStep_mhz = 5, kLowest_mhz = 345;
  double clock_mhz = settings_.top_mhz;
  while (clock_mhz > kLowest_mhz && power_w(clock_mhz, true) > settings_.limit_w) clock_mhz -= kStep_mhz;
  return clock_mhz;
}

double Board::trueTime_s() const { return runTime_s(busy_mhz_); }

double Board::trueEnergy_j() const { return power_w(busy_mhz_, true) * runTime_s(busy_mhz_); }

void Board::advance(double time_s) {
  for (double left_s = time_s; left_s > 0;) {
    const double step_s = std::min({left_s, kStep_s, std::max(1e-9, next_tick_s_ - now_s_)});
    step(step_s);
    left_s -= step_s;
    if (now_s_ + 1e-12 < next_tick_s_) continue;
    shown_j_ = std::floor(energy_j_ * 1000) / 1000;
    next_tick_s_ += settings_.tick_s;
  }
}

// Clock, temperature and noise over a step; energy with what they are at its beginning.
void Board::step(double time_s) {
  const bool busy = !queue_.empty();
  const double power_w = this->power_w(clock_mhz_, busy);
  if (busy) busy_mhz_ = clock_mhz_;
  work(time_s);
  now_s_ += time_s;
  energy_j_ += power_w * time_s;
  follow(time_s);
  constexpr double kPerWatt_c = 0.055, kAmbient_c = 28;
  temperature_c_ += (kAmbient_c + kPerWatt_c * power_w - temperature_c_) * time_s / settings_.warming_s;
  const double kept = std::exp(-time_s / kWandering_s);
  wander_ = kept * wander_ + settings_.noise * std::sqrt(1 - kept * kept) *
                                 std::normal_distribution<double>()(random_);
}

// What the GPU gets done: runs end one after the other, marks with the last run before them.
void Board::work(double time_s) {
  double at_s = now_s_;
  const double end_s = now_s_ + time_s;
  while (!queue_.empty() && at_s < end_s) {
    Work& front = queue_.front();
    const bool alike = settings_.regimes == 0 && runs_done_ >= settings_.cold_runs;
    const double run_s = runTime_s(clock_mhz_) * slowdown() * (1 + wander_);
    const double wanted = alike ? front.runs : std::min(front.runs, 1 - part_done_);
    const double done = std::min(wanted, (end_s - at_s) / run_s);
    at_s += done * run_s;
    front.runs -= done;
    part_done_ += done;
    const double whole = std::floor(part_done_ + 1e-9);
    runs_done_ += static_cast<int64_t>(whole);
    part_done_ = std::max(0.0, part_done_ - whole);
    if (front.runs > 1e-9) continue;
    marks_s_.push_back(at_s);
    queue_.pop_front();
  }
}

// The clock goes at once where a lock wants it, and slowly where the power limit does.
void Board::follow(double time_s) {
  if (now_s_ >= locking_at_s_) held_mhz_ = locked_mhz_;
  const double goal_mhz = queue_.empty() ? settings_.top_mhz : limitedClock();
  capped_mhz_ += (goal_mhz - capped_mhz_) * (1 - std::exp(-time_s / settings_.settle_s));
  clock_mhz_ = std::min(held_mhz_, capped_mhz_);
}

}  // namespace simulated
