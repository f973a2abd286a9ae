// The C interface: arguments are checked, failures become codes, nothing is thrown.
#include "kareus.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>

#include "abi.h"
#include "failure.h"
#include "runtime.h"

using kareus::checkSize;
using kareus::copyIn;
using kareus::copyOut;
using kareus::Failure;
using kareus::report;
using kareus::Runtime;

// Codes are a table of the core, which the library hands on.
namespace {

Runtime& runtimeOf(kareus_handle* handle) { return *reinterpret_cast<Runtime*>(handle); }

// Whether the handle may be used here; what stands in the way is reported.
int check(kareus_handle* handle, bool arguments = true) {
  if (handle == nullptr || !arguments) return report(KAREUS_BAD_ARGUMENT, "a pointer is null");
  if (!runtimeOf(handle).ours()) {
    return report(KAREUS_WRONG_STATE, "the handle is of the process that forked this one");
  }
  return KAREUS_OK;
}

template <typename Body>
int guarded(Body body) {
  try {
    return body();
  } catch (const Failure& failure) {
    return report(failure.code, failure.detail);
  } catch (const std::exception& exception) {
    return report(KAREUS_NO_RESOURCES, exception.what());
  }
}

}  // namespace

uint32_t kareus_abi_version(void) { return KAREUS_ABI_VERSION; }

const char* kareus_last_error(void) { return kareus::lastError(); }

int kareus_open(const kareus_options* options, kareus_handle** handle) {
  if (handle == nullptr) return report(KAREUS_BAD_ARGUMENT, "a pointer is null");
  *handle = nullptr;
  kareus_options known;
  if (const int code = copyIn(options, known)) return code;
  if (known.mode != KAREUS_MODE_CONTROL && known.mode != KAREUS_MODE_OBSERVE) {
    return report(KAREUS_BAD_ARGUMENT, "no such mode");
  }
  return guarded([&] {
    *handle = reinterpret_cast<kareus_handle*>(new Runtime(known));
    return KAREUS_OK;
  });
}

int kareus_get_capabilities(kareus_handle* handle, kareus_capabilities* capabilities) {
  if (const int code = check(handle)) return code;
  kareus_capabilities known = {};
  runtimeOf(handle).capabilities(known);
  return copyOut(known, capabilities);
}

int kareus_get_clocks(kareus_handle* handle, uint32_t* freq_mhz, uint32_t capacity,
                      uint32_t* count) {
  if (const int code = check(handle, count != nullptr && (freq_mhz != nullptr || capacity == 0))) {
    return code;
  }
  const auto& clocks = runtimeOf(handle).info().clocks_mhz;
  std::copy_n(clocks.begin(), std::min<size_t>(capacity, clocks.size()), freq_mhz);
  *count = static_cast<uint32_t>(clocks.size());
  return KAREUS_OK;
}

int kareus_set_plan(kareus_handle* handle, const kareus_plan* plan) {
  if (const int code = check(handle)) return code;
  if (plan == nullptr) return guarded([&] { return runtimeOf(handle).dropPlan(); });
  kareus_plan known;
  if (const int code = copyIn(plan, known)) return code;
  return guarded([&] {
    runtimeOf(handle).setPlan(known);
    return KAREUS_OK;
  });
}

int kareus_step_begin(kareus_handle* handle) {
  if (const int code = check(handle)) return code;
  return runtimeOf(handle).stepBegin();
}

int kareus_step_end(kareus_handle* handle) {
  if (const int code = check(handle)) return code;
  return runtimeOf(handle).stepEnd();
}

int kareus_instruction_begin(kareus_handle* handle, int32_t kind, int32_t microbatch, int32_t chunk,
                             kareus_stream stream) {
  if (const int code = check(handle)) return code;
  return runtimeOf(handle).instructionBegin(kind, microbatch, chunk, stream);
}

int kareus_instruction_end(kareus_handle* handle, kareus_stream stream) {
  if (const int code = check(handle)) return code;
  return runtimeOf(handle).instructionEnd(stream);
}

int kareus_get_partition(kareus_handle* handle, const char* key, int32_t layer, int32_t nanobatch,
                         kareus_partition_use* use) {
  if (const int code = check(handle, key != nullptr && use != nullptr)) return code;
  kareus_partition_use known = {};
  const int code = runtimeOf(handle).findPartition(key, layer, nanobatch, known);
  return code == KAREUS_OK ? copyOut(known, use) : code;
}

int kareus_gate(kareus_handle* handle, kareus_stream compute, kareus_stream communication) {
  if (const int code = check(handle, compute != nullptr && communication != nullptr)) return code;
  return runtimeOf(handle).gate(compute, communication);
}

int kareus_get_energy(kareus_handle* handle, double* energy_j) {
  if (const int code = check(handle, energy_j != nullptr)) return code;
  return runtimeOf(handle).energy(*energy_j);
}

int kareus_take_sized_records(kareus_handle* handle, void* records, uint32_t record_size,
                              uint32_t capacity, uint32_t* count) {
  if (const int code = check(handle, count != nullptr && (records != nullptr || capacity == 0))) {
    return code;
  }
  if (const int code = checkSize<kareus_record>(record_size)) return code;
  kareus::Records& kept = runtimeOf(handle).records();
  auto* place = static_cast<unsigned char*>(records);
  *count = 0;
  for (kareus_record record; *count < capacity && kept.take(record); ++*count) {
    kareus::fill(record, place + size_t{*count} * record_size, record_size);
  }
  return KAREUS_OK;
}

// What callers of the first header call. The header of today has an inline function of this name.
extern "C" KAREUS_API int kareus_take_first_records(kareus_handle*, void*, uint32_t,
                                                    uint32_t*) __asm__("kareus_take_records");

int kareus_take_first_records(kareus_handle* handle, void* records, uint32_t capacity,
                              uint32_t* count) {
  return kareus_take_sized_records(handle, records, sizeof(kareus::FirstRecord), capacity, count);
}

int kareus_get_statistics(kareus_handle* handle, kareus_statistics* statistics) {
  if (const int code = check(handle)) return code;
  kareus_statistics known = {};
  runtimeOf(handle).statistics(known);
  return copyOut(known, statistics);
}

int kareus_get_changes(kareus_handle* handle, uint32_t* freq_mhz, uint32_t capacity,
                       uint64_t* count) {
  if (const int code = check(handle, count != nullptr && (freq_mhz != nullptr || capacity == 0))) {
    return code;
  }
  *count = runtimeOf(handle).controller().changes(freq_mhz, capacity);
  return KAREUS_OK;
}

int kareus_flush(kareus_handle* handle, double timeout_s) {
  if (const int code = check(handle)) return code;
  if (runtimeOf(handle).controller().flush(timeout_s)) return KAREUS_OK;
  return report(KAREUS_TIMED_OUT, "boundaries are still ahead of the GPU");
}

int kareus_reset(kareus_handle* handle) {
  if (const int code = check(handle)) return code;
  return runtimeOf(handle).reset();
}

int kareus_close(kareus_handle* handle) {
  if (handle == nullptr) return KAREUS_OK;
  if (const int code = check(handle)) return code;
  Runtime* runtime = &runtimeOf(handle);
  const int code = runtime->close();
  // The thread, stuck in the driver, still uses it.
  if (code == KAREUS_TIMED_OUT) return report(code, "the driver does not answer");
  const int reported = code == KAREUS_OK ? code : report(code, runtime->info().uuid);
  delete runtime;
  return reported;
}
