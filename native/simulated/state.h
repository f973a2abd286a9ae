// The simulated machine: a file that every process maps, so that all see the same GPUs.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace simulated {

constexpr unsigned kMostDevices = 16;

// Clocks of an A100 (NVIDIA's data: 210 to 1410 MHz in steps of 15).
constexpr unsigned kLowest_mhz = 210, kHighest_mhz = 1410, kStep_mhz = 15, kMemory_mhz = 1215;

// What can be set and read from outside, by these names.
#define SIMULATED_SETTINGS(X)                                                       \
  X(busy, 1)            /* share of the time in which the GPU computes */           \
  X(permission, 1)      /* 0: setters answer NO_PERMISSION */                       \
  X(deny_after, -1)     /* changes until permission is lost; -1: never */           \
  X(lost, 0)            /* 1: every call answers GPU_IS_LOST */                     \
  X(lose_after, -1)     /* changes until the GPU is lost; -1: never */              \
  X(fail_next, 0)       /* the number of setters that answer UNKNOWN next */        \
  X(slow_s, 0)          /* how long a setter takes */                               \
  X(mig, 0)             /* 1: MIG is on */                                          \
  X(energy_counter, 1)  /* 0: there is none */                                      \
  X(locked_mhz, 0)      /* 0: not locked */                                         \
  X(locked_ns, 0)       /* monotonic time of the last change */                     \
  X(resets, 0)          /* how often it was unlocked */                             \
  X(static_w, 85)       /* drawn whenever it is on */                               \
  X(dynamic_w, 315)     /* on top, when busy at the highest clock */                \
  X(limits, 0)          /* NVML's clock event reasons */                            \
  X(power_limit_w, 400)                                                             \
  X(temperature_c, 45)                                                              \
  X(tick_s, 0)          /* between movements of the energy counter; 0: always */    \
  X(reading_s, 0)       /* what a reading of it takes */                            \
  X(stuck, 0)           /* 1: it does not move */

struct Device {
#define SIMULATED_MEMBER(name, initial) double name;
  SIMULATED_SETTINGS(SIMULATED_MEMBER)
#undef SIMULATED_MEMBER
  double energy_j;
  double shown_j;      // what the energy counter shows
  int64_t counted_ns;  // energy is counted up to here
};

struct State {
  uint64_t magic;
  pthread_mutex_t mutex;
  uint32_t device_count;
  char name[96];
  char failing[64];        // the function of NVML that fails; none: empty
  int32_t failing_status;  // and with what
  Device devices[kMostDevices];
};

// Made at the first use from $KAREUS_SIM_STATE (default /tmp/kareus-sim-<uid>.state); a new one
// starts as $KAREUS_SIM says: "devices=2 busy=0.5 name=NVIDIA_A100-SXM4-40GB" ('_' for blanks).
State& state();

// Holds the state; survives the death of a process that held it.
class Lock {
 public:
  Lock();
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
};

int64_t now_ns();

// Watts now: static_w + busy * C V(f)^2 f, with C from dynamic_w. Under the lock.
double powerOf(const Device& device);

// Counts energy up to now, and moves the counter if a tick has passed. Under the lock.
void countEnergy(Device& device);

// A setting by name; null if there is none. Under the lock.
double* settingOf(Device& device, const char* name);

}  // namespace simulated
