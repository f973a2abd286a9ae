// kareus-recorder-simulated: the recorder on a simulated board, in the board's own time, so that hours
// of measuring take seconds. Arguments, work list and replies are the recorder's; $KAREUS_SIM_BOARD
// holds settings of the board ("tick_s=0.02 packs=1", see board.h). The board's seconds go to stderr.
#include <csignal>
#include <iostream>

#include "../recorder/reply.h"
#include "../recorder/session.h"
#include "board.h"

namespace {

volatile std::sig_atomic_t g_stop = 0;
void stop(int) { g_stop = 1; }

int run(int argc, const char* const* argv) {
  const kareus::Setting setting = kareus::parseSetting(argc, argv);
  const std::vector<kareus::Task> tasks = kareus::readWorkList(std::cin);
  const char* words = std::getenv("KAREUS_SIM_BOARD");
  std::string problem;
  const simulated::BoardSettings settings = simulated::boardSettings(words == nullptr ? "" : words, problem);
  if (!problem.empty()) throw kareus::Usage("KAREUS_SIM_BOARD: " + problem);
  simulated::Board board(settings);
  const auto say = [](const std::string& line) { std::cout << line << std::endl; };
  if (setting.check) {
    for (const kareus::Task& task : tasks) say(lineOf(task));
    return kareus::kDone;
  }
  say(lineOf(kareus::Greeting{"NVIDIA H200", "0.0.simulated", static_cast<int>(settings.sms),
                              board.powerState()}));
  std::string refused;
  const int code =
      runSession(board, tasks, setting, say, [] { return g_stop != 0; }, refused);
  std::cerr << "simulated: " << board.now_s() << " s for " << tasks.size() << " tasks" << std::endl;
  if (code == kareus::kClocks) std::cerr << "clocks cannot be locked: " << refused << std::endl;
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, stop);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return kareus::kUsage;
  }
}
