// What is to be measured: one task a line, as `kareus profile record` writes it.
//
//   task <id> clock <MHz> sms <n> first <n> comm <kind|none> <size_bytes> <ranks> [then ...] kernels <n> ...
//   then <first> <kind> <size_bytes> <ranks>
//   matmul <b> <m> <n> <k> <type>
//   memory <bytes_read> <bytes_written> <flops> <type>
//   attention <b> <heads> <kv_heads> <q_len> <kv_len> <head_dim> <causal> <forward|backward> <type>
//   conv <n> <c_in> <c_out> <out_spatial> <in_spatial> <kernel_spatial> <groups> <type>
//
// Communication starts before kernel `first`; `first` = the number of kernels: after the last. What
// `then` names follows it on the same stream, once its own `first` kernel is next.
#pragma once

#include <cstdint>
#include <istream>
#include <stdexcept>
#include <string>
#include <vector>

namespace kareus {

struct Kernel {
  std::string op;
  // In the order of the line; causal as 0 or 1.
  std::vector<int64_t> sizes;
  // Of attention alone.
  std::string direction;
  std::string type;
};

struct Collective {
  int first = 0;
  std::string kind;
  int64_t size_bytes = 0;
  int ranks = 1;
};

struct Task {
  int64_t id = 0;
  int clock_mhz = 0;
  int sms = 0;
  Collective communication;  // an empty kind: there is none
  std::vector<Collective> queued;
  std::vector<Kernel> kernels;

  // All that the communication stream runs, in that order.
  std::vector<Collective> communications() const;
};

// A line that cannot be read as a task. The message names the line.
struct MalformedWorkList : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::vector<Task> readWorkList(std::istream& in);

// The line that reads as this task.
std::string lineOf(const Task& task);

// Bytes of an element; 0: the recorder cannot compute in it.
int elementBytes(const std::string& type);

// Bytes of the operands of a kernel, each by itself.
std::vector<int64_t> operandBytes(const Kernel& kernel);

// Bytes that one rank sends over its links, by ring algorithms; none to itself.
int64_t wireBytes(const Collective& collective);

}  // namespace kareus
