#include "cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace kareus {
namespace {

constexpr const char* kGroup = "/kareus-guard";

// One tree of control groups: where it is mounted, and where in it this process is.
struct Hierarchy {
  std::string mount, own;
  bool unified = false;
};

// By which a manager of jobs finds or ends processes. The others only divide up resources.
bool endsProcesses(const std::string& options) {
  for (const char* word : {"freezer", "pids", "memory", "name=systemd"}) {
    if (("," + options + ",").find(std::string(",") + word + ",") != std::string::npos) return true;
  }
  return false;
}

// The controllers of one line of /proc/self/cgroup, and the path; v2 has none.
bool pathOf(const std::string& options, bool unified, std::string& path) {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    path = line.substr(second + 1);
    if (unified ? names.empty() : !names.empty() && ("," + options + ",").find("," + names + ",") != std::string::npos) {
      return true;
    }
  }
  return false;
}

// A line of mountinfo: number, parent, device, root, mount point, options..., -, type, source, options.
std::vector<Hierarchy> hierarchies() {
  std::vector<Hierarchy> found;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string skipped, root, mount, word, type, source, options;
    words >> skipped >> skipped >> skipped >> root >> mount;
    while (words >> word && word != "-") {
    }
    words >> type >> source >> options;
    const bool unified = type == "cgroup2";
    if (!unified && (type != "cgroup" || !endsProcesses(options))) continue;
    Hierarchy hierarchy = {mount, "", unified};
    if (pathOf(options, unified, hierarchy.own)) found.push_back(hierarchy);
  }
  return found;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// A container sees its own group as the top: the true top alone cannot be ended (v2), or has an
// agent for empty groups (v1).
bool isTop(const Hierarchy& hierarchy) {
  return hierarchy.unified ? !exists(hierarchy.mount + "/cgroup.type")
                           : exists(hierarchy.mount + "/release_agent");
}

// The first pid namespace's number (PROC_PID_INIT_INO): any other ends with its first process.
bool inFirstPidNamespace() {
  constexpr ino_t kFirst = 0xEFFFFFFC;
  struct stat found = {};
  return stat("/proc/self/ns/pid", &found) == 0 && found.st_ino == kFirst;
}

std::string leave(const Hierarchy& hierarchy, bool only_look) {
  const std::string group = hierarchy.mount + kGroup;
  if (!isTop(hierarchy)) return hierarchy.mount + " is a container's";
  if (only_look) return access(hierarchy.mount.c_str(), W_OK) == 0 ? "" : group + ": " + std::strerror(errno);
  if (mkdir(group.c_str(), 0755) != 0 && errno != EEXIST) return group + ": " + std::strerror(errno);
  std::ofstream members(group + "/cgroup.procs");
  members << getpid() << std::flush;
  return members ? "" : group + " takes no process";
}

Shelter shelter(bool only_look) {
  const char* chosen = std::getenv("KAREUS_GUARD_CGROUP");
  if (chosen != nullptr && std::strcmp(chosen, "stay") == 0) return {false, "KAREUS_GUARD_CGROUP says so"};
  if (!inFirstPidNamespace()) return {false, "a container ends with its first process"};
  for (const Hierarchy& hierarchy : hierarchies()) {
    if (hierarchy.own == "/" || hierarchy.own == kGroup) continue;
    const std::string problem = leave(hierarchy, only_look);
    if (!problem.empty()) return {false, problem};
  }
  return {true, ""};
}

}  // namespace

Shelter leaveCgroups() { return shelter(false); }

Shelter couldLeaveCgroups() { return shelter(true); }

}  // namespace kareus
