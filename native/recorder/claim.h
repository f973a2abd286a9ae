// The right to lock one GPU's clocks, shared with the runtime (native/shim): its lock file keeps
// others away, and its journal tells `kareus doctor` of clocks that a recorder left locked.
#pragma once

#include <optional>
#include <string>

#include "../shim/src/journal.h"

namespace kareus {

class Claim {
 public:
  Claim() = default;
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  // Before the first lock; again does nothing. Empty on success, else why not.
  std::string take(const std::string& uuid);
  // The clocks are unlocked: the journal forgets them.
  void settle();

 private:
  std::optional<Journal> journal_;
  int lock_fd_ = -1;
};

}  // namespace kareus
