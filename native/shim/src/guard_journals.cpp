#include "guard_journals.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "failure.h"
#include "journal.h"

namespace kareus {
namespace {

// A controller has its lock file locked for as long as it may change clocks.
const char* stateOf(const JournalEntry& entry, bool locked) {
  if (locked) return "held";
  if (entry.boot != bootId()) return "forgotten";
  return isAlive(entry.guard) ? "guarded" : "stale";
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "\"";
}

void print(const JournalEntry& entry, const char* state, const Failure& failure, bool json_lines) {
  const char* backend = entry.target.backend == KAREUS_BACKEND_ZEUSD ? "zeusd" : "nvml";
  const char* code = kareus_code_name(failure.code);
  if (json_lines) {
    std::printf("{\"gpu\":%s,\"backend\":\"%s\",\"owner_pid\":%d,\"guard_pid\":%d,\"state\":\"%s\"",
                quoted(entry.target.device).c_str(), backend, static_cast<int>(entry.owner.pid),
                static_cast<int>(entry.guard.pid), state);
    if (failure.code != KAREUS_OK) {
      std::printf(",\"code\":\"%s\",\"message\":%s", code,
                  quoted(kareus_code_message(failure.code) + (": " + failure.detail)).c_str());
    }
    std::printf("}\n");
    return;
  }
  std::printf("%s %s, locked by process %d through %s", entry.target.device.c_str(), state,
              static_cast<int>(entry.owner.pid), backend);
  if (failure.code != KAREUS_OK) {
    std::printf(": %s %s: %s", code, kareus_code_message(failure.code), failure.detail.c_str());
  }
  std::printf("\n");
}

Failure undo(const JournalEntry& entry) {
  try {
    const auto device = openDevice(entry.target);
    const int code = unlockStubbornly(*device);
    return code == KAREUS_OK ? Failure{} : Failure{code, entry.target.device};
  } catch (const Failure& failure) {
    return failure;
  }
}

}  // namespace

int listJournals(bool json_lines) {
  const auto dir = findStateDir("");
  if (!dir) return 0;
  for (const JournalEntry& entry : readJournals(*dir)) {
    const bool locked = Journal(*dir, entry.target.device).isLocked();
    print(entry, stateOf(entry, locked), {}, json_lines);
  }
  return 0;
}

int resetJournals(bool json_lines) {
  const auto dir = findStateDir("");
  if (!dir) return 0;
  int failed = 0;
  for (const JournalEntry& entry : readJournals(*dir)) {
    const Journal journal(*dir, entry.target.device);
    pid_t holder = 0;
    const auto lock = journal.takeLock(holder);
    const std::string state = stateOf(entry, !lock);
    const Failure failure = state == "stale" ? undo(entry) : Failure{};
    const bool done = failure.code == KAREUS_OK;
    if (done && (state == "forgotten" || state == "stale")) journal.remove();
    if (lock) close(*lock);
    failed += done ? 0 : 1;
    print(entry, state != "stale" ? state.c_str() : done ? "reset" : "failed", failure, json_lines);
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace kareus
