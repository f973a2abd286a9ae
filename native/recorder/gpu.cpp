#include "gpu.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "kernels.h"

namespace kareus {
namespace {

// Short kernels are launched as one graph of many runs, or the CPU would be slower than the GPU.
constexpr int64_t kRunsOfGraph = 64;
// A graph is worth it from as many runs on: a mark behind each run is wanted of single ones.
constexpr int64_t kGraphFrom = 4 * kRunsOfGraph;

std::vector<std::unique_ptr<Board>> boardsOf(int ranks) {
  std::vector<std::unique_ptr<Board>> boards;
  for (int device = 0; device < ranks; device++) {
    char bus_id[64] = "";
    check(cudaDeviceGetPCIBusId(bus_id, sizeof bus_id, device), "cudaDeviceGetPCIBusId");
    boards.push_back(std::make_unique<Board>(bus_id));
  }
  return boards;
}

}  // namespace

Gpu::Gpu(int ranks, KareusAttention attention) : boards_(boardsOf(ranks)), runner_(attention) {}

Gpu::~Gpu() {
  dropGraph();
  for (const cudaEvent_t event : events_) cudaEventDestroy(event);
}

double Gpu::now_s() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void Gpu::pause(double time_s) {
  std::this_thread::sleep_for(std::chrono::duration<double>(time_s));
}

std::string Gpu::prepare(const Task& task) {
  runner_.wait();
  dropGraph();
  const std::string reason = runner_.prepare(task);
  if (!reason.empty()) return reason;
  task_ = task;
  marks_ = 0;
  mark();
  return "";
}

void Gpu::launch(int64_t runs) {
  const bool many = runs >= kGraphFrom && runner_.capturable(task_);
  if (many && !graph_tried_) {
    graph_tried_ = true;
    graph_ = runner_.capture(task_, kRunsOfGraph);
  }
  int64_t left = runs;
  for (; many && graph_ != nullptr && left >= kRunsOfGraph; left -= kRunsOfGraph) {
    check(cudaGraphLaunch(graph_, runner_.firstStream()), "cudaGraphLaunch");
  }
  for (; left > 0; left--) runner_.launch(task_);
  mark();
}

// Records the next mark behind everything that the first rank was given.
cudaEvent_t Gpu::mark() {
  check(cudaSetDevice(0), "cudaSetDevice");
  if (marks_ == events_.size()) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate");
    events_.push_back(event);
  }
  const cudaEvent_t event = events_[marks_++];
  check(cudaEventRecord(event, runner_.firstStream()), "cudaEventRecord");
  return event;
}

std::optional<double> Gpu::reached(size_t mark) {
  if (mark >= marks_) return std::nullopt;
  const cudaError_t status = cudaEventQuery(events_[mark]);
  if (status == cudaErrorNotReady) return std::nullopt;
  check(status, "run");
  float since_ms = 0;
  check(cudaEventElapsedTime(&since_ms, events_[0], events_[mark]), "cudaEventElapsedTime");
  return static_cast<double>(since_ms) / 1000;
}

int Gpu::standInSms(int blocks) {
  const std::vector<unsigned> sms = runner_.standInSms(blocks);
  return static_cast<int>(std::set<unsigned>(sms.begin(), sms.end()).size());
}

std::string Gpu::lockClock(int clock_mhz) {
  for (const auto& board : boards_) {
    const std::string refused = board->lockClock(clock_mhz);
    if (!refused.empty()) return refused;
  }
  return "";
}

void Gpu::dropGraph() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
  graph_ = nullptr;
  graph_tried_ = false;
}

}  // namespace kareus
