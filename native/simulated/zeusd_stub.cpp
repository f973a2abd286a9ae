// A stub of the zeusd daemon for tests: its requests over a Unix socket, done through NVML.
//   kareus-zeusd-stub <socket> [--no-control]
// Answers /discover, /gpu/set_gpu_locked_clocks, /gpu/reset_gpu_locked_clocks and
// /gpu/get_cumulative_energy as zeusd's API reference has them (the shape of the energy's answer is
// our reading of it), one request a connection. Prints "ready" when it listens.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "failure.h"
#include "nvml.h"

namespace {

using kareus::Nvml;
using kareus::NvmlHandle;

// A parameter of the query; negative if it is not there.
long parameter(const std::string& path, const std::string& name) {
  const size_t at = path.find(name + "=");
  return at == std::string::npos ? -1 : std::atol(path.c_str() + at + name.size() + 1);
}

struct Answer {
  int status;
  std::string body;
};

Answer answerOf(int nvml_status) {
  if (nvml_status == kareus::kNvmlOk) return {200, ""};
  return {nvml_status == kareus::kNvmlNoPermission ? 403 : 500, "{\"errors\":{}}"};
}

Answer answer(const Nvml& nvml, const std::string& path, bool control) {
  const std::string groups = control ? "\"gpu-control\",\"gpu-read\"" : "\"gpu-read\"";
  if (path == "/discover") return {200, "{\"enabled_api_groups\":[" + groups + "]}"};
  NvmlHandle handle = nullptr;
  const long gpu = parameter(path, "gpu_ids");
  if (gpu < 0 || nvml.byIndex(static_cast<unsigned>(gpu), &handle) != kareus::kNvmlOk) {
    return {400, ""};
  }
  if (path.rfind("/gpu/get_cumulative_energy", 0) == 0) {
    unsigned long long energy_mj = 0;
    const int status = nvml.energy(handle, &energy_mj);
    if (status != kareus::kNvmlOk) return answerOf(status);
    return {200, "{\"" + std::to_string(gpu) + "\":{\"energy_mj\":" + std::to_string(energy_mj) +
                     "}}"};
  }
  if (!control) return {404, ""};
  if (path.rfind("/gpu/reset_gpu_locked_clocks", 0) == 0) return answerOf(nvml.resetClocks(handle));
  const long lowest = parameter(path, "min_clock_mhz"), highest = parameter(path, "max_clock_mhz");
  if (path.rfind("/gpu/set_gpu_locked_clocks", 0) != 0 || lowest < 0 || highest < 0) return {400, ""};
  return answerOf(nvml.lockClocks(handle, static_cast<unsigned>(lowest),
                                  static_cast<unsigned>(highest)));
}

void serve(int connection, const Nvml& nvml, bool control) {
  std::string request;
  char buffer[1024];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(connection, buffer, sizeof buffer, 0);
    if (count <= 0) return;
    request.append(buffer, static_cast<size_t>(count));
  }
  const size_t begin = request.find(' ') + 1;
  const std::string path = request.substr(begin, request.find(' ', begin) - begin);
  const Answer given = answer(nvml, path, control);
  const std::string text = "HTTP/1.1 " + std::to_string(given.status) +
                           " -\r\nContent-Length: " + std::to_string(given.body.size()) +
                           "\r\nConnection: close\r\n\r\n" + given.body;
  send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

int main(int count, char** words) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (count < 2 || std::strlen(words[1]) >= sizeof address.sun_path) return 2;
  std::strcpy(address.sun_path, words[1]);
  const bool control = count < 3 || std::strcmp(words[2], "--no-control") != 0;
  try {
    const Nvml nvml(true);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(words[1]);
    if (bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listening, 16) != 0) {
      std::perror(words[1]);
      return 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    while (true) {
      const int connection = accept(listening, nullptr, nullptr);
      if (connection < 0) continue;
      serve(connection, nvml, control);
      close(connection);
    }
  } catch (const kareus::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.detail.c_str());
    return 1;
  }
}
