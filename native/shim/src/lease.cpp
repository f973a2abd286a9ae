#include "lease.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "failure.h"

namespace kareus {
namespace {

constexpr int kAnswer_ms = 2000;
constexpr int64_t kQuiet_ns = 10'000'000'000;

int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

int connectTo(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

std::string guarddSocket() {
  const char* chosen = std::getenv("KAREUS_GUARDD");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/run/kareus-guardd/guardd.sock";
}

Lease::~Lease() { hangUp(); }

void Lease::hangUp() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  held_ = false;
}

bool Lease::send(LeaseVerb verb) {
  LeaseRequest request = {kLeaseVersion, verb, target_.backend, {}, {}};
  std::snprintf(request.device, sizeof request.device, "%s", target_.device.c_str());
  std::snprintf(request.zeusd_socket, sizeof request.zeusd_socket, "%s", target_.zeusd_socket.c_str());
  return ::send(fd_, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof request;
}

// The daemon's answer; TIMED_OUT where none comes, after which the connection is gone.
int Lease::ask(LeaseVerb verb) {
  if (fd_ < 0 && now_ns() >= quiet_until_ns_) fd_ = connectTo(guarddSocket());
  if (fd_ < 0) return KAREUS_TIMED_OUT;
  LeaseAnswer answer = {};
  pollfd ready = {fd_, POLLIN, 0};
  if (send(verb)) {
    while (poll(&ready, 1, kAnswer_ms) < 0 && errno == EINTR) {
    }
    if (recv(fd_, &answer, sizeof answer, MSG_DONTWAIT) == sizeof answer) return answer.code;
  }
  hangUp();
  quiet_until_ns_ = now_ns() + kQuiet_ns;  // one that hangs shall not hold our changes up
  return KAREUS_TIMED_OUT;
}

void Lease::take() {
  if (held_) return;
  constexpr int kTries = 100;
  int code = ask(LeaseVerb::kTake);
  // A holder that died is about to be cleaned up.
  for (int tries = 0; code == KAREUS_IN_USE && tries < kTries; tries++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    code = ask(LeaseVerb::kTake);
  }
  held_ = code == KAREUS_OK;
  if (code == KAREUS_IN_USE || code == KAREUS_RESET_FAILED) {
    fail(code, "says kareus-guardd at " + guarddSocket());
  }
}

bool Lease::keep() {
  LeaseAnswer answer = {};
  const bool ran_out = held_ && recv(fd_, &answer, sizeof answer, MSG_DONTWAIT) == sizeof answer;
  if (ran_out) {
    held_ = false;
  } else if (held_ && !send(LeaseVerb::kKeep)) {
    hangUp();  // the daemon went; another may be there by now
  }
  take();
  return !ran_out;
}

void Lease::give() {
  if (held_ && ask(LeaseVerb::kGive) != KAREUS_OK) hangUp();
  held_ = false;
}

bool guarddAnswers() {
  const Target nothing;
  const int fd = connectTo(guarddSocket());
  if (fd < 0) return false;
  LeaseRequest request = {kLeaseVersion, LeaseVerb::kAsk, nothing.backend, {}, {}};
  LeaseAnswer answer = {};
  pollfd ready = {fd, POLLIN, 0};
  const bool answers = ::send(fd, &request, sizeof request, MSG_NOSIGNAL) == sizeof request &&
                       poll(&ready, 1, kAnswer_ms) > 0 &&
                       recv(fd, &answer, sizeof answer, MSG_DONTWAIT) == sizeof answer;
  close(fd);
  return answers;
}

}  // namespace kareus
