// kareus-bench: what a boundary costs the job's thread, at the median. The goals: under 100 ns where
// the clock stays, under 300 ns where it changes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "harness.h"

namespace {

constexpr int kInstructions = 16;  // of a step
constexpr int kBatch = 8;          // timed together, for the clock's own cost
constexpr int kSteps = 20000;

// Nanoseconds per boundary, at the median and the 99th percentile.
void measure(const char* what, bool changing, uint32_t record_capacity) {
  kareus_options wanted = test::options(KAREUS_BACKEND_DRY);
  wanted.record_capacity = record_capacity;
  kareus_handle* handle = test::open(wanted);
  std::vector<int32_t> kinds(kInstructions, 0), microbatches(kInstructions);
  std::vector<uint32_t> clocks(kInstructions, 900);
  for (int i = 0; i < kInstructions; i++) {
    microbatches[i] = i;
    if (changing && i % 2 == 1) clocks[i] = 1200;
  }
  kareus_plan plan = {};
  plan.struct_size = sizeof plan;
  plan.instruction_count = kInstructions;
  plan.kind = kinds.data();
  plan.microbatch = microbatches.data();
  plan.freq_mhz = clocks.data();
  if (kareus_set_plan(handle, &plan) != 0) std::puts(kareus_last_error());
  std::vector<double> times_ns;
  for (int step = 0; step < kSteps; step++) {
    kareus_step_begin(handle);
    for (int first = 0; first < kInstructions; first += kBatch) {
      const int64_t before_ns = test::now_ns();
      for (int i = first; i < first + kBatch; i++) {
        kareus_instruction_begin(handle, 0, i, 0, nullptr);
        kareus_instruction_end(handle, nullptr);
      }
      times_ns.push_back(static_cast<double>(test::now_ns() - before_ns) / kBatch);
    }
    kareus_step_end(handle);
    // As a job would: the controller keeps up.
    if (step % 64 == 0) kareus_flush(handle, 5);
  }
  std::sort(times_ns.begin(), times_ns.end());
  std::printf("%-36s %7.1f ns at the median, %7.1f ns at the 99th percentile\n", what,
              times_ns[times_ns.size() / 2], times_ns[times_ns.size() * 99 / 100]);
  kareus_close(handle);
}

// From the moment at which the GPU reaches a boundary to the driver's call, with the simulated driver.
void measureDelay() {
  const test::Machine machine;
  kareus_handle* handle = test::open(test::options());
  test::setPlan(handle, {{0, 0, 900}, {1, 0, 1200}});
  const auto stream = reinterpret_cast<kareus_stream>(0x10);
  std::vector<double> times_us;
  for (int step = 0; step < 200; step++) {
    kareus_step_begin(handle);
    for (const int kind : {0, 1}) {
      test::hold(stream);
      kareus_instruction_begin(handle, kind, 0, 0, stream);
      kareus_instruction_end(handle, stream);
      const int64_t reached_ns = test::now_ns();
      test::release(stream);
      kareus_flush(handle, 5);
      times_us.push_back((machine.get("locked_ns") - static_cast<double>(reached_ns)) * 1e-3);
    }
    kareus_step_end(handle);
  }
  std::sort(times_us.begin(), times_us.end());
  std::printf("%-36s %7.1f us at the median, %7.1f us at the 99th percentile\n",
              "GPU at the boundary to driver's call", times_us[times_us.size() / 2],
              times_us[times_us.size() * 99 / 100]);
  kareus_close(handle);
}

// How much of a core the controller takes while a step runs and nothing happens.
void measureIdling() {
  kareus_handle* handle = test::open(test::options(KAREUS_BACKEND_DRY));
  kareus_step_begin(handle);
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double share = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  std::printf("%-36s %7.1f %% of a core\n", "controller, waiting within a step", 100 * share);
  kareus_close(handle);
}

}  // namespace

int main() {
  measure("boundary, the clock stays", false, 0);
  measure("boundary, the clock changes", true, 0);
  measure("boundary, the clock stays, recorded", false, 4096);
  measureDelay();
  measureIdling();
}
