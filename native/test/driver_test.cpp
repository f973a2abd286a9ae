// Every call of the driver with every error that it may answer: the job goes on, and what becomes of it
// is the table in driver-errors.md, which this writes with $KAREUS_UPDATE and else compares with.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "harness.h"

using namespace test;

namespace {

const char* const kCalls[] = {
    "nvmlInit_v2", "nvmlSystemGetDriverVersion", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID",
    "nvmlDeviceGetName", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetMigMode",
    "nvmlDeviceGetSupportedMemoryClocks", "nvmlDeviceGetSupportedGraphicsClocks",
    "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetClockInfo", "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTemperature",
    "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceSetGpuLockedClocks",
    "nvmlDeviceResetGpuLockedClocks", "nvmlShutdown"};

// nvmlReturn_t: all of 1 to 29 and 999 in the long matrix, else those that are told apart and some more.
std::vector<int> statuses() {
  if (repeats(0) == 0) return {3, 4, 6, 13, 15, 16, 999};
  std::vector<int> all = {999};
  for (int status = 1; status < 30; status++) all.push_back(status);
  return all;
}

std::string named(int code) { return kareus_code_name(code); }

// Three steps; what was told, in the table's words.
std::string train(kareus_handle* handle) {
  std::string told;
  for (int each = 0; each < 3; each++) {
    const int code = step(handle, 30);
    if (code != 0) told += "observes from then on, " + named(code);
    CHECK(code == 0 || code == statisticsOf(handle).fault);
  }
  double energy_j = 0;
  const int code = kareus_get_energy(handle, &energy_j);
  if (told.empty()) told = "follows the plan";
  return code == 0 ? told : told + "; energy unknown, " + named(code);
}

// What is locked after the end is in the journal, and undone once the driver is well again.
void expectUndone(const Machine& machine) {
  CHECK(waitUntil([&] { return machine.guard() == 0 || isGone(machine.guard()); }, 30));
  CHECK(machine.get("locked_mhz") == 0 || machine.journals().size() == 1);
  machine.fail("", 0);
  runGuard("--reset");
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK(machine.journals().empty());
}

std::string outcome(const char* call, int status, bool from_start) {
  const Machine machine;
  if (from_start) machine.fail(call, status);
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = nullptr;
  const int refused = kareus_open(&wanted, &handle);
  if (refused != 0) {
    CHECK_EQUAL(machine.asked().size(), 0U);
    return "refused before the first step, " + named(refused);
  }
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  if (!from_start) {
    CHECK_EQUAL(step(handle, 30), 0);
    machine.fail(call, status);
  }
  std::string told = train(handle);
  const int closed = kareus_close(handle);
  if (closed != 0) told += "; at the end " + named(closed);
  expectUndone(machine);
  return told;
}

// The outcome of most statuses, and before it those that end otherwise.
std::string cell(const char* call, bool from_start) {
  std::map<std::string, std::vector<int>> by_outcome;
  for (const int status : statuses()) by_outcome[outcome(call, status, from_start)].push_back(status);
  const auto most = std::max_element(by_outcome.begin(), by_outcome.end(), [](auto& one, auto& other) {
    return one.second.size() < other.second.size();
  });
  std::string text;
  for (const auto& [told, which] : by_outcome) {
    if (told == most->first) continue;
    for (const int status : which) text += std::to_string(status) + " ";
    text += told + "<br>";
  }
  return text.empty() ? most->first : text + "others " + most->first;
}

constexpr const char* kHeader = R"(# When the driver fails

Each call that the runtime makes to NVML, answered with an error (`nvmlReturn_t` 1 to 29 and 999) from the
start or from the second step on, on the simulated driver (`test/driver_test.cpp` compares this table with
what happens). No call of the job ever fails or waits for it: codes come at the end of a step.

| call | fails from the start | fails in mid-run |
|---|---|---|
)";

}  // namespace

CASE("every call, every error: training goes on, and comes out as the table says") {
  std::ostringstream table;
  table << kHeader;
  for (const char* call : kCalls) {
    table << "| `" << call << "` | " << cell(call, true) << " | " << cell(call, false) << " |\n";
  }
  if (std::getenv("KAREUS_UPDATE") != nullptr) std::ofstream(KAREUS_TABLE) << table.str();
  std::ostringstream committed;
  committed << std::ifstream(KAREUS_TABLE).rdbuf();
  CHECK_EQUAL(table.str(), committed.str());
}

CASE("an owner that is stopped keeps its lock, and goes on where it was") {
  const Machine machine;
  int output = -1;
  const int job = start({built("test/job"), "train"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  kill(job, SIGSTOP);
  usleep(300000);
  CHECK_EQUAL(machine.get("resets"), 0.0);
  CHECK(machine.get("locked_mhz") != 0);
  const size_t asked = machine.asked().size();
  kill(job, SIGCONT);
  CHECK(waitUntil([&] { return machine.asked().size() > asked + 2; }, 30));
  CHECK_EQUAL(machine.get("resets"), 0.0);
  kill(job, SIGKILL);
  CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }, 30));
  wait(job);
  close(output);
}

CASE("the wall clock jumps: nobody looks at it") {
  if (std::string(KAREUS_SANITIZED) != "") {
    std::puts("       skipped: sanitizers want to be loaded first");
    return;
  }
  const Machine machine;
  int output = -1;
  const std::string preload = "LD_PRELOAD=" + built("test/libclock_jump.so");
  const int job = start({"/usr/bin/env", preload, built("test/job"), "train"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  CHECK(waitUntil([&] { return machine.asked().size() > 20; }, 30));
  CHECK_EQUAL(machine.get("resets"), 0.0);
  kill(job, SIGKILL);
  CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }, 30));
  wait(job);
  close(output);
}

int main(int count, char** words) { return runAll(count, words); }
