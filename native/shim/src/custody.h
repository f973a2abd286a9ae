// What must be in place before a clock is changed: the GPU's lock file, the journal and the guard.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "guard.h"
#include "journal.h"
#include "lease.h"

namespace kareus {

class Custody {
 public:
  // Takes the GPU over: IN_USE, NO_STATE_DIR, NO_GUARD; RESET_FAILED where a dead controller's
  // lock cannot be undone. `device` is the controller's own.
  Custody(const std::string& state_dir, const std::string& guard_path, const Target& target,
          Device& device);
  ~Custody();
  Custody(const Custody&) = delete;
  Custody& operator=(const Custody&) = delete;

  // Before each change, and again and again while a lock is held: the journal is there, the guard
  // alive, or started again, the lease kept. False: the lease had run out, as this process stood
  // still, and the clocks were reset meanwhile. Throws Failure.
  bool beforeChange();
  // After a reset that worked.
  void afterReset();
  int restarts() const { return restarts_; }

 private:
  void lockFile();
  void undoOthers(Device& device);
  JournalEntry entry() const;

  std::string state_dir_, guard_path_;
  Target target_;
  Journal journal_;
  int lock_fd_ = -1;
  int dir_fd_ = -1;
  std::unique_ptr<Guard> guard_;
  Lease lease_;
  int64_t kept_ns_ = 0;
  bool journaled_ = false;
  std::atomic<int> restarts_{0};
};

}  // namespace kareus
