#include "controller.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "failure.h"
#include "quiet_thread.h"

namespace kareus {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A change of the clock takes milliseconds: looking this often adds little to that.
constexpr microseconds kLookForGpu{50};
constexpr microseconds kLookForWork{200};
constexpr milliseconds kIdle{100};
constexpr double kPatience_s = 3;  // with a driver that does not answer

}  // namespace

Controller::Controller(Device& device, Custody* custody, bool control, Events& events,
                       Sampler& sampler)
    : device_(device),
      custody_(custody),
      events_(events),
      sampler_(sampler),
      controls_(control),
      pairing_(events, sampler, now_ns()) {
  thread_ = startQuietly("kareus", [this] { run(); });
}

Controller::~Controller() { thread_.join(); }

void Controller::setInStep(bool in_step) {
  {
    // Under the mutex, or the call could fall between the thread's last look and its sleep.
    const std::lock_guard<std::mutex> lock(mutex_);
    in_step_.store(in_step, std::memory_order_release);
  }
  sampler_.setInStep(in_step);
  if (in_step) woken_.notify_one();
}

void Controller::run() {
  while (!stop_.load(std::memory_order_acquire)) {
    try {
      drain();
    } catch (const std::exception& exception) {  // no memory: the job shall not end because of us
      fault(KAREUS_NO_RESOURCES, exception.what());
    }
    answerReset();
    watchGuard();
    wait();
  }
  discard();
  reset_code_.store(release(), std::memory_order_release);
  ended_.store(1, std::memory_order_release);
}

void Controller::wait() {
  if (queue_.front() != nullptr) {
    std::this_thread::sleep_for(kLookForGpu);
  } else if (in_step_.load(std::memory_order_acquire)) {
    std::this_thread::sleep_for(kLookForWork);
  } else {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!in_step_.load(std::memory_order_acquire)) woken_.wait_for(lock, kIdle);
  }
}

// Of all boundaries that were reached since the last look only the latest clock is set.
void Controller::drain() {
  uint32_t wanted_mhz = 0;
  uint64_t passed = 0;
  Boundary boundary;
  while (!stop_ && queue_.front() != nullptr && reached(*queue_.front()) && queue_.pop(boundary)) {
    pairing_.note(boundary, freq_mhz_);
    if (boundary.freq_mhz != 0) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (boundary.freq_mhz != kOwnClock) statistics_.changes_requested++;
      if (wanted_mhz != 0) statistics_.changes_coalesced++;
      wanted_mhz = boundary.freq_mhz;
    }
    passed++;
  }
  if (wanted_mhz != 0) apply(wanted_mhz);
  processed_.fetch_add(passed, std::memory_order_release);
}

// An event that the driver has lost counts as reached: waiting for it would never end.
bool Controller::reached(const Boundary& boundary) {
  return boundary.event == nullptr || events_.ask(boundary.event) != Events::State::kAhead;
}

void Controller::discard() {
  for (Boundary boundary; queue_.pop(boundary);) {
    events_.giveBack(boundary.event);
    processed_.fetch_add(1, std::memory_order_release);
  }
  pairing_.drop();
}

void Controller::apply(uint32_t freq_mhz) {
  if (!controls() || freq_mhz == freq_mhz_) return;
  if (freq_mhz == kOwnClock) {
    if (release() != KAREUS_OK) fault(KAREUS_RESET_FAILED, "");
    return;
  }
  if (!inCustody()) return;
  const int code = tryToLock(freq_mhz);
  if (code != KAREUS_OK) {
    fault(code == KAREUS_NO_PERMISSION ? KAREUS_PERMISSION_LOST : code,
          "at the change to " + std::to_string(freq_mhz) + " MHz");
    return;
  }
  remember(freq_mhz);
}

int Controller::tryToLock(uint32_t freq_mhz) {
  constexpr int kTries = 4;
  for (int attempt = 1;; attempt++) {
    const int64_t before_ns = now_ns();
    const int code = device_.lock(freq_mhz);
    const double time_s = static_cast<double>(now_ns() - before_ns) * 1e-9;
    if (code != KAREUS_NO_PERMISSION) touched_ = true;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      statistics_.change_time_s += time_s;
      statistics_.change_time_max_s = std::max(statistics_.change_time_max_s, time_s);
      if (code == KAREUS_CHANGE_FAILED && attempt < kTries) statistics_.retries++;
    }
    if (code != KAREUS_CHANGE_FAILED || attempt == kTries) return code;
    std::this_thread::sleep_for(milliseconds(1 << attempt));
  }
}

int Controller::release() {
  if (touched_ && unlockStubbornly(device_) != KAREUS_OK) return KAREUS_RESET_FAILED;
  if (custody_ != nullptr) custody_->afterReset();
  if (!touched_) return KAREUS_OK;
  touched_ = false;
  remember(0);
  return KAREUS_OK;
}

void Controller::remember(uint32_t freq_mhz) {
  constexpr size_t kKept = 65536;
  freq_mhz_ = freq_mhz;
  const std::lock_guard<std::mutex> lock(mutex_);
  (freq_mhz == 0 ? statistics_.resets : statistics_.changes_applied)++;
  statistics_.freq_mhz = freq_mhz;
  change_count_++;
  changes_.push_back(freq_mhz);
  if (changes_.size() > kKept) changes_.pop_front();
}

void Controller::fault(int code, const std::string& detail) {
  controls_.store(false, std::memory_order_release);
  const bool released = release() == KAREUS_OK;
  const std::lock_guard<std::mutex> lock(mutex_);
  statistics_.fault = code;
  fault_detail_ = detail + (released ? "; the clocks are reset" : "; the reset fails too");
}

// What must be in place is there: false after a fault. Where the clocks were reset under us, the
// next boundary sets its clock anew.
bool Controller::inCustody() {
  try {
    if (custody_ != nullptr && !custody_->beforeChange()) remember(0);
    return true;
  } catch (const Failure& failure) {
    fault(failure.code, failure.detail);
    return false;
  }
}

void Controller::watchGuard() {
  if (touched_ && controls()) inCustody();
}

void Controller::answerReset() {
  const uint64_t asked = reset_asked_.load(std::memory_order_acquire);
  if (asked == reset_done_.load(std::memory_order_relaxed)) return;
  discard();
  reset_code_.store(release(), std::memory_order_relaxed);
  reset_done_.store(asked, std::memory_order_release);
}

int Controller::reset() {
  const uint64_t ticket = reset_asked_.fetch_add(1, std::memory_order_release) + 1;
  if (!waitFor(reset_done_, ticket, kPatience_s)) return KAREUS_TIMED_OUT;
  return reset_code_.load(std::memory_order_acquire);
}

int Controller::stop() {
  stop_.store(true, std::memory_order_release);
  if (!waitFor(ended_, 1, kPatience_s)) return KAREUS_TIMED_OUT;
  return reset_code_.load(std::memory_order_acquire);
}

bool Controller::awaitChanges(double timeout_s) {
  return waitFor(processed_, queue_.pushed(), timeout_s);
}

bool Controller::flush(double timeout_s) {
  const int64_t before_ns = now_ns();
  if (!awaitChanges(timeout_s)) return false;
  const double left_s = timeout_s - static_cast<double>(now_ns() - before_ns) * 1e-9;
  return waitUntil([this] { return sampler_.waiting() == 0; }, left_s);
}

bool Controller::waitFor(const std::atomic<uint64_t>& counter, uint64_t goal, double timeout_s) {
  return waitUntil([&] { return counter.load(std::memory_order_acquire) >= goal; }, timeout_s);
}

template <typename Holds>
bool Controller::waitUntil(Holds holds, double timeout_s) {
  constexpr double kForever_s = 1e9;  // NaN and what is below 0 count as 0
  const double wait_s = timeout_s > 0 ? std::min(timeout_s, kForever_s) : 0;
  const int64_t end_ns = now_ns() + static_cast<int64_t>(wait_s * 1e9);
  while (!holds()) {
    if (now_ns() >= end_ns) return false;
    woken_.notify_one();
    std::this_thread::sleep_for(kLookForGpu);
  }
  return true;
}

void Controller::statistics(kareus_statistics& statistics) {
  const std::lock_guard<std::mutex> lock(mutex_);
  statistics = statistics_;
  statistics.mode = controls() ? KAREUS_MODE_CONTROL : KAREUS_MODE_OBSERVE;
  statistics.guard_restarts = custody_ == nullptr ? 0 : custody_->restarts();
}

uint64_t Controller::changes(uint32_t* freq_mhz, uint32_t capacity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t count = std::min<size_t>(capacity, changes_.size());
  std::copy_n(changes_.begin(), count, freq_mhz);
  return change_count_;
}

int Controller::takeFault(std::string& detail) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (statistics_.fault == KAREUS_OK || fault_told_) return KAREUS_OK;
  fault_told_ = true;
  detail = fault_detail_;
  return statistics_.fault;
}

}  // namespace kareus
