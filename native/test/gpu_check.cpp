// What only a GPU can show, its clocks untouched: a tripwire before the driver's NVML sees to that.
// Exit codes: 0 all well, 1 a check failed, 77 no GPU.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include "harness.h"

namespace {

using Handle = void*;
using Address = unsigned long long;

// NVIDIA's CUDA driver API reference.
#define FUNCTIONS(X)                                                                              \
  X(init, "cuInit", int(unsigned))                                                                \
  X(device, "cuDeviceGet", int(int*, int))                                                        \
  X(busId, "cuDeviceGetPCIBusId", int(char*, int, int))                                           \
  X(retain, "cuDevicePrimaryCtxRetain", int(Handle*, int))                                        \
  X(setContext, "cuCtxSetCurrent", int(Handle))                                                   \
  X(load, "cuModuleLoadData", int(Handle*, const char*))                                          \
  X(function, "cuModuleGetFunction", int(Handle*, Handle, const char*))                           \
  X(attribute, "cuFuncSetAttribute", int(Handle, int, int))                                       \
  X(stream, "cuStreamCreate", int(Handle*, unsigned))                                             \
  X(finish, "cuStreamSynchronize", int(Handle))                                                   \
  X(launch, "cuLaunchKernel",                                                                     \
    int(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle,     \
        void**, void**))                                                                          \
  X(allocate, "cuMemAlloc_v2", int(Address*, size_t))                                             \
  X(fill, "cuMemsetD32Async", int(Address, unsigned, size_t, Handle))                             \
  X(copy, "cuMemcpyDtoDAsync_v2", int(Address, Address, size_t, Handle))                          \
  X(fetch, "cuMemcpyDtoH_v2", int(void*, Address, size_t))

struct Cuda {
#define MEMBER(member, symbol, type) using member##_t = type; member##_t* member = nullptr;
  FUNCTIONS(MEMBER)
#undef MEMBER
  bool open() {
    void* library = dlopen("libcuda.so.1", RTLD_NOW);
    bool all = library != nullptr;
#define LOOK_UP(member, symbol, type)                                                 \
  if (all) member = reinterpret_cast<member##_t*>(dlsym(library, symbol));            \
  all = all && member != nullptr;
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    return all;
  }
};

// Spins for the given nanoseconds; then each block notes its SM, if it has a place to.
constexpr const char* kSpin = R"(
.version 7.0
.target sm_75
.address_size 64
.visible .entry spin(.param .u64 time_ns, .param .u64 noted) {
  .reg .u64 %rd<8>;
  .reg .u32 %r<3>;
  .reg .pred %p;
  ld.param.u64 %rd1, [time_ns];
  ld.param.u64 %rd2, [noted];
  mov.u64 %rd3, %globaltimer;
  add.u64 %rd4, %rd3, %rd1;
again:
  mov.u64 %rd5, %globaltimer;
  setp.lt.u64 %p, %rd5, %rd4;
  @%p bra again;
  setp.eq.u64 %p, %rd2, 0;
  @%p ret;
  mov.u32 %r1, %smid;
  mov.u32 %r2, %ctaid.x;
  mul.wide.u32 %rd6, %r2, 4;
  add.u64 %rd7, %rd2, %rd6;
  st.global.u32 [%rd7], %r1;
  ret;
}
)";

Cuda cuda;
Handle spin_kernel = nullptr, compute = nullptr, communication = nullptr;

void must(int status, const char* what) {
  if (status == 0) return;
  std::printf("FAILED %s: CUDA status %d\n", what, status);
  std::exit(1);
}

void spin(Handle stream, double time_s, unsigned blocks = 1, unsigned threads = 32,
          unsigned shared_bytes = 0, Address noted = 0) {
  auto time_ns = static_cast<unsigned long long>(time_s * 1e9);
  void* parameters[] = {&time_ns, &noted};
  must(cuda.launch(spin_kernel, blocks, 1, 1, threads, 1, 1, shared_bytes, stream, parameters,
                   nullptr),
       "launch");
}

void start() {
  char bus_id[32];
  int device = 0;
  Handle context = nullptr, module = nullptr;
  must(cuda.device(&device, 0), "cuDeviceGet");
  must(cuda.busId(bus_id, sizeof bus_id, device), "cuDeviceGetPCIBusId");
  must(cuda.retain(&context, device), "cuDevicePrimaryCtxRetain");
  must(cuda.setContext(context), "cuCtxSetCurrent");
  must(cuda.load(&module, kSpin), "cuModuleLoadData");
  must(cuda.function(&spin_kernel, module, "spin"), "cuModuleGetFunction");
  constexpr unsigned kNonBlocking = 1;
  must(cuda.stream(&compute, kNonBlocking), "cuStreamCreate");
  must(cuda.stream(&communication, kNonBlocking), "cuStreamCreate");
  setenv("KAREUS_TEST_GPU", bus_id, 1);
  setenv("KAREUS_NVML", test::built("simulated/libnvidia-ml-tripwire.so").c_str(), 1);
}

kareus_handle* observe(uint32_t record_capacity) {
  kareus_options wanted = test::options(KAREUS_BACKEND_NVML, KAREUS_MODE_OBSERVE);
  wanted.device = std::getenv("KAREUS_TEST_GPU");
  wanted.record_capacity = record_capacity;
  return test::open(wanted);
}

unsigned valueAt(Address address) {
  unsigned value = 0;
  must(cuda.fetch(&value, address, sizeof value), "cuMemcpyDtoH");
  return value;
}

}  // namespace

CASE("the gate holds communication back until computation is done") {
  kareus_handle* handle = observe(0);
  Address from = 0, to = 0;
  must(cuda.allocate(&from, 4), "cuMemAlloc");
  must(cuda.allocate(&to, 4), "cuMemAlloc");
  for (const bool gated : {false, true}) {
    must(cuda.fill(from, 1, 1, compute), "cuMemsetD32Async");
    must(cuda.finish(compute), "cuStreamSynchronize");
    spin(compute, 0.05);
    must(cuda.fill(from, 2, 1, compute), "cuMemsetD32Async");
    if (gated) CHECK_EQUAL(kareus_gate(handle, compute, communication), 0);
    must(cuda.copy(to, from, 4, communication), "cuMemcpyDtoDAsync");
    must(cuda.finish(communication), "cuStreamSynchronize");
    must(cuda.finish(compute), "cuStreamSynchronize");
    CHECK_EQUAL(valueAt(to), gated ? 2U : 1U);
  }
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("instructions are timed by the GPU, and their energy adds up to the counter's") {
  kareus_handle* handle = observe(64);
  double before_j = 0, after_j = 0, sum_j = 0, sum_s = 0;
  if (kareus_get_energy(handle, &before_j) == KAREUS_NO_ENERGY) {
    std::printf("       passed over: the GPU has no energy counter\n");
    CHECK_EQUAL(kareus_close(handle), 0);
    return;
  }
  const int64_t before_ns = test::now_ns();
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  constexpr int kInstructions = 10;
  constexpr double kTime_s = 0.3;  // several times as long as the counter takes to move
  for (int i = 0; i < kInstructions; i++) {
    CHECK_EQUAL(kareus_instruction_begin(handle, KAREUS_FORWARD, i, 0, compute), 0);
    spin(compute, kTime_s, 1024, 256);
    CHECK_EQUAL(kareus_instruction_end(handle, compute), 0);
  }
  CHECK_EQUAL(kareus_step_end(handle), 0);
  CHECK_EQUAL(kareus_flush(handle, 60), 0);
  CHECK_EQUAL(kareus_get_energy(handle, &after_j), 0);
  const double window_s = static_cast<double>(test::now_ns() - before_ns) * 1e-9;
  std::vector<kareus_record> records(kInstructions);
  uint32_t count = 0;
  CHECK_EQUAL(kareus_take_records(handle, records.data(), kInstructions, &count), 0);
  CHECK_EQUAL(count, static_cast<uint32_t>(kInstructions));
  for (const kareus_record& record : records) {
    CHECK_EQUAL(record.on_gpu, 1);
    CHECK(record.time_s > kTime_s && record.energy_j >= 0);
    sum_j += record.energy_j;
    sum_s += record.time_s;
  }
  CHECK(std::fabs(sum_j - (after_j - before_j)) < 0.05 * (after_j - before_j));
  CHECK(std::fabs(sum_s - window_s) < 0.05 * window_s);
  std::printf("       %.1f J in %.2f s by instructions, %.1f J by the counter\n", sum_j, sum_s,
              after_j - before_j);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("a fixed grid beside computation runs on as many SMs as it has blocks") {
  constexpr unsigned kShared_bytes = 120 * 1024;  // one block per SM
  constexpr int kMostShared = 8;                  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
  if (cuda.attribute(spin_kernel, kMostShared, kShared_bytes) != 0) {
    std::printf("       passed over: the GPU has too little shared memory\n");
    return;
  }
  constexpr unsigned kMost = 16;
  Address noted = 0;
  must(cuda.allocate(&noted, kMost * 4), "cuMemAlloc");
  for (const unsigned blocks : {2U, 8U, kMost}) {
    spin(communication, 0.02, blocks, 1024, kShared_bytes, noted);
    spin(compute, 0.005, 1024, 256);
    must(cuda.finish(communication), "cuStreamSynchronize");
    must(cuda.finish(compute), "cuStreamSynchronize");
    std::vector<unsigned> sms(blocks);
    must(cuda.fetch(sms.data(), noted, blocks * 4), "cuMemcpyDtoH");
    CHECK_EQUAL(std::set<unsigned>(sms.begin(), sms.end()).size(), size_t{blocks});
  }
}

CASE("10,000 instructions of 200 us get their energy, and nothing is late") {
  kareus_handle* handle = observe(65536);
  double before_j = 0, after_j = 0, energy_j = 0;
  if (kareus_get_energy(handle, &before_j) == KAREUS_NO_ENERGY) {
    std::printf("       passed over: the GPU has no energy counter\n");
    CHECK_EQUAL(kareus_close(handle), 0);
    return;
  }
  constexpr uint32_t kMany = 10000;
  std::vector<kareus_record> records(kMany);
  // The first step lets the sampler see the counter move.
  for (const uint32_t count : {2000U, kMany}) {
    CHECK_EQUAL(kareus_get_energy(handle, &before_j), 0);
    CHECK_EQUAL(kareus_step_begin(handle), 0);
    for (uint32_t i = 0; i < count; i++) {
      kareus_instruction_begin(handle, KAREUS_FORWARD, static_cast<int32_t>(i), 0, compute);
      spin(compute, 200e-6, 1024, 256);
      kareus_instruction_end(handle, compute);
    }
    CHECK_EQUAL(kareus_step_end(handle), 0);
    CHECK_EQUAL(kareus_flush(handle, 30), 0);
    CHECK_EQUAL(kareus_get_energy(handle, &after_j), 0);
    uint32_t taken = 0;
    CHECK_EQUAL(kareus_take_records(handle, records.data(), kMany, &taken), 0);
    CHECK_EQUAL(taken, count);
  }
  double error_j = 0;
  for (const kareus_record& record : records) {
    CHECK(record.energy_j > 0 && record.energy_error_j > 0 && record.clock_mhz > 0);
    energy_j += record.energy_j;
    error_j += record.energy_error_j;
  }
  // The counter was read up to a tick and a half later, while the GPU was idle.
  CHECK(energy_j <= 1.02 * (after_j - before_j) && energy_j > 0.85 * (after_j - before_j));
  std::printf("       %.1f J shared out with errors of %.1f%%, %.1f J by the counter; %.0f MHz, limited by %d\n",
              energy_j, 100 * error_j / energy_j, after_j - before_j, records.back().clock_mhz,
              records.back().limited_by);
  CHECK_EQUAL(kareus_close(handle), 0);
}

CASE("what a boundary costs the job's thread: under 150 ns, under 8 us where it is recorded") {
  constexpr int kInstructions = 500;
  for (const uint32_t capacity : {0U, 65536U}) {
    kareus_handle* handle = observe(capacity);
    std::vector<double> times_ns;
    for (int step = 0; step < 10; step++) {
      kareus_step_begin(handle);
      for (int i = 0; i < kInstructions; i++) {
        const int64_t before_ns = test::now_ns();
        kareus_instruction_begin(handle, KAREUS_FORWARD, 0, 0, compute);
        kareus_instruction_end(handle, compute);
        times_ns.push_back(static_cast<double>(test::now_ns() - before_ns));
      }
      kareus_step_end(handle);
      kareus_flush(handle, 5);
    }
    std::sort(times_ns.begin(), times_ns.end());
    const double median_ns = times_ns[times_ns.size() / 2];
    std::printf("       %.0f ns at the median, %s\n", median_ns,
                capacity == 0 ? "observing" : "two events recorded");
    CHECK(median_ns < (capacity == 0 ? 150 : 8e3));
    CHECK_EQUAL(kareus_close(handle), 0);
  }
}

int main(int count, char** words) {
  if (!cuda.open() || cuda.init(0) != 0) {
    std::puts("no GPU: nothing was checked");
    return 77;
  }
  start();
  return test::runAll(count, words);
}
