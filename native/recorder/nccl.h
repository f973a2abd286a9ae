// Collectives between the GPUs of this machine through NCCL, opened at run time.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <vector>

#include "../shim/src/library.h"
#include "worklist.h"

namespace kareus {

class Nccl {
 public:
  Nccl();

  // Communicators of devices 0 to ranks - 1 that give every collective `sms` thread blocks; NCCL
  // reads that number once a process. Empty on success, else why not.
  std::string start(int ranks, int sms);

  // One collective on every rank's stream, from `from` to `to`.
  bool launch(const Collective& collective, const std::vector<void*>& from, const std::vector<void*>& to,
              const std::vector<cudaStream_t>& streams) const;

 private:
  using Comm = void*;
  using InitAll = int(Comm*, int, const int*);
  using Group = int();
  using Reduce = int(const void*, void*, size_t, int, int, Comm, cudaStream_t);
  using Gather = int(const void*, void*, size_t, int, Comm, cudaStream_t);
  using Send = int(const void*, size_t, int, int, Comm, cudaStream_t);
  using Receive = int(void*, size_t, int, int, Comm, cudaStream_t);

  int launchRank(const Collective& collective, int rank, char* from, char* to, cudaStream_t stream) const;
  int exchange(const Collective& collective, int rank, char* from, char* to, cudaStream_t stream) const;

  Library library_;
  std::vector<Comm> comms_;
};

}  // namespace kareus
