// What `kareus doctor` asks where no journal answers: which layers would undo a lock, and whether
// the GPUs run as if their clocks were locked.
#pragma once

namespace kareus {

// Two lines for the layers: cgroup (the guard outlives its job's control groups, or why not) and
// guardd (a daemon answers). Then one for each GPU: free (at its highest clock), locked (below it,
// at work, and nothing the driver knows holds it down), limited (something does) or idle. No line
// for a GPU without a driver. Nothing changes. Exit code 0.
int lookAround(bool json_lines);

}  // namespace kareus
