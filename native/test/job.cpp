// A job that locks a clock and then goes, in the way that its argument names.
//   job open      prints the code of opening, and closes
//   job fault     locks, prints the code of the fault that this ended in (0: none), and closes
//   job observe   follows a plan observing, prints the code of closing
//   job <way>     locks, through zeusd if $ZEUSD_SOCK_PATH is set; then goes: see below
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "harness.h"

namespace {

int openOnly(kareus_mode mode) {
  const kareus_options wanted = test::options(KAREUS_BACKEND_NVML, mode);
  kareus_handle* handle = nullptr;
  int code = kareus_open(&wanted, &handle);
  if (code == 0 && mode == KAREUS_MODE_OBSERVE) {
    test::setPlan(handle, {{0, 0, 900}});
    kareus_step_begin(handle);
    kareus_instruction_begin(handle, 0, 0, 0, nullptr);
    kareus_step_end(handle);
    kareus_flush(handle, 1);
    code = kareus_reset(handle);
  }
  kareus_close(handle);
  std::printf("%d\n", code);
  return 0;
}

int faultOnly() {
  kareus_options wanted = test::options();
  wanted.synchronous = 1;
  kareus_handle* handle = test::open(wanted);
  test::setPlan(handle, {{0, 0, 1200}});
  kareus_step_begin(handle);
  kareus_instruction_begin(handle, 0, 0, 0, nullptr);
  std::printf("%d\n", test::statisticsOf(handle).fault);
  kareus_close(handle);
  return 0;
}

void tell(const char* what) {
  std::printf("%s\n", what);
  std::fflush(stdout);
}

[[noreturn]] void waitForTheEnd() {
  while (true) pause();
}

// Children that outlive the job with all of its descriptors, as data loaders do.
void leaveChildren() {
  for (int i = 0; i < 2; i++) {
    if (fork() == 0) {
      sleep(60);  // unless the test ends the group
      _exit(0);
    }
  }
}

// A step of two instructions again and again.
[[noreturn]] void train(kareus_handle* handle) {
  kareus_instruction_end(handle, nullptr);
  while (true) {
    kareus_instruction_begin(handle, 1, 0, 0, nullptr);
    kareus_instruction_end(handle, nullptr);
    kareus_step_end(handle);
    usleep(20000);
    kareus_step_begin(handle);
    kareus_instruction_begin(handle, 0, 0, 0, nullptr);
    kareus_instruction_end(handle, nullptr);
  }
}

void go(const std::string& way, kareus_handle* handle) {
  if (way == "train") {
    tell("ready");
    train(handle);
  }
  if (way == "wait") {
    tell("ready");
    waitForTheEnd();
  }
  if (way == "children") {
    leaveChildren();
    tell("ready");
    waitForTheEnd();
  }
  std::printf("going %lld\n", static_cast<long long>(test::now_ns()));
  std::fflush(stdout);
  if (way == "close") kareus_close(handle);
  if (way == "exception") throw std::runtime_error("a job's");
  if (way == "_exit") _exit(0);
  if (way == "abort") abort();
  if (way == "segv") {
    std::signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  if (way == "exec") execl("/bin/sleep", "sleep", "0.3", nullptr);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  const std::string way = words[1];
  if (way == "open") return openOnly(KAREUS_MODE_CONTROL);
  if (way == "observe") return openOnly(KAREUS_MODE_OBSERVE);
  if (way == "fault") return faultOnly();
  const bool zeusd = std::getenv("ZEUSD_SOCK_PATH") != nullptr;
  kareus_options wanted = test::options(zeusd ? KAREUS_BACKEND_ZEUSD : KAREUS_BACKEND_NVML);
  wanted.synchronous = 1;
  static kareus_handle* handle = test::open(wanted);  // not closed, and no leak for that
  test::setPlan(handle, {{0, 0, 900}, {1, 0, 1200}});
  kareus_step_begin(handle);
  kareus_instruction_begin(handle, 0, 0, 0, nullptr);
  go(way, handle);
  return 0;
}
