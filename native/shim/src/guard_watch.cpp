#include "guard_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "cgroup.h"
#include "failure.h"
#include "guard.h"
#include "journal.h"

namespace kareus {
namespace {

constexpr int kOwnerFd = 3;

struct Errand {
  Process owner;
  std::string state_dir;
  Target target;
};

Errand parse(char** words) {
  Errand errand;
  errand.owner.pid = static_cast<pid_t>(std::atol(words[0]));
  errand.owner.start_ticks = std::strtoull(words[1], nullptr, 10);
  errand.state_dir = words[2];
  errand.target.backend = std::atoi(words[3]);
  errand.target.control = true;
  errand.target.device = words[4];
  errand.target.zeusd_socket = words[5];
  return errand;
}

// Nothing that ends a job may end the guard before its work is done; what the job had open must
// not stay open because of it.
void detach() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  constexpr unsigned kLast = ~0U;
  if (syscall(SYS_close_range, kOwnerFd + 1U, kLast, 0U) != 0) {
    for (int fd = kOwnerFd + 1; fd < 1024; fd++) close(fd);
  }
}

void greet(int code) {
  const Process guard = self();
  const GuardGreeting greeting = {code, static_cast<int32_t>(guard.pid), guard.start_ticks};
  send(kOwnerFd, &greeting, sizeof greeting, MSG_NOSIGNAL);
}

// What the owner has said so far, kept here: files can be lost.
class Owner {
 public:
  // Reads all that is there. False: the connection has ended.
  bool listen() {
    GuardWord word = GuardWord::kFree;
    while (true) {
      const ssize_t size = recv(kOwnerFd, &word, 1, MSG_DONTWAIT);
      if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
      left_ = left_ || word == GuardWord::kQuit;
      locked_ = word == GuardWord::kLocked;
    }
  }
  bool left() const { return left_; }
  bool locked() const { return locked_; }

 private:
  bool left_ = false, locked_ = false;
};

// Until the owner has said goodbye or is gone: whether it left a lock. The connection closes with
// the owner, or when it becomes another program; forked children may hold it open, so the owner
// itself is watched as well.
bool waitForOwner(const Process& process) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
  // Without pidfd (Linux before 5.3) looking every few milliseconds has to do.
  const int patience_ms = pidfd >= 0 ? 1000 : 5;
  pollfd sources[] = {{kOwnerFd, POLLIN, 0}, {pidfd, POLLIN, 0}};
  Owner owner;
  while (true) {
    poll(sources, pidfd >= 0 ? 2 : 1, patience_ms);
    const bool alive = isAlive(process);
    const bool open = owner.listen();  // after the look: its last words are in by then
    if (owner.left()) return false;
    if (!open || !alive) return owner.locked();
  }
}

void undo(const Errand& errand, Device& device) {
  const Journal journal(errand.state_dir, errand.target.device);
  int code = unlockStubbornly(device);
  if (errand.target.backend == KAREUS_BACKEND_ZEUSD) {
    // A last request of the owner's may still have been on its way to the daemon.
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    code = unlockStubbornly(device);
  }
  if (code == KAREUS_OK) {
    journal.remove();
  } else {  // whatever became of the file: `kareus doctor` shall find the lock
    openStateDir(errand.state_dir);
    journal.write({errand.target, errand.owner, self(), bootId()});
  }
}

}  // namespace

int watch(char** words) {
  const Errand errand = parse(words);
  // Not the owner's child: frameworks wait for theirs.
  const pid_t child = fork();
  if (child != 0) return child > 0 ? 0 : 1;
  detach();
  try {
    leaveCgroups();
    const auto device = openDevice(errand.target);
    greet(KAREUS_OK);
    if (waitForOwner(errand.owner)) undo(errand, *device);
  } catch (const Failure& failure) {
    greet(failure.code);
    return 1;
  }
  return 0;
}

}  // namespace kareus
