#include "guard_look.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "cgroup.h"
#include "failure.h"
#include "lease.h"
#include "nvml_device.h"

namespace kareus {
namespace {

struct Look {
  double clock_mhz = 0, highest_mhz = 0;
  double busy = 0;      // of the last moments, 0 to 1
  uint64_t limits = 0;  // all that were seen
};

// nvmlClocksEventReason*: idle, and what a setting of the clock is shown as, which is what we look for.
constexpr uint64_t kIdle = 0x1, kSetting = 0x2;
constexpr double kAtWork = 0.5;

// The clock of a board at work jumps between two looks where power or heat limit it: several.
Look lookAt(NvmlDevice& device) {
  constexpr int kLooks = 10;
  Look look;
  const auto& clocks = device.info().clocks_mhz;
  look.highest_mhz = clocks.empty() ? 0 : clocks.back();
  for (int i = 0; i < kLooks; i++) {
    const Conditions seen = device.conditions();
    look.clock_mhz = std::max(look.clock_mhz, seen.clock_mhz.value_or(0));
    look.busy = std::max(look.busy, device.busy().value_or(0));
    look.limits |= seen.limits.value_or(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return look;
}

const char* stateOf(const Look& look) {
  if (look.clock_mhz == 0 || look.highest_mhz == 0) return "unknown";
  if (look.clock_mhz >= look.highest_mhz) return "free";
  if (look.busy < kAtWork) return "idle";
  return (look.limits & ~(kIdle | kSetting)) != 0 ? "limited" : "locked";
}

void print(const std::string& uuid, const Look& look, bool json_lines) {
  std::string limits;
  for (const std::string& word : wordsOf(look.limits)) {
    limits += (limits.empty() ? "" : ",") + (json_lines ? "\"" + word + "\"" : word);
  }
  const char* form = json_lines
      ? "{\"gpu\":\"%s\",\"state\":\"%s\",\"clock_mhz\":%.0f,\"highest_mhz\":%.0f,\"busy\":%.2f,\"limits\":[%s]}\n"
      : "%s %s: %.0f of %.0f MHz, busy %.2f, limits [%s]\n";
  std::printf(form, uuid.c_str(), stateOf(look), look.clock_mhz, look.highest_mhz, look.busy,
              limits.c_str());
}

void printLayer(const char* layer, bool there, const std::string& reason, bool json_lines) {
  const char* form = json_lines ? "{\"layer\":\"%s\",\"there\":%s,\"reason\":\"%s\"}\n" : "%s: %s %s\n";
  std::printf(form, layer, there ? "true" : "false", reason.c_str());
}

}  // namespace

int lookAround(bool json_lines) {
  const Shelter shelter = couldLeaveCgroups();
  printLayer("cgroup", shelter.outside, shelter.reason, json_lines);
  printLayer("guardd", guarddAnswers(), guarddSocket(), json_lines);
  try {
    for (unsigned index = 0;; index++) {
      NvmlDevice device(std::to_string(index), false);
      print(device.info().uuid, lookAt(device), json_lines);
    }
  } catch (const Failure&) {  // the first index that is not there; or no driver, which doctor says itself
  }
  return 0;
}

}  // namespace kareus
