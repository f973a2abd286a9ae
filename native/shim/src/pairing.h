// Boundaries of instructions, and both ends of one put together.
#pragma once

#include <cstdint>

#include "events.h"
#include "sampler.h"

namespace kareus {

enum class Mark : uint8_t { kChange, kBegin, kEnd };

constexpr uint32_t kOwnClock = UINT32_MAX;

struct Boundary {
  CudaEvent event = nullptr;  // null: reached when it was issued
  int64_t issued_ns = 0;
  uint64_t step = 0;
  uint32_t freq_mhz = 0;  // 0: the clock stays; kOwnClock: it is unlocked
  uint32_t index = 0;
  int32_t kind = 0, microbatch = 0, chunk = 0;
  Mark mark = Mark::kChange;
};

// The steady clock.
int64_t now_ns();

// Of the controller's thread: takes boundaries in as they are reached, times instructions and hands
// them to the sampler.
class Pairing {
 public:
  // Starts are told in seconds since `opened_ns`.
  Pairing(Events& events, Sampler& sampler, int64_t opened_ns)
      : events_(events), sampler_(sampler), opened_ns_(opened_ns) {}

  // A boundary that was reached; `freq_mhz` is locked now, 0: none is.
  void note(const Boundary& boundary, uint32_t freq_mhz);
  // Forgets the instruction that has begun.
  void drop();

 private:
  void finish(const Boundary& end, uint32_t freq_mhz);

  Events& events_;
  Sampler& sampler_;
  const int64_t opened_ns_;
  Boundary begun_;
  int64_t begun_ns_ = 0;
  bool open_ = false;  // an instruction has begun and not ended
};

}  // namespace kareus
