#include "custody.h"

#include <unistd.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include "failure.h"

namespace kareus {
namespace {

// Lock files exclude other processes; this excludes other handles of the same one.
std::mutex& heldMutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}
std::set<std::string>& held() {
  static auto* paths = new std::set<std::string>;
  return *paths;
}

}  // namespace

Custody::Custody(const std::string& state_dir, const std::string& guard_path, const Target& target,
                 Device& device)
    : state_dir_(openStateDir(state_dir)),
      guard_path_(guard_path.empty() ? defaultGuardPath() : guard_path),
      target_(target),
      journal_(state_dir_, device.info().uuid) {
  target_.device = device.info().uuid;
  lockFile();
  try {
    undoOthers(device);
    guard_ = std::make_unique<Guard>(guard_path_, state_dir_, target_);
  } catch (...) {  // no memory as well
    const std::lock_guard<std::mutex> lock(heldMutex());
    held().erase(journal_.lockPath());
    close(lock_fd_);
    throw;
  }
}

Custody::~Custody() {
  if (!journaled_) guard_->dismiss();
  guard_.reset();
  const std::lock_guard<std::mutex> lock(heldMutex());
  held().erase(journal_.lockPath());
  close(lock_fd_);
}

void Custody::lockFile() {
  const std::string& path = journal_.lockPath();
  const std::lock_guard<std::mutex> lock(heldMutex());
  if (held().count(path) != 0) fail(KAREUS_IN_USE, "by this very process");
  pid_t holder = 0;
  const auto taken = journal_.takeLock(holder);
  if (!taken) fail(KAREUS_IN_USE, "by process " + std::to_string(holder));
  lock_fd_ = *taken;
  held().insert(path);
}

// A controller that died left an entry: its guard is about to reset, or is gone as well.
void Custody::undoOthers(Device& device) {
  constexpr int kWaits = 200;
  const auto entry = journal_.read();
  if (!entry) return;
  for (int wait = 0; isAlive(entry->guard) && entry->boot == bootId(); wait++) {
    if (wait == kWaits) fail(KAREUS_IN_USE, "a guard is still busy with it");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (!journal_.read()) return;
  if (entry->boot == bootId() && unlockStubbornly(device) != KAREUS_OK) {
    fail(KAREUS_RESET_FAILED, "left locked by process " + std::to_string(entry->owner.pid));
  }
  journal_.remove();
}

void Custody::beforeChange() {
  constexpr int kMostRestarts = 3;
  if (!guard_->alive()) {
    if (restarts_ == kMostRestarts) fail(KAREUS_NO_GUARD, "it was ended again and again");
    restarts_++;
    guard_ = std::make_unique<Guard>(guard_path_, state_dir_, target_);
    journaled_ = false;
  }
  if (journaled_) return;
  journal_.write({target_, self(), guard_->process(), bootId()});
  journaled_ = true;
}

void Custody::afterReset() {
  journal_.remove();
  journaled_ = false;
}

}  // namespace kareus
