// What `kareus doctor` asks: locks in the journal, and their undoing. Throws Failure NO_STATE_DIR.
#pragma once

namespace kareus {

// A line for each entry: state is held (by a controller at work), guarded (that is gone, its guard
// is about to reset), stale (no process will) or forgotten (from before the last boot). Exit code 0.
int listJournals(bool json_lines);

// The same, after resetting every stale entry: state is then reset, or failed with its code.
// What is held is left alone. Exit code 1 if one failed.
int resetJournals(bool json_lines);

}  // namespace kareus
