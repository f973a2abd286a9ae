// Cases with names and checks that go on; the simulated driver and plans in a few words.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "kareus.h"

namespace test {

struct Case {
  Case(const char* name, std::function<void()> body);
};

// Runs the cases, those whose name contains the first argument if there is one; exit code.
int runAll(int count, char** words);

void check(bool holds, const char* what, const std::string& seen, const char* file, int line);

std::string show(const std::string& text);
std::string show(const std::vector<uint32_t>& values);
template <typename Number>
std::string show(const Number& number) {
  return std::to_string(number);
}

#define TEST_JOIN2(a, b) a##b
#define TEST_JOIN(a, b) TEST_JOIN2(a, b)
#define CASE(name)                                                                  \
  static void TEST_JOIN(body_, __LINE__)();                                         \
  static const test::Case TEST_JOIN(case_, __LINE__)(name, TEST_JOIN(body_, __LINE__)); \
  static void TEST_JOIN(body_, __LINE__)()
#define CHECK(condition) test::check((condition), #condition, "", __FILE__, __LINE__)
#define CHECK_EQUAL(left, right)                                                     \
  do {                                                                               \
    const auto left_value = (left);                                                  \
    const decltype(left_value) right_value = (right);                                \
    test::check(left_value == right_value, #left " == " #right,                      \
                test::show(left_value) + ", not " + test::show(right_value), __FILE__, __LINE__); \
  } while (false)

// The simulated driver of this build; a fresh machine, journal and log in a new folder each time.
class Machine {
 public:
  explicit Machine(const std::string& settings = "");
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void set(const char* setting, double value, unsigned device = 0) const;
  double get(const char* setting, unsigned device = 0) const;
  // Every call of a function of NVML answers so from now on; "" and 0: none.
  void fail(const char* function, int status) const;
  const std::string& folder() const { return folder_; }
  std::string stateDir() const { return folder_ + "/state"; }
  // The clocks that setters were asked for, 0 for a reset, in order; whoever asked.
  std::vector<uint32_t> asked() const;
  std::vector<std::string> journals() const;
  // The guard's number, as the journal has it; 0 without one.
  int guard() const;

 private:
  std::string folder_;
};

// Simulated streams; see simulated/cuda.cpp.
void hold(kareus_stream stream);
void release(kareus_stream stream);
void launch(kareus_stream stream, double time_s);
void refuseEvents(bool on);
// This thread captures the stream into a graph until the end, which tells whether nothing broke the capture.
void capture(kareus_stream stream);
bool endCapture();
// Whether all that was given to the stream so far is done.
bool isDone(kareus_stream stream);

struct Planned {
  int32_t kind, microbatch;
  uint32_t freq_mhz;
};

// A plan of these instructions without partitions, in a device that switches at once.
int setPlan(kareus_handle* handle, std::initializer_list<Planned> instructions);

// A step of two instructions, whose measuring may take so long; the code of its end.
int step(kareus_handle* handle, double flush_s = 5);

kareus_options options(kareus_backend backend = KAREUS_BACKEND_NVML,
                       kareus_mode mode = KAREUS_MODE_CONTROL);
kareus_statistics statisticsOf(kareus_handle* handle);
std::vector<uint32_t> changesOf(kareus_handle* handle);
// Opens, or ends the test with the reason.
kareus_handle* open(const kareus_options& options);

bool isGone(int process);
bool waitUntil(const std::function<bool()>& holds, double timeout_s = 5);
// A folder with all in it, also where guards are still taking files out of it.
void removeAll(const std::string& path);
int64_t now_ns();
// $KAREUS_REPEATS, for the long matrix; else these.
int repeats(int normally);

// A program and its words: its number. Its errors go nowhere; output, if wanted, to a pipe.
int start(const std::vector<std::string>& words, int* output = nullptr, bool own_group = false);
int wait(int process);  // status as waitpid has it
std::string readLine(int fd);
// The first line that kareus-guard prints, as JSON, when it is asked to do this.
std::string runGuard(const char* what, int exit_code = 0);
// All that it prints, by words.
std::string askGuard(std::vector<std::string> words, int exit_code = 0);
// A file of the build: "kareus-guard", "simulated/libcuda.so.1".
std::string built(const std::string& name);

}  // namespace test
