// What a handle stands for: one GPU of one job, its plan, and where in the plan the job is.
#pragma once

#include <memory>
#include <string>

#include "controller.h"
#include "plan.h"

namespace kareus {

class Runtime {
 public:
  explicit Runtime(const kareus_options& options);  // throws Failure
  // Unlocks and ends the thread. Only after TIMED_OUT, where that is stuck in the driver, the
  // runtime must not be destroyed yet.
  int close() { return controller_->stop(); }

  // Whether this is the process that opened it: a forked child has no controller.
  bool ours() const;

  void setPlan(const kareus_plan& plan);  // throws Failure
  int dropPlan();                         // throws Failure
  int stepBegin();
  int stepEnd();
  int instructionBegin(int32_t kind, int32_t microbatch, int32_t chunk, kareus_stream stream);
  int instructionEnd(kareus_stream stream);
  int findPartition(const char* key, int32_t layer, int32_t nanobatch, kareus_partition_use& use);
  int gate(kareus_stream compute, kareus_stream communication);
  int energy(double& energy_j);
  int reset();
  void capabilities(kareus_capabilities& capabilities) const;
  void statistics(kareus_statistics& statistics);

  const DeviceInfo& info() const { return device_->info(); }
  Records& records() { return records_; }
  Controller& controller() { return *controller_; }

 private:
  bool isNext(int32_t kind, int32_t microbatch, int32_t chunk) const;
  uint32_t search(int32_t kind, int32_t microbatch, int32_t chunk) const;
  std::string leavePlan(int32_t kind, int32_t microbatch, int32_t chunk);
  uint32_t wantedClock() const;
  int push(Mark mark, uint32_t freq_mhz, kareus_stream stream);

  const int backend_;
  const bool synchronous_;
  const unsigned forks_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Custody> custody_;  // null where no clock is ever touched
  Events events_;
  Records records_;
  Sampler sampler_;
  Plan plan_;
  bool comparing_ = false;  // boundaries with the plan
  bool in_step_ = false, in_instruction_ = false;
  bool cuda_told_ = false, capture_told_ = false;
  bool begin_pushed_ = false;  // of the instruction, to be recorded
  bool lost_ = false;            // this step has left the plan
  uint32_t lost_steps_ = 0;      // in a row
  uint32_t position_ = 0;        // of the next instruction
  uint32_t asked_freq_mhz_ = 0;  // the last that went into the queue
  uint64_t steps_ = 0, instructions_ = 0;
  Boundary current_;
  std::unique_ptr<Controller> controller_;
};

}  // namespace kareus
