// The journal of locked clocks: one file per GPU, written before the first lock, gone after the
// reset. What is found there without a living owner was left locked. An empty file beside it, with
// the same life, tells a journal that was lost from one that was never written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device.h"
#include "process.h"

namespace kareus {

struct JournalEntry {
  Target target;  // how to reach the GPU; `device` is its UUID
  Process owner;
  Process guard;
  std::string boot;
};

// The folder: `given`, else $KAREUS_STATE_DIR, else /run/kareus for root, /tmp/kareus-<uid> for
// others. Created, for its user alone; NO_STATE_DIR if it is not ours.
std::string openStateDir(const std::string& given);

// The same folder to look into; nothing where there is none. NO_STATE_DIR if it is not ours: what
// others wrote there is no journal.
std::optional<std::string> findStateDir(const std::string& given);

class Journal {
 public:
  Journal(std::string state_dir, const std::string& uuid);

  void write(const JournalEntry& entry) const;  // NO_STATE_DIR
  // Nothing: no clock of ours is locked. BAD_JOURNAL, and why, where that cannot be said: the file
  // is lost, cut, garbled or of a later version.
  std::optional<JournalEntry> read() const;
  void remove() const;
  // Of a controller at work: its files as they should be, written again where something (a cleaner
  // of /tmp) took or changed them, and young. `lock_fd` is the lock that it holds, or another that
  // it took in its place. IN_USE, NO_STATE_DIR.
  void keep(const JournalEntry& entry, int& lock_fd) const;
  const std::string& lockPath() const { return lock_path_; }
  // Takes the GPU's lock file: its descriptor, which holds it until closed or until this process
  // ends; nothing if another process has it (`holder` says which). NO_STATE_DIR.
  // Not twice in a process: closing either descriptor would let go of both.
  std::optional<int> takeLock(pid_t& holder) const;
  // Whether another process has it.
  bool isLocked() const;

 private:
  bool holdsFile(int lock_fd) const;

  std::string state_dir_, path_, held_path_, lock_path_;
};

// What one GPU's files say.
struct FoundJournal {
  std::string gpu;  // UUID, as far as a file's name tells it
  std::optional<JournalEntry> entry;
  std::string problem;  // why there is no entry
};

// Every GPU with an entry, or without the one that there should be, in order of UUID.
std::vector<FoundJournal> readJournals(const std::string& state_dir);

}  // namespace kareus
