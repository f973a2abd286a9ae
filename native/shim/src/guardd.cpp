#include "guardd.h"

#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <cstring>

#include "failure.h"

namespace kareus {
namespace {

constexpr int64_t kAgain_ns = 2'000'000'000;

int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

void tell(const std::string& gpu, const char* what, pid_t pid) {
  std::fprintf(stderr, "kareus-guardd: %s: %s (process %d)\n", gpu.c_str(), what, static_cast<int>(pid));
}

}  // namespace

Leases::Leases(const std::string& folder, double lease_s)
    : folder_(openStateDir(folder)), lease_ns_(static_cast<int64_t>(lease_s * 1e9)) {
  for (const FoundJournal& found : readJournals(folder_)) {
    Held held;
    held.end_ns = now_ns() + (found.entry ? lease_ns_ : 0);
    if (found.entry) held.entry = *found.entry;
    held.entry.target.device = found.gpu;
    held.entry.target.control = true;
    if (found.entry && found.entry->boot != bootId()) {
      Journal(folder_, found.gpu).remove();
    } else {
      held_[found.gpu] = std::move(held);
    }
  }
}

int Leases::answer(const LeaseRequest& request, int fd, pid_t pid) {
  const std::string gpu(request.device, strnlen(request.device, sizeof request.device));
  const auto found = held_.find(gpu);
  const bool own = found != held_.end() && found->second.fd == fd;
  switch (request.verb) {
    case LeaseVerb::kTake:
      return take(request, fd, pid);
    case LeaseVerb::kKeep:
      if (own) found->second.end_ns = now_ns() + lease_ns_;
      return KAREUS_OK;
    case LeaseVerb::kGive:
      if (own) give(gpu);
      return own ? KAREUS_OK : KAREUS_WRONG_STATE;
    case LeaseVerb::kAsk:
      return KAREUS_OK;
  }
  return KAREUS_BAD_ARGUMENT;
}

int Leases::take(const LeaseRequest& request, int fd, pid_t pid) {
  Target target;
  target.backend = request.backend;
  target.control = true;
  target.device = std::string(request.device, strnlen(request.device, sizeof request.device));
  target.zeusd_socket =
      std::string(request.zeusd_socket, strnlen(request.zeusd_socket, sizeof request.zeusd_socket));
  const auto found = held_.find(target.device);
  if (found != held_.end() && found->second.fd >= 0 && found->second.fd != fd) return KAREUS_IN_USE;
  const bool same = found != held_.end() && found->second.entry.owner.pid == pid &&
                    isAlive(found->second.entry.owner);
  if (found != held_.end() && !same && !undo(target.device)) return KAREUS_RESET_FAILED;
  try {
    Held held;
    held.device = openDevice(target);
    held.fd = fd;
    held.end_ns = now_ns() + lease_ns_;
    held.entry = {target, processOf(pid), self(), bootId()};
    Journal(folder_, target.device).write(held.entry);
    held_[target.device] = std::move(held);
  } catch (const Failure& failure) {
    tell(target.device, failure.detail.c_str(), pid);
    return failure.code;
  }
  return KAREUS_OK;
}

void Leases::give(const std::string& gpu) {
  Journal(folder_, gpu).remove();
  held_.erase(gpu);
}

// False: it stays on the list, and is tried again.
bool Leases::undo(const std::string& gpu) {
  Held& held = held_[gpu];
  held.fd = -1;
  held.end_ns = now_ns() + kAgain_ns;
  try {
    if (!held.device) held.device = openDevice(held.entry.target);
    if (unlockStubbornly(*held.device) != KAREUS_OK) fail(KAREUS_RESET_FAILED, "cannot be reset yet");
  } catch (const Failure& failure) {
    tell(gpu, failure.detail.c_str(), held.entry.owner.pid);
    held.device.reset();  // a driver that was restarted needs to be opened anew
    return false;
  }
  tell(gpu, "reset", held.entry.owner.pid);
  give(gpu);
  return true;
}

void Leases::hangUp(int fd) {
  for (auto next = held_.begin(); next != held_.end();) {
    const auto here = next++;
    if (here->second.fd == fd) undo(std::string(here->first));
  }
}

void Leases::lookAround() {
  for (auto next = held_.begin(); next != held_.end();) {
    const auto here = next++;
    if (now_ns() < here->second.end_ns) continue;
    const int fd = here->second.fd;
    undo(std::string(here->first));
    if (fd < 0) continue;
    const LeaseAnswer over = {KAREUS_TIMED_OUT};
    send(fd, &over, sizeof over, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

}  // namespace kareus
