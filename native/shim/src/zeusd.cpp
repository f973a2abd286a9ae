#include "zeusd.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace kareus {
namespace {

constexpr int kTimeout_s = 5;

std::string fromEnvironment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// Newer versions listen in a folder of their own.
const char* defaultSocket() {
  constexpr const char* kNewer = "/run/zeusd/zeusd.sock";
  return access(kNewer, F_OK) == 0 ? kNewer : "/var/run/zeusd.sock";
}

// A connection to the socket; -1 where nothing listens.
int connectTo(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const timeval timeout = {kTimeout_s, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool sendAll(int fd, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t count = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

std::string receiveAll(int fd) {
  constexpr size_t kMost = 1 << 20;
  std::string text;
  char buffer[4096];
  for (ssize_t count; text.size() < kMost && (count = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  return text;
}

HttpReply parse(const std::string& text) {
  HttpReply reply;
  if (text.rfind("HTTP/1.", 0) != 0 || text.size() < 12) return reply;
  reply.status = std::atoi(text.c_str() + 9);
  const size_t end = text.find("\r\n\r\n");
  if (end != std::string::npos) reply.body = text.substr(end + 4);
  return reply;
}

}  // namespace

Zeusd::Zeusd(const std::string& socket)
    : socket_(socket.empty() ? fromEnvironment("ZEUSD_SOCK_PATH", defaultSocket()) : socket),
      token_(fromEnvironment("ZEUSD_TOKEN", "")) {}

// The body is searched, not parsed: the groups' names occur nowhere else in it.
bool Zeusd::mayControl() const {
  const HttpReply reply = ask("GET", "/discover");
  return reply.status == 200 && reply.body.find("\"gpu-control\"") != std::string::npos;
}

int Zeusd::lock(unsigned gpu, unsigned freq_mhz) const {
  const std::string clock = std::to_string(freq_mhz);
  return ask("POST", "/gpu/set_gpu_locked_clocks?gpu_ids=" + std::to_string(gpu) +
                         "&min_clock_mhz=" + clock + "&max_clock_mhz=" + clock + "&block=true")
      .status;
}

int Zeusd::unlock(unsigned gpu) const {
  return ask("POST", "/gpu/reset_gpu_locked_clocks?gpu_ids=" + std::to_string(gpu) + "&block=true")
      .status;
}

HttpReply Zeusd::ask(const std::string& method, const std::string& path) const {
  const int fd = connectTo(socket_);
  if (fd < 0) return {};
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: zeusd\r\nConnection: close\r\n";
  if (!token_.empty()) request += "Authorization: Bearer " + token_ + "\r\n";
  request += "Content-Length: 0\r\n\r\n";
  const HttpReply reply = sendAll(fd, request) ? parse(receiveAll(fd)) : HttpReply{};
  close(fd);
  return reply;
}

}  // namespace kareus
