#include "pairing.h"

#include <algorithm>
#include <chrono>

namespace kareus {

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Pairing::drop() {
  if (open_) events_.giveBack(begun_.event);
  open_ = false;
}

void Pairing::note(const Boundary& boundary, uint32_t freq_mhz) {
  if (boundary.mark == Mark::kBegin) {
    drop();  // one that never ended
    begun_ = boundary;
    begun_ns_ = boundary.event == nullptr ? boundary.issued_ns : now_ns();
    open_ = true;
    return;
  }
  if (boundary.mark == Mark::kEnd && open_) finish(boundary, freq_mhz);
  events_.giveBack(boundary.event);
}

void Pairing::finish(const Boundary& end, uint32_t freq_mhz) {
  const int64_t end_ns = end.event == nullptr ? end.issued_ns : now_ns();
  double time_s = static_cast<double>(end_ns - begun_ns_) * 1e-9;
  bool on_gpu = begun_.event != nullptr && end.event != nullptr;
  if (on_gpu) {
    const double exact_s = events_.between_s(begun_.event, end.event);
    on_gpu = exact_s >= 0;
    if (on_gpu) time_s = exact_s;
  }
  time_s = std::max(0.0, time_s);  // of two calls that the GPU overtook
  const int64_t begin_ns = end_ns - static_cast<int64_t>(time_s * 1e9);
  kareus_record record = {};
  record.step = begun_.step;
  record.index = begun_.index;
  record.kind = begun_.kind;
  record.microbatch = begun_.microbatch;
  record.chunk = begun_.chunk;
  record.freq_mhz = freq_mhz;
  record.on_gpu = on_gpu ? 1 : 0;
  record.start_s = static_cast<double>(begin_ns - opened_ns_) * 1e-9;
  record.time_s = time_s;
  sampler_.add(record, begin_ns, end_ns);
  drop();
}

}  // namespace kareus
