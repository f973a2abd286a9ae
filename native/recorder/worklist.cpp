#include "worklist.h"

#include <algorithm>
#include <map>
#include <sstream>

namespace kareus {
namespace {

// Sizes that each operator states.
const std::map<std::string, int> kSizes = {
    {"matmul", 4}, {"memory", 3}, {"attention", 7}, {"conv", 7}};

const std::vector<std::string> kCollectives = {
    "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", "recv"};

// Far above what fits a GPU, far below what overflows when multiplied with an element's bytes.
constexpr int64_t kLargest = int64_t{1} << 48;

class LineReader {
 public:
  LineReader(const std::string& line, int number) : words_(line), number_(number) {}

  void expect(const std::string& word) {
    if (text() != word) fail("expected \"" + word + "\"");
  }

  std::string text() {
    std::string word;
    if (!(words_ >> word)) fail("ends early");
    return word;
  }

  int64_t integer(int64_t least, int64_t most = kLargest) {
    const std::string word = text();
    const bool digits = !word.empty() && word.size() < 18 &&
                        std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    const int64_t value = digits ? std::stoll(word) : -1;
    if (value < least || value > most) fail("\"" + word + "\" is not a size");
    return value;
  }

  void end() {
    std::string word;
    if (words_ >> word) fail("goes on with \"" + word + "\"");
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw MalformedWorkList("work list, line " + std::to_string(number_) + ": " + why);
  }

 private:
  std::istringstream words_;
  int number_;
};

Kernel readKernel(LineReader& line) {
  Kernel kernel;
  kernel.op = line.text();
  const auto sizes = kSizes.find(kernel.op);
  if (sizes == kSizes.end()) line.fail("no operator \"" + kernel.op + "\"");
  for (int i = 0; i < sizes->second; i++) kernel.sizes.push_back(line.integer(0));
  if (kernel.op == "attention") kernel.direction = line.text();
  kernel.type = line.text();
  return kernel;
}

void readCollective(LineReader& line, Collective* collective) {
  collective->kind = line.text();
  collective->size_bytes = line.integer(0);
  collective->ranks = static_cast<int>(line.integer(1, 1 << 20));
}

void checkCollective(const LineReader& line, const Collective& collective, size_t kernels) {
  if (std::find(kCollectives.begin(), kCollectives.end(), collective.kind) == kCollectives.end()) {
    line.fail("no collective \"" + collective.kind + "\"");
  }
  if (static_cast<size_t>(collective.first) > kernels) {
    line.fail("communication starts after more kernels than there are");
  }
}

Task readTask(const std::string& text, int number) {
  LineReader line(text, number);
  Task task;
  line.expect("task");
  task.id = line.integer(0);
  line.expect("clock");
  task.clock_mhz = static_cast<int>(line.integer(1, 100000));
  line.expect("sms");
  task.sms = static_cast<int>(line.integer(0, 100000));
  line.expect("first");
  task.communication.first = static_cast<int>(line.integer(0, 100000));
  line.expect("comm");
  readCollective(line, &task.communication);
  std::string word = line.text();
  for (; word == "then"; word = line.text()) {
    Collective next;
    next.first = static_cast<int>(line.integer(0, 100000));
    readCollective(line, &next);
    task.queued.push_back(next);
  }
  if (word != "kernels") line.fail("expected \"kernels\"");
  const int64_t kernels = line.integer(0, 100000);
  for (int64_t i = 0; i < kernels; i++) task.kernels.push_back(readKernel(line));
  line.end();
  if (task.communication.kind == "none") task.communication.kind.clear();
  const std::vector<Collective> all = task.communications();
  for (const Collective& each : all) checkCollective(line, each, task.kernels.size());
  if (all.empty() && !task.queued.empty()) line.fail("nothing comes before what is queued");
  if (all.empty() && task.communication.first > kernels) {
    line.fail("communication starts after more kernels than there are");
  }
  if (all.empty() && kernels == 0) line.fail("nothing to measure");
  return task;
}

}  // namespace

std::vector<Collective> Task::communications() const {
  if (communication.kind.empty()) return {};
  std::vector<Collective> all = {communication};
  all.insert(all.end(), queued.begin(), queued.end());
  return all;
}

std::vector<Task> readWorkList(std::istream& in) {
  std::vector<Task> tasks;
  std::string line;
  for (int number = 1; std::getline(in, line); number++) {
    if (!line.empty()) tasks.push_back(readTask(line, number));
  }
  return tasks;
}

std::string lineOf(const Task& task) {
  std::ostringstream out;
  const Collective& first = task.communication;
  out << "task " << task.id << " clock " << task.clock_mhz << " sms " << task.sms << " first "
      << first.first << " comm " << (first.kind.empty() ? "none" : first.kind) << ' '
      << first.size_bytes << ' ' << first.ranks;
  for (const Collective& next : task.queued) {
    out << " then " << next.first << ' ' << next.kind << ' ' << next.size_bytes << ' ' << next.ranks;
  }
  out << " kernels " << task.kernels.size();
  for (const Kernel& kernel : task.kernels) {
    out << ' ' << kernel.op;
    for (int64_t size : kernel.sizes) out << ' ' << size;
    if (!kernel.direction.empty()) out << ' ' << kernel.direction;
    out << ' ' << kernel.type;
  }
  return out.str();
}

int elementBytes(const std::string& type) {
  if (type == "bfloat16" || type == "float16") return 2;
  if (type == "float32") return 4;
  if (type == "float64") return 8;
  return 0;
}

std::vector<int64_t> operandBytes(const Kernel& kernel) {
  const std::vector<int64_t>& s = kernel.sizes;
  const int64_t element = elementBytes(kernel.type);
  if (kernel.op == "matmul") {
    return {element * s[0] * s[1] * s[3], element * s[0] * s[3] * s[2], element * s[0] * s[1] * s[2]};
  }
  if (kernel.op == "memory") return {s[0], s[1]};
  return {};
}

int64_t wireBytes(const Collective& collective) {
  const auto& [first, kind, size_bytes, ranks] = collective;
  if (ranks <= 1) return 0;
  const int64_t share = size_bytes / ranks * (ranks - 1);
  if (kind == "all_reduce") return 2 * share;
  if (kind == "send" || kind == "recv") return size_bytes;
  return share;
}

}  // namespace kareus
