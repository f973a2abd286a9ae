// kareus-guard: resets the clocks of a process that died.
//   kareus-guard --watch ...              started by libkareus, not by hand
//   kareus-guard --list [--json-lines]    locks held, and whether their owners live
//   kareus-guard --reset [--json-lines]   undoes those whose owners are gone
// Exit codes: 0 done, 1 a lock could not be undone, 2 usage, or a folder of the journal that cannot
// be trusted.
#include <cstdio>
#include <cstring>

#include "failure.h"
#include "guard_journals.h"
#include "guard_watch.h"

int main(int count, char** words) {
  if (count == 8 && std::strcmp(words[1], "--watch") == 0) return kareus::watch(words + 2);
  const bool json = count == 3 && std::strcmp(words[2], "--json-lines") == 0;
  try {
    if (count == 2 || json) {
      if (std::strcmp(words[1], "--list") == 0) return kareus::listJournals(json);
      if (std::strcmp(words[1], "--reset") == 0) return kareus::resetJournals(json);
    }
  } catch (const kareus::Failure& failure) {
    kareus::report(failure.code, failure.detail);
    std::fprintf(stderr, "%s\n", kareus::lastError());
    return 2;
  }
  std::fputs("usage: kareus-guard --list|--reset [--json-lines]\n", stderr);
  return 2;
}
