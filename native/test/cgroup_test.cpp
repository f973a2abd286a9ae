// Job and guard end together with the job's control group: three layers, and what is told without.
// Real control groups (v2) where this user may make one; else the cases are skipped, and say so.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "harness.h"

using namespace test;

namespace {

constexpr double kPatience_s = 10;

// Where v2 is mounted; empty where there is none.
std::string mountOfV2() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string source, mount, type;
    words >> source >> mount >> type;
    if (type == "cgroup2") return mount;
  }
  return "";
}

class Group {
 public:
  Group() : path_(mountOfV2() + "/kareus-test-" + std::to_string(getpid())) {
    made_ = path_[0] == '/' && mkdir(path_.c_str(), 0755) == 0;
  }
  ~Group() {
    if (!made_) return;
    write("cgroup.kill", "1");
    CHECK(waitUntil([&] { return rmdir(path_.c_str()) == 0; }));
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  bool made() const { return made_; }
  const std::string& path() const { return path_; }
  void write(const char* file, const char* text) const { std::ofstream(path_ + "/" + file) << text; }
  // As a manager of jobs that knows no cgroup.kill: still, signalled one by one, let go.
  void killOneByOne() const {
    write("cgroup.freeze", "1");
    std::ifstream members(path_ + "/cgroup.procs");
    for (int process = 0; members >> process;) kill(process, SIGKILL);
    write("cgroup.freeze", "0");
  }

 private:
  std::string path_;
  bool made_;
};

// A job in the group that has locked its clock.
class Job {
 public:
  Job(const Group& group, const char* way) {
    const std::string enter = "echo $$ > " + group.path() + "/cgroup.procs && exec " + built("test/job") + " " + way;
    process_ = start({"/bin/sh", "-c", enter}, &output_);
    CHECK_EQUAL(readLine(output_), "ready");
  }
  ~Job() {
    wait(process_);
    close(output_);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

 private:
  int process_, output_ = -1;
};

class Daemon {
 public:
  explicit Daemon(const Machine& machine, const char* lease_s = "1.5")
      : socket_(machine.folder() + "/guardd/guardd.sock"), lease_s_(lease_s) {
    mkdir((machine.folder() + "/guardd").c_str(), 0700);
    setenv("KAREUS_GUARDD", socket_.c_str(), 1);
    restart();
  }
  ~Daemon() { end(SIGTERM); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void end(int signal) {
    if (process_ > 0) kill(process_, signal);
    if (process_ > 0) wait(process_);
    process_ = 0;
  }
  void restart() {
    int output = -1;
    process_ = start({built("kareus-guardd"), "--lease-s", lease_s_}, &output);
    CHECK_EQUAL(readLine(output), "ready " + socket_);
    close(output);
  }

 private:
  std::string socket_, lease_s_;
  int process_ = 0;
};

bool isFree(const Machine& machine) {
  return waitUntil([&] { return machine.get("locked_mhz") == 0; }, kPatience_s);
}

bool isLocked(const Machine& machine) {
  return waitUntil([&] { return machine.get("locked_mhz") != 0; }, kPatience_s);
}

// Whether the lock stays for so long, which is longer than a lease. On a busy machine a job may be late to
// tell that it lives, and loses it once more; never again and again.
bool isHeld(const Machine& machine, double time_s) {
  for (int times = 0; times < 5; times++) {
    const double resets = machine.get("resets");
    usleep(static_cast<useconds_t>(time_s * 1e6));
    if (machine.get("resets") == resets && isLocked(machine)) return true;
  }
  return false;
}

template <typename Body>
void inGroups(int times, Body body) {
  if (!Group().made()) {
    std::printf("       skipped: no control group (v2) can be made here\n");
    return;
  }
  for (int repeat = 0; repeat < repeats(times); repeat++) {
    const Machine machine;
    const Group group;
    body(machine, group);
  }
}

void stay() { setenv("KAREUS_GUARD_CGROUP", "stay", 1); }

}  // namespace

CASE("the group is killed: the guard has left it") {
  inGroups(3, [](const Machine& machine, const Group& group) {
    const Job job(group, "wait");
    group.write("cgroup.kill", "1");
    CHECK(isFree(machine));
    CHECK(waitUntil([&] { return machine.journals().empty(); }));
  });
}

CASE("the group is frozen, its processes are killed one by one, and it thaws") {
  inGroups(3, [](const Machine& machine, const Group& group) {
    const Job job(group, "train");
    group.killOneByOne();
    CHECK(isFree(machine));
    CHECK(waitUntil([&] { return machine.journals().empty(); }));
  });
}

CASE("the group is killed with its guard: the daemon resets") {
  inGroups(3, [](const Machine& machine, const Group& group) {
    stay();
    Daemon daemon(machine);
    const Job job(group, "wait");
    group.write("cgroup.kill", "1");
    CHECK(isFree(machine));
  });
}

CASE("the daemon is killed, then the group: the next daemon resets") {
  inGroups(1, [](const Machine& machine, const Group& group) {
    stay();
    Daemon daemon(machine);
    const Job job(group, "wait");
    daemon.end(SIGKILL);
    group.write("cgroup.kill", "1");
    usleep(50000);
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    daemon.restart();
    CHECK(isFree(machine));
  });
}

CASE("the daemon is restarted under a job: the lease is taken again") {
  inGroups(1, [](const Machine& machine, const Group& group) {
    stay();
    Daemon daemon(machine, "4");  // so long that a busy machine lets the job tell that it lives
    const Job job(group, "train");
    daemon.end(SIGKILL);
    daemon.restart();
    usleep(5000000);
    CHECK_EQUAL(machine.get("resets"), 0.0);
    group.write("cgroup.kill", "1");
    CHECK(isFree(machine));
  });
}

CASE("a job that stands still loses its lease, and locks again when it goes on") {
  inGroups(1, [](const Machine& machine, const Group& group) {
    Daemon daemon(machine);
    const Job job(group, "train");
    group.write("cgroup.freeze", "1");
    CHECK(isFree(machine));
    group.write("cgroup.freeze", "0");
    CHECK(isLocked(machine));
    CHECK(isHeld(machine, 3));
    group.write("cgroup.kill", "1");
    CHECK(isFree(machine));
  });
}

CASE("no layer: the lock is told, and undone by hand") {
  inGroups(3, [](const Machine& machine, const Group& group) {
    stay();
    {
      const Job job(group, "wait");
      group.write("cgroup.kill", "1");
    }
    // A killed guard may be a moment from its end.
    CHECK(waitUntil([] { return runGuard("--list").find("\"state\":\"stale\"") != std::string::npos; }));
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    CHECK(runGuard("--reset").find("\"state\":\"reset\"") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
  });
}

CASE("no layer, and the journal's folder went with the container: seen by the clock") {
  inGroups(3, [](const Machine& machine, const Group& group) {
    stay();
    {
      const Job job(group, "wait");
      group.write("cgroup.kill", "1");
    }
    removeAll(machine.stateDir());
    CHECK_EQUAL(runGuard("--list"), "");
    CHECK(askGuard({"--look"}).find("\"state\":\"locked\",\"clock_mhz\":900") != std::string::npos);
    CHECK(askGuard({"--reset", "--all"}).find("\"state\":\"reset\"") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK(askGuard({"--look"}).find("\"state\":\"locked\"") == std::string::npos);
  });
}

// A pod's deletion: its first process is killed, which ends all in its pid namespace, and its files go.
CASE("a container ends with its guard: the daemon resets; without one the clock shows a lock") {
  int said = -1;
  const int probe = start({"/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "/bin/echo", "ok"}, &said);
  const bool possible = readLine(said) == "ok";
  wait(probe);
  close(said);
  if (!possible) std::printf("       skipped: no pid namespace can be made here\n");
  for (int repeat = 0; possible && repeat < repeats(1); repeat++) {
    for (const bool served : {true, false}) {
      const Machine machine;
      std::unique_ptr<Daemon> daemon;
      if (served) daemon = std::make_unique<Daemon>(machine);
      int output = -1;
      const int container = start({"/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                                   "/bin/sh", "-c", built("test/job") + " wait & wait"}, &output);
      CHECK_EQUAL(readLine(output), "ready");
      kill(container, SIGKILL);
      wait(container);
      close(output);
      removeAll(machine.stateDir());
      if (served) {
        CHECK(isFree(machine));
        continue;
      }
      usleep(100000);  // the guard may have been quicker than its own end
      const bool locked = machine.get("locked_mhz") != 0;
      CHECK_EQUAL(askGuard({"--look"}).find("\"state\":\"locked\"") != std::string::npos, locked);
      CHECK(askGuard({"--reset", "--all"}).find("\"state\":\"reset\"") != std::string::npos);
    }
  }
}

CASE("two jobs that do not see each other's files: the daemon keeps them apart") {
  const Machine machine;
  Daemon daemon(machine);
  kareus_options wanted = options();
  wanted.synchronous = 1;
  kareus_handle* handle = open(wanted);
  CHECK_EQUAL(setPlan(handle, {{0, 0, 900}}), 0);
  CHECK_EQUAL(kareus_step_begin(handle), 0);
  CHECK_EQUAL(kareus_instruction_begin(handle, 0, 0, 0, nullptr), 0);
  setenv("KAREUS_STATE_DIR", (machine.folder() + "/elsewhere").c_str(), 1);
  int output = -1;
  const int other = start({built("test/job"), "fault"}, &output);
  CHECK_EQUAL(readLine(output), "5014");
  wait(other);
  close(output);
  CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
  CHECK_EQUAL(kareus_close(handle), 0);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
}

int main(int count, char** words) { return runAll(count, words); }
