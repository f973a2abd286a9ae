// Processes by number and start: a number alone is used again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace kareus {

struct Process {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // since boot; field 22 of /proc/<pid>/stat
};

// This process.
Process self();

// The process that has this number now.
Process processOf(pid_t pid);

// Whether the very process still runs: dead and waiting to be reaped counts as gone.
bool isAlive(const Process& process);

// Differs after every boot, which forgets locked clocks.
std::string bootId();

}  // namespace kareus
