// A simulated libcuda.so.1: streams are queues of launches, events and waits, and a test decides
// how far the GPU has come. Any value names a stream. Only within one process.
//
//   kareus_simcuda_hold(stream)             nothing given to it from now on is done...
//   kareus_simcuda_release(stream)          ...until this
//   kareus_simcuda_launch(stream, time_s)   a kernel
//   kareus_simcuda_refuse(on)               every event is refused
//   kareus_simcuda_capture(stream)          this thread captures the stream in global mode...
//   kareus_simcuda_end_capture()            ...until this; whether nothing has broken the capture
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#define SIMULATED_API extern "C" __attribute__((visibility("default")))

namespace {

enum Status : int {
  kOk = 0,
  kInvalid = 1,
  kInvalidHandle = 400,
  kNotReady = 600,
  kCaptureUnsupported = 900,
  kCapturedEvent = 907
};

struct Event {
  bool timed = true;
  bool captured = false;  // last recorded in a capture
  uint64_t recorded = 0, done = 0;  // how often
  int64_t done_ns = 0;
};

enum class What { kLaunch, kRecord, kWait };

struct Work {
  What what;
  int64_t issued_ns;
  int64_t time_ns;               // of a launch
  std::shared_ptr<Event> event;  // of the others
  uint64_t turn;                 // which recording of it
};

struct Stream {
  std::deque<Work> work;
  bool held = false;
  int64_t free_ns = 0;  // when what was done so far was done
};

std::mutex mutex;
std::map<void*, Stream> streams;
std::map<void*, std::shared_ptr<Event>> events;
bool refusing = false;

// One capture at a time, in the mode that captures have by default.
struct {
  bool on = false, valid = true;
  void* stream = nullptr;
} capture;
constexpr int kGlobal = 0;
thread_local int capture_mode = kGlobal;

bool isCaptured(void* stream) { return capture.on && capture.stream == stream; }

int64_t now_ns() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Does the stream's next work if its time has come.
bool doNext(Stream& stream, int64_t now) {
  if (stream.held || stream.work.empty()) return false;
  const Work& work = stream.work.front();
  const int64_t start_ns = std::max(stream.free_ns, work.issued_ns);
  if (work.what == What::kLaunch) {
    if (start_ns + work.time_ns > now) return false;
    stream.free_ns = start_ns + work.time_ns;
  } else if (work.what == What::kRecord) {
    work.event->done = std::max(work.event->done, work.turn);
    work.event->done_ns = start_ns;
    stream.free_ns = start_ns;
  } else {
    if (work.event->done < work.turn) return false;
    stream.free_ns = std::max(start_ns, work.event->done_ns);
  }
  stream.work.pop_front();
  return true;
}

void progress() {
  const int64_t now = now_ns();
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& [name, stream] : streams) {
      while (doNext(stream, now)) moved = true;
    }
  }
}

std::shared_ptr<Event> find(void* event) {
  const auto found = events.find(event);
  return found == events.end() ? nullptr : found->second;
}

}  // namespace

SIMULATED_API int cuCtxGetCurrent(void** context) {
  *context = &streams;
  return kOk;
}

SIMULATED_API int cuCtxSetCurrent(void* context) { return context == &streams ? kOk : kInvalid; }

SIMULATED_API int cuEventCreate(void** event, unsigned flags) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (refusing) return kInvalid;
  auto made = std::make_shared<Event>();
  made->timed = (flags & 2) == 0;
  *event = made.get();
  events[made.get()] = made;
  return kOk;
}

SIMULATED_API int cuEventDestroy_v2(void* event) {
  const std::lock_guard<std::mutex> lock(mutex);
  return events.erase(event) == 1 ? kOk : kInvalidHandle;
}

SIMULATED_API int cuEventRecord(void* event, void* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = find(event);
  if (found == nullptr) return kInvalidHandle;
  found->captured = isCaptured(stream);
  if (found->captured) return kOk;
  found->recorded++;
  streams[stream].work.push_back({What::kRecord, now_ns(), 0, found, found->recorded});
  return kOk;
}

SIMULATED_API int cuEventQuery(void* event) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = find(event);
  if (found == nullptr) return kInvalidHandle;
  if (capture.on && capture_mode == kGlobal) {
    capture.valid = false;
    return kCaptureUnsupported;
  }
  if (found->captured) return kCapturedEvent;
  progress();
  return found->done == found->recorded ? kOk : kNotReady;
}

SIMULATED_API int cuEventElapsedTime(float* time_ms, void* first, void* second) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto from = find(first), to = find(second);
  if (from == nullptr || to == nullptr || !from->timed || !to->timed) return kInvalidHandle;
  progress();
  if (from->done != from->recorded || to->done != to->recorded) return kNotReady;
  *time_ms = static_cast<float>(static_cast<double>(to->done_ns - from->done_ns) * 1e-6);
  return kOk;
}

SIMULATED_API int cuStreamWaitEvent(void* stream, void* event, unsigned) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = find(event);
  if (found == nullptr) return kInvalidHandle;
  streams[stream].work.push_back({What::kWait, now_ns(), 0, found, found->recorded});
  return kOk;
}

SIMULATED_API int cuStreamIsCapturing(void* stream, int* status) {
  const std::lock_guard<std::mutex> lock(mutex);
  *status = isCaptured(stream) ? 1 : 0;
  return kOk;
}

SIMULATED_API int cuThreadExchangeStreamCaptureMode(int* mode) {
  std::swap(*mode, capture_mode);
  return kOk;
}

SIMULATED_API void kareus_simcuda_hold(void* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  progress();
  streams[stream].held = true;
}

SIMULATED_API void kareus_simcuda_release(void* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  streams[stream].held = false;
  streams[stream].free_ns = now_ns();
}

SIMULATED_API void kareus_simcuda_launch(void* stream, double time_s) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto time_ns = static_cast<int64_t>(time_s * 1e9);
  streams[stream].work.push_back({What::kLaunch, now_ns(), time_ns, nullptr, 0});
}

SIMULATED_API void kareus_simcuda_refuse(int on) {
  const std::lock_guard<std::mutex> lock(mutex);
  refusing = on != 0;
}

SIMULATED_API void kareus_simcuda_capture(void* stream) {
  const std::lock_guard<std::mutex> lock(mutex);
  capture = {true, true, stream};
}

SIMULATED_API int kareus_simcuda_end_capture() {
  const std::lock_guard<std::mutex> lock(mutex);
  capture.on = false;
  return capture.valid ? 1 : 0;
}
