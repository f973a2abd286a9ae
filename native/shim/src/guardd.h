// kareus-guardd at work: who holds which GPU's clocks by a lease, and the reset where one ends.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "journal.h"
#include "lease.h"

namespace kareus {

class Leases {
 public:
  // Takes over what a daemon before this one was told: those leases wait for their holders to come
  // back. Throws Failure NO_STATE_DIR.
  Leases(const std::string& folder, double lease_s);

  // One request of a connection, by process `pid`: the code to answer, or KAREUS_OK.
  int answer(const LeaseRequest& request, int fd, pid_t pid);
  // The connection has ended: what it holds is reset.
  void hangUp(int fd);
  // Resets what ran out, and tries again what could not be reset.
  void lookAround();

 private:
  struct Held {
    JournalEntry entry;
    std::unique_ptr<Device> device;
    int fd = -1;  // -1: its holder is gone
    int64_t end_ns = 0;
  };

  int take(const LeaseRequest& request, int fd, pid_t pid);
  void give(const std::string& gpu);
  bool undo(const std::string& gpu);

  std::string folder_;
  int64_t lease_ns_;
  std::map<std::string, Held> held_;  // by UUID
};

}  // namespace kareus
