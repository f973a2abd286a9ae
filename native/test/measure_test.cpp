// How the recorder measures, on simulated boards: what it says against what is true there.
#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "../recorder/measure.h"
#include "../recorder/reply.h"
#include "../recorder/session.h"
#include "../recorder/switching.h"
#include "../simulated/board.h"
#include "harness.h"

using kareus::Measurement;
using kareus::Setting;
using simulated::Board;
using simulated::BoardSettings;

namespace {

const auto kNever = [] { return false; };

kareus::Task taskOf(const std::string& line) {
  std::istringstream in("task 0 clock 1980 " + line + "\n");
  return kareus::readWorkList(in).at(0);
}

kareus::Task gemm(int64_t m, int64_t n, int64_t k) {
  return taskOf("sms 0 first 0 comm none 0 1 kernels 1 matmul 1 " + std::to_string(m) + " " +
                std::to_string(n) + " " + std::to_string(k) + " bfloat16");
}

kareus::Task stream(int64_t bytes) {
  return taskOf("sms 0 first 0 comm none 0 1 kernels 1 memory " + std::to_string(bytes) + " " +
                std::to_string(bytes) + " 0 bfloat16");
}

BoardSettings boardOf(const std::string& words) {
  std::string problem;
  const BoardSettings settings = simulated::boardSettings(words, problem);
  CHECK_EQUAL(problem, std::string());
  return settings;
}

struct Run {
  Measurement found;
  double true_time_s = 0, true_energy_j = 0;  // at its end
  double took_s = 0;                          // from nothing to the reply
};

Run runOn(Board& board, const kareus::Task& task, const Setting& setting) {
  Run run;
  const double before_s = board.now_s();
  CHECK_EQUAL(board.prepare(task), std::string());
  kareus::Counter counter(board);
  const auto found = measure(board, counter, setting, kNever);
  CHECK(found.has_value());
  if (found) run.found = *found;
  run.true_time_s = board.trueTime_s();
  run.true_energy_j = board.trueEnergy_j();
  run.took_s = board.now_s() - before_s;
  return run;
}

Run runOn(const std::string& words, const kareus::Task& task, const Setting& setting = {}) {
  Board board(boardOf(words));
  return runOn(board, task, setting);
}

// A product or a stream that takes from 5 us to 50 ms at the highest clock.
kareus::Task randomKernel(std::mt19937_64& random) {
  const double time_s = std::exp(std::uniform_real_distribution<double>(
      std::log(5e-6), std::log(50e-3))(random));
  if (random() % 2 == 0) return stream(static_cast<int64_t>((time_s - 3e-6) * 4.2e12 / 2));
  const double side = std::cbrt((time_s - 3e-6) * 880e12 / 2);
  const auto k = std::max<int64_t>(16, static_cast<int64_t>(side));
  return gemm(k, k, k);
}

struct Error {
  double mean = 0, spread = 0, worst = 0;
};

Error errorOf(const std::vector<double>& errors) {
  Error all;
  const auto count = static_cast<double>(errors.size());
  for (const double each : errors) all.mean += each / count;
  for (const double each : errors) {
    all.spread += (each - all.mean) * (each - all.mean) / count;
    all.worst = std::max(all.worst, std::fabs(each));
  }
  all.spread = std::sqrt(all.spread);
  return all;
}

/* One thread measures here: under ThreadSanitizer, which slows it much, a tenth shows as much. */
#ifdef __SANITIZE_THREAD__
constexpr int kTimes = 1;
#else
constexpr int kTimes = 10;
#endif

}  // namespace

CASE("windows of half a second on 1,000 kernels of 5 us to 50 ms: spread at most 1%, bias at most 0.3%") {
  std::mt19937_64 random(1);
  Setting setting;
  setting.window_s = 0.5;
  setting.precision = 1;  // the windows are no longer for it
  std::vector<double> energies, times;
  for (int i = 0; i < 100 * kTimes; i++) {
    const Run run = runOn("seed=" + std::to_string(i + 1), randomKernel(random), setting);
    CHECK(run.found.energy_j.has_value() && run.found.window_s < 1);
    if (!run.found.energy_j) continue;
    energies.push_back(*run.found.energy_j / run.true_energy_j - 1);
    times.push_back(run.found.time_s / run.true_time_s - 1);
  }
  const Error energy = errorOf(energies), time = errorOf(times);
  CHECK(energy.spread <= 0.01 && std::fabs(energy.mean) <= 0.003);
  CHECK(time.spread <= 0.01 && std::fabs(time.mean) <= 0.003);
  std::printf("       energy: bias %+.2f%%, spread %.2f%%, worst %.2f%%; time: bias %+.2f%%, spread %.2f%%\n",
              100 * energy.mean, 100 * energy.spread, 100 * energy.worst, 100 * time.mean,
              100 * time.spread);
}

CASE("1% takes at most 1.2 s a configuration, set-up included, and is kept in 19 of 20") {
  std::mt19937_64 random(2);
  std::vector<double> took_s;
  int kept = 0;
  constexpr int kMany = 40 * kTimes;
  for (int i = 0; i < kMany; i++) {
    const Run run = runOn("seed=" + std::to_string(i + 1), randomKernel(random));
    if (run.true_time_s <= 0.05) took_s.push_back(run.took_s);  // a limited clock stretches some
    CHECK(run.found.precision > 0);
    if (run.found.energy_j && std::fabs(*run.found.energy_j / run.true_energy_j - 1) <= 0.01) kept++;
  }
  std::sort(took_s.begin(), took_s.end());
  CHECK(took_s.back() <= 1.2);
  CHECK(kept >= kMany * 19 / 20);
  std::printf("       %.2f s at the median, %.2f s at most; within 1%%: %d of %d\n",
              took_s[took_s.size() / 2], took_s.back(), kept, kMany);
}

CASE("a finer precision takes longer, a coarser one less, and each says what it reached") {
  double before_s = 0;
  for (const double precision : {0.05, 0.01, 0.004}) {
    Setting setting;
    setting.precision = precision;
    const Run run = runOn("seed=5", stream(1 << 30), setting);
    CHECK(run.found.precision <= precision / 2);
    CHECK(run.found.window_s >= before_s);
    before_s = run.found.window_s;
  }
  CHECK(before_s > 0.5);
}

CASE("the counter's period is found out: ticks of 20 ms make short windows") {
  const Run run = runOn("tick_s=0.02 reading_s=0.0005", gemm(4096, 4096, 4096));
  CHECK(run.found.window_s < 0.3 && run.found.energy_j.has_value());
}

CASE("a shape's first runs are not in what is measured of it") {
  Board board(boardOf("cold_runs=5 cold_slowdown=10 noise=0"));
  for (const kareus::Task& task : {gemm(8192, 8192, 8192), stream(1 << 30)}) {
    const Run run = runOn(board, task, {});
    CHECK(std::fabs(run.found.time_s / run.true_time_s - 1) < 0.01);
    CHECK(run.found.time_s_std < 0.02 * run.found.time_s);
  }
}

CASE("what the power limit does to the clock stands in the record") {
  const Run limited = runOn("", gemm(8192, 8192, 8192)), other = runOn("", stream(1 << 30));
  CHECK(limited.found.conditions.clock_mhz < 1600 && other.found.conditions.clock_mhz == 1980);
  CHECK(limited.found.conditions.limits == uint64_t{4} && other.found.conditions.limits == uint64_t{0});
  CHECK(limited.found.conditions.temperature_c > 28);
}

CASE("without energy there is null and a reason, never 0") {
  const struct {
    const char* settings;
    const char* reason;
  } cases[] = {{"counter=0", "the GPU has no energy counter"},
               {"stuck=1", "the energy counter did not move"},
               {"tick_s=20", "the energy counter did not move"}};
  for (const auto& each : cases) {
    const Run run = runOn(each.settings, gemm(4096, 4096, 4096));
    CHECK(!run.found.energy_j && !run.found.energy_j_std);
    CHECK_EQUAL(run.found.reason, std::string(each.reason));
    CHECK(std::fabs(run.found.time_s / run.true_time_s - 1) < 0.02);
    CHECK(lineOf(gemm(1, 1, 1), run.found, false).find("\"energy_j\":null") != std::string::npos);
  }
}

CASE("two regimes are told, not averaged") {
  const Run run = runOn("regimes=1", gemm(8192, 8192, 8192));
  CHECK_EQUAL(run.found.reason, std::string("two regimes"));
  CHECK(!run.found.energy_j && run.found.regimes.size() == 2);
  if (run.found.regimes.size() != 2) return;
  const auto &fast = run.found.regimes[0], &slow = run.found.regimes[1];
  CHECK(std::fabs(slow.time_s / fast.time_s - 3) < 0.2);
  CHECK(std::fabs(fast.share - 0.5) < 0.1 && std::fabs(fast.share + slow.share - 1) < 1e-9);
}

CASE("times around one value are one regime, however wide or skewed") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; i++) {
    std::vector<double> times_s;
    std::lognormal_distribution<double> around(0, 0.002 * i);
    for (int run = 0; run < 60; run++) times_s.push_back(1e-3 * around(random));
    CHECK_EQUAL(kareus::regimesOf(times_s).size(), size_t{1});
  }
}

CASE("a session answers each task in its order, and passes over what it cannot run") {
  std::istringstream list(
      "task 0 clock 900 sms 16 first 0 comm all_reduce 100000000 8 kernels 1 matmul 1 4096 4096 4096 bfloat16\n"
      "task 1 clock 900 sms 0 first 0 comm none 0 1 kernels 1 conv 1 1 1 1 1 1 1 bfloat16\n"
      "task 2 clock 1200 sms 0 first 0 comm none 0 1 kernels 1 attention 1 8 8 4096 4096 128 1 forward bfloat16\n");
  const auto tasks = kareus::readWorkList(list);
  for (const bool packs : {false, true}) {
    Board board(boardOf(packs ? "packs=1" : ""));
    std::vector<std::string> said;
    std::string refused;
    Setting setting;
    setting.lock_clocks = true;
    const auto say = [&](const std::string& line) { said.push_back(line); };
    CHECK_EQUAL(runSession(board, tasks, setting, say, kNever, refused), 0);
    CHECK_EQUAL(said.size(), size_t{3});
    if (said.size() != 3) return;
    const bool refuses = said[0].find("16 blocks run on 8 SMs") != std::string::npos;
    CHECK_EQUAL(refuses, packs);
    CHECK(said[1].find("\"skipped\"") != std::string::npos);
    CHECK(said[2].find("\"clock_mhz\":1200,") != std::string::npos);
  }
}

CASE("clocks that may not be locked end a session with a reason") {
  Board board(boardOf("may_lock=0"));
  Setting setting;
  setting.lock_clocks = true;
  std::string refused;
  const auto say = [](const std::string&) {};
  CHECK_EQUAL(runSession(board, {stream(1 << 20)}, setting, say, kNever, refused), kareus::kClocks);
  CHECK_EQUAL(refused, std::string("Insufficient Permissions"));
}

CASE("switch times, split into the call and the way from there, by pair of clocks") {
  Board board(boardOf("switch_s=0.02"));
  CHECK_EQUAL(board.prepare(stream(1 << 24)), std::string());
  std::vector<kareus::SwitchTime> found;
  const auto say = [&](const kareus::SwitchTime& each) { found.push_back(each); };
  CHECK_EQUAL(measureSwitches(board, {900, 1200, 1410}, say, kNever), std::string());
  CHECK_EQUAL(found.size(), size_t{6});
  for (const auto& each : found) {
    CHECK(each.trials == 5 && std::fabs(each.time_s - 0.02) < 0.001 && std::fabs(each.call_s - 0.001) < 1e-4);
  }
}

int main(int count, char** words) { return test::runAll(count, words); }
