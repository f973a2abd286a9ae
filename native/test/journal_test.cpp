// A journal that is lost, cut, garbled or of a later version is an error that is told, never "none";
// what is locked is undone all the same.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "harness.h"

using namespace test;

namespace {

using Damage = void (*)(const std::string& path);

std::string contentOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void rewrite(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

struct Way {
  const char* name;
  Damage damage;
};

constexpr Way kWays[] = {
    {"lost", [](const std::string& path) { unlink(path.c_str()); }},
    {"emptied", [](const std::string& path) { rewrite(path, ""); }},
    {"cut", [](const std::string& path) {
       const std::string text = contentOf(path);
       rewrite(path, text.substr(0, text.size() / 2));
     }},
    {"a bit of the boot id flipped", [](const std::string& path) {
       std::string text = contentOf(path);
       text[text.find("boot ") + 7] ^= 1;
       rewrite(path, text);
     }},
    {"of a later version", [](const std::string& path) {
       rewrite(path, "kareus-journal 9\n" + contentOf(path).substr(17));
     }},
    {"binary", [](const std::string& path) { rewrite(path, std::string("\0\xff\x1b[2J", 6)); }},
};

// A job that was killed with its guard, and its journal.
std::string leaveLock(const Machine& machine) {
  int output = -1;
  const int job = start({built("test/job"), "wait"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  const int guard = machine.guard();
  kill(job, SIGSTOP);
  kill(guard, SIGKILL);
  CHECK(waitUntil([&] { return isGone(guard); }));
  kill(job, SIGKILL);
  wait(job);
  close(output);
  CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
  CHECK_EQUAL(machine.journals().size(), 1U);
  return machine.journals().at(0);
}

}  // namespace

CASE("damaged: told, not undone by --reset alone, undone by --reset --all") {
  for (const Way& way : kWays) {
    const Machine machine;
    way.damage(leaveLock(machine));
    const std::string listed = runGuard("--list");
    CHECK(listed.find("\"state\":\"unreadable\"") != std::string::npos);
    CHECK(listed.find("KRS5045") != std::string::npos);
    CHECK(listed.find("GPU-00000000-0000-0000-0000-000000000000") != std::string::npos);
    CHECK(runGuard("--reset").find("\"state\":\"unreadable\"") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
    CHECK(runGuard("--list").find("unreadable") != std::string::npos);
    CHECK(askGuard({"--reset", "--all"}).find("\"state\":\"reset\"") != std::string::npos);
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK_EQUAL(runGuard("--list"), "");
  }
}

CASE("damaged: the next controller resets first") {
  for (const Way& way : kWays) {
    const Machine machine;
    way.damage(leaveLock(machine));
    kareus_handle* handle = open(options());
    CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
    CHECK_EQUAL(kareus_close(handle), 0);
    CHECK_EQUAL(runGuard("--list"), "");
  }
}

CASE("damaged under a job at work: the guard knows what is locked") {
  for (const Way& way : kWays) {
    const Machine machine;
    int output = -1;
    const int job = start({built("test/job"), "wait"}, &output);
    CHECK_EQUAL(readLine(output), "ready");
    way.damage(machine.journals().at(0));
    kill(job, SIGKILL);
    wait(job);
    close(output);
    CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }));
    CHECK(waitUntil([&] { return runGuard("--list").empty(); }));
  }
}

CASE("a cleaner takes the folder from under a job: it is there again within moments") {
  const Machine machine;
  int output = -1;
  const int job = start({built("test/job"), "wait"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  removeAll(machine.stateDir());
  CHECK(waitUntil([&] { return machine.journals().size() == 1; }));
  CHECK(waitUntil([&] { return runGuard("--list").find("\"state\":\"held\"") != std::string::npos; }));
  // The lock file too: a second controller is refused as before.
  int answer = -1;
  const int other = start({built("test/job"), "open"}, &answer);
  CHECK_EQUAL(readLine(answer), "5014");
  wait(other);
  close(answer);
  kill(job, SIGKILL);
  wait(job);
  close(output);
  CHECK(waitUntil([&] { return machine.get("locked_mhz") == 0; }));
}

CASE("a reset that fails leaves a journal, even where it was lost") {
  const Machine machine;
  int output = -1;
  const int job = start({built("test/job"), "wait"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  machine.set("permission", 0);
  removeAll(machine.stateDir());
  kill(job, SIGKILL);
  wait(job);
  close(output);
  CHECK(waitUntil([&] { return runGuard("--list").find("\"state\":\"stale\"") != std::string::npos; }));
  machine.set("permission", 1);
  CHECK(runGuard("--reset").find("\"state\":\"reset\"") != std::string::npos);
  CHECK_EQUAL(machine.get("locked_mhz"), 0.0);
}

CASE("--reset of some GPUs: others and held ones are left alone") {
  const Machine machine;
  for (const unsigned device : {0U, 1U}) machine.set("locked_mhz", 900, device);
  CHECK(askGuard({"--reset", "1"}).find("000000000001\"") != std::string::npos);
  CHECK_EQUAL(machine.get("locked_mhz", 0), 900.0);
  CHECK_EQUAL(machine.get("locked_mhz", 1), 0.0);
  askGuard({"--reset", "7"}, 2);
  askGuard({"--reset", "--everything"}, 2);
  int output = -1;
  const int job = start({built("test/job"), "wait"}, &output);
  CHECK_EQUAL(readLine(output), "ready");
  CHECK(askGuard({"--reset", "--all"}).find("\"state\":\"held\"") != std::string::npos);
  CHECK_EQUAL(machine.get("locked_mhz"), 900.0);
  kill(job, SIGKILL);
  wait(job);
  close(output);
  machine.set("permission", 0);
  CHECK(askGuard({"--reset", "--all"}, 1).find("\"state\":\"failed\"") != std::string::npos);
}

int main(int count, char** words) { return runAll(count, words); }
