// Follows the boundaries that a job passes, on a thread of its own: changes the clock when the GPU
// is there, records instructions, and gives up for good when a change fails.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "custody.h"
#include "device.h"
#include "events.h"
#include "queue.h"
#include "pairing.h"

namespace kareus {

class Controller {
 public:
  // Custody is null where no real clock is ever touched: to observe, and in a dry run.
  Controller(Device& device, Custody* custody, bool control, Events& events, Sampler& sampler);
  ~Controller();  // after stop() said true

  // Of the job's thread. False: the queue is full, and nothing was put in.
  bool push(const Boundary& boundary) { return queue_.push(boundary); }
  bool controls() const { return controls_.load(std::memory_order_acquire); }
  void setInStep(bool in_step);
  // Until all that was pushed is made or given up; flush also until it is recorded.
  bool awaitChanges(double timeout_s);
  bool flush(double timeout_s);
  // Drops what waits and unlocks; KAREUS_OK, RESET_FAILED or TIMED_OUT.
  int reset();
  // Unlocks and ends the thread; the same codes, and TIMED_OUT if the thread is stuck for good.
  int stop();

  void statistics(kareus_statistics& statistics);
  uint64_t changes(uint32_t* freq_mhz, uint32_t capacity);
  // The fault that turned control into observe, the first time only; 0: none.
  int takeFault(std::string& detail);

 private:
  void run();
  void wait();
  void drain();
  void discard();
  bool reached(const Boundary& boundary);
  void apply(uint32_t freq_mhz);
  int tryToLock(uint32_t freq_mhz);
  int release();
  void remember(uint32_t freq_mhz);
  void fault(int code, const std::string& detail);
  bool inCustody();
  void watchGuard();
  void answerReset();
  bool waitFor(const std::atomic<uint64_t>& counter, uint64_t goal, double timeout_s);
  template <typename Holds>
  bool waitUntil(Holds holds, double timeout_s);

  Device& device_;
  Custody* custody_;
  Events& events_;
  Sampler& sampler_;

  Queue<Boundary, 8192> queue_;
  std::atomic<uint64_t> processed_{0};
  std::atomic<bool> controls_;
  std::atomic<bool> in_step_{false}, stop_{false};
  std::atomic<uint64_t> reset_asked_{0}, reset_done_{0}, ended_{0};
  std::atomic<int> reset_code_{KAREUS_OK};

  // Of the thread alone.
  Pairing pairing_;
  bool touched_ = false;  // the GPU may hold a lock of ours
  uint32_t freq_mhz_ = 0;

  std::mutex mutex_;  // of what follows
  std::condition_variable woken_;
  kareus_statistics statistics_ = {};
  std::deque<uint32_t> changes_;
  uint64_t change_count_ = 0;
  std::string fault_detail_;
  bool fault_told_ = false;

  std::thread thread_;
};

}  // namespace kareus
