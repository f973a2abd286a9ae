#include "harness.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace test {
namespace {

struct Named {
  const char* name;
  std::function<void()> body;
};

std::vector<Named>& cases() {
  static std::vector<Named> all;
  return all;
}

std::atomic<int> failures{0};

template <typename Function>
Function* symbol(const char* file, const char* name) {
  void* library = dlopen(built(std::string("simulated/") + file).c_str(), RTLD_NOW);
  auto* found = library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
  if (found != nullptr) return found;
  std::fprintf(stderr, "%s of %s: %s\n", name, file, dlerror());
  std::exit(1);
}

constexpr const char *kNvml = "libnvidia-ml.so.1", *kCuda = "libcuda.so.1";

}  // namespace

Case::Case(const char* name, std::function<void()> body) { cases().push_back({name, body}); }

int runAll(int count, char** words) {
  const char* wanted = count > 1 ? words[1] : "";
  int run = 0;
  for (const Named& entry : cases()) {
    if (std::strstr(entry.name, wanted) == nullptr) continue;
    const int before = failures;
    entry.body();
    std::printf("%s %s\n", failures == before ? "ok    " : "FAILED", entry.name);
    std::fflush(stdout);
    run++;
  }
  std::printf("%d cases, %d checks failed\n", run, failures.load());
  return failures == 0 && run > 0 ? 0 : 1;
}

void check(bool holds, const char* what, const std::string& seen, const char* file, int line) {
  if (holds) return;
  failures++;
  std::printf("%s:%d: %s (%s; last error: %s)\n", file, line, what, seen.c_str(),
              kareus_last_error());
}

std::string show(const std::string& text) { return "\"" + text + "\""; }

std::string show(const std::vector<uint32_t>& values) {
  std::string text = "[";
  for (const uint32_t value : values) text += std::to_string(value) + " ";
  return text + "]";
}

// The state file is mapped once per process, so a new machine means the same file, made anew.
Machine::Machine(const std::string& settings) {
  char pattern[] = "/tmp/kareus-test-XXXXXX";
  folder_ = mkdtemp(pattern);
  static const std::string shared_state = folder_ + ".state";
  [[maybe_unused]] static const bool swept = std::atexit([] {
    unlink(shared_state.c_str());
    unlink((shared_state + ".log").c_str());
  }) == 0;
  setenv("KAREUS_SIM_STATE", shared_state.c_str(), 1);
  setenv("KAREUS_SIM", "devices=2", 1);
  setenv("KAREUS_SIM_LOG", (shared_state + ".log").c_str(), 1);
  setenv("KAREUS_NVML", built(std::string("simulated/") + kNvml).c_str(), 1);
  setenv("KAREUS_CUDA", built(std::string("simulated/") + kCuda).c_str(), 1);
  setenv("KAREUS_GUARD", built("kareus-guard").c_str(), 1);
  setenv("KAREUS_STATE_DIR", stateDir().c_str(), 1);
  setenv("KAREUS_PRIVILEGED", "1", 1);
  setenv("KAREUS_GUARDD", (folder_ + "/no-guardd").c_str(), 1);
  unsetenv("KAREUS_GUARD_CGROUP");
  for (unsigned device = 0; device < 2; device++) {
    for (const char* zero : {"lost", "fail_next", "slow_s", "mig", "locked_mhz", "locked_ns", "resets", "limits",
                             "tick_s", "reading_s", "stuck"}) set(zero, 0, device);
    for (const char* one : {"busy", "permission", "energy_counter"}) set(one, 1, device);
    for (const char* never : {"deny_after", "lose_after"}) set(never, -1, device);
  }
  fail("", 0);
  if (truncate(std::getenv("KAREUS_SIM_LOG"), 0) != 0) std::ofstream(std::getenv("KAREUS_SIM_LOG"));
  std::istringstream words(settings);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    set(word.substr(0, equals).c_str(), std::atof(word.c_str() + equals + 1));
  }
}

Machine::~Machine() { removeAll(folder_); }

void Machine::set(const char* setting, double value, unsigned device) const {
  static auto* function = symbol<int(unsigned, const char*, double)>(kNvml, "kareus_sim_set");
  if (function(device, setting, value) != 0) std::abort();
}

double Machine::get(const char* setting, unsigned device) const {
  static auto* function = symbol<double(unsigned, const char*)>(kNvml, "kareus_sim_get");
  return function(device, setting);
}

void Machine::fail(const char* function, int status) const {
  static auto* inject = symbol<void(const char*, int)>(kNvml, "kareus_sim_fail");
  inject(function, status);
}

std::vector<uint32_t> Machine::asked() const {
  std::ifstream log(std::getenv("KAREUS_SIM_LOG"));
  std::vector<uint32_t> clocks;
  for (std::string line; std::getline(log, line);) {
    std::istringstream words(line);
    std::string time, process, function;
    uint32_t device = 0, freq_mhz = 0;
    words >> time >> process >> function >> device;
    if (function == "nvmlDeviceResetGpuLockedClocks") clocks.push_back(0);
    if (function == "nvmlDeviceSetGpuLockedClocks" && words >> freq_mhz) clocks.push_back(freq_mhz);
  }
  return clocks;
}

std::vector<std::string> Machine::journals() const {
  std::vector<std::string> names;
  if (!std::filesystem::exists(stateDir())) return names;
  for (const auto& entry : std::filesystem::directory_iterator(stateDir())) {
    if (entry.path().extension() == ".journal") names.push_back(entry.path());
  }
  return names;
}

int Machine::guard() const {
  const auto found = journals();
  if (found.empty()) return 0;
  std::ifstream file(found[0]);
  std::string word;
  while (file >> word && word != "guard") {
  }
  int process = 0;
  file >> process;
  return process;
}

void hold(kareus_stream stream) { symbol<void(void*)>(kCuda, "kareus_simcuda_hold")(stream); }
void release(kareus_stream stream) { symbol<void(void*)>(kCuda, "kareus_simcuda_release")(stream); }
void launch(kareus_stream stream, double time_s) {
  symbol<void(void*, double)>(kCuda, "kareus_simcuda_launch")(stream, time_s);
}
void capture(kareus_stream stream) { symbol<void(void*)>(kCuda, "kareus_simcuda_capture")(stream); }
bool endCapture() { return symbol<int()>(kCuda, "kareus_simcuda_end_capture")() != 0; }
void refuseEvents(bool on) { symbol<void(int)>(kCuda, "kareus_simcuda_refuse")(on ? 1 : 0); }

bool isDone(kareus_stream stream) {
  void* event = nullptr;
  symbol<int(void**, unsigned)>(kCuda, "cuEventCreate")(&event, 0);
  symbol<int(void*, void*)>(kCuda, "cuEventRecord")(event, stream);
  const bool done = symbol<int(void*)>(kCuda, "cuEventQuery")(event) == 0;
  symbol<int(void*)>(kCuda, "cuEventDestroy_v2")(event);
  return done;
}

int setPlan(kareus_handle* handle, std::initializer_list<Planned> instructions) {
  std::vector<int32_t> kinds, microbatches;
  std::vector<uint32_t> clocks;
  for (const Planned& entry : instructions) {
    kinds.push_back(entry.kind);
    microbatches.push_back(entry.microbatch);
    clocks.push_back(entry.freq_mhz);
  }
  kareus_plan plan = {};
  plan.struct_size = sizeof plan;
  plan.instruction_count = static_cast<uint32_t>(kinds.size());
  plan.kind = kinds.data();
  plan.microbatch = microbatches.data();
  plan.freq_mhz = clocks.data();
  return kareus_set_plan(handle, &plan);
}

kareus_options options(kareus_backend backend, kareus_mode mode) {
  kareus_options options = {};
  options.struct_size = sizeof options;
  options.backend = backend;
  options.mode = mode;
  return options;
}

kareus_statistics statisticsOf(kareus_handle* handle) {
  kareus_statistics statistics = {};
  statistics.struct_size = sizeof statistics;
  CHECK_EQUAL(kareus_get_statistics(handle, &statistics), 0);
  return statistics;
}

std::vector<uint32_t> changesOf(kareus_handle* handle) {
  std::vector<uint32_t> changes(1024);
  uint64_t count = 0;
  CHECK_EQUAL(kareus_get_changes(handle, changes.data(), 1024, &count), 0);
  changes.resize(count);
  return changes;
}

int step(kareus_handle* handle, double flush_s) {
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  for (const int kind : {0, 1}) {
    CHECK_EQUAL(kareus_instruction_begin(handle, kind, 0, 0, nullptr), 0);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
  }
  CHECK_EQUAL(kareus_flush(handle, flush_s), 0);
  return kareus_step_end(handle);
}

kareus_handle* open(const kareus_options& options) {
  kareus_handle* handle = nullptr;
  const int code = kareus_open(&options, &handle);
  if (code == 0) return handle;
  std::printf("cannot open: %d, %s\n", code, kareus_last_error());
  std::exit(1);
}

int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

int repeats(int normally) {
  const char* wanted = std::getenv("KAREUS_REPEATS");
  return wanted == nullptr ? normally : std::atoi(wanted);
}

bool isGone(int process) { return kill(process, 0) != 0; }

bool waitUntil(const std::function<bool()>& holds, double timeout_s) {
  const int64_t end_ns = now_ns() + static_cast<int64_t>(timeout_s * 1e9);
  while (!holds()) {
    if (now_ns() > end_ns) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

void removeAll(const std::string& path) {
  CHECK(waitUntil([&] {
    std::error_code raced;
    std::filesystem::remove_all(path, raced);
    return !raced;
  }));
}

int start(const std::vector<std::string>& words, int* output, bool own_group) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2] = {-1, -1};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (std::getenv("KAREUS_TEST_STDERR") == nullptr) {
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  }
  if (output != nullptr && pipe2(ends, O_CLOEXEC) == 0) {
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A shell lets what it starts in the background ignore these; jobs shall not.
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigaddset(&interrupts, SIGQUIT);
  posix_spawnattr_setsigdefault(&attributes, &interrupts);
  const int grouped = own_group ? POSIX_SPAWN_SETPGROUP : 0;
  posix_spawnattr_setflags(&attributes, static_cast<short>(grouped | POSIX_SPAWN_SETSIGDEF));
  pid_t process = 0;
  if (posix_spawn(&process, words[0].c_str(), &actions, &attributes, arguments.data(), environ) != 0) {
    std::perror(words[0].c_str());
    std::exit(1);
  }
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (output != nullptr) {
    close(ends[1]);
    *output = ends[0];
  }
  return process;
}

int wait(int process) {
  int status = 0;
  waitpid(process, &status, 0);
  return status;
}

std::string readLine(int fd) {
  std::string line;
  for (char c; read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string runGuard(const char* what, int exit_code) {
  const std::string all = askGuard({what}, exit_code);
  return all.substr(0, all.find('\n'));
}

std::string askGuard(std::vector<std::string> words, int exit_code) {
  words.insert(words.begin(), built("kareus-guard"));
  words.push_back("--json-lines");
  int output = -1;
  const int process = start(words, &output);
  std::string said;
  for (char c; read(output, &c, 1) == 1;) said += c;
  close(output);
  const int status = wait(process);
  CHECK_EQUAL(WIFEXITED(status) ? WEXITSTATUS(status) : -1, exit_code);
  return said;
}

std::string built(const std::string& name) {
  const char* copied = std::getenv("KAREUS_BUILD_DIR");
  return std::string(copied == nullptr ? KAREUS_BUILD_DIR : copied) + "/" + name;
}

}  // namespace test
