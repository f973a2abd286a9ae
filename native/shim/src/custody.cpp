#include "custody.h"

#include <fcntl.h>
#include <sys/file.h>
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

constexpr int64_t kKeep_ns = 1'000'000'000;

int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

Target withUuid(Target target, const Device& device) {
  target.device = device.info().uuid;
  return target;
}

}  // namespace

Custody::Custody(const std::string& state_dir, const std::string& guard_path, const Target& target,
                 Device& device)
    : state_dir_(openStateDir(state_dir)),
      guard_path_(guard_path.empty() ? defaultGuardPath() : guard_path),
      target_(withUuid(target, device)),
      journal_(state_dir_, target_.device),
      lease_(target_) {
  lockFile();
  try {
    undoOthers(device);
    guard_ = std::make_unique<Guard>(guard_path_, state_dir_, target_, false);
  } catch (...) {  // no memory as well
    const std::lock_guard<std::mutex> lock(heldMutex());
    held().erase(journal_.lockPath());
    close(lock_fd_);
    close(dir_fd_);
    throw;
  }
}

Custody::~Custody() {
  if (!journaled_) guard_->dismiss();
  guard_.reset();
  const std::lock_guard<std::mutex> lock(heldMutex());
  held().erase(journal_.lockPath());
  close(lock_fd_);
  close(dir_fd_);
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
  // systemd-tmpfiles leaves a folder alone that somebody has locked like this.
  dir_fd_ = ::open(state_dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir_fd_ >= 0) flock(dir_fd_, LOCK_SH | LOCK_NB);
}

// What a file that is lost or damaged said is not known: it counts as a lock that was left.
void Custody::undoOthers(Device& device) {
  constexpr int kWaits = 200;
  std::string left = "left locked, as a journal says that cannot be read";
  try {
    const auto entry = journal_.read();
    if (!entry) return;
    for (int wait = 0; isAlive(entry->guard) && entry->boot == bootId(); wait++) {
      if (wait == kWaits) fail(KAREUS_IN_USE, "a guard is still busy with it");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!journal_.read()) return;
    left = "left locked by process " + std::to_string(entry->owner.pid);
    if (entry->boot != bootId()) return journal_.remove();
  } catch (const Failure& failure) {
    if (failure.code != KAREUS_BAD_JOURNAL) throw;
  }
  if (unlockStubbornly(device) != KAREUS_OK) fail(KAREUS_RESET_FAILED, left);
  journal_.remove();
}

JournalEntry Custody::entry() const { return {target_, self(), guard_->process(), bootId()}; }

bool Custody::beforeChange() {
  constexpr int kMostRestarts = 3;
  bool kept = true;
  if (!guard_->alive()) {
    if (restarts_ == kMostRestarts) fail(KAREUS_NO_GUARD, "it was ended again and again");
    restarts_++;
    guard_ = std::make_unique<Guard>(guard_path_, state_dir_, target_, journaled_);
    if (journaled_) journal_.write(entry());
  }
  if (!journaled_) {
    lease_.take();
    journal_.write(entry());
    guard_->holding(true);
    journaled_ = true;
    kept_ns_ = now_ns();
  } else if (now_ns() - kept_ns_ > kKeep_ns) {
    kept_ns_ = now_ns();
    kept = lease_.keep();
    journal_.keep(entry(), lock_fd_);
  }
  return kept;
}

void Custody::afterReset() {
  journal_.remove();
  guard_->holding(false);
  lease_.give();
  journaled_ = false;
}

}  // namespace kareus
