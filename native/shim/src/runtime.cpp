#include "runtime.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <utility>

#include "failure.h"

namespace kareus {
namespace {

std::atomic<unsigned> forks{0};

unsigned countForks() {
  static std::once_flag once;
  std::call_once(once, [] {
    pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  });
  return forks.load(std::memory_order_relaxed);
}

// A job that leaves its plan this often, step after step, runs another one: its clocks are left alone
// until a whole step has been as planned.
constexpr uint32_t kMostLostSteps = 3;

std::string textOf(const char* text) { return text == nullptr ? "" : text; }

Target targetOf(const kareus_options& options) {
  Target target;
  target.backend = options.backend;
  target.control = options.mode == KAREUS_MODE_CONTROL;
  target.device = options.device == nullptr ? "0" : options.device;
  target.zeusd_socket = textOf(options.zeusd_socket);
  if (options.dry_clocks_mhz != nullptr) {
    target.dry_clocks_mhz.assign(options.dry_clocks_mhz,
                                 options.dry_clocks_mhz + options.dry_clock_count);
  }
  return target;
}

std::string nameOf(int32_t kind, int32_t microbatch, int32_t chunk) {
  constexpr const char* kNames[] = {"forward", "backward", "input_gradient", "weight_gradient",
                                    "tail"};
  const bool known = kind >= KAREUS_FORWARD && kind <= KAREUS_TAIL;
  std::string name = known ? kNames[kind] : "kind " + std::to_string(kind);
  name += " of microbatch " + std::to_string(microbatch);
  return chunk == 0 ? name : name + ", chunk " + std::to_string(chunk);
}

}  // namespace

Runtime::Runtime(const kareus_options& options)
    : backend_(options.backend),
      synchronous_(options.synchronous != 0),
      forks_(countForks()),
      device_(openDevice(targetOf(options))),
      events_(options.record_capacity > 0),
      records_(options.record_capacity),
      sampler_(*device_, records_) {
  const Target target = targetOf(options);
  const bool dry = options.backend == KAREUS_BACKEND_DRY;
  if (target.control && !dry) {
    custody_ = std::make_unique<Custody>(textOf(options.state_dir), textOf(options.guard_path),
                                         target, *device_);
  }
  controller_ = std::make_unique<Controller>(*device_, custody_.get(), target.control, events_,
                                             sampler_);
}

bool Runtime::ours() const { return forks_ == forks.load(std::memory_order_relaxed); }

void Runtime::setPlan(const kareus_plan& plan) {
  if (in_step_) fail(KAREUS_WRONG_STATE, "a plan is set between steps");
  plan_ = Plan(plan, device_->info().clocks_mhz);
  comparing_ = true;
  lost_steps_ = 0;
}

int Runtime::dropPlan() {
  if (in_step_) fail(KAREUS_WRONG_STATE, "a plan is dropped between steps");
  plan_ = Plan();
  comparing_ = false;
  return reset();
}

int Runtime::stepBegin() {
  if (in_step_) return report(KAREUS_WRONG_STATE, "the step before has not ended");
  in_step_ = true;
  lost_ = false;
  position_ = 0;
  controller_->setInStep(true);
  return KAREUS_OK;
}

int Runtime::stepEnd() {
  if (!in_step_) return report(KAREUS_WRONG_STATE, "no step has begun");
  in_step_ = in_instruction_ = false;
  steps_++;
  controller_->setInStep(false);
  const size_t planned = plan_.instructions().size();
  if (comparing_ && !lost_ && position_ == planned) lost_steps_ = 0;
  if (comparing_ && !lost_ && position_ != planned) {
    return report(KAREUS_STEP_CUT_SHORT,
                  std::to_string(position_) + " of " + std::to_string(planned) + " instructions");
  }
  std::string detail;
  const int fault = controller_->takeFault(detail);
  return fault == KAREUS_OK ? KAREUS_OK : report(fault, detail);
}

int Runtime::instructionBegin(int32_t kind, int32_t microbatch, int32_t chunk,
                              kareus_stream stream) {
  if (!in_step_ || in_instruction_) {
    return report(KAREUS_WRONG_STATE, in_step_ ? "the instruction before has not ended"
                                               : "an instruction belongs into a step");
  }
  in_instruction_ = true;
  begin_pushed_ = false;
  instructions_++;
  current_.step = steps_;
  current_.kind = kind;
  current_.microbatch = microbatch;
  current_.chunk = chunk;
  const bool leaves = comparing_ && !lost_ && !isNext(kind, microbatch, chunk);
  const std::string reason = leaves ? leavePlan(kind, microbatch, chunk) : "";
  const bool follows = comparing_ && !lost_;
  current_.index = follows ? position_++ : search(kind, microbatch, chunk);

  uint32_t freq_mhz = wantedClock();
  if (freq_mhz == asked_freq_mhz_) freq_mhz = 0;
  int code = KAREUS_OK;
  if (freq_mhz != 0 || records_.wanted()) {
    code = push(records_.wanted() ? Mark::kBegin : Mark::kChange, freq_mhz, stream);
  }
  return leaves ? report(KAREUS_WRONG_ORDER, reason) : code;
}

// Of the current instruction; 0: the clock stays.
uint32_t Runtime::wantedClock() const {
  if (!comparing_ || !controller_->controls()) return 0;
  if (lost_ || lost_steps_ >= kMostLostSteps) return kOwnClock;
  return plan_.instructions()[current_.index].freq_mhz;
}

int Runtime::instructionEnd(kareus_stream stream) {
  if (!in_instruction_) return report(KAREUS_WRONG_STATE, "no instruction has begun");
  in_instruction_ = false;
  // An end without its begin would be taken for that of an earlier instruction.
  return begin_pushed_ ? push(Mark::kEnd, 0, stream) : KAREUS_OK;
}

int Runtime::push(Mark mark, uint32_t freq_mhz, kareus_stream stream) {
  int code = KAREUS_OK;
  if (stream != nullptr && events_.captures(stream)) {
    if (records_.wanted()) records_.countDropped();
    if (std::exchange(capture_told_, true)) return KAREUS_OK;
    return report(KAREUS_CAPTURED, nameOf(current_.kind, current_.microbatch, current_.chunk));
  }
  Boundary boundary = current_;
  boundary.mark = mark;
  boundary.freq_mhz = freq_mhz;
  if (records_.wanted()) boundary.issued_ns = now_ns();
  if (stream != nullptr) {
    boundary.event = events_.record(stream);
    if (boundary.event == nullptr && !cuda_told_) {
      cuda_told_ = true;
      code = report(KAREUS_NO_CUDA, "clocks change when the CPU is there, not the GPU");
    }
  }
  if (controller_->push(boundary)) {
    if (freq_mhz != 0) asked_freq_mhz_ = freq_mhz;
    begin_pushed_ = mark == Mark::kBegin;
  } else {
    // The GPU is thousands of boundaries behind: a later one asks for its clock again.
    events_.drop(boundary.event);
    if (records_.wanted()) records_.countDropped();
  }
  constexpr double kPatience_s = 10;
  if (synchronous_ && !controller_->awaitChanges(kPatience_s)) return report(KAREUS_TIMED_OUT, "");
  return code;
}

bool Runtime::isNext(int32_t kind, int32_t microbatch, int32_t chunk) const {
  if (position_ >= plan_.instructions().size()) return false;
  const Instruction& next = plan_.instructions()[position_];
  return next.kind == kind && next.microbatch == microbatch && next.chunk == chunk;
}

uint32_t Runtime::search(int32_t kind, int32_t microbatch, int32_t chunk) const {
  const auto& planned = plan_.instructions();
  const auto found = std::find_if(planned.begin(), planned.end(), [&](const Instruction& entry) {
    return entry.kind == kind && entry.microbatch == microbatch && entry.chunk == chunk;
  });
  return found == planned.end() ? UINT32_MAX : static_cast<uint32_t>(found - planned.begin());
}

// Until the next step clocks do not follow the plan; partitions still do. Returns why.
std::string Runtime::leavePlan(int32_t kind, int32_t microbatch, int32_t chunk) {
  lost_ = true;
  lost_steps_++;
  const auto& planned = plan_.instructions();
  const std::string place = "instruction " + std::to_string(position_);
  const std::string expected =
      position_ < planned.size()
          ? nameOf(planned[position_].kind, planned[position_].microbatch, planned[position_].chunk)
          : "the end of the step";
  return place + ": " + nameOf(kind, microbatch, chunk) + ", the plan has " + expected;
}

int Runtime::findPartition(const char* key, int32_t layer, int32_t nanobatch,
                           kareus_partition_use& use) {
  if (!in_instruction_) return report(KAREUS_WRONG_STATE, "partitions belong into an instruction");
  const bool planned = current_.index < plan_.instructions().size();
  if (planned && plan_.find(current_.index, key, layer, nanobatch, use)) return KAREUS_OK;
  return report(KAREUS_NO_PARTITION, std::string(key) + ", layer " + std::to_string(layer) +
                                         ", nanobatch " + std::to_string(nanobatch));
}

int Runtime::gate(kareus_stream compute, kareus_stream communication) {
  if (events_.gate(compute, communication)) return KAREUS_OK;
  return report(KAREUS_NO_CUDA, "the streams could not be ordered");
}

int Runtime::energy(double& energy_j) {
  const auto joules = device_->energy();
  if (!joules) return report(info().energy_counter ? KAREUS_GPU_LOST : KAREUS_NO_ENERGY, "");
  energy_j = *joules;
  return KAREUS_OK;
}

int Runtime::reset() {
  asked_freq_mhz_ = 0;
  const int code = controller_->reset();
  return code == KAREUS_OK ? code : report(code, info().uuid);
}

void Runtime::capabilities(kareus_capabilities& capabilities) const {
  const DeviceInfo& info = device_->info();
  capabilities.backend = backend_;
  capabilities.mode = controller_->controls() ? KAREUS_MODE_CONTROL : KAREUS_MODE_OBSERVE;
  capabilities.may_control = info.may_control ? 1 : 0;
  capabilities.mig = info.mig ? 1 : 0;
  capabilities.energy_counter = info.energy_counter ? 1 : 0;
  capabilities.cuda = events_.present() ? 1 : 0;
  capabilities.clock_count = static_cast<uint32_t>(info.clocks_mhz.size());
  std::snprintf(capabilities.name, sizeof capabilities.name, "%s", info.name.c_str());
  std::snprintf(capabilities.uuid, sizeof capabilities.uuid, "%s", info.uuid.c_str());
  std::snprintf(capabilities.pci_bus_id, sizeof capabilities.pci_bus_id, "%s",
                info.pci_bus_id.c_str());
  std::snprintf(capabilities.driver, sizeof capabilities.driver, "%s", info.driver.c_str());
  capabilities.power_limit_w = info.power.limit_w.value_or(0);
  if (info.power.smoothing) capabilities.power_smoothing = *info.power.smoothing ? 2 : 1;
  std::snprintf(capabilities.workload_profile, sizeof capabilities.workload_profile, "%s",
                info.power.workload_profile.value_or("").c_str());
}

void Runtime::statistics(kareus_statistics& statistics) {
  controller_->statistics(statistics);
  statistics.steps = steps_;
  statistics.instructions = instructions_;
  statistics.records_dropped = records_.dropped();
}

}  // namespace kareus
