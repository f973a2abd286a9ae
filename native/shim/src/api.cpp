// The C interface: arguments are checked, failures become codes, nothing is thrown.
#include "kareus.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>

#include "failure.h"
#include "runtime.h"

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

template <typename Struct>
int checkSize(const Struct* given) {
  if (given == nullptr) return report(KAREUS_BAD_ARGUMENT, "a pointer is null");
  if (given->struct_size != sizeof(Struct)) {
    return report(KAREUS_WRONG_VERSION, "struct_size is " + std::to_string(given->struct_size) +
                                            ", not " + std::to_string(sizeof(Struct)));
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
  if (const int code = checkSize(options)) return code;
  if (options->mode != KAREUS_MODE_CONTROL && options->mode != KAREUS_MODE_OBSERVE) {
    return report(KAREUS_BAD_ARGUMENT, "no such mode");
  }
  return guarded([&] {
    *handle = reinterpret_cast<kareus_handle*>(new Runtime(*options));
    return KAREUS_OK;
  });
}

int kareus_get_capabilities(kareus_handle* handle, kareus_capabilities* capabilities) {
  if (const int code = check(handle)) return code;
  if (const int code = checkSize(capabilities)) return code;
  runtimeOf(handle).capabilities(*capabilities);
  return KAREUS_OK;
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
  if (const int code = checkSize(plan)) return code;
  return guarded([&] {
    runtimeOf(handle).setPlan(*plan);
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
  if (const int code = check(handle, key != nullptr)) return code;
  if (const int code = checkSize(use)) return code;
  return runtimeOf(handle).findPartition(key, layer, nanobatch, *use);
}

int kareus_gate(kareus_handle* handle, kareus_stream compute, kareus_stream communication) {
  if (const int code = check(handle, compute != nullptr && communication != nullptr)) return code;
  return runtimeOf(handle).gate(compute, communication);
}

int kareus_get_energy(kareus_handle* handle, double* energy_j) {
  if (const int code = check(handle, energy_j != nullptr)) return code;
  return runtimeOf(handle).energy(*energy_j);
}

int kareus_take_records(kareus_handle* handle, kareus_record* records, uint32_t capacity,
                        uint32_t* count) {
  if (const int code = check(handle, count != nullptr && (records != nullptr || capacity == 0))) {
    return code;
  }
  *count = runtimeOf(handle).records().take(records, capacity);
  return KAREUS_OK;
}

int kareus_get_statistics(kareus_handle* handle, kareus_statistics* statistics) {
  if (const int code = check(handle)) return code;
  if (const int code = checkSize(statistics)) return code;
  runtimeOf(handle).statistics(*statistics);
  statistics->struct_size = sizeof *statistics;
  return KAREUS_OK;
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
