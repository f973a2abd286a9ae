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

struct Line {
  std::string gpu;
  JournalEntry entry;  // empty where there is none
  std::string state;
  Failure failure;
};

void print(const Line& line, bool json_lines) {
  const char* backend = line.entry.target.backend == KAREUS_BACKEND_ZEUSD ? "zeusd" : "nvml";
  const char* code = kareus_code_name(line.failure.code);
  const int owner = static_cast<int>(line.entry.owner.pid);
  if (json_lines) {
    std::printf("{\"gpu\":%s,\"backend\":\"%s\",\"owner_pid\":%d,\"guard_pid\":%d,\"state\":\"%s\"",
                quoted(line.gpu).c_str(), backend, owner, static_cast<int>(line.entry.guard.pid),
                line.state.c_str());
    if (line.failure.code != KAREUS_OK) {
      const std::string message = kareus_code_message(line.failure.code) + (": " + line.failure.detail);
      std::printf(",\"code\":\"%s\",\"message\":%s", code, quoted(message).c_str());
    }
    std::printf("}\n");
    return;
  }
  std::printf("%s %s", line.gpu.c_str(), line.state.c_str());
  if (owner > 0) std::printf(", locked by process %d through %s", owner, backend);
  if (line.failure.code != KAREUS_OK) {
    std::printf(": %s %s: %s", code, kareus_code_message(line.failure.code), line.failure.detail.c_str());
  }
  std::printf("\n");
}

Failure undo(const Target& target) {
  try {
    const auto device = openDevice(target);
    const int code = unlockStubbornly(*device);
    return code == KAREUS_OK ? Failure{} : Failure{code, target.device};
  } catch (const Failure& failure) {
    return failure;
  }
}

// Without a journal the way to a GPU is what this user may take.
Target targetOf(const std::string& gpu) {
  Target target;
  target.backend = isPrivileged() ? KAREUS_BACKEND_NVML : KAREUS_BACKEND_ZEUSD;
  target.control = true;
  target.device = gpu;
  return target;
}

// Resets unless a controller at work holds the GPU; what the journal said is then done with.
Line resetOne(const std::string& dir, const std::string& uuid, const Target& target) {
  const Journal journal(dir, uuid);
  pid_t holder = 0;
  const auto lock = journal.takeLock(holder);
  Line line = {uuid, {}, "held", {}};
  line.entry.target = target;
  line.entry.owner.pid = holder;
  if (!lock) return line;
  line.failure = undo(target);
  line.state = line.failure.code == KAREUS_OK ? "reset" : "failed";
  if (line.failure.code == KAREUS_OK) journal.remove();
  close(*lock);
  return line;
}

std::vector<std::string> everyUuid(const std::vector<std::string>& wanted) {
  std::vector<std::string> uuids;
  Target target;
  for (const std::string& gpu : wanted) {
    target.device = gpu;
    uuids.push_back(openDevice(target)->info().uuid);
  }
  for (unsigned index = 0; wanted.empty(); index++) {
    target.device = std::to_string(index);
    try {
      uuids.push_back(openDevice(target)->info().uuid);
    } catch (const Failure& failure) {
      // The first index that is not there ends the list.
      if (index > 0 && failure.code == KAREUS_NO_DEVICE) break;
      throw;
    }
  }
  return uuids;
}

}  // namespace

int listJournals(bool json_lines) {
  const auto dir = findStateDir("");
  if (!dir) return 0;
  for (const FoundJournal& found : readJournals(*dir)) {
    const bool locked = Journal(*dir, found.gpu).isLocked();
    Line line = {found.gpu, {}, "unreadable", {KAREUS_BAD_JOURNAL, found.problem}};
    if (found.entry) line = {found.gpu, *found.entry, stateOf(*found.entry, locked), {}};
    print(line, json_lines);
  }
  return 0;
}

int resetJournals(bool json_lines) {
  const auto dir = findStateDir("");
  if (!dir) return 0;
  int failed = 0;
  for (const FoundJournal& found : readJournals(*dir)) {
    const Journal journal(*dir, found.gpu);
    if (!found.entry) {
      print({found.gpu, {}, "unreadable", {KAREUS_BAD_JOURNAL, found.problem}}, json_lines);
      continue;
    }
    Line line = {found.gpu, *found.entry, stateOf(*found.entry, journal.isLocked()), {}};
    if (line.state == "forgotten") journal.remove();
    if (line.state == "stale") {
      const Line done = resetOne(*dir, found.gpu, found.entry->target);
      line.state = done.state;
      line.failure = done.failure;
    }
    failed += line.state == "failed" ? 1 : 0;
    print(line, json_lines);
  }
  return failed == 0 ? 0 : 1;
}

int resetGpus(const std::vector<std::string>& gpus, bool json_lines) {
  const std::string dir = openStateDir("");
  int failed = 0;
  for (const std::string& uuid : everyUuid(gpus)) {
    const Line line = resetOne(dir, uuid, targetOf(uuid));
    failed += line.state == "failed" ? 1 : 0;
    print(line, json_lines);
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace kareus
