// What can go wrong has a code of its own; training goes on, or is refused before its first step.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "harness.h"

using namespace test;

namespace {

int codeOfOpen(const kareus_options& options) {
  kareus_handle* handle = nullptr;
  const int code = kareus_open(&options, &handle);
  CHECK((handle != nullptr) == (code == 0));
  kareus_close(handle);
  return code;
}

int openDescriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count;
}

int codeOfDevice(const char* device) {
  kareus_options wanted = options();
  wanted.device = device;
  return codeOfOpen(wanted);
}

kareus_handle* openWithPlan() {
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  return handle;
}

// A fault in mid-run: told once, at the end of a step; observed from then on; training goes on.
void expectFault(kareus_handle* handle, int code) {
  CHECK_EQUAL(step(handle), code);
  CHECK_EQUAL(statisticsOf(handle).fault, code);
  CHECK_EQUAL(statisticsOf(handle).mode, static_cast<int>(KAREUS_MODE_OBSERVE));
  const size_t changes = changesOf(handle).size();
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(changesOf(handle).size(), changes);
}

}  // namespace

CASE("codes: names, messages, version") {
  CHECK_EQUAL(kareus_abi_version(), static_cast<uint32_t>(KAREUS_ABI_VERSION));
  CHECK_EQUAL(std::string(kareus_code_name(KAREUS_OTHER_CLOCKS)), "KRS5020");
  CHECK_EQUAL(std::string(kareus_code_name(0)), "");
  CHECK(kareus_code_name(1) == nullptr && kareus_code_message(-5) == nullptr);
#define KNOWN(name, number, message) CHECK_EQUAL(std::string(kareus_code_message(number)), message);
  KAREUS_CODES(KNOWN)
}

CASE("arguments: null, struct sizes, ranges") {
  const Machine machine;
  kareus_handle* handle = nullptr;
  CHECK_EQUAL(kareus_open(nullptr, &handle), static_cast<int>(KAREUS_BAD_ARGUMENT));
  kareus_options wanted = options();
  CHECK_EQUAL(kareus_open(&wanted, nullptr), static_cast<int>(KAREUS_BAD_ARGUMENT));
  wanted.struct_size--;
  CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_WRONG_VERSION));
  CHECK_EQUAL(codeOfOpen(options(static_cast<kareus_backend>(7))),
              static_cast<int>(KAREUS_BAD_ARGUMENT));
  CHECK_EQUAL(codeOfOpen(options(KAREUS_BACKEND_DRY, static_cast<kareus_mode>(7))),
              static_cast<int>(KAREUS_BAD_ARGUMENT));
  CHECK_EQUAL(kareus_step_begin(nullptr), static_cast<int>(KAREUS_BAD_ARGUMENT));
  CHECK(std::string(kareus_last_error()).find("KRS5001") == 0);
  CHECK_EQUAL(kareus_close(nullptr), 0);
}

CASE("devices by index, UUID and PCI bus id") {
  const Machine machine;
  for (const char* device : {"1", "GPU-00000000-0000-0000-0000-000000000001", "0000:02:00.0"}) {
    kareus_options wanted = options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE);
    wanted.device = device;
    kareus_handle* handle = open(wanted);
    kareus_capabilities seen = {};
    seen.struct_size = sizeof seen;
    CHECK_EQUAL(kareus_get_capabilities(handle, &seen), 0);
    CHECK_EQUAL(std::string(seen.uuid), "GPU-00000000-0000-0000-0000-000000000001");
    CHECK_EQUAL(std::string(seen.pci_bus_id), "00000000:02:00.0");
    CHECK_EQUAL(std::string(seen.name), "NVIDIA A100-SXM4-40GB");
    CHECK(seen.energy_counter == 1 && seen.cuda == 1 && seen.mig == 0 && seen.may_control == 1);
    std::vector<uint32_t> clocks(seen.clock_count);
    uint32_t count = 0;
    CHECK_EQUAL(kareus_get_clocks(handle, clocks.data(), 3, &count), 0);
    CHECK(count == 81 && clocks[0] == 210 && clocks[2] == 240 && clocks[3] == 0);
    CHECK_EQUAL(kareus_close(handle), 0);
  }
  CHECK_EQUAL(codeOfDevice("9"), static_cast<int>(KAREUS_NO_DEVICE));
  CHECK_EQUAL(codeOfDevice("GPU-none"), static_cast<int>(KAREUS_NO_DEVICE));
  CHECK_EQUAL(codeOfDevice("0000:77:00.0"), static_cast<int>(KAREUS_NO_DEVICE));
  CHECK_EQUAL(codeOfDevice("MIG-1"), static_cast<int>(KAREUS_MIG));
}

CASE("open: no NVML, no permission, old driver, MIG, no guard, no state folder; not so to observe") {
  const Machine machine;
  setenv("KAREUS_NVML", "/nowhere/libnvidia-ml.so.1", 1);
  CHECK_EQUAL(codeOfOpen(options()), static_cast<int>(KAREUS_NO_NVML));
  const Machine privileged;
  setenv("KAREUS_PRIVILEGED", "0", 1);
  CHECK_EQUAL(codeOfOpen(options()), static_cast<int>(KAREUS_NO_PERMISSION));
  CHECK_EQUAL(codeOfOpen(options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE)), 0);
  const Machine old;
  setenv("KAREUS_NVML", built("simulated/libnvidia-ml-old.so").c_str(), 1);
  CHECK_EQUAL(codeOfOpen(options()), static_cast<int>(KAREUS_OLD_DRIVER));
  CHECK_EQUAL(codeOfOpen(options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE)), 0);
  const Machine split("mig=1");
  CHECK_EQUAL(codeOfOpen(options()), static_cast<int>(KAREUS_MIG));
  CHECK_EQUAL(codeOfOpen(options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE)), 0);
  const Machine bare;
  kareus_options wanted = options();
  for (const char* guard : {"/nowhere/kareus-guard", "/bin/true"}) {
    wanted.guard_path = guard;
    CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_GUARD));
    const int descriptors = openDescriptors();
    CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_GUARD));
    CHECK_EQUAL(openDescriptors(), descriptors);  // nothing is left open
  }
  unsetenv("KAREUS_GUARD");  // beside the library there is one
  CHECK_EQUAL(codeOfOpen(options()), 0);
  wanted = options();
  const std::string link = bare.folder() + "/link";
  CHECK_EQUAL(symlink("/tmp", link.c_str()), 0);
  wanted.state_dir = link.c_str();
  CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_STATE_DIR));
  wanted.state_dir = "/nowhere/at/all";
  CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_STATE_DIR));
  CHECK_EQUAL(bare.asked().size(), 0U);  // nothing was locked, so nothing was reset
}

CASE("a second controller on the same GPU is refused, in this process and in another") {
  const Machine machine;
  kareus_handle* handle = open(options());
  CHECK_EQUAL(codeOfOpen(options()), static_cast<int>(KAREUS_IN_USE));
  CHECK_EQUAL(codeOfDevice("1"), 0);
  int output = -1;
  const int other = start({built("test/job"), "open"}, &output);
  CHECK_EQUAL(readLine(output), "5014");
  wait(other);
  close(output);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(codeOfOpen(options()), 0);
}

CASE("plans: other clocks, short dwell, contradictions, in a step") {
  const Machine machine;
  kareus_handle* handle = open(options());
  CHECK_EQUAL(setPlan(handle, {{0, 0, 905}}), static_cast<int>(KAREUS_OTHER_CLOCKS));
  CHECK(std::string(kareus_last_error()).find("nearest 900") != std::string::npos);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 0}}), static_cast<int>(KAREUS_OTHER_CLOCKS));
  CHECK_EQUAL(setPlan(handle, {}), static_cast<int>(KAREUS_BAD_PLAN));
  CHECK_EQUAL(setPlan(handle, {{9, 0, 900}}), static_cast<int>(KAREUS_BAD_PLAN));
  const int32_t kind[] = {0, 0, 1, 1}, microbatch[] = {0, 1, 0, 1};
  const uint32_t freq_mhz[] = {900, 1200, 900, 900};
  const double start_s[] = {0, 0.02, 0.03, 0.04}, time_s[] = {0.02, 0.01, 0.01, 0.01};
  kareus_plan plan = {};
  plan.struct_size = sizeof plan;
  plan.instruction_count = 4;
  plan.kind = kind;
  plan.microbatch = microbatch;
  plan.freq_mhz = freq_mhz;
  plan.switch_time_s = 0.015;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_BAD_ARGUMENT));
  plan.start_s = start_s;
  plan.time_s = time_s;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_SHORT_DWELL));
  CHECK(std::string(kareus_last_error()).find("instruction 1 to 1") != std::string::npos);
  plan.switch_time_s = 0.01;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), 0);
  // By target: the clock that is held for 10 ms may be one that comes fast, and may not be a slow one.
  double switch_to_s[] = {0.02, 0.01, 0.02, 0.02};
  plan.switch_time_s = 0.02;
  plan.switch_to_s = switch_to_s;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), 0);
  switch_to_s[1] = 0.011;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_SHORT_DWELL));
  switch_to_s[1] = -1;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_BAD_PLAN));
  switch_to_s[1] = 0.01;
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_WRONG_STATE));
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("wrong order and wrong kind: told, clocks reset, and the next step follows the plan again") {
  const Machine machine;
  for (const auto& wrong : {Planned{1, 3, 0}, Planned{2, 0, 0}, Planned{1, 0, 0}}) {
    kareus_handle* handle = openWithPlan();
    CHECK_EQUAL(kareus_step_begin(handle), 0);
    CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    const bool last = wrong.kind == 1 && wrong.microbatch == 0;  // right, but then one too many
    const int code = last ? 0 : static_cast<int>(KAREUS_WRONG_ORDER);
    CHECK_EQUAL(kareus_instruction_begin(handle, wrong.kind, wrong.microbatch, 0, nullptr), code);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
    if (last) {
      CHECK_EQUAL(kareus_instruction_begin(handle, 1, 0, 0, nullptr),
                  static_cast<int>(KAREUS_WRONG_ORDER));
    }
    CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }));
    CHECK_EQUAL(kareus_step_end(handle), 0);
    CHECK_EQUAL(step(handle), 0);
    CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
    CHECK_EQUAL(statisticsOf(handle).fault, 0);
    CHECK_EQUAL(kareus_close(handle), 0);
  }
}

CASE("a job of another order is left alone until a whole step was as planned") {
  const Machine machine;
  kareus_handle* handle = openWithPlan();
  constexpr uint64_t kLost = 5, kLocked = 3;
  for (uint64_t each = 0; each < kLost; each++) {
    CHECK_EQUAL(kareus_step_begin(handle), 0);
    CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
    CHECK_EQUAL(kareus_instruction_begin(handle, 2, 0, 0, nullptr),
                static_cast<int>(KAREUS_WRONG_ORDER));
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
    CHECK_EQUAL(kareus_step_end(handle), 0);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  }
  CHECK_EQUAL(statisticsOf(handle).resets, kLocked);
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("calls that do not fit: nested, outside, cut short") {
  const Machine machine;
  kareus_handle* handle = openWithPlan();
  const int wrong = KAREUS_WRONG_STATE;
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), wrong);
  CHECK_EQUAL(kareus_instruction_end(handle, nullptr), wrong);
  CHECK_EQUAL(kareus_step_end(handle), wrong);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_step_begin(handle), wrong);
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 1, 0, 0, nullptr), wrong);
  CHECK_EQUAL(kareus_step_end(handle), static_cast<int>(KAREUS_STEP_CUT_SHORT));
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("permission lost in mid-run") {
  const Machine machine("deny_after=2");
  kareus_handle* handle = openWithPlan();
  CHECK_EQUAL(step(handle), 0);
  expectFault(handle, KAREUS_PERMISSION_LOST);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);  // even the reset is denied...
  CHECK_EQUAL(machine.journals().size(), 1U);      // ...so the journal keeps it
  const int guard = machine.guard();
  CHECK_EQUAL(kareus_close(handle), static_cast<int>(KAREUS_RESET_FAILED));
  CHECK(waitUntil([&] { return isGone(guard); }));  // it could not either
  CHECK_EQUAL(machine.journals().size(), 1U);
  machine.set("permission", 1);
  CHECK(runGuard("--reset").find("\"state\":\"reset\"") != std::string::npos);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(machine.journals().size(), 0U);
}

CASE("a lock that a controller holds is listed, and left alone") {
  const Machine machine;
  kareus_handle* handle = openWithPlan();
  CHECK_EQUAL(step(handle), 0);
  for (const char* what : {"--list", "--reset"}) {
    CHECK(runGuard(what).find("\"state\":\"held\"") != std::string::npos);
  }
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(runGuard("--list"), "");
}

CASE("GPU lost in mid-run") {
  const Machine machine("lose_after=1");
  kareus_handle* handle = openWithPlan();
  expectFault(handle, KAREUS_GPU_LOST);
  double energy_j = 0;
  CHECK_EQUAL(kareus_get_energy(handle, &energy_j), static_cast<int>(KAREUS_GPU_LOST));
  const int guard = machine.guard();
  CHECK_EQUAL(kareus_close(handle), static_cast<int>(KAREUS_RESET_FAILED));
  CHECK(waitUntil([&] { return isGone(guard); }));
}

CASE("a change that fails is tried again, and given up in the end") {
  const Machine machine("fail_next=2");
  kareus_handle* handle = openWithPlan();
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(statisticsOf(handle).retries, 2U);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  machine.set("fail_next", 4);
  expectFault(handle, KAREUS_CHANGE_FAILED);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(machine.journals().size(), 0U);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("a driver that does not answer: closing gives up, and can be tried again") {
  const Machine machine("slow_s=4");
  kareus_handle* handle = open(options());
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}}), 0);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
  CHECK(waitUntil([&] { return !machine.journals().empty(); }));
  usleep(200000);  // from the journal to the driver's call
  machine.set("slow_s", 0);
  CHECK_EQUAL(kareus_close(handle), static_cast<int>(KAREUS_TIMED_OUT));
  CHECK(waitUntil([&] { return kareus_close(handle) == 0; }));
  CHECK(machine.journals().empty());
  const std::vector<uint32_t> expected = {900, 0};
  CHECK_EQUAL(machine.asked(), expected);
}

CASE("a guard that is ended again and again") {
  const Machine machine;
  kareus_handle* handle = openWithPlan();
  CHECK_EQUAL(step(handle), 0);
  for (int times = 0; times < 4; times++) {
    const int guard = machine.guard();
    CHECK(guard > 0);
    kill(guard, SIGKILL);
    CHECK(waitUntil([&] { return machine.guard() != guard; }));
  }
  CHECK(waitUntil([&] { return statisticsOf(handle).fault != 0; }));
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(step(handle), static_cast<int>(KAREUS_NO_GUARD));
  CHECK_EQUAL(statisticsOf(handle).guard_restarts, 3U);
  CHECK_EQUAL(statisticsOf(handle).mode, static_cast<int>(KAREUS_MODE_OBSERVE));
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("no energy counter") {
  const Machine machine("energy_counter=0");
  kareus_options wanted = options();
  wanted.record_capacity = 4;
  kareus_handle* handle = open(wanted);
  double energy_j = 0;
  CHECK_EQUAL(kareus_get_energy(handle, &energy_j), static_cast<int>(KAREUS_NO_ENERGY));
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  CHECK_EQUAL(step(handle), 0);
  kareus_record record = {};
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_records(handle, &record, 1, &count), 0);
  CHECK(count == 1 && record.energy_j < 0 && record.time_s >= 0 && record.on_gpu == 0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("calls in any order, with faults at any time: known codes, and nothing stays locked") {
  std::mt19937 random(11);
  const auto stream = reinterpret_cast<kareus_stream>(0x30);
  for (int round = 0; round < 10; round++) {
    const Machine machine;
    kareus_options wanted = options();
    wanted.record_capacity = 4;
    kareus_handle* handle = open(wanted);
    std::vector<int> codes;
    for (int call = 0; call < 500; call++) {
      const auto number = static_cast<int32_t>(random() % 3);
      const kareus_stream where = random() % 2 == 0 ? nullptr : stream;
      kareus_record record = {};
      kareus_partition_use use = {};
      use.struct_size = sizeof use;
      uint32_t count = 0;
      switch (random() % 12) {
        case 0: codes.push_back(kareus_step_begin(handle)); break;
        case 1: codes.push_back(kareus_step_end(handle)); break;
        case 2:
        case 3:
        case 4:
          codes.push_back(kareus_instruction_begin(handle, number % 2, number / 2, 0, where));
          break;
        case 5:
        case 6: codes.push_back(kareus_instruction_end(handle, where)); break;
        case 7: codes.push_back(kareus_get_partition(handle, "forward.0", number, 0, &use)); break;
        case 8: codes.push_back(kareus_take_records(handle, &record, 1, &count)); break;
        case 9: number == 0 ? hold(stream) : release(stream); break;
        case 10: codes.push_back(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}})); break;
        default:
          if (number == 0) codes.push_back(kareus_reset(handle));
          if (number == 1) machine.set("fail_next", random() % 6);
          if (number == 2) usleep(300);
      }
    }
    for (const int code : codes) CHECK(kareus_code_name(code) != nullptr);
    machine.set("fail_next", 0);
    release(stream);
    CHECK_EQUAL(kareus_close(handle), 0);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK(machine.journals().empty());
  }
}

CASE("a forked child has no say") {
  const Machine machine;
  kareus_handle* handle = openWithPlan();
  CHECK_EQUAL(step(handle), 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = kareus_step_begin(handle) == KAREUS_WRONG_STATE &&
                         kareus_close(handle) == KAREUS_WRONG_STATE;
    _exit(refused ? 0 : 1);
  }
  CHECK_EQUAL(wait(child), 0);
  usleep(20000);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("zeusd: clocks without privilege; absent, without control, gone in mid-run") {
  const Machine machine;
  setenv("KAREUS_PRIVILEGED", "0", 1);
  const std::string socket = machine.folder() + "/zeusd.sock";
  kareus_options wanted = options(KAREUS_BACKEND_ZEUSD);
  wanted.zeusd_socket = socket.c_str();
  wanted.synchronous = 1;
  wanted.device = "1";
  CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_ZEUSD));
  const auto serve = [&](std::vector<std::string> more) {
    int output = -1;
    std::vector<std::string> words = {built("simulated/kareus-zeusd-stub"), socket};
    words.insert(words.end(), more.begin(), more.end());
    const int process = start(words, &output);
    CHECK_EQUAL(readLine(output), "ready");
    close(output);
    return process;
  };
  int daemon = serve({"--no-control"});
  CHECK_EQUAL(codeOfOpen(wanted), static_cast<int>(KAREUS_NO_ZEUSD));
  kill(daemon, SIGKILL);
  wait(daemon);
  daemon = serve({});
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  CHECK_EQUAL(step(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz", 1), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz", 1), 0.0);
  handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  kill(daemon, SIGKILL);
  wait(daemon);
  expectFault(handle, KAREUS_CHANGE_FAILED);
  CHECK_EQUAL(kareus_close(handle), static_cast<int>(KAREUS_RESET_FAILED));
}

int main(int count, char** words) { return runAll(count, words); }
