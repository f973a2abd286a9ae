#include "state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <string>

namespace simulated {
namespace {

constexpr uint64_t kMagic = 0x6b61726575730007;

std::string pathOfState() {
  const char* chosen = std::getenv("KAREUS_SIM_STATE");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return "/tmp/kareus-sim-" + std::to_string(getuid()) + ".state";
}

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "simulated driver: %s: %s\n", what.c_str(), std::strerror(errno));
  std::abort();
}

void applyEnvironment(State& state) {
  const char* text = std::getenv("KAREUS_SIM");
  std::istringstream words(text == nullptr ? "" : text);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) die("no value in KAREUS_SIM: " + word);
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "devices") {
      state.device_count = static_cast<uint32_t>(std::atoi(value.c_str()));
      state.device_count = std::min(state.device_count, kMostDevices);
    } else if (key == "name") {
      std::snprintf(state.name, sizeof state.name, "%s", value.c_str());
      std::replace(state.name, state.name + sizeof state.name, '_', ' ');
    } else {
      for (Device& device : state.devices) {
        double* setting = settingOf(device, key.c_str());
        if (setting == nullptr) die("no such setting in KAREUS_SIM: " + key);
        *setting = std::atof(value.c_str());
      }
    }
  }
}

void initialize(State& state) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&state.mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  state.device_count = 2;
  std::snprintf(state.name, sizeof state.name, "NVIDIA A100-SXM4-40GB");
  state.failing[0] = '\0';
  for (Device& device : state.devices) {
#define SIMULATED_START(name, initial) device.name = initial;
    SIMULATED_SETTINGS(SIMULATED_START)
#undef SIMULATED_START
    device.energy_j = device.shown_j = 0;
    device.counted_ns = now_ns();
  }
  applyEnvironment(state);
  state.magic = kMagic;
}

State* openState() {
  const std::string path = pathOfState();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) die(path);
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  while (fcntl(fd, F_SETLKW, &whole) != 0) {
    if (errno != EINTR) die(path);
  }
  if (ftruncate(fd, sizeof(State)) != 0) die(path);
  void* mapped = mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) die(path);
  auto* found = static_cast<State*>(mapped);
  if (found->magic != kMagic) initialize(*found);
  close(fd);  // and with it the lock
  return found;
}

// Our own curve, of a common shape: flat at first, then rising to 1 at the highest clock.
double voltageAt(double freq_mhz) {
  constexpr double kFloor = 0.7, kKnee_mhz = 900;
  if (freq_mhz <= kKnee_mhz) return kFloor;
  return kFloor + (1 - kFloor) * (freq_mhz - kKnee_mhz) / (kHighest_mhz - kKnee_mhz);
}

}  // namespace

State& state() {
  static State* opened = openState();
  return *opened;
}

Lock::Lock() {
  if (pthread_mutex_lock(&state().mutex) == EOWNERDEAD) pthread_mutex_consistent(&state().mutex);
}

Lock::~Lock() { pthread_mutex_unlock(&state().mutex); }

int64_t now_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

double powerOf(const Device& device) {
  const double freq_mhz = device.locked_mhz > 0 ? device.locked_mhz : kHighest_mhz;
  const double volt = voltageAt(freq_mhz);
  const double dynamic_w = device.dynamic_w * volt * volt * freq_mhz / kHighest_mhz;
  return device.static_w + device.busy * dynamic_w;
}

void countEnergy(Device& device) {
  const int64_t until_ns = now_ns();
  const double power_w = powerOf(device);
  const auto counted = [&](int64_t at_ns) {
    return device.energy_j + power_w * static_cast<double>(at_ns - device.counted_ns) * 1e-9;
  };
  if (device.tick_s > 0) {
    const auto tick_ns = static_cast<int64_t>(device.tick_s * 1e9);
    const int64_t last_ns = until_ns / tick_ns * tick_ns;
    if (last_ns > device.counted_ns && device.stuck == 0) device.shown_j = counted(last_ns);
  } else if (device.stuck == 0) {
    device.shown_j = counted(until_ns);
  }
  device.energy_j = counted(until_ns);
  device.counted_ns = until_ns;
}

double* settingOf(Device& device, const char* name) {
#define SIMULATED_FIND(setting, initial) \
  if (std::strcmp(name, #setting) == 0) return &device.setting;
  SIMULATED_SETTINGS(SIMULATED_FIND)
#undef SIMULATED_FIND
  return nullptr;
}

}  // namespace simulated
