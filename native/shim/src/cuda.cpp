#include "cuda.h"

namespace kareus {

Cuda::Cuda() : library_("KAREUS_CUDA", {"libcuda.so.1"}) {
#define KAREUS_LOOK_UP(member, symbol, type)           \
  member = library_.function<member##_t>(symbol);      \
  present_ = present_ && member != nullptr;
  KAREUS_CUDA_FUNCTIONS(KAREUS_LOOK_UP)
#undef KAREUS_LOOK_UP
}

}  // namespace kareus
