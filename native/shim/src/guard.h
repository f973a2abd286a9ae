// The owner's side of kareus-guard: a process of its own session that resets the clocks when the
// owner is gone, however it went.
#pragma once

#include <string>

#include "journal.h"

namespace kareus {

class Guard {
 public:
  // Starts it and waits until it is ready to reset; NO_GUARD, or the code that it failed with.
  Guard(const std::string& path, const std::string& state_dir, const Target& target);
  // Unless dismissed, it then resets at once.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // Nothing is locked any more: it goes without a reset.
  void dismiss();
  bool alive() const;
  const Process& process() const { return process_; }

 private:
  int fd_ = -1;
  Process process_;
};

// $KAREUS_GUARD, else kareus-guard beside this library.
std::string defaultGuardPath();

// What the guard sends first: ready, or why not.
struct GuardGreeting {
  int32_t code;
  int32_t pid;
  uint64_t start_ticks;
};

}  // namespace kareus
