// A plan is followed: clocks in order, on time, coalesced, recorded.
#include <unistd.h>

#include <cmath>
#include <random>
#include <thread>

#include "harness.h"

using namespace test;

namespace {

const auto kStream = reinterpret_cast<kareus_stream>(0x10);
const auto kOther = reinterpret_cast<kareus_stream>(0x20);

void run(kareus_handle* handle, std::initializer_list<Planned> instructions,
         kareus_stream stream = nullptr) {
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  for (const Planned& entry : instructions) {
    CHECK_EQUAL(kareus_instruction_begin(handle, entry.kind, entry.microbatch, 0, stream), 0);
    CHECK_EQUAL(kareus_instruction_end(handle, stream), 0);
  }
  CHECK_EQUAL(kareus_step_end(handle), 0);
}

}  // namespace

CASE("the history of clock calls is the plan, over several steps") {
  const Machine machine;
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = open(wanted);
  const auto plan = {Planned{0, 0, 1410}, {0, 1, 1200}, {1, 0, 1200}, {0, 2, 900}, {1, 1, 1410}};
  CHECK_EQUAL(setPlan(handle, plan), 0);
  for (int step = 0; step < 3; step++) run(handle, plan);
  const std::vector<uint32_t> step = {1410, 1200, 900, 1410};
  const std::vector<uint32_t> again = {1200, 900, 1410};
  std::vector<uint32_t> expected = step;
  for (int i = 0; i < 2; i++) expected.insert(expected.end(), again.begin(), again.end());
  CHECK_EQUAL(changesOf(handle), expected);
  CHECK_EQUAL(machine.asked(), expected);
  CHECK_EQUAL(machine.get("locked_mhz"), 1410.0);
  CHECK_EQUAL(machine.get("locked_mhz", 1), 0.0);
  CHECK_EQUAL(machine.journals().size(), 1U);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(machine.journals().size(), 0U);
}

CASE("another plan follows between steps, and none unlocks the clocks") {
  const Machine machine;
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 1410}, {1, 0, 900}}), 0);
  run(handle, {{0, 0, 1410}, {1, 0, 900}});
  CHECK_EQUAL(setPlan(handle, {{0, 0, 1200}, {1, 0, 1200}}), 0);
  run(handle, {{0, 0, 1200}, {1, 0, 1200}});
  CHECK_EQUAL(kareus_set_plan(handle, nullptr), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  run(handle, {{0, 0, 0}, {1, 0, 0}});
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}}), 0);
  run(handle, {{0, 0, 900}});
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_set_plan(handle, nullptr), static_cast<int>(KAREUS_WRONG_STATE));
  const std::vector<uint32_t> expected = {1410, 900, 1200, 0, 900};
  CHECK_EQUAL(changesOf(handle), expected);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("without a plan, and when observing, no clock is touched") {
  const Machine machine;
  kareus_handle* handle = open(options());
  run(handle, {{0, 0, 0}, {1, 0, 0}});
  CHECK_EQUAL(kareus_close(handle), 0);
  handle = open(options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE));
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}}), 0);
  run(handle, {{0, 0, 900}});
  CHECK_EQUAL(kareus_flush(handle, 1), 0);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(machine.asked().size(), 0U);
}

CASE("a change waits until the GPU is there") {
  const Machine machine;
  kareus_handle* handle = open(options());
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}}), 0);
  hold(kStream);
  run(handle, {{0, 0, 900}}, kStream);
  for (const double timeout_s : {0.05, -1.0, std::nan("")}) {
    CHECK_EQUAL(kareus_flush(handle, timeout_s), static_cast<int>(KAREUS_TIMED_OUT));
  }
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  release(kStream);
  CHECK_EQUAL(kareus_flush(handle, HUGE_VAL), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("of changes reached together only the latest is made") {
  const Machine machine;
  kareus_handle* handle = open(options());
  const auto plan = {Planned{0, 0, 900}, {0, 1, 1200}, {1, 0, 1305}, {1, 1, 600}};
  CHECK_EQUAL(setPlan(handle, plan), 0);
  hold(kStream);
  run(handle, plan, kStream);
  release(kStream);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  const std::vector<uint32_t> only = {600};
  CHECK_EQUAL(machine.asked(), only);
  const kareus_statistics seen = statisticsOf(handle);
  CHECK_EQUAL(seen.changes_requested, 4U);
  CHECK_EQUAL(seen.changes_applied, 1U);
  CHECK_EQUAL(seen.changes_coalesced, 3U);
  CHECK_EQUAL(seen.instructions, 4U);
  CHECK_EQUAL(kareus_close(handle), 0);
}

// Whatever the order of issue and progress: what is made is part of what was asked for, in order, and
// ends with the last. Against a GPU that stops and goes on at random.
CASE("any progress of the GPU: changes in order, the last one holds") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; round++) {
    const Machine machine;
    kareus_handle* handle = open(options());
    std::vector<int32_t> kinds, microbatches;
    std::vector<uint32_t> clocks;
    for (int i = 0; i < 30; i++) {
      kinds.push_back(static_cast<int32_t>(random() % 2));
      microbatches.push_back(i);
      clocks.push_back(900 + 15 * (random() % 4));
    }
    kareus_plan plan = {};
    plan.struct_size = sizeof plan;
    plan.instruction_count = 30;
    plan.kind = kinds.data();
    plan.microbatch = microbatches.data();
    plan.freq_mhz = clocks.data();
    CHECK_EQUAL(kareus_set_plan(handle, &plan), 0);
    CHECK_EQUAL(kareus_step_begin(handle), 0);
    for (int i = 0; i < 30; i++) {
      if (random() % 3 == 0) hold(kStream);
      CHECK_EQUAL(kareus_instruction_begin(handle, kinds[i], i, 0, kStream), 0);
      CHECK_EQUAL(kareus_instruction_end(handle, kStream), 0);
      if (random() % 3 == 0) release(kStream);
      if (random() % 4 == 0) usleep(random() % 500);
    }
    release(kStream);
    CHECK_EQUAL(kareus_step_end(handle), 0);
    CHECK_EQUAL(kareus_flush(handle, 5), 0);
    const std::vector<uint32_t> made = changesOf(handle);
    size_t next = 0;
    for (const uint32_t clock : clocks) {
      if (next < made.size() && made[next] == clock) next++;
    }
    CHECK_EQUAL(next, made.size());
    CHECK_EQUAL(made.back(), clocks.back());
    for (size_t i = 1; i < made.size(); i++) CHECK(made[i] != made[i - 1]);
    CHECK_EQUAL(machine.asked(), made);
    CHECK_EQUAL(machine.get("locked_mhz"), static_cast<double>(clocks.back()));
    CHECK_EQUAL(kareus_close(handle), 0);
  }
}

CASE("two GPUs of one process do not mix") {
  const Machine machine;
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* first = open(wanted);
  wanted.device = "1";
  kareus_handle* second = open(wanted);
  CHECK_EQUAL(setPlan(first, {{0, 0, 900}}), 0);
  CHECK_EQUAL(setPlan(second, {{0, 0, 1200}}), 0);
  run(first, {{0, 0, 900}});
  run(second, {{0, 0, 1200}});
  CHECK(machine.get("locked_mhz", 0) == 900 && machine.get("locked_mhz", 1) == 1200);
  CHECK_EQUAL(kareus_close(first), 0);
  CHECK(machine.get("locked_mhz", 0) == 0 && machine.get("locked_mhz", 1) == 1200);
  CHECK_EQUAL(kareus_close(second), 0);
  CHECK_EQUAL(machine.get("locked_mhz", 1), 0.0);
}

CASE("two jobs' threads, a GPU each, at the same time") {
  const Machine machine;
  const auto job = [](const char* device) {
    kareus_options wanted = options();
    wanted.device = device;
    wanted.record_capacity = 64;
    kareus_handle* handle = open(wanted);
    const auto plan = {Planned{0, 0, 900}, {0, 1, 1200}, {1, 0, 900}};
    CHECK_EQUAL(setPlan(handle, plan), 0);
    kareus_record records[64];
    uint32_t count = 0;
    for (int step = 0; step < 200; step++) {
      run(handle, plan);
      CHECK_EQUAL(kareus_take_records(handle, records, 64, &count), 0);
    }
    CHECK_EQUAL(kareus_flush(handle, 5), 0);
    CHECK_EQUAL(statisticsOf(handle).freq_mhz, 900U);
    CHECK_EQUAL(kareus_close(handle), 0);
  };
  std::thread first(job, "0"), second(job, "1");
  first.join();
  second.join();
  CHECK(machine.get("locked_mhz", 0) == 0 && machine.get("locked_mhz", 1) == 0);
}

CASE("a slow driver does not hold up the job") {
  const Machine machine("slow_s=0.2");
  kareus_handle* handle = open(options());
  const auto plan = {Planned{0, 0, 900}, {0, 1, 1200}, {1, 0, 1305}, {1, 1, 600}};
  CHECK_EQUAL(setPlan(handle, plan), 0);
  const int64_t before_ns = now_ns();
  run(handle, plan);
  CHECK(now_ns() - before_ns < 150'000'000);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 600.0);
  CHECK(statisticsOf(handle).change_time_max_s >= 0.2);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("thousands of boundaries ahead of the GPU neither block nor lose the clock") {
  const Machine machine;
  kareus_options wanted = options();
  wanted.record_capacity = 8;
  kareus_handle* handle = open(wanted);
  const auto plan = {Planned{0, 0, 900}, {1, 0, 1200}};
  CHECK_EQUAL(setPlan(handle, plan), 0);
  hold(kStream);
  for (int step = 0; step < 3000; step++) run(handle, plan, kStream);
  CHECK(statisticsOf(handle).records_dropped > 0);
  release(kStream);
  CHECK_EQUAL(kareus_flush(handle, 20), 0);
  run(handle, plan, kStream);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("the gate lets communication start when computation is done, not before") {
  const Machine machine;
  kareus_handle* handle = open(options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE));
  hold(kStream);
  launch(kStream, 0.001);
  CHECK_EQUAL(kareus_gate(handle, kStream, kOther), 0);
  CHECK(!isDone(kOther));
  release(kStream);
  CHECK(waitUntil([] { return isDone(kOther); }));
  CHECK_EQUAL(kareus_gate(handle, kStream, nullptr), static_cast<int>(KAREUS_BAD_ARGUMENT));
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("refused events are told once, and clocks then change at the call") {
  const Machine machine;
  kareus_handle* handle = open(options());
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 1200}}), 0);
  refuseEvents(true);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, kOther), static_cast<int>(KAREUS_NO_CUDA));
  CHECK_EQUAL(kareus_instruction_end(handle, kOther), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 1, 0, 0, kOther), 0);
  CHECK_EQUAL(kareus_gate(handle, kStream, kOther), static_cast<int>(KAREUS_NO_CUDA));
  refuseEvents(false);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("records: time by the GPU's clock, energy that adds up") {
  const Machine machine("static_w=100 dynamic_w=0");
  kareus_options wanted = options();
  wanted.record_capacity = 16;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {1, 0, 900}}), 0);
  double before_j = 0, after_j = 0;
  CHECK_EQUAL(kareus_get_energy(handle, &before_j), 0);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  hold(kStream);  // so that the GPU never waits for the CPU in between
  for (const int kind : {0, 1}) {
    CHECK_EQUAL(kareus_instruction_begin(handle, kind, 0, 0, kStream), 0);
    launch(kStream, 0.03);
    CHECK_EQUAL(kareus_instruction_end(handle, kStream), 0);
  }
  CHECK_EQUAL(kareus_step_end(handle), 0);
  release(kStream);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(kareus_get_energy(handle, &after_j), 0);
  kareus_record records[4];
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_records(handle, records, 4, &count), 0);
  CHECK_EQUAL(count, 2U);
  double sum_j = 0;
  for (uint32_t i = 0; i < count; i++) {
    CHECK_EQUAL(records[i].index, i);
    CHECK_EQUAL(records[i].kind, static_cast<int32_t>(i));
    CHECK_EQUAL(records[i].on_gpu, 1);
    CHECK(std::fabs(records[i].time_s - 0.03) < 1e-6);
    CHECK(records[i].energy_j > 0);
    sum_j += records[i].energy_j;
  }
  CHECK(sum_j > 3 && sum_j <= after_j - before_j + 0.01);  // 100 W for 60 ms and what is beside
  CHECK_EQUAL(records[1].freq_mhz, 900U);
  CHECK_EQUAL(kareus_take_records(handle, records, 4, &count), 0);
  CHECK_EQUAL(count, 0U);
  machine.set("static_w", 85);
  machine.set("dynamic_w", 315);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("partitions are found by key, layer and nanobatch") {
  kareus_handle* handle = open(options(KAREUS_BACKEND_DRY));
  const int32_t kind[] = {0, 1}, microbatch[] = {0, 0};
  const uint32_t freq_mhz[] = {900, 900};
  const char* key[] = {"forward.aa", "forward.aa", "backward.bb"};
  const int32_t slot[] = {2, -1, 0};
  const uint32_t sms[] = {16, 8, 4};
  const uint32_t begin[] = {0, 3, 4}, configuration[] = {0, 1, 1, 2};
  const int32_t layer[] = {0, 1, 0, -1}, nanobatch[] = {0, 0, 1, -1};
  kareus_plan plan = {};
  plan.struct_size = sizeof plan;
  plan.instruction_count = 2;
  plan.kind = kind;
  plan.microbatch = microbatch;
  plan.freq_mhz = freq_mhz;
  plan.configuration_count = 3;
  plan.partition_key = key;
  plan.launch_slot = slot;
  plan.sms = sms;
  plan.use_begin = begin;
  plan.use_configuration = configuration;
  plan.use_layer = layer;
  plan.use_nanobatch = nanobatch;
  CHECK_EQUAL(kareus_set_plan(handle, &plan), 0);
  kareus_partition_use use = {};
  use.struct_size = sizeof use;
  const auto find = [&](const char* wanted, int32_t at, int32_t half) {
    return kareus_get_partition(handle, wanted, at, half, &use);
  };
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(find("forward.aa", 0, 0), static_cast<int>(KAREUS_WRONG_STATE));
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
  CHECK_EQUAL(find("forward.aa", 0, 0), 0);
  CHECK(use.configuration == 0 && use.launch_slot == 2 && use.sms == 16);
  CHECK_EQUAL(find("forward.aa", 0, 1), 0);
  CHECK(use.configuration == 1 && use.launch_slot == -1 && use.sms == 8);
  CHECK_EQUAL(find("forward.aa", 2, 0), static_cast<int>(KAREUS_NO_PARTITION));
  CHECK_EQUAL(find("backward.bb", -1, -1), static_cast<int>(KAREUS_NO_PARTITION));
  CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 1, 0, 0, nullptr), 0);
  CHECK_EQUAL(find("backward.bb", -1, -1), 0);
  const uint32_t descending[] = {0, 3, 2};
  plan.use_begin = descending;
  CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
  CHECK_EQUAL(kareus_step_end(handle), 0);
  CHECK_EQUAL(kareus_set_plan(handle, &plan), static_cast<int>(KAREUS_BAD_PLAN));
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("reset unlocks, and the next boundary locks again") {
  const Machine machine;
  kareus_handle* handle = open(options());
  const auto plan = {Planned{0, 0, 900}};
  CHECK_EQUAL(setPlan(handle, plan), 0);
  run(handle, plan);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(kareus_reset(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  CHECK_EQUAL(machine.journals().size(), 0U);
  run(handle, plan);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  const std::vector<uint32_t> expected = {900, 0, 900};
  CHECK_EQUAL(changesOf(handle), expected);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("a lower clock draws less power") {
  const Machine machine("busy=1");
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 1410}, {1, 0, 900}}), 0);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  const double power_w[] = {85 + 315, 85 + 315 * 0.7 * 0.7 * 900 / 1410};
  for (const int kind : {0, 1}) {
    CHECK_EQUAL(kareus_instruction_begin(handle, kind, 0, 0, nullptr), 0);
    double from_j = 0, to_j = 0;
    // Between the readings lies more time than inside, and less than outside.
    const int64_t outside_ns = now_ns();
    kareus_get_energy(handle, &from_j);
    const int64_t inside_ns = now_ns();
    usleep(50000);
    const double least_s = static_cast<double>(now_ns() - inside_ns) * 1e-9;
    kareus_get_energy(handle, &to_j);
    const double most_s = static_cast<double>(now_ns() - outside_ns) * 1e-9;
    CHECK(to_j - from_j > power_w[kind] * least_s - 0.01);
    CHECK(to_j - from_j < power_w[kind] * most_s + 0.01);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
  }
  CHECK_EQUAL(kareus_close(handle), 0);
}

int main(int count, char** words) { return runAll(count, words); }
