// Runs a task's kernels on one or more GPUs, communication beside them from its launch points.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "gemm.h"
#include "nccl.h"
#include "worklist.h"

// Launches attention on a stream: sizes as in the work list; 0 on success. From torch, if it is there.
extern "C" typedef int (*KareusAttention)(const int64_t* sizes, int backward, const char* type,
                                          void* stream);

namespace kareus {

struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws CudaError naming what failed.
void check(cudaError_t status, const char* what);

class Runner {
 public:
  explicit Runner(KareusAttention attention);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Makes ready for a task; empty, or why it cannot be measured here.
  std::string prepare(const Task& task);

  // Queues one run of the prepared task and returns at once.
  void launch(const Task& task);

  void wait();

  // Whether runs of the task can be captured in a graph: one rank, and nothing of torch's.
  bool capturable(const Task& task) const;
  // A graph of so many runs of the prepared task; null where the driver refuses.
  cudaGraphExec_t capture(const Task& task, int64_t runs);

  // The SM of each thread block of a stand-in that is launched beside a kernel that fills the GPU.
  std::vector<unsigned> standInSms(int blocks);

  // Whether communication of the prepared task is a copy in the place of a collective.
  bool standsIn() const { return stands_in_; }
  cudaStream_t firstStream() const { return ranks_.front().compute; }

 private:
  struct Rank {
    int device = 0;
    cudaStream_t compute = nullptr;
    cudaStream_t communication = nullptr;
    cudaEvent_t ready = nullptr;
    cudaEvent_t done = nullptr;
    void* gemm = nullptr;
    char* arena = nullptr;
    int64_t arena_bytes = 0;
    int64_t cursor = 0;
  };

  Rank openRank(int device) const;
  std::string openRanks(const Task& task);
  std::string reserve(const Task& task);
  std::string refusal(const Kernel& kernel) const;
  void startCommunication(const Collective& collective, int sms);
  void startDue(const std::vector<Collective>& communications, size_t kernel, int sms);
  void launchKernel(Rank& rank, const Kernel& kernel) const;
  void* take(Rank& rank, int64_t bytes) const;

  KareusAttention attention_;
  Gemm gemm_;
  Nccl nccl_;
  int nccl_sms_ = -1;
  bool stands_in_ = false;
  std::vector<Rank> ranks_;
};

}  // namespace kareus
