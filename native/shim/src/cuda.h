// What is needed of the CUDA driver, in our own declarations (NVIDIA's CUDA driver API reference).
#pragma once

#include "library.h"

namespace kareus {

using CudaStream = void*;
using CudaEvent = void*;
using CudaContext = void*;

enum CudaStatus : int { kCudaOk = 0, kCudaNotReady = 600 };

#define KAREUS_CUDA_FUNCTIONS(X)                                                        \
  X(getContext, "cuCtxGetCurrent", int(CudaContext*))                                   \
  X(setContext, "cuCtxSetCurrent", int(CudaContext))                                    \
  X(createEvent, "cuEventCreate", int(CudaEvent*, unsigned))                            \
  X(destroyEvent, "cuEventDestroy_v2", int(CudaEvent))                                  \
  X(recordEvent, "cuEventRecord", int(CudaEvent, CudaStream))                           \
  X(queryEvent, "cuEventQuery", int(CudaEvent))                                         \
  X(elapsed_ms, "cuEventElapsedTime", int(float*, CudaEvent, CudaEvent))                \
  X(waitEvent, "cuStreamWaitEvent", int(CudaStream, CudaEvent, unsigned))               \
  X(isCapturing, "cuStreamIsCapturing", int(CudaStream, int*))                          \
  X(exchangeCaptureMode, "cuThreadExchangeStreamCaptureMode", int(int*))

class Cuda {
 public:
  Cuda();
  // Whether the library and all of its functions are there.
  bool present() const { return present_; }

#define KAREUS_MEMBER(member, symbol, type) using member##_t = type; member##_t* member = nullptr;
  KAREUS_CUDA_FUNCTIONS(KAREUS_MEMBER)
#undef KAREUS_MEMBER

 private:
  Library library_;
  bool present_ = true;
};

}  // namespace kareus
