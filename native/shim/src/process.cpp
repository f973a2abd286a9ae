#include "process.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace kareus {
namespace {

struct Stat {
  char state = 'X';
  uint64_t start_ticks = 0;
};

Stat statOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return {};
  // The name, in parentheses, may hold anything; the state follows the last one.
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 1));
  Stat stat;
  rest >> stat.state;
  constexpr int kBetween = 18;  // fields 4 to 21
  std::string skipped;
  for (int field = 0; field < kBetween; field++) rest >> skipped;
  rest >> stat.start_ticks;
  return stat;
}

// A main thread that ended before the others looks dead, but its process is not.
bool hasOtherThreads(pid_t pid) {
  DIR* tasks = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (tasks == nullptr) return false;
  int entries = 0;
  while (readdir(tasks) != nullptr) entries++;
  closedir(tasks);
  constexpr int kAlone = 3;  // ".", ".." and the main thread
  return entries > kAlone;
}

}  // namespace

Process processOf(pid_t pid) { return {pid, statOf(pid).start_ticks}; }

Process self() { return processOf(getpid()); }

bool isAlive(const Process& process) {
  const Stat stat = statOf(process.pid);
  if (stat.start_ticks != process.start_ticks || stat.state == 'X') return false;
  return stat.state != 'Z' || hasOtherThreads(process.pid);
}

std::string bootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace kareus
