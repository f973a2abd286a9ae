// The recorder's own kernels.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace kareus {

// Finite numbers of about one in every type that is computed in; power depends on the data.
void fillBuffer(void* buffer, int64_t bytes, cudaStream_t stream);

// Reads one range and writes another, with some arithmetic on the way: bound by memory traffic.
void launchMemory(const void* from, int64_t bytes_read, void* to, int64_t bytes_written,
                  int64_t flops, cudaStream_t stream);

// Stands in for a collective where there is no peer: `sms` thread blocks copy its bytes. Each holds all
// the shared memory that a block may have, so that no two share an SM, as NCCL's do not. Each writes the
// number of its SM to `noted`, unless that is null. Without thread blocks the copy engine does it.
cudaError_t launchStandIn(const void* from, void* to, int64_t bytes, int sms, cudaStream_t stream,
                          unsigned* noted = nullptr);

}  // namespace kareus
