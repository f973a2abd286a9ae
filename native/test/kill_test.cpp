// However a job goes, no clock stays locked: the guard resets at once, or the journal tells.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "harness.h"

using namespace test;

namespace {

constexpr double kGoal_ms = 50;    // at the median
constexpr double kPatience_s = 5;  // a busy machine's worst

struct Job {
  int process, output;
  void end() const {
    wait(process);
    close(output);
  }
};

Job startJob(const char* way) {
  Job job = {};
  job.process = start({built("test/job"), way}, &job.output, true);
  return job;
}

// Prints and returns the median.
double report(const char* way, std::vector<double> times_ms) {
  std::sort(times_ms.begin(), times_ms.end());
  const double median_ms = times_ms[times_ms.size() / 2];
  std::printf("       %-28s reset after %.2f ms (median of %zu), %.2f ms at worst\n", way,
              median_ms, times_ms.size(), times_ms.back());
  return median_ms;
}

// Lets jobs go by `end`, which returns when that was, and measures until the clock is reset.
template <typename End>
void expectReset(const char* name, const char* way, End end) {
  std::vector<double> times_ms;
  for (int repeat = 0; repeat < repeats(5); repeat++) {
    const Machine machine;
    const Job job = startJob(way);
    const int64_t gone_ns = end(job, machine);
    CHECK(waitUntil([&] { return machine.get("locked_ns") > 0 && machine.get("locked_mhz") == 0; },
                    kPatience_s));
    times_ms.push_back((machine.get("locked_ns") - static_cast<double>(gone_ns)) * 1e-6);
    CHECK(waitUntil([&] { return machine.journals().empty(); }, kPatience_s));
    const std::vector<uint32_t> expected = {900, 0};
    CHECK_EQUAL(machine.asked(), expected);
    job.end();
    kill(-job.process, SIGKILL);  // children that survived
  }
  CHECK(report(name, times_ms) < kGoal_ms);
}

template <typename Body>
void everyTime(Body body) {
  for (int repeat = 0; repeat < repeats(5); repeat++) body();
}

int64_t byItself(const Job& job, const Machine&) {
  const std::string line = readLine(job.output);
  CHECK(line.rfind("going ", 0) == 0);
  return std::atoll(line.c_str() + 6);
}

auto byKill(int signal, bool group = false) {
  return [signal, group](const Job& job, const Machine& machine) {
    CHECK_EQUAL(readLine(job.output), "ready");
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    const int64_t now = now_ns();
    kill(group ? -job.process : job.process, signal);
    return now;
  };
}

}  // namespace

CASE("orderly close") { expectReset("close", "close", byItself); }
CASE("normal exit") { expectReset("exit", "exit", byItself); }
CASE("exception") { expectReset("exception", "exception", byItself); }
CASE("_exit") { expectReset("_exit", "_exit", byItself); }
CASE("SIGSEGV") { expectReset("SIGSEGV", "segv", byItself); }
CASE("abort") { expectReset("abort", "abort", byItself); }
CASE("another program in its place") { expectReset("exec", "exec", byItself); }
CASE("SIGTERM") { expectReset("SIGTERM", "wait", byKill(SIGTERM)); }
CASE("SIGINT") { expectReset("SIGINT", "wait", byKill(SIGINT)); }
CASE("kill -9") { expectReset("SIGKILL", "wait", byKill(SIGKILL)); }
CASE("kill -9, children survive") {
  expectReset("SIGKILL, children survive", "children", byKill(SIGKILL));
}
CASE("process group killed") { expectReset("SIGKILL to the group", "wait", byKill(SIGKILL, true)); }

CASE("signals to the guard before its owner goes") {
  expectReset("guard signalled first", "wait", [](const Job& job, const Machine& machine) {
    CHECK_EQUAL(readLine(job.output), "ready");
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) kill(machine.guard(), signal);
    const int64_t now = now_ns();
    kill(job.process, SIGKILL);
    return now;
  });
}

CASE("guard killed: the owner starts another") {
  expectReset("second guard", "wait", [](const Job& job, const Machine& machine) {
    CHECK_EQUAL(readLine(job.output), "ready");
    const pid_t first = machine.guard();
    kill(first, SIGKILL);
    CHECK(waitUntil([&] { return machine.guard() != first && machine.guard() != 0; }));
    const int64_t now = now_ns();
    kill(job.process, SIGKILL);
    return now;
  });
}

CASE("guard killed, then its owner: the journal finds the lock") {
  everyTime([] {
    const Machine machine;
    const Job job = startJob("wait");
    CHECK_EQUAL(readLine(job.output), "ready");
    const pid_t guard = machine.guard();
    CHECK(guard > 0);
    kill(job.process, SIGSTOP);  // it shall not start another
    kill(guard, SIGKILL);
    CHECK(waitUntil([&] { return isGone(guard); }));
    kill(job.process, SIGKILL);
    job.end();
    usleep(20000);
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    // A folder that others may write to is not trusted: nothing that it says is done.
    CHECK_EQUAL(chmod(machine.stateDir().c_str(), 0777), 0);
    for (const char* what : {"--list", "--reset"}) CHECK_EQUAL(runGuard(what, 2), "");
    CHECK_EQUAL(chmod(machine.stateDir().c_str(), 0700), 0);
    const std::string listed = runGuard("--list");
    CHECK(listed.find("\"state\":\"stale\"") != std::string::npos);
    CHECK(listed.find("GPU-00000000-0000-0000-0000-000000000000") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    CHECK(runGuard("--reset").find("\"state\":\"reset\"") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK_EQUAL(runGuard("--list"), "");
  });
}

CASE("a dead job's lock is undone by the next controller") {
  everyTime([] {
    const Machine machine;
    const Job job = startJob("wait");
    CHECK_EQUAL(readLine(job.output), "ready");
    const pid_t guard = machine.guard();
    kill(job.process, SIGSTOP);
    kill(guard, SIGKILL);
    CHECK(waitUntil([&] { return isGone(guard); }));
    kill(job.process, SIGKILL);
    job.end();
    kareus_handle* handle = open(options());
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK_EQUAL(kareus_close(handle), 0);
  });
}

CASE("kill -9 of a job that goes through zeusd") {
  std::vector<double> times_ms;
  everyTime([&times_ms] {
    const Machine machine;
    const std::string socket = machine.folder() + "/zeusd.sock";
    setenv("ZEUSD_SOCK_PATH", socket.c_str(), 1);
    int output = -1;
    const int daemon = start({built("simulated/kareus-zeusd-stub"), socket}, &output);
    CHECK_EQUAL(readLine(output), "ready");
    close(output);
    const Job job = startJob("wait");
    const int64_t gone_ns = byKill(SIGKILL)(job, machine);
    CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }, kPatience_s));
    times_ms.push_back((machine.get("locked_ns") - static_cast<double>(gone_ns)) * 1e-6);
    CHECK(waitUntil([&] { return machine.journals().empty(); }, kPatience_s));
    const std::vector<uint32_t> expected = {900, 0, 0};  // twice: see the guard
    CHECK_EQUAL(machine.asked(), expected);
    job.end();
    unsetenv("ZEUSD_SOCK_PATH");
    kill(daemon, SIGKILL);
    wait(daemon);
  });
  report("SIGKILL, through zeusd", times_ms);
}

CASE("a lock that is not ours is left alone") {
  const Machine machine;
  machine.set("locked_mhz", 1005);  // somebody used nvidia-smi
  startJob("open").end();
  usleep(20000);
  CHECK_EQUAL(machine.get("locked_mhz"), 1005.0);
  CHECK_EQUAL(machine.asked().size(), 0U);
}

int main(int count, char** words) { return runAll(count, words); }
