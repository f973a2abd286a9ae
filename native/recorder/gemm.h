// Matrix products through cuBLAS, opened at run time.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "../shim/src/library.h"
#include "worklist.h"

namespace kareus {

class Gemm {
 public:
  Gemm();
  bool available() const { return multiply_ != nullptr; }

  // A handle for the current device, whose products run on `stream`.
  void* handleFor(cudaStream_t stream) const;

  // c = a b for row-major operands of a matmul kernel. False where cuBLAS refuses.
  bool launch(void* handle, const Kernel& kernel, const void* a, const void* b, void* c) const;

 private:
  using Create = int(void**);
  using SetStream = int(void*, cudaStream_t);
  using Multiply = int(void*, int, int, int, int, int, const void*, const void*, int, int, long long,
                       const void*, int, int, long long, const void*, void*, int, int, long long, int,
                       int, int);

  Library library_;
  Create* create_;
  SetStream* set_stream_;
  Multiply* multiply_;
};

}  // namespace kareus
