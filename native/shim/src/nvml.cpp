#include "nvml.h"

#include <string>

#include "failure.h"

namespace kareus {

Nvml::Nvml(bool control) : library_("KAREUS_NVML", {"libnvidia-ml.so.1"}) {
  if (!library_.open()) fail(KAREUS_NO_NVML, dlerror());
#define KAREUS_LOOK_UP(member, symbol, type) member = library_.function<member##_t>(symbol);
  KAREUS_NVML_READERS(KAREUS_LOOK_UP)
  if (control) {
    KAREUS_NVML_SETTERS(KAREUS_LOOK_UP)
  }
#undef KAREUS_LOOK_UP
  if (init == nullptr || byIndex == nullptr) {
    fail(KAREUS_NO_NVML, "the library lacks nvmlInit_v2 or nvmlDeviceGetHandleByIndex_v2");
  }
  const int status = init();
  if (status != kNvmlOk) fail(KAREUS_NO_NVML, std::string("nvmlInit_v2: ") + reason(status));
}

Nvml::~Nvml() {
  if (shutdown != nullptr) shutdown();
}

const char* Nvml::reason(int status) const {
  return errorString == nullptr ? "no reason given" : errorString(status);
}

}  // namespace kareus
