#include "guard.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "failure.h"

extern char** environ;

namespace kareus {
namespace {

constexpr int kReady_ms = 30000;  // NVML alone may take seconds on a machine of many GPUs

// The guard steps out of our children by itself; waiting reaps the first half of that. An errno, or 0.
int spawn(const std::string& path, std::vector<std::string> words, int fd) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kGuardFd = 3;
  posix_spawn_file_actions_adddup2(&actions, fd, kGuardFd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t child = 0;
  const int status =
      posix_spawn(&child, path.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0) return status;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace

std::string defaultGuardPath() {
  const char* chosen = std::getenv("KAREUS_GUARD");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  Dl_info here = {};
  if (dladdr(reinterpret_cast<const void*>(&defaultGuardPath), &here) == 0) return "kareus-guard";
  const std::string library = here.dli_fname;
  const size_t slash = library.rfind('/');
  return (slash == std::string::npos ? "." : library.substr(0, slash)) + "/kareus-guard";
}

Guard::Guard(const std::string& path, const std::string& state_dir, const Target& target,
             bool locked) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    fail(KAREUS_NO_RESOURCES, std::strerror(errno));
  }
  // dup2 onto itself would keep the close-on-exec flag.
  const int theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  fd_ = ends[0];
  const Process owner = self();
  GuardGreeting greeting = {KAREUS_NO_GUARD, 0, 0};
  try {
    const int status = spawn(
        path,
        {path, "--watch", std::to_string(owner.pid), std::to_string(owner.start_ticks), state_dir,
         std::to_string(target.backend), target.device, target.zeusd_socket},
        theirs);
    close(theirs);
    if (status != 0) fail(KAREUS_NO_GUARD, path + ": " + std::strerror(status));
    if (locked) holding(true);
    pollfd ready = {fd_, POLLIN, 0};
    while (poll(&ready, 1, kReady_ms) < 0 && errno == EINTR) {
    }
    if (recv(fd_, &greeting, sizeof greeting, MSG_DONTWAIT) != sizeof greeting) {
      fail(KAREUS_NO_GUARD, path + " does not answer");
    }
    if (greeting.code != KAREUS_OK) fail(greeting.code, "said by the guard");
  } catch (...) {
    close(fd_);
    throw;
  }
  process_ = {greeting.pid, greeting.start_ticks};
}

Guard::~Guard() { close(fd_); }

void Guard::holding(bool locked) { tell(locked ? GuardWord::kLocked : GuardWord::kFree); }

void Guard::dismiss() { tell(GuardWord::kQuit); }

// What was sent reaches it, even where we are gone by then.
void Guard::tell(GuardWord word) { send(fd_, &word, 1, MSG_NOSIGNAL); }

bool Guard::alive() const {
  pollfd end = {fd_, POLLIN, 0};
  return poll(&end, 1, 0) == 0;  // it says nothing after its greeting: anything else is its end
}

}  // namespace kareus
