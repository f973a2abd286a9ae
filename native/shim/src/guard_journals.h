// What `kareus doctor` asks: locks in the journal, and their undoing.
#pragma once

namespace kareus {

// A line for each entry: state is held (its owner lives), guarded (the owner died, its guard is at
// work), stale (nobody will reset it) or forgotten (from before the last boot). Exit code 0.
int listJournals(bool json_lines);

// The same, after resetting every stale entry: state is then reset, or failed with its code.
// Clocks of a living owner are left alone. Exit code 1 if one failed.
int resetJournals(bool json_lines);

}  // namespace kareus
