#include "recorder.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "nvml.h"

namespace kareus {
namespace {

constexpr int kDone = 0, kUsage = 2, kNoGpu = 3, kClocks = 4, kFailed = 5;

volatile std::sig_atomic_t g_stop = 0;
void stop(int) { g_stop = 1; }

struct Options {
  double window_s = 5, warmup_s = 1, cooldown_s = 5;
  int trials = 3;
  bool lock_clocks = false;
  bool check = false;
};

struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

double seconds(const std::string& text, double least) {
  size_t read = 0;
  double value = NAN;
  try {
    value = std::stod(text, &read);
  } catch (const std::exception&) {
    read = 0;
  }
  if (read != text.size() || !(value >= least) || value > 3600) throw Usage("no time: " + text);
  return value;
}

Options parse(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string flag = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) throw Usage(flag + " needs a value");
      return argv[++i];
    };
    if (flag == "--window-s") options.window_s = seconds(value(), 0.001);
    else if (flag == "--warmup-s") options.warmup_s = seconds(value(), 0);
    else if (flag == "--cooldown-s") options.cooldown_s = seconds(value(), 0);
    else if (flag == "--trials") options.trials = static_cast<int>(seconds(value(), 1));
    else if (flag == "--lock-clocks") options.lock_clocks = true;
    else if (flag == "--check") options.check = true;
    else throw Usage("no flag " + flag);
  }
  return options;
}

struct Spread {
  double mean = 0, std = 0;
};

Spread spreadOf(const std::vector<double>& values) {
  Spread spread;
  for (double value : values) spread.mean += value / static_cast<double>(values.size());
  for (double value : values) {
    spread.std += (value - spread.mean) * (value - spread.mean) / static_cast<double>(values.size());
  }
  spread.std = std::sqrt(spread.std);
  return spread;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

void say(const std::string& line) { std::cout << line << std::endl; }

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// Runs of the task that fill the time; runs until then warm the GPU up.
int64_t runsFor(Runner& runner, const Task& task, const Options& options) {
  int64_t runs = 1;
  const double start = now();
  for (;;) {
    const double before = now();
    for (int64_t i = 0; i < runs; i++) runner.launch(task);
    runner.wait();
    const double after = now();
    const double run_s = (after - before) / static_cast<double>(runs);
    const bool long_enough = after - before > 0.01;
    if (g_stop || (long_enough && after - start >= options.warmup_s)) {
      return std::max<int64_t>(1, std::llround(options.window_s / run_s));
    }
    if (!long_enough) runs *= 2;
  }
}

struct Trial {
  double time_s = 0;
  std::optional<double> energy_j;
};

Trial window(Runner& runner, const Task& task, int64_t runs, const Nvml& nvml) {
  cudaEvent_t first, last;
  check(cudaSetDevice(0), "cudaSetDevice");
  check(cudaEventCreate(&first), "cudaEventCreate");
  check(cudaEventCreate(&last), "cudaEventCreate");
  const std::optional<double> before = nvml.energy();
  check(cudaEventRecord(first, runner.firstStream()), "cudaEventRecord");
  for (int64_t i = 0; i < runs; i++) runner.launch(task);
  check(cudaSetDevice(0), "cudaSetDevice");
  check(cudaEventRecord(last, runner.firstStream()), "cudaEventRecord");
  runner.wait();
  const std::optional<double> after = nvml.energy();
  float elapsed_ms = 0;
  check(cudaEventElapsedTime(&elapsed_ms, first, last), "cudaEventElapsedTime");
  check(cudaEventDestroy(first), "cudaEventDestroy");
  check(cudaEventDestroy(last), "cudaEventDestroy");
  const auto count = static_cast<double>(runs);
  Trial trial;
  trial.time_s = elapsed_ms / 1000.0 / count;
  if (before && after) trial.energy_j = (*after - *before) / count;
  return trial;
}

// The reply to one task; empty if the run was stopped before it was whole.
std::string measure(Runner& runner, const Task& task, const Options& options, const Nvml& nvml) {
  const std::string head = "{\"task\":" + std::to_string(task.id);
  const std::string refused = runner.prepare(task);
  if (!refused.empty()) return head + ",\"skipped\":" + quoted(refused) + "}";
  const int64_t runs = runsFor(runner, task, options);
  std::vector<double> times, energies;
  for (int i = 0; i < options.trials; i++) {
    if (options.cooldown_s > 0) {
      std::this_thread::sleep_for(std::chrono::duration<double>(options.cooldown_s));
      runner.launch(task);
      runner.wait();
    }
    if (g_stop) return "";
    const Trial trial = window(runner, task, runs, nvml);
    times.push_back(trial.time_s);
    if (trial.energy_j) energies.push_back(*trial.energy_j);
  }
  const Spread time = spreadOf(times);
  const Spread energy = spreadOf(energies);
  const bool metered = energies.size() == times.size();
  return head + ",\"time_s\":" + number(time.mean) + ",\"time_s_std\":" + number(time.std) +
         ",\"energy_j\":" + (metered ? number(energy.mean) : "null") +
         ",\"energy_j_std\":" + (metered ? number(energy.std) : "null") +
         ",\"trials\":" + std::to_string(options.trials) +
         ",\"stand_in\":" + (runner.standsIn() ? "true" : "false") + "}";
}

// Everything but the GPU's work: the list as it was understood, the counter and the clocks.
int checkOnly(const std::vector<Task>& tasks, const Options& options) {
  for (const Task& task : tasks) say(lineOf(task));
  Nvml nvml("");
  std::string clocks = "default";
  if (options.lock_clocks && !tasks.empty()) {
    const std::string refused = nvml.lockClock(tasks.front().clock_mhz);
    clocks = refused.empty() ? "locked" : refused;
  }
  const std::optional<double> energy = nvml.energy();
  say("{\"driver\":" + quoted(nvml.driver()) + ",\"clocks\":" + quoted(clocks) +
      ",\"energy_j\":" + (energy ? number(*energy) : "null") + "}");
  return kDone;
}

// The GPUs that the tasks run on, the measured one first.
std::vector<std::unique_ptr<Nvml>> boardsOf(const std::vector<Task>& tasks, int devices) {
  int ranks = 1;
  for (const Task& task : tasks) {
    for (const Collective& each : task.communications()) {
      if (each.ranks <= devices) ranks = std::max(ranks, each.ranks);
    }
  }
  std::vector<std::unique_ptr<Nvml>> boards;
  for (int device = 0; device < ranks; device++) {
    char bus_id[64] = "";
    check(cudaDeviceGetPCIBusId(bus_id, sizeof bus_id, device), "cudaDeviceGetPCIBusId");
    boards.push_back(std::make_unique<Nvml>(bus_id));
  }
  return boards;
}

// Locks the clock of every board. Empty on success, else the first refusal.
std::string lockClocks(const std::vector<std::unique_ptr<Nvml>>& boards, int clock_mhz) {
  for (const auto& board : boards) {
    const std::string refused = board->lockClock(clock_mhz);
    if (!refused.empty()) return refused;
  }
  return "";
}

int record(const std::vector<Task>& tasks, const Options& options, KareusAttention attention) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::cerr << "no GPU: nothing was measured" << std::endl;
    return kNoGpu;
  }
  cudaDeviceProp gpu;
  check(cudaGetDeviceProperties(&gpu, 0), "cudaGetDeviceProperties");
  const std::vector<std::unique_ptr<Nvml>> boards = boardsOf(tasks, devices);
  const Nvml& nvml = *boards.front();
  say("{\"gpu\":" + quoted(gpu.name) + ",\"driver\":" + quoted(nvml.driver()) +
      ",\"sm_count\":" + std::to_string(gpu.multiProcessorCount) + "}");
  Runner runner(attention);
  int clock_mhz = 0;
  for (const Task& task : tasks) {
    if (g_stop) break;
    if (options.lock_clocks && task.clock_mhz != clock_mhz) {
      const std::string refused = lockClocks(boards, task.clock_mhz);
      if (!refused.empty()) {
        std::cerr << "clocks cannot be locked: " << refused << std::endl;
        return kClocks;
      }
      clock_mhz = task.clock_mhz;
    }
    const std::string reply = measure(runner, task, options, nvml);
    if (!reply.empty()) say(reply);
  }
  return kDone;
}

}  // namespace
}  // namespace kareus

extern "C" int kareus_recorder(int argc, const char* const* argv, KareusAttention attention) {
  using namespace kareus;
  // Clocks are given back on the way out, so a signal (or a reader gone) ends the run at the next
  // window.
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, stop);
  try {
    const Options options = parse(argc, argv);
    const std::vector<Task> tasks = readWorkList(std::cin);
    return options.check ? checkOnly(tasks, options) : record(tasks, options, attention);
  } catch (const Usage& error) {
    std::cerr << error.what() << std::endl;
    return kUsage;
  } catch (const MalformedWorkList& error) {
    std::cerr << error.what() << std::endl;
    return kUsage;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return kFailed;
  }
}
