// What the parts of the simulated NVML share.
#pragma once

#include "state.h"

#define SIMULATED_API extern "C" __attribute__((visibility("default")))

namespace simulated {

enum Status : int {
  kOk = 0,
  kInvalid = 2,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kTooSmall = 7,
  kLost = 15,
  kUnknown = 999,
};

// What a call answers where it was made to fail (kareus_sim_fail), else kOk. Under the lock.
int injected(const char* function);

// Appends the call to the log, one write per line: lines of several processes do not mix. Its status,
// or the one that it was made to fail with.
int logged(int status, const char* function, const char* format = "", ...);

// Handles are indices, made to look like pointers.
inline void* handleOf(unsigned index) { return reinterpret_cast<void*>(static_cast<uintptr_t>(index) + 1); }
inline unsigned indexOf(void* handle) { return static_cast<unsigned>(reinterpret_cast<uintptr_t>(handle) - 1); }

// Runs `body` on the device unless it is lost, or the calling function was made to fail.
template <typename Body>
int with(void* handle, Body body, const char* function = __builtin_FUNCTION()) {
  const Lock lock;
  if (const int status = injected(function); status != kOk) return status;
  const unsigned index = indexOf(handle);
  if (index >= state().device_count) return kInvalid;
  Device& device = state().devices[index];
  if (device.lost != 0) return kLost;
  return body(device, index);
}

}  // namespace simulated
