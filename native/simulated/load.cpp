// The simulated board's model of a task: rates and energies of the size that Hopper boards have.
#include "load.h"

#include <algorithm>
#include <cmath>

namespace simulated {
namespace {

using kareus::Collective;
using kareus::Kernel;
using kareus::Task;

constexpr double kStart_s = 3e-6;  // of a kernel
constexpr double kTensor_flops_per_s = 880e12;
constexpr double kAttention_flops_per_s = 520e12;
constexpr double kMemory_bytes_per_s = 4.2e12;
constexpr double kFlop_j = 1.15e-12;
constexpr double kByte_j = 105e-12;
constexpr double kBlock_bytes_per_s = 38.7e9;  // of a copy, read and written together
// Beside each other, computation and communication slow each other down.
constexpr double kComputeBeside = 1.05, kCopyBeside = 1.4;
// Blocks that share an SM beside attention are served worse.
constexpr double kPacked = 1.37;

double product(const std::vector<int64_t>& sizes, size_t from, size_t to) {
  double all = 1;
  for (size_t i = from; i < to; i++) all *= static_cast<double>(sizes[i]);
  return all;
}

void add(Load& load, double flops, double rate, double bytes) {
  const double compute_s = flops / rate, memory_s = bytes / kMemory_bytes_per_s;
  load.fixed_s += kStart_s;
  // A kernel is bound by one of both.
  (compute_s > memory_s ? load.compute_s : load.memory_s) += std::max(compute_s, memory_s);
  load.core_j += flops * kFlop_j;
  load.memory_j += bytes * kByte_j;
}

Load loadOf(const Kernel& kernel) {
  Load load;
  const auto& s = kernel.sizes;
  double bytes = 0;
  for (const int64_t each : kareus::operandBytes(kernel)) bytes += static_cast<double>(each);
  if (kernel.op == "matmul") {
    add(load, 2 * product(s, 0, 4), kTensor_flops_per_s, bytes);
  } else if (kernel.op == "attention") {
    // Two products over queries, keys and width, half of them where causal; five in the backward.
    const double products = kernel.direction == "backward" ? 5 : 2;
    const double pairs = product(s, 0, 2) * static_cast<double>(s[3] * s[4]) / (s[6] != 0 ? 2 : 1);
    add(load, 2 * products * pairs * static_cast<double>(s[5]), kAttention_flops_per_s, 0);
  } else {
    add(load, static_cast<double>(s[2]), kTensor_flops_per_s / 16, bytes);
  }
  return load;
}

double timeOf(const Load& load) { return load.fixed_s + load.compute_s + load.memory_s; }

void join(Load& sum, const Load& more, double stretch) {
  sum.fixed_s += more.fixed_s * stretch;
  sum.compute_s += more.compute_s * stretch;
  sum.memory_s += more.memory_s * stretch;
  sum.core_j += more.core_j;
  sum.memory_j += more.memory_j;
}

}  // namespace

Load loadOf(const Task& task, bool packs) {
  Load load;
  double copy_s = 0, copied_bytes = 0;
  for (const Collective& each : task.communications()) {
    const double bytes = 2 * static_cast<double>(kareus::wireBytes(each));
    const double rate = task.sms == 0 ? 400e9 : kBlock_bytes_per_s * task.sms;
    copy_s += kStart_s + bytes / rate;
    copied_bytes += bytes;
  }
  const bool attention = std::any_of(task.kernels.begin(), task.kernels.end(),
                                     [](const Kernel& each) { return each.op == "attention"; });
  if (packs && attention) copy_s *= kPacked;
  const auto first = static_cast<size_t>(task.communication.first);
  double beside_s = 0;
  for (size_t i = 0; i < task.kernels.size(); i++) {
    const Load kernel = loadOf(task.kernels[i]);
    const bool beside = copy_s > 0 && i >= first;
    join(load, kernel, beside ? kComputeBeside : 1);
    if (beside) beside_s += kComputeBeside * timeOf(kernel);
  }
  // What of the copy is left when computation has ended runs alone.
  load.memory_s += std::max(0.0, copy_s - beside_s / kCopyBeside);
  load.memory_j += copied_bytes * kByte_j;
  return load;
}

}  // namespace simulated
