#include "gemm.h"

#include <library_types.h>

namespace kareus {
namespace {

// From the cuBLAS reference: cublasOperation_t, cublasComputeType_t, cublasGemmAlgo_t.
constexpr int kNotTransposed = 0;
constexpr int kCompute32 = 68;
constexpr int kCompute64 = 70;
constexpr int kDefaultAlgorithm = -1;

int dataType(const std::string& type) {
  if (type == "bfloat16") return CUDA_R_16BF;
  if (type == "float16") return CUDA_R_16F;
  if (type == "float64") return CUDA_R_64F;
  return CUDA_R_32F;
}

}  // namespace

Gemm::Gemm()
    : library_("KAREUS_CUBLAS", {"libcublas.so.13", "libcublas.so.12", "libcublas.so"}),
      create_(library_.function<Create>("cublasCreate_v2")),
      set_stream_(library_.function<SetStream>("cublasSetStream_v2")),
      multiply_(library_.function<Multiply>("cublasGemmStridedBatchedEx")) {}

void* Gemm::handleFor(cudaStream_t stream) const {
  void* handle = nullptr;
  if (create_ == nullptr || set_stream_ == nullptr || create_(&handle) != 0) return nullptr;
  return set_stream_(handle, stream) == 0 ? handle : nullptr;
}

bool Gemm::launch(void* handle, const Kernel& kernel, const void* a, const void* b, void* c) const {
  const int64_t batch = kernel.sizes[0], m = kernel.sizes[1], n = kernel.sizes[2],
                k = kernel.sizes[3];
  const int type = dataType(kernel.type);
  const bool wide = kernel.type == "float64";
  const float one32 = 1, zero32 = 0;
  const double one64 = 1, zero64 = 0;
  const void* one = wide ? static_cast<const void*>(&one64) : &one32;
  const void* zero = wide ? static_cast<const void*>(&zero64) : &zero32;
  // cuBLAS counts by columns: row-major c = a b is column-major c' = b' a'.
  const auto size = [](int64_t value) { return static_cast<int>(value); };
  return multiply_(handle, kNotTransposed, kNotTransposed, size(n), size(m), size(k), one, b, type,
                   size(n), k * n, a, type, size(k), m * k, zero, c, type, size(n), m * n,
                   size(batch), wide ? kCompute64 : kCompute32, kDefaultAlgorithm) == 0;
}

}  // namespace kareus
