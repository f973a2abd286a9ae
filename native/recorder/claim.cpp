#include "claim.h"

#include <unistd.h>

#include "../shim/src/failure.h"

namespace kareus {

Claim::~Claim() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

std::string Claim::take(const std::string& uuid) {
  if (journal_) return "";
  try {
    const Journal journal(openStateDir(""), uuid);
    if (lock_fd_ < 0) {
      pid_t holder = 0;
      const auto lock = journal.takeLock(holder);
      if (!lock) return "process " + std::to_string(holder) + " holds them";
      lock_fd_ = *lock;
    }
    const auto left = journal.read();
    if (left && left->boot == bootId()) {
      return "process " + std::to_string(left->owner.pid) +
             " left them locked: `kareus doctor --reset` unlocks them";
    }
    JournalEntry entry;
    entry.target.device = uuid;
    entry.owner = self();
    entry.boot = bootId();
    journal.write(entry);
    journal_ = journal;
  } catch (const Failure& failure) {
    return kareus_code_message(failure.code) + (": " + failure.detail);
  }
  return "";
}

void Claim::settle() {
  if (journal_) journal_->remove();
  journal_.reset();
}

}  // namespace kareus
