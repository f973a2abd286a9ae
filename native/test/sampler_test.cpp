// Instructions get their energy from one reader of a counter that ticks and answers slowly.
#include <cmath>
#include <thread>

#include "harness.h"
#include "sharing.h"

using namespace test;

namespace {

const auto kStream = reinterpret_cast<kareus_stream>(0x40);

// Like the board that was measured: ticks of 100 ms, readings of 2.9 ms.
constexpr const char* kSlow = "tick_s=0.1 reading_s=0.0029 static_w=100 dynamic_w=300";

kareus_handle* observe(uint32_t capacity = 65536) {
  kareus_options wanted = options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE);
  wanted.record_capacity = capacity;
  return open(wanted);
}

void runOn(kareus_handle* handle, int count, double time_s) {
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  for (int i = 0; i < count; i++) {
    CHECK_EQUAL(kareus_instruction_begin(handle, KAREUS_FORWARD, i, 0, kStream), 0);
    launch(kStream, time_s);
    CHECK_EQUAL(kareus_instruction_end(handle, kStream), 0);
    // As a driver does, which takes no more than some thousand launches.
    if (i % 1000 == 999) CHECK(waitUntil([] { return isDone(kStream); }));
  }
  CHECK_EQUAL(kareus_step_end(handle), 0);
}

std::vector<kareus_record> taken(kareus_handle* handle) {
  std::vector<kareus_record> records(65536);
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_records(handle, records.data(), 65536, &count), 0);
  records.resize(count);
  return records;
}

}  // namespace

CASE("10,000 instructions of 200 us: each recorded with its energy, nothing late, nothing told") {
  const Machine machine(kSlow);
  kareus_handle* handle = observe();
  runOn(handle, 1, 0.3);  // the counter's period is found out meanwhile
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  taken(handle);
  runOn(handle, 10000, 200e-6);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  const auto records = taken(handle);
  CHECK_EQUAL(records.size(), size_t{10000});
  double energy_j = 0, time_s = 0;
  int outside = 0;
  for (const kareus_record& record : records) {
    CHECK(record.time_s > 199e-6);  // longer where the launch came late
    // 400 W; a share is within a few of its errors, which are small, unless this machine was held up.
    CHECK(record.energy_error_j > 0);
    if (record.energy_error_j > 0.05 * record.energy_j) outside++;
    if (std::fabs(record.energy_j - 400 * record.time_s) > 5 * record.energy_error_j) outside++;
    CHECK(record.clock_mhz == 1410 && record.limited_by == KAREUS_LIMIT_NONE && record.freq_mhz == 0);
    energy_j += record.energy_j;
    time_s += record.time_s;
  }
  CHECK(outside <= 100);
  CHECK(std::fabs(energy_j / (400 * time_s) - 1) < 0.01);
  CHECK_EQUAL(statisticsOf(handle).records_dropped, uint64_t{0});
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("a counter that stands still leaves energy unknown, not 0") {
  const Machine machine("tick_s=0.1 stuck=1 limits=4");
  kareus_handle* handle = observe();
  runOn(handle, 3, 0.2);  // long enough for a sample in each on a busy machine
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  const auto records = taken(handle);
  CHECK_EQUAL(records.size(), size_t{3});
  for (const kareus_record& record : records) {
    CHECK(record.energy_j < 0 && record.limited_by == KAREUS_LIMIT_POWER && record.temperature_c == 45);
  }
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("closing does not wait for a GPU that is still at work, and is no failure") {
  const Machine machine(kSlow);
  kareus_handle* handle = observe();
  hold(kStream);
  runOn(handle, 100, 1e-3);
  CHECK_EQUAL(kareus_flush(handle, 0.05), static_cast<int>(KAREUS_TIMED_OUT));
  const int64_t before_ns = now_ns();
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK(now_ns() - before_ns < 1000000000);
  release(kStream);
}

CASE("energy between ticks is shared out as the power goes, with an error that holds") {
  // Two kinds of work take turns: 100 W and 500 W, each for 13 ms; ticks of 100 ms at known moments.
  kareus::Sharing sharing;
  constexpr double kTurn_s = 0.013, kSample_s = 0.001;
  const auto powerAt = [](double at_s) { return static_cast<int64_t>(at_s / kTurn_s) % 2 == 0 ? 100 : 500; };
  double energy_j = 0;
  for (int ms = 0; ms <= 1000; ms++) {
    if (ms % 100 == 0) sharing.note(kareus::Tick{ms * 1e-3, 0.00145, energy_j});
    sharing.note(ms * 1e-3, powerAt(ms * 1e-3 + 1e-9), {});
    energy_j += powerAt(ms * 1e-3 + 1e-9) * kSample_s;
  }
  for (double from_s = kTurn_s; from_s + kTurn_s < 1; from_s += kTurn_s) {
    const auto share = sharing.of(from_s, from_s + kTurn_s);
    CHECK(share.has_value());
    if (!share) continue;
    const double true_j = powerAt(from_s + kTurn_s / 2) * kTurn_s;
    CHECK(std::fabs(share->energy_j - true_j) < 3 * share->error_j);
    CHECK(std::fabs(share->energy_j - true_j) < 0.5);  // within a sample of 1 ms
  }
  CHECK(!sharing.of(0.5, 1.2) && !sharing.of(-0.2, 0.5));
  const auto whole = sharing.of(0, 1);
  CHECK(whole && std::fabs(whole->energy_j - energy_j) < 1 && whole->error_j < 0.005 * energy_j);
}

int main(int count, char** words) { return runAll(count, words); }
