// kareus-guardd: one per node, outside every job. Controllers that find its socket hold their GPU's
// clocks by a lease; where one ends without a word, or its holder is silent, the clocks are reset.
//   kareus-guardd [--socket PATH] [--lease-s S]
// Exit codes: 0 ended by a signal, 1 the socket or the folder cannot be used, 2 usage.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "failure.h"
#include "guardd.h"

namespace {

using kareus::fail;

std::string folderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

int listenAt(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail(KAREUS_NO_STATE_DIR, path + " is too long");
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd, where, sizeof address) == 0) fail(KAREUS_IN_USE, "another daemon serves " + path);
  unlink(path.c_str());
  const mode_t before = umask(0177);  // its user alone
  const bool bound = bind(fd, where, sizeof address) == 0 && listen(fd, 64) == 0;
  umask(before);
  if (!bound) fail(KAREUS_NO_STATE_DIR, path + ": " + std::strerror(errno));
  return fd;
}

int signalsAsFile() {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  return signalfd(-1, &ends, SFD_CLOEXEC);
}

pid_t peerOf(int fd) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

// Answers all that a connection has said. False: it has ended.
bool hear(kareus::Leases& leases, int fd) {
  kareus::LeaseRequest request = {};
  while (true) {
    const ssize_t size = recv(fd, &request, sizeof request, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) return false;
    const bool known = size == sizeof request && request.version == kareus::kLeaseVersion;
    const int code = known ? leases.answer(request, fd, peerOf(fd)) : static_cast<int>(KAREUS_WRONG_VERSION);
    if (known && request.verb == kareus::LeaseVerb::kKeep) continue;
    const kareus::LeaseAnswer answer = {code};
    send(fd, &answer, sizeof answer, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

int serve(const std::string& path, double lease_s) {
  constexpr int kLook_ms = 100;
  kareus::Leases leases(folderOf(path), lease_s);
  const int ends = signalsAsFile();
  std::vector<pollfd> sources = {{ends, POLLIN, 0}, {listenAt(path), POLLIN, 0}};
  std::printf("ready %s\n", path.c_str());
  std::fflush(stdout);
  while (sources[0].revents == 0) {
    poll(sources.data(), sources.size(), kLook_ms);
    for (size_t i = sources.size() - 1; i > 1; i--) {
      if (sources[i].revents == 0 || hear(leases, sources[i].fd)) continue;
      leases.hangUp(sources[i].fd);
      close(sources[i].fd);
      sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(i));
    }
    leases.lookAround();
    if (sources[1].revents == 0) continue;
    const int fd = accept4(sources[1].fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) sources.push_back({fd, POLLIN, 0});
  }
  unlink(path.c_str());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  std::string path = kareus::guarddSocket();
  double lease_s = 10;
  for (int i = 1; i < count; i += 2) {
    const bool more = i + 1 < count;
    if (more && std::strcmp(words[i], "--socket") == 0) {
      path = words[i + 1];
    } else if (more && std::strcmp(words[i], "--lease-s") == 0 && std::atof(words[i + 1]) >= 1) {
      lease_s = std::atof(words[i + 1]);
    } else {
      std::fputs("usage: kareus-guardd [--socket PATH] [--lease-s S], S at least 1\n", stderr);
      return 2;
    }
  }
  try {
    return serve(path, lease_s);
  } catch (const kareus::Failure& failure) {
    kareus::report(failure.code, failure.detail);
    std::fprintf(stderr, "%s\n", kareus::lastError());
    return 1;
  }
}
