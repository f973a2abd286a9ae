// The zeusd daemon's HTTP API over its Unix socket, what is needed of it (Zeus' "HTTP API reference",
// zeusd 0.4 and newer; before, GPUs were part of the path):
//   GET  /discover                     body names the enabled groups, "gpu-control" among them
//   POST /gpu/set_gpu_locked_clocks    ?gpu_ids=0&min_clock_mhz=900&max_clock_mhz=900&block=true
//   POST /gpu/reset_gpu_locked_clocks  ?gpu_ids=0&block=true
// 403 is the driver's refusal or a token's; $ZEUSD_TOKEN is sent as bearer token.
#pragma once

#include <string>

namespace kareus {

struct HttpReply {
  int status = 0;  // 0: there was no answer
  std::string body;
};

class Zeusd {
 public:
  // `socket` empty: $ZEUSD_SOCK_PATH, else where zeusd listens by itself.
  explicit Zeusd(const std::string& socket);

  bool mayControl() const;
  int lock(unsigned gpu, unsigned freq_mhz) const;  // HTTP status
  int unlock(unsigned gpu) const;
  const std::string& socket() const { return socket_; }

 private:
  HttpReply ask(const std::string& method, const std::string& path) const;

  std::string socket_;
  std::string token_;
};

}  // namespace kareus
