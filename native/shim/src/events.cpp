#include "events.h"

namespace kareus {
namespace {

constexpr unsigned kUntimed = 2;  // CU_EVENT_DISABLE_TIMING
constexpr int kNotCapturing = 0;  // CU_STREAM_CAPTURE_STATUS_NONE
constexpr int kRelaxed = 2;       // CU_STREAM_CAPTURE_MODE_RELAXED

}  // namespace

Events::~Events() {
  for (CudaEvent event; free_.pop(event);) cuda_.destroyEvent(event);
}

CudaEvent Events::take() {
  CudaEvent event = nullptr;
  if (free_.pop(event)) return event;
  const unsigned flags = timed_ ? 0 : kUntimed;
  if (!cuda_.present() || cuda_.createEvent(&event, flags) != kCudaOk) return nullptr;
  if (context_.load(std::memory_order_relaxed) == nullptr) {
    CudaContext context = nullptr;
    cuda_.getContext(&context);
    context_.store(context, std::memory_order_release);
  }
  return event;
}

bool Events::captures(CudaStream stream) {
  if (!cuda_.present()) return false;
  int status = kNotCapturing;
  // Refused on the default stream while another one that waits for it is captured.
  return cuda_.isCapturing(stream, &status) != kCudaOk || status != kNotCapturing;
}

CudaEvent Events::record(CudaStream stream) {
  const CudaEvent event = take();
  if (event == nullptr) return nullptr;
  if (cuda_.recordEvent(event, stream) == kCudaOk) return event;
  cuda_.destroyEvent(event);
  return nullptr;
}

void Events::drop(CudaEvent event) {
  if (event != nullptr) cuda_.destroyEvent(event);
}

bool Events::gate(CudaStream compute, CudaStream communication) {
  // The driver keeps what a destroyed event stood for until it is reached, so a new one
  // per gate is safe.
  CudaEvent event = nullptr;
  if (!cuda_.present() || cuda_.createEvent(&event, kUntimed) != kCudaOk) return false;
  const bool made = cuda_.recordEvent(event, compute) == kCudaOk &&
                    cuda_.waitEvent(communication, event, 0) == kCudaOk;
  cuda_.destroyEvent(event);
  return made;
}

Events::State Events::ask(CudaEvent event) {
  const CudaContext context = context_.load(std::memory_order_acquire);
  if (context != current_) {
    cuda_.setContext(context);
    // A thread that asks about events breaks what another one captures, unless its mode is relaxed.
    int mode = kRelaxed;
    cuda_.exchangeCaptureMode(&mode);
    current_ = context;
  }
  const int status = cuda_.queryEvent(event);
  if (status == kCudaOk) return State::kReached;
  return status == kCudaNotReady ? State::kAhead : State::kBroken;
}

double Events::between_s(CudaEvent first, CudaEvent second) {
  float time_ms = 0;
  if (cuda_.elapsed_ms(&time_ms, first, second) != kCudaOk) return -1;
  return static_cast<double>(time_ms) / 1000;
}

void Events::giveBack(CudaEvent event) {
  if (event != nullptr && !free_.push(event)) cuda_.destroyEvent(event);
}

}  // namespace kareus
