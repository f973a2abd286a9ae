// Structs of callers that were built against another header than this library: shorter or longer
// ones, by the rules in kareus.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "failure.h"
#include "kareus.h"

namespace kareus {

// A record as the first header has it; kareus_take_records hands these out to its callers.
struct FirstRecord {
  uint64_t step;
  uint32_t index;
  int32_t kind, microbatch, chunk;
  uint32_t freq_mhz;
  int32_t on_gpu;
  double start_s, time_s, energy_j;
};

// Bytes of each struct in the first header: no caller has a shorter one.
template <typename Struct>
constexpr size_t kFirstSize = 0;
template <>
inline constexpr size_t kFirstSize<kareus_options> = 72;
template <>
inline constexpr size_t kFirstSize<kareus_capabilities> = 336;
template <>
inline constexpr size_t kFirstSize<kareus_plan> = 128;
template <>
inline constexpr size_t kFirstSize<kareus_partition_use> = 16;
template <>
inline constexpr size_t kFirstSize<kareus_record> = sizeof(FirstRecord);
template <>
inline constexpr size_t kFirstSize<kareus_statistics> = 104;

// WRONG_VERSION where no header can have a struct of this size: mostly it was not set.
template <typename Struct>
int checkSize(uint32_t size) {
  static_assert(kFirstSize<Struct> > 0 && kFirstSize<Struct> <= sizeof(Struct), "has a first size");
  constexpr size_t kMost = 4096;
  if (size >= kFirstSize<Struct> && size <= kMost) return KAREUS_OK;
  return report(KAREUS_WRONG_VERSION, "struct_size is " + std::to_string(size) + ", at least " +
                                          std::to_string(kFirstSize<Struct>) + " is needed");
}

// Copies a struct of the caller's: what a shorter one lacks is 0 in `known`, what a longer one has
// beyond this library's must be 0. BAD_ARGUMENT, WRONG_VERSION.
template <typename Struct>
int copyIn(const Struct* given, Struct& known) {
  if (given == nullptr) return report(KAREUS_BAD_ARGUMENT, "a pointer is null");
  const uint32_t size = given->struct_size;
  if (const int code = checkSize<Struct>(size)) return code;
  known = {};
  std::memcpy(&known, given, std::min<size_t>(size, sizeof known));
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (uint32_t i = sizeof known; i < size; i++) {
    if (bytes[i] == 0) continue;
    return report(KAREUS_WRONG_VERSION, "byte " + std::to_string(i) +
                                            " of the struct asks for what this library lacks");
  }
  return KAREUS_OK;
}

// Fills `size` bytes of the caller's: a shorter struct gets its part, what a longer one has beyond
// this library's becomes 0.
template <typename Struct>
void fill(const Struct& known, void* given, uint32_t size) {
  const size_t filled = std::min<size_t>(size, sizeof known);
  std::memcpy(given, &known, filled);
  std::memset(static_cast<unsigned char*>(given) + filled, 0, size - filled);
}

// The same for a struct that says its own size, which stays as it is. BAD_ARGUMENT, WRONG_VERSION.
template <typename Struct>
int copyOut(Struct& known, Struct* given) {
  if (given == nullptr) return report(KAREUS_BAD_ARGUMENT, "a pointer is null");
  known.struct_size = given->struct_size;
  if (const int code = checkSize<Struct>(known.struct_size)) return code;
  fill(known, given, known.struct_size);
  return KAREUS_OK;
}

}  // namespace kareus
