#include "runner.h"

#include <algorithm>

#include "kernels.h"

namespace kareus {
namespace {

constexpr int64_t kAlignment = 256;

// Left to libraries: cuBLAS workspaces, NCCL buffers, what torch allocates.
constexpr double kArenaShare = 0.7;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Bytes that communication reads, and as many that it writes.
int64_t movedBytes(const Collective& collective, bool stands_in) {
  return stands_in ? wireBytes(collective) : collective.size_bytes;
}

int64_t operandsOf(const Task& task, bool stands_in, int64_t* largest) {
  int64_t total = 0;
  for (const Kernel& kernel : task.kernels) {
    int64_t own = 0;
    for (int64_t bytes : operandBytes(kernel)) own += aligned(bytes);
    *largest = std::max(*largest, own);
    total += own;
  }
  for (const Collective& collective : task.communications()) {
    const int64_t moved = 2 * aligned(movedBytes(collective, stands_in));
    *largest = std::max(*largest, moved);
    total += moved;
  }
  return total;
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw CudaError(std::string(what) + ": " + cudaGetErrorString(status));
}

Runner::Runner(KareusAttention attention) : attention_(attention) {
  ranks_.push_back(openRank(0));
}

Runner::~Runner() {
  for (Rank& rank : ranks_) {
    cudaSetDevice(rank.device);
    cudaFree(rank.arena);
    cudaEventDestroy(rank.ready);
    cudaEventDestroy(rank.done);
    cudaStreamDestroy(rank.compute);
    cudaStreamDestroy(rank.communication);
  }
}

Runner::Rank Runner::openRank(int device) const {
  Rank rank;
  rank.device = device;
  check(cudaSetDevice(device), "cudaSetDevice");
  check(cudaStreamCreateWithFlags(&rank.compute, cudaStreamNonBlocking), "cudaStreamCreate");
  // Blocks of communication take the next SM that is free, ahead of computation's many.
  int least = 0, greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  check(cudaStreamCreateWithPriority(&rank.communication, cudaStreamNonBlocking, greatest),
        "cudaStreamCreate");
  check(cudaEventCreateWithFlags(&rank.ready, cudaEventDisableTiming), "cudaEventCreate");
  check(cudaEventCreateWithFlags(&rank.done, cudaEventDisableTiming), "cudaEventCreate");
  rank.gemm = gemm_.handleFor(rank.compute);
  return rank;
}

std::string Runner::refusal(const Kernel& kernel) const {
  if (kernel.op == "conv") return "convolutions are not measured";
  if (elementBytes(kernel.type) == 0) return "no arithmetic in " + kernel.type;
  if (kernel.op == "matmul" && ranks_.front().gemm == nullptr) return "cuBLAS is not there";
  if (kernel.op != "attention") return "";
  if (attention_ == nullptr) return "attention needs torch: run recorder.py";
  return ranks_.size() > 1 ? "attention is measured on one GPU alone" : "";
}

// Every rank of a collective runs the same kernels; without as many GPUs, one runs and a copy
// stands in.
std::string Runner::openRanks(const Task& task) {
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "cudaGetDeviceCount");
  const std::vector<Collective> all = task.communications();
  const int ranks = task.communication.ranks;
  stands_in_ = std::any_of(all.begin(), all.end(), [devices](const Collective& each) {
    return each.ranks > devices || each.ranks == 1;
  });
  const int wanted = all.empty() || stands_in_ ? 1 : ranks;
  if (wanted == 1) return "";
  const bool one_group = std::all_of(
      all.begin(), all.end(), [ranks](const Collective& each) { return each.ranks == ranks; });
  if (!one_group) return "collectives over different numbers of ranks are not measured together";
  if (task.sms == 0) return "copy-engine collectives are not measured";
  for (int device = static_cast<int>(ranks_.size()); device < wanted; device++) {
    ranks_.push_back(openRank(device));
  }
  if (static_cast<int>(ranks_.size()) != wanted) return "another number of ranks: start again";
  if (nccl_sms_ == task.sms) return "";
  if (nccl_sms_ >= 0) return "NCCL keeps its thread blocks: start again";
  nccl_sms_ = task.sms;
  return nccl_.start(wanted, task.sms);
}

std::string Runner::reserve(const Task& task) {
  int64_t largest = 0;
  const int64_t wanted = operandsOf(task, stands_in_, &largest);
  for (Rank& rank : ranks_) {
    if (rank.arena_bytes >= wanted) continue;
    check(cudaSetDevice(rank.device), "cudaSetDevice");
    check(cudaFree(rank.arena), "cudaFree");
    rank.arena = nullptr;
    rank.arena_bytes = 0;
    size_t unused = 0, total = 0;
    check(cudaMemGetInfo(&unused, &total), "cudaMemGetInfo");
    const auto most = static_cast<int64_t>(kArenaShare * static_cast<double>(unused));
    if (largest > most) return "needs " + std::to_string(largest) + " bytes at once";
    const int64_t bytes = std::min(wanted, most);
    check(cudaMalloc(reinterpret_cast<void**>(&rank.arena), static_cast<size_t>(bytes)), "cudaMalloc");
    rank.arena_bytes = bytes;
    fillBuffer(rank.arena, bytes, rank.compute);
    check(cudaStreamSynchronize(rank.compute), "fill");
  }
  return "";
}

std::string Runner::prepare(const Task& task) {
  std::string reason = openRanks(task);
  for (const Kernel& kernel : task.kernels) {
    if (reason.empty()) reason = refusal(kernel);
  }
  return reason.empty() ? reserve(task) : reason;
}

// The next bytes of the arena, from its start again when it ends: operands of one kernel never
// overlap, and what follows finds its data in memory rather than in the cache.
void* Runner::take(Rank& rank, int64_t bytes) const {
  if (rank.cursor + bytes > rank.arena_bytes) rank.cursor = 0;
  void* at = rank.arena + rank.cursor;
  rank.cursor += aligned(bytes);
  return at;
}

void Runner::launchKernel(Rank& rank, const Kernel& kernel) const {
  if (kernel.op == "attention") {
    const int backward = kernel.direction == "backward" ? 1 : 0;
    if (attention_(kernel.sizes.data(), backward, kernel.type.c_str(), rank.compute) != 0) {
      throw CudaError("attention failed");
    }
    return;
  }
  int64_t own = 0;
  const std::vector<int64_t> operands = operandBytes(kernel);
  for (int64_t bytes : operands) own += aligned(bytes);
  if (rank.cursor + own > rank.arena_bytes) rank.cursor = 0;
  void* const a = take(rank, operands[0]);
  void* const b = take(rank, operands[1]);
  if (kernel.op == "memory") {
    launchMemory(a, operands[0], b, operands[1], kernel.sizes[2], rank.compute);
  } else if (!gemm_.launch(rank.gemm, kernel, a, b, take(rank, operands[2]))) {
    throw CudaError("cuBLAS refuses the product");
  }
}

// The stream runs what it is given in order; each also waits for the kernels launched so far.
void Runner::startCommunication(const Collective& collective, int sms) {
  std::vector<void*> from, to;
  std::vector<cudaStream_t> streams;
  const int64_t bytes = movedBytes(collective, stands_in_);
  for (Rank& rank : ranks_) {
    if (rank.cursor + 2 * aligned(bytes) > rank.arena_bytes) rank.cursor = 0;
    from.push_back(take(rank, bytes));
    to.push_back(take(rank, bytes));
    streams.push_back(rank.communication);
    check(cudaSetDevice(rank.device), "cudaSetDevice");
    check(cudaEventRecord(rank.ready, rank.compute), "cudaEventRecord");
    check(cudaStreamWaitEvent(rank.communication, rank.ready, 0), "cudaStreamWaitEvent");
  }
  if (stands_in_) {
    check(launchStandIn(from[0], to[0], bytes, sms, streams[0]), "the stand-in");
  } else if (!nccl_.launch(collective, from, to, streams)) {
    throw CudaError("NCCL refuses the collective");
  }
  for (Rank& rank : ranks_) {
    check(cudaSetDevice(rank.device), "cudaSetDevice");
    check(cudaEventRecord(rank.done, rank.communication), "cudaEventRecord");
  }
}

// Starts what may start before that kernel. A later one in the queue never starts sooner.
void Runner::startDue(const std::vector<Collective>& communications, size_t kernel, int sms) {
  size_t from = 0;
  for (const Collective& collective : communications) {
    from = std::max(from, static_cast<size_t>(collective.first));
    if (from == kernel) startCommunication(collective, sms);
  }
}

void Runner::launch(const Task& task) {
  const std::vector<Collective> communications = task.communications();
  for (Rank& rank : ranks_) rank.cursor = 0;
  for (size_t i = 0; i < task.kernels.size(); i++) {
    startDue(communications, i, task.sms);
    for (Rank& rank : ranks_) {
      if (ranks_.size() > 1) check(cudaSetDevice(rank.device), "cudaSetDevice");
      launchKernel(rank, task.kernels[i]);
    }
  }
  if (communications.empty()) return;
  startDue(communications, task.kernels.size(), task.sms);
  for (Rank& rank : ranks_) {
    if (ranks_.size() > 1) check(cudaSetDevice(rank.device), "cudaSetDevice");
    check(cudaStreamWaitEvent(rank.compute, rank.done, 0), "cudaStreamWaitEvent");
  }
}

bool Runner::capturable(const Task& task) const {
  return ranks_.size() == 1 &&
         std::none_of(task.kernels.begin(), task.kernels.end(),
                      [](const Kernel& kernel) { return kernel.op == "attention"; });
}

cudaGraphExec_t Runner::capture(const Task& task, int64_t runs) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t made = nullptr;
  check(cudaStreamBeginCapture(firstStream(), cudaStreamCaptureModeThreadLocal), "capture");
  for (int64_t i = 0; i < runs; i++) launch(task);
  const bool captured = cudaStreamEndCapture(firstStream(), &graph) == cudaSuccess;
  if (captured && cudaGraphInstantiate(&made, graph, 0) != cudaSuccess) made = nullptr;
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();  // what was refused is launched run by run
  return made;
}

std::vector<unsigned> Runner::standInSms(int blocks) {
  constexpr int64_t kBytesPerBlock = 2 << 20;  // so long that no block ends before the last begins
  Rank& rank = ranks_.front();
  check(cudaSetDevice(rank.device), "cudaSetDevice");
  const auto count = static_cast<size_t>(blocks);
  const auto bytes = static_cast<size_t>(blocks * kBytesPerBlock);
  char* buffer = nullptr;
  unsigned* noted = nullptr;
  check(cudaMalloc(reinterpret_cast<void**>(&buffer), 2 * bytes), "cudaMalloc");
  check(cudaMalloc(reinterpret_cast<void**>(&noted), count * sizeof(unsigned)), "cudaMalloc");
  fillBuffer(rank.arena, rank.arena_bytes, rank.compute);
  check(launchStandIn(buffer, buffer + bytes, blocks * kBytesPerBlock, blocks, rank.communication, noted),
        "the stand-in");
  wait();
  std::vector<unsigned> sms(count);
  check(cudaMemcpy(sms.data(), noted, count * sizeof(unsigned), cudaMemcpyDeviceToHost), "cudaMemcpy");
  check(cudaFree(buffer), "cudaFree");
  check(cudaFree(noted), "cudaFree");
  return sms;
}

void Runner::wait() {
  for (Rank& rank : ranks_) {
    check(cudaStreamSynchronize(rank.compute), "run");
    check(cudaStreamSynchronize(rank.communication), "run");
  }
  check(cudaGetLastError(), "run");
}

}  // namespace kareus
