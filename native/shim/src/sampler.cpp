#include "sampler.h"

#include <chrono>

#include "quiet_thread.h"

namespace kareus {
namespace {

using std::chrono::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr double kSample_s = 1e-3;
// A tick known to within that is good enough: it is a hundredth of the slowest counter's period.
constexpr double kCoarse_s = 1e-3;
constexpr double kKeptUp_s = 1;  // after a step: the next one follows soon
constexpr double kRemembered_s = 10;
constexpr microseconds kShortest{100};

double secondsOf(int64_t time_ns) { return static_cast<double>(time_ns) * 1e-9; }

int32_t limitIn(const Conditions& conditions) {
  if (!conditions.limits) return KAREUS_LIMIT_UNKNOWN;
  switch (*limitOf(*conditions.limits)) {
    case 'p':
      return KAREUS_LIMIT_POWER;
    case 't':
      return KAREUS_LIMIT_THERMAL;
    default:
      return KAREUS_LIMIT_NONE;
  }
}

// A record with its energy, if that is known, and with how the board was.
kareus_record completed(kareus_record record, const Share* share, const Conditions& conditions) {
  record.energy_j = share == nullptr ? -1 : share->energy_j;
  record.energy_error_j = share == nullptr ? 0 : share->error_j;
  record.clock_mhz = conditions.clock_mhz.value_or(0);
  record.temperature_c = conditions.temperature_c.value_or(0);
  record.limited_by = limitIn(conditions);
  return record;
}

}  // namespace

Sampler::Sampler(Device& device, Records& records)
    : device_(device), records_(records), counter_(*this, kCoarse_s), idle_since_s_(now_s()) {
  if (records.wanted() && device.info().energy_counter) {
    thread_ = startQuietly("kareus-sampler", [this] { run(); });
  }
}

Sampler::~Sampler() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true, std::memory_order_release);
  }
  woken_.notify_one();
  if (thread_.joinable()) thread_.join();
}

double Sampler::now_s() {
  return duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Sampler::setInStep(bool in_step) {
  if (!records_.wanted()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    in_step_.store(in_step, std::memory_order_release);
    if (!in_step) idle_since_s_ = now_s();
  }
  if (in_step) woken_.notify_one();
}

void Sampler::add(const kareus_record& record, int64_t begin_ns, int64_t end_ns) {
  if (!thread_.joinable()) {
    records_.add(completed(record, nullptr, device_.conditions()));
    return;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_.push_back({record, secondsOf(begin_ns), secondsOf(end_ns)});
  waiting_.store(ended_.size(), std::memory_order_release);
}

void Sampler::run() {
  while (!stop_.load(std::memory_order_acquire)) {
    if (sleepWhileIdle()) continue;
    look();
    settle();
    if (counter_.isFar()) {
      std::this_thread::sleep_for(duration<double>(kSample_s));
    } else {
      std::this_thread::sleep_for(kShortest);
    }
  }
}

// True where there was nothing to do, and some of that time has passed.
bool Sampler::sleepWhileIdle() {
  constexpr milliseconds kIdle{100};
  std::unique_lock<std::mutex> lock(mutex_);
  const bool idle = !in_step_ && ended_.empty() && now_s() > idle_since_s_ + kKeptUp_s;
  if (idle) woken_.wait_for(lock, kIdle);
  return idle;
}

void Sampler::look() {
  const double now = now_s();
  if (now >= sampled_at_s_ + kSample_s) {
    sampled_at_s_ = now;
    sharing_.note(now, device_.power(), device_.conditions());
  }
  if (const auto tick = counter_.poll()) sharing_.note(*tick);
}

// Records what the counter has moved past, and what it will tell nothing of.
void Sampler::settle() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool hopeless = !counter_.moves();
  const auto known_s = sharing_.knownUntil_s();
  while (!ended_.empty() && (hopeless || (known_s && ended_.front().to_s <= *known_s))) {
    const Ended& ended = ended_.front();
    const auto share = hopeless ? std::nullopt : sharing_.of(ended.from_s, ended.to_s);
    const Conditions conditions = sharing_.conditions(ended.from_s, ended.to_s);
    records_.add(completed(ended.record, share ? &*share : nullptr, conditions));
    ended_.pop_front();
    waiting_.store(ended_.size(), std::memory_order_release);
  }
  sharing_.forget(ended_.empty() ? now_s() - kRemembered_s : ended_.front().from_s);
}

}  // namespace kareus
