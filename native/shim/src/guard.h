// The owner's side of kareus-guard: a process of its own session that resets the clocks when the
// owner is gone, however it went.
#pragma once

#include <string>

#include "journal.h"

namespace kareus {

// What its owner tells it.
enum class GuardWord : char { kLocked = 'l', kFree = 'f', kQuit = 'q' };

class Guard {
 public:
  // Starts it and waits until it is ready to reset; NO_GUARD, or the code that it failed with.
  // `locked`: a lock is held already.
  Guard(const std::string& path, const std::string& state_dir, const Target& target, bool locked);
  // Unless dismissed, it then resets at once.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // What it has to know, in its own memory: a lock is about to be set, or is undone.
  void holding(bool locked);
  // Nothing is locked any more: it goes without a reset.
  void dismiss();
  bool alive() const;
  const Process& process() const { return process_; }

 private:
  void tell(GuardWord word);

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
