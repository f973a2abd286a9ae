// A controller's side of kareus-guardd: a daemon outside every job that resets the clocks of a GPU
// whose holder is gone, or silent for longer than a lease lasts.
#pragma once

#include <cstdint>
#include <string>

#include "device.h"

namespace kareus {

enum class LeaseVerb : int32_t { kTake, kKeep, kGive, kAsk };

// What is said over the daemon's socket (SOCK_SEQPACKET), and its answer to all but kKeep. Unasked
// it answers once, with TIMED_OUT: the lease ran out, and the clocks are reset.
struct LeaseRequest {
  uint32_t version;
  LeaseVerb verb;
  int32_t backend;
  char device[96];
  char zeusd_socket[108];
};
struct LeaseAnswer {
  int32_t code;
};
constexpr uint32_t kLeaseVersion = 1;

// $KAREUS_GUARDD, else the daemon's own default.
std::string guarddSocket();

class Lease {
 public:
  explicit Lease(const Target& target) : target_(target) {}
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Before the first change; again does nothing. Does without where no daemon answers. IN_USE,
  // RESET_FAILED: what the daemon says of the GPU.
  void take();
  // At least once a second. False: the lease ran out, and the clocks were reset under us; it is
  // taken again.
  bool keep();
  // Nothing is locked any more.
  void give();

 private:
  bool send(LeaseVerb verb);
  int ask(LeaseVerb verb);
  void hangUp();

  Target target_;
  int fd_ = -1;
  bool held_ = false;
  int64_t quiet_until_ns_ = 0;
};

// Whether a daemon answers there.
bool guarddAnswers();

}  // namespace kareus
