#include "nccl.h"

#include <numeric>

namespace kareus {
namespace {

// From the NCCL reference: ncclDataType_t and ncclRedOp_t.
constexpr int kInt8 = 0;
constexpr int kBfloat16 = 9;
constexpr int kSum = 0;
constexpr size_t kBfloat16Bytes = 2;

}  // namespace

Nccl::Nccl() : library_("KAREUS_NCCL", {"libnccl.so.2", "libnccl.so"}) {}

std::string Nccl::start(int ranks, int sms) {
  auto* init = library_.function<InitAll>("ncclCommInitAll");
  if (init == nullptr) return "NCCL (libnccl.so.2) is not there";
  const std::string blocks = std::to_string(sms);
  setenv("NCCL_MIN_CTAS", blocks.c_str(), 1);
  setenv("NCCL_MAX_CTAS", blocks.c_str(), 1);
  std::vector<int> devices(static_cast<size_t>(ranks));
  std::iota(devices.begin(), devices.end(), 0);
  comms_.resize(devices.size());
  const int status = init(comms_.data(), ranks, devices.data());
  return status == 0 ? "" : "NCCL refuses: status " + std::to_string(status);
}

bool Nccl::launch(const Collective& collective, const std::vector<void*>& from, const std::vector<void*>& to,
                  const std::vector<cudaStream_t>& streams) const {
  auto* begin = library_.function<Group>("ncclGroupStart");
  auto* end = library_.function<Group>("ncclGroupEnd");
  if (begin == nullptr || end == nullptr || begin() != 0) return false;
  bool sound = true;
  for (size_t rank = 0; rank < comms_.size(); rank++) {
    sound = launchRank(collective, static_cast<int>(rank), static_cast<char*>(from[rank]),
                       static_cast<char*>(to[rank]), streams[rank]) == 0 && sound;
  }
  return end() == 0 && sound;
}

int Nccl::launchRank(const Collective& collective, int rank, char* from, char* to, cudaStream_t stream) const {
  const Comm comm = comms_[static_cast<size_t>(rank)];
  const auto bytes = static_cast<size_t>(collective.size_bytes);
  const size_t share = bytes / comms_.size();
  if (collective.kind == "all_reduce") {
    auto* reduce = library_.function<Reduce>("ncclAllReduce");
    return reduce ? reduce(from, to, bytes / kBfloat16Bytes, kBfloat16, kSum, comm, stream) : -1;
  }
  if (collective.kind == "reduce_scatter") {
    auto* scatter = library_.function<Reduce>("ncclReduceScatter");
    return scatter ? scatter(from, to, share / kBfloat16Bytes, kBfloat16, kSum, comm, stream) : -1;
  }
  if (collective.kind == "all_gather") {
    auto* gather = library_.function<Gather>("ncclAllGather");
    return gather ? gather(from, to, share, kInt8, comm, stream) : -1;
  }
  return exchange(collective, rank, from, to, stream);
}

int Nccl::exchange(const Collective& collective, int rank, char* from, char* to, cudaStream_t stream) const {
  auto* send = library_.function<Send>("ncclSend");
  auto* receive = library_.function<Receive>("ncclRecv");
  if (send == nullptr || receive == nullptr) return -1;
  const Comm comm = comms_[static_cast<size_t>(rank)];
  const int ranks = static_cast<int>(comms_.size());
  const auto bytes = static_cast<size_t>(collective.size_bytes);
  if (collective.kind != "all_to_all") {
    // From rank 0 to rank 1, or back, so that rank 0 does what is measured.
    const int sender = collective.kind == "send" ? 0 : 1;
    if (rank > 1) return 0;
    return rank == sender ? send(from, bytes, kInt8, 1 - rank, comm, stream)
                          : receive(to, bytes, kInt8, 1 - rank, comm, stream);
  }
  const size_t share = bytes / comms_.size();
  int status = 0;
  for (int peer = 0; peer < ranks && status == 0; peer++) {
    const size_t at = share * static_cast<size_t>(peer);
    status = send(from + at, share, kInt8, peer, comm, stream);
    if (status == 0) status = receive(to + at, share, kInt8, peer, comm, stream);
  }
  return status;
}

}  // namespace kareus
