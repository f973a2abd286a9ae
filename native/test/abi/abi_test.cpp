// Callers of a later header than this library's: their structs are longer.
#include <cstring>

#include "../harness.h"

using namespace test;

namespace {

// A struct with a field that some later header appends.
template <typename Struct>
struct Later {
  Struct known = {};
  uint64_t appended = 0;

  Later() { known.struct_size = sizeof(Later); }
};

int openLater(uint64_t appended, kareus_handle** handle) {
  Later<kareus_options> wanted;
  wanted.known.backend = KAREUS_BACKEND_DRY;
  wanted.known.record_capacity = 8;
  wanted.known.synchronous = 1;
  wanted.appended = appended;
  return kareus_open(&wanted.known, handle);
}

int planLater(kareus_handle* handle, uint64_t appended) {
  const int32_t kind[] = {0, 1}, microbatch[] = {0, 0};
  const uint32_t freq_mhz[] = {1200, 900};
  Later<kareus_plan> plan;
  plan.known.instruction_count = 2;
  plan.known.kind = kind;
  plan.known.microbatch = microbatch;
  plan.known.freq_mhz = freq_mhz;
  plan.appended = appended;
  return kareus_set_plan(handle, &plan.known);
}

}  // namespace

CASE("what a later header has more is fine while it is 0, and refused by its place if not") {
  kareus_handle* handle = nullptr;
  CHECK_EQUAL(openLater(1, &handle), static_cast<int>(KAREUS_WRONG_VERSION));
  CHECK(handle == nullptr);
  const std::string place = "byte " + std::to_string(sizeof(kareus_options)) + " ";
  CHECK(std::string(kareus_last_error()).find(place) != std::string::npos);
  CHECK_EQUAL(openLater(0, &handle), 0);
  CHECK_EQUAL(planLater(handle, uint64_t{1} << 63), static_cast<int>(KAREUS_WRONG_VERSION));
  CHECK_EQUAL(planLater(handle, 0), 0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("what this library cannot tell a later caller is 0") {
  kareus_handle* handle = nullptr;
  CHECK_EQUAL(openLater(0, &handle), 0);
  CHECK_EQUAL(planLater(handle, 0), 0);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  for (const int32_t kind : {0, 1}) {
    CHECK_EQUAL(kareus_instruction_begin(handle, kind, 0, 0, nullptr), 0);
    CHECK_EQUAL(kareus_instruction_end(handle, nullptr), 0);
  }
  CHECK_EQUAL(kareus_step_end(handle), 0);
  Later<kareus_statistics> statistics;
  statistics.appended = 7;
  CHECK_EQUAL(kareus_get_statistics(handle, &statistics.known), 0);
  CHECK_EQUAL(statistics.known.struct_size, static_cast<uint32_t>(sizeof statistics));
  CHECK(statistics.known.instructions == 2 && statistics.appended == 0);
  Later<kareus_capabilities> capabilities;
  capabilities.appended = 7;
  CHECK_EQUAL(kareus_get_capabilities(handle, &capabilities.known), 0);
  CHECK(std::string(capabilities.known.name) == "dry" && capabilities.appended == 0);

  struct LaterRecord {
    kareus_record known;
    uint64_t appended;
  } records[2];
  std::memset(records, 0xAB, sizeof records);
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_sized_records(handle, records, sizeof(LaterRecord), 2, &count), 0);
  CHECK_EQUAL(count, 2U);
  CHECK(records[0].known.kind == 0 && records[0].known.freq_mhz == 1200);
  CHECK(records[1].known.kind == 1 && records[1].known.freq_mhz == 900);
  CHECK(records[0].appended == 0 && records[1].appended == 0);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("sizes that no header has are refused") {
  kareus_handle* handle = nullptr;
  CHECK_EQUAL(openLater(0, &handle), 0);
  for (const uint32_t size : {0U, 8U, 0xABABABABU}) {
    kareus_options wanted = options(KAREUS_BACKEND_DRY);
    wanted.struct_size = size;
    kareus_handle* other = nullptr;
    CHECK_EQUAL(kareus_open(&wanted, &other), static_cast<int>(KAREUS_WRONG_VERSION));
    kareus_statistics statistics = {};
    statistics.struct_size = size;
    CHECK_EQUAL(kareus_get_statistics(handle, &statistics), static_cast<int>(KAREUS_WRONG_VERSION));
    kareus_record record = {};
    uint32_t count = 0;
    CHECK_EQUAL(kareus_take_sized_records(handle, &record, size, 1, &count),
                static_cast<int>(KAREUS_WRONG_VERSION));
  }
  CHECK_EQUAL(kareus_close(handle), 0);
}

int main(int count, char** words) { return runAll(count, words); }
