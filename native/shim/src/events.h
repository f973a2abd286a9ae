// CUDA events: made and recorded by the job's thread, asked by the controller, given back through a
// queue and used again.
#pragma once

#include <atomic>

#include "cuda.h"
#include "queue.h"

namespace kareus {

class Events {
 public:
  // Only timed events tell how long an instruction took; others cost less.
  explicit Events(bool timed) : timed_(timed) {}
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  bool present() const { return cuda_.present(); }

  // Of the job's thread. Whether what it gives to the stream goes into a CUDA graph, in which an event
  // would never be reached.
  bool captures(CudaStream stream);
  // Of the job's thread. An event recorded on the stream; null if the driver refuses.
  CudaEvent record(CudaStream stream);
  // Gives up an event that will not be asked about.
  void drop(CudaEvent event);
  // Makes `communication` wait for what `compute` has been given so far; false if refused.
  bool gate(CudaStream compute, CudaStream communication);

  // Of the controller.
  enum class State { kAhead, kReached, kBroken };
  State ask(CudaEvent event);
  // Seconds between two that were reached; negative if the driver does not know.
  double between_s(CudaEvent first, CudaEvent second);
  void giveBack(CudaEvent event);

 private:
  CudaEvent take();

  const bool timed_;
  Cuda cuda_;
  Queue<CudaEvent, 8192> free_;
  std::atomic<CudaContext> context_{nullptr};
  CudaContext current_ = nullptr;  // of the controller
};

}  // namespace kareus
