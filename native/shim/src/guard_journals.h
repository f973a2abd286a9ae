// What `kareus doctor` asks: locks in the journal, and their undoing. Throws Failure NO_STATE_DIR.
#pragma once

#include <string>
#include <vector>

namespace kareus {

// A line for each entry: state is held (by a controller at work), guarded (that is gone, its guard
// is about to reset), stale (no process will), forgotten (from before the last boot) or unreadable
// (lost or damaged: whether the GPU is locked is not known). Exit code 0.
int listJournals(bool json_lines);

// The same, after resetting every stale entry: state is then reset, or failed with its code.
// What is held is left alone, what is unreadable too. Exit code 1 if one failed.
int resetJournals(bool json_lines);

// Needs no journal: resets these GPUs (indices or UUIDs), every one where none is given, but those
// that a controller at work holds. A line for each; exit code 1 if one failed. NO_NVML, NO_DEVICE.
int resetGpus(const std::vector<std::string>& gpus, bool json_lines);

}  // namespace kareus
