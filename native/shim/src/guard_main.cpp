// kareus-guard: resets the clocks of a process that died.
//   kareus-guard --watch ...              started by libkareus, not by hand
//   kareus-guard --list [--json-lines]    locks held, and whether their owners live
//   kareus-guard --look [--json-lines]    what would undo a lock, and how the GPUs run
//   kareus-guard --reset [--json-lines]   undoes those whose owners are gone
//   kareus-guard --reset --all|GPU... [--json-lines]   resets without a journal what nobody holds
// Exit codes: 0 done, 1 a lock could not be undone, 2 usage, no driver to reset all, or a folder of
// the journal that cannot be trusted.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"
#include "guard_journals.h"
#include "guard_look.h"
#include "guard_watch.h"

namespace {

int run(const std::string& what, std::vector<std::string> more) {
  const bool json = !more.empty() && more.back() == "--json-lines";
  if (json) more.pop_back();
  if (what == "--reset" && !more.empty()) {
    if (more[0] == "--all") more.erase(more.begin());
    for (const std::string& gpu : more) {
      if (gpu[0] == '-') return -1;
    }
    return kareus::resetGpus(more, json);
  }
  if (!more.empty()) return -1;
  if (what == "--list") return kareus::listJournals(json);
  if (what == "--look") return kareus::lookAround(json);
  if (what == "--reset") return kareus::resetJournals(json);
  return -1;
}

}  // namespace

int main(int count, char** words) {
  if (count == 8 && std::strcmp(words[1], "--watch") == 0) return kareus::watch(words + 2);
  int code = -1;
  try {
    if (count > 1) code = run(words[1], {words + 2, words + count});
  } catch (const kareus::Failure& failure) {
    kareus::report(failure.code, failure.detail);
    std::fprintf(stderr, "%s\n", kareus::lastError());
    return 2;
  }
  if (code < 0) std::fputs("usage: kareus-guard --list|--look|--reset [--all|GPU...] [--json-lines]\n", stderr);
  return code < 0 ? 2 : code;
}
