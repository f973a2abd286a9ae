// Observing does not even look the setters up: a tripwire before NVML would end the job.
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "harness.h"

using namespace test;

namespace {

int runBehindTripwire(const char* way, std::string& line) {
  setenv("KAREUS_TRIPWIRE", std::getenv("KAREUS_NVML"), 1);
  setenv("KAREUS_NVML", built("simulated/libnvidia-ml-tripwire.so").c_str(), 1);
  int output = -1;
  const int process = start({built("test/job"), way}, &output);
  line = readLine(output);
  return wait(process);
}

}  // namespace

CASE("an observer passes the tripwire") {
  const Machine machine;
  std::string line;
  CHECK_EQUAL(runBehindTripwire("observe", line), 0);
  CHECK_EQUAL(line, "0");
  CHECK(machine.journals().empty());
}

CASE("a controller trips over it") {
  const Machine machine;
  std::string line;
  const int status = runBehindTripwire("open", line);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int count, char** words) { return runAll(count, words); }
