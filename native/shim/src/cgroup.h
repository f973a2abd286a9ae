// A job's control group ends with everything in it, its guard as well: Slurm's scancel, a pod's
// deletion, systemd, the kernel where memory runs out.
#pragma once

#include <string>

namespace kareus {

struct Shelter {
  bool outside = false;  // the end of the job's control groups does not reach this process
  std::string reason;    // why it does
};

// Moves this process out of its control groups, where the system lets it: into a group "kareus-guard"
// at the top of each hierarchy by which processes are ended. Not with KAREUS_GUARD_CGROUP=stay.
Shelter leaveCgroups();

// The same, only looked at.
Shelter couldLeaveCgroups();

}  // namespace kareus
