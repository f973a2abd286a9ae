// The one reader of a GPU's energy counter and power while a job runs, on a thread of its own: a
// reading takes milliseconds, so that none is made at a boundary. Instructions that ended wait here
// until the counter has moved past them, and then become records with their share of its energy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "counter.h"
#include "device.h"
#include "records.h"
#include "sharing.h"

namespace kareus {

class Sampler : private Meter {
 public:
  // Starts its thread only where records are wanted and there is a counter.
  Sampler(Device& device, Records& records);
  ~Sampler() override;
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Of the job's thread: a step begins or has ended.
  void setInStep(bool in_step);
  // Of the controller: an instruction between two moments of the steady clock.
  void add(const kareus_record& record, int64_t begin_ns, int64_t end_ns);
  // Instructions that wait for their energy.
  uint64_t waiting() const { return waiting_.load(std::memory_order_acquire); }

 private:
  struct Ended {
    kareus_record record;
    double from_s, to_s;
  };

  double now_s() override;
  std::optional<double> energy_j() override { return device_.energy(); }

  void run();
  bool sleepWhileIdle();
  void look();
  void settle();

  Device& device_;
  Records& records_;
  Counter counter_;
  Sharing sharing_;
  double sampled_at_s_ = 0;

  std::atomic<bool> in_step_{false}, stop_{false};
  std::atomic<uint64_t> waiting_{0};
  std::mutex mutex_;  // of what follows
  std::condition_variable woken_;
  std::deque<Ended> ended_;
  double idle_since_s_ = 0;

  std::thread thread_;
};

}  // namespace kareus
