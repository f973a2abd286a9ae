#include "recorder.h"

#include <algorithm>
#include <csignal>
#include <iostream>

#include "gpu.h"
#include "reply.h"
#include "session.h"

namespace kareus {
namespace {

volatile std::sig_atomic_t g_stop = 0;
void stop(int) { g_stop = 1; }

void say(const std::string& line) { std::cout << line << std::endl; }

// Everything but the GPU's work: the list as it was understood, the counter and the clocks.
int checkOnly(const std::vector<Task>& tasks, const Setting& setting) {
  for (const Task& task : tasks) say(lineOf(task));
  Board board("");
  std::string clocks = "default";
  if (setting.lock_clocks && !tasks.empty()) {
    const std::string refused = board.lockClock(tasks.front().clock_mhz);
    clocks = refused.empty() ? "locked" : refused;
  }
  say("{\"driver\":" + quoted(board.driver()) + ",\"clocks\":" + quoted(clocks) +
      ",\"energy_j\":" + number(board.energy_j()) + "}");
  return kDone;
}

// How many GPUs the tasks run on.
int ranksOf(const std::vector<Task>& tasks, int devices) {
  int ranks = 1;
  for (const Task& task : tasks) {
    for (const Collective& each : task.communications()) {
      if (each.ranks <= devices) ranks = std::max(ranks, each.ranks);
    }
  }
  return ranks;
}

int record(const std::vector<Task>& tasks, const Setting& setting, KareusAttention attention) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::cerr << "no GPU: nothing was measured" << std::endl;
    return kNoGpu;
  }
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  Gpu gpu(ranksOf(tasks, devices), attention);
  say(lineOf(Greeting{properties.name, gpu.board().driver(), properties.multiProcessorCount,
                      gpu.board().powerState()}));
  std::string refused;
  const int code = runSession(gpu, tasks, setting, say, [] { return g_stop != 0; }, refused);
  if (code == kClocks) std::cerr << "clocks cannot be locked: " << refused << std::endl;
  if (code == kFailed) std::cerr << refused << std::endl;
  return code;
}

}  // namespace
}  // namespace kareus

extern "C" int kareus_recorder(int argc, const char* const* argv, KareusAttention attention) {
  using namespace kareus;
  // Clocks are given back on the way out, so a signal (or a reader gone) ends the run at the next
  // window.
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, stop);
  try {
    const Setting setting = parseSetting(argc, argv);
    const std::vector<Task> tasks = readWorkList(std::cin);
    return setting.check ? checkOnly(tasks, setting) : record(tasks, setting, attention);
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
