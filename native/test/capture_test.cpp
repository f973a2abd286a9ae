// Boundaries beside and inside the capture of a CUDA graph.
#include "harness.h"

using namespace test;

namespace {

const auto kStream = reinterpret_cast<kareus_stream>(0x10);
const auto kCaptured = reinterpret_cast<kareus_stream>(0x20);

}  // namespace

CASE("a boundary in the capture of a CUDA graph is told once, changes and records nothing") {
  const Machine machine;
  kareus_options wanted = options();
  wanted.record_capacity = 16;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}, {0, 1, 1200}, {1, 0, 1200}}), 0);
  hold(kStream);  // the controller asks about the first boundary all along
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, kStream), 0);
  capture(kCaptured);
  CHECK_EQUAL(kareus_instruction_end(handle, kCaptured), static_cast<int>(KAREUS_CAPTURED));
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 1, 0, kCaptured), 0);
  CHECK_EQUAL(kareus_flush(handle, 0.05), static_cast<int>(KAREUS_TIMED_OUT));
  CHECK(endCapture());
  CHECK_EQUAL(kareus_instruction_end(handle, kStream), 0);
  release(kStream);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 1, 0, 0, kStream), 0);
  CHECK_EQUAL(kareus_instruction_end(handle, kStream), 0);
  CHECK_EQUAL(kareus_step_end(handle), 0);
  CHECK_EQUAL(kareus_flush(handle, 5), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 1200.0);
  kareus_record records[4];
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_records(handle, records, 4, &count), 0);
  CHECK_EQUAL(count, 1u);
  CHECK_EQUAL(records[0].kind, 1);
  CHECK_EQUAL(kareus_close(handle), 0);
}

int main(int count, char** words) { return runAll(count, words); }
