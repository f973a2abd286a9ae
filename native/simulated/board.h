// A GPU without a GPU, in time of its own, for what measures one: it ticks, answers slowly, runs cold
// at first, warms up, and slows down at its power limit, as the H200 that was measured for this
// project does. Its kernels follow a model of our own; what it says is not a measurement.
#pragma once

#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../recorder/machine.h"

namespace simulated {

// Settings by name, with what the H200 showed where it showed it.
#define SIMULATED_BOARD_SETTINGS(X)                                                     \
  X(seed, 1)                                                                            \
  X(counter, 1)         /* 0: there is no energy counter */                             \
  X(stuck, 0)           /* 1: it never moves */                                         \
  X(tick_s, 0.1)        /* between its movements */                                     \
  X(reading_s, 0.0029)  /* what a reading of it takes */                                \
  X(idle_w, 125)                                                                        \
  X(limit_w, 700)       /* power that the clock is lowered for */                       \
  X(settle_s, 0.1)      /* how fast it is lowered: time constant */                     \
  X(top_mhz, 1980)                                                                      \
  X(may_lock, 1)                                                                        \
  X(switch_s, 0.02)     /* from the end of a call that locks to the clock */            \
  X(compile_s, 0.1)     /* the host's, before a shape's first run */                    \
  X(cold_runs, 3)       /* runs of a shape that are slow */                             \
  X(cold_slowdown, 3)                                                                   \
  X(warming_s, 8)       /* time constant of the die's temperature */                    \
  X(noise, 0.003)       /* of power and speed, slow */                                  \
  X(regimes, 0)         /* 1: every second run takes three times as long */             \
  X(packs, 0)           /* 1: two blocks of a stand-in share an SM */                   \
  X(sms, 132)

struct BoardSettings {
#define SIMULATED_BOARD_MEMBER(name, initial) double name = initial;
  SIMULATED_BOARD_SETTINGS(SIMULATED_BOARD_MEMBER)
#undef SIMULATED_BOARD_MEMBER
};

// From words "tick_s=0.02 packs=1"; what is wrong with them in `problem`, else empty.
BoardSettings boardSettings(const std::string& words, std::string& problem);

// What one run of a task is made of, at the highest clock.
struct Load {
  double fixed_s = 0;    // starts of kernels, which no clock shortens
  double compute_s = 0;  // shortened by the clock
  double memory_s = 0;   // not shortened
  double core_j = 0;     // dynamic energy that rises with the voltage
  double memory_j = 0;   // dynamic energy that does not
};

class Board : public kareus::Machine {
 public:
  explicit Board(const BoardSettings& settings);

  double now_s() override { return now_s_; }
  void pause(double time_s) override { advance(time_s); }
  std::string prepare(const kareus::Task& task) override;
  void launch(int64_t runs) override;
  std::optional<double> reached(size_t mark) override;
  bool standsIn() const override { return stands_in_; }
  int standInSms(int blocks) override;
  std::optional<double> energy_j() override;
  kareus::Conditions conditions() override;
  std::string lockClock(int clock_mhz) override;

  // A run of the prepared task as it was last, but for the noise: what a test may expect.
  double trueTime_s() const;
  double trueEnergy_j() const;
  kareus::PowerState powerState() const;

 private:
  struct Work {
    double runs = 0;  // left
    int64_t total = 0;
  };

  void advance(double time_s);
  void step(double time_s);
  void work(double time_s);
  void follow(double time_s);
  double slowdown() const;
  double runTime_s(double clock_mhz) const;
  double power_w(double clock_mhz, bool busy) const;
  double limitedClock() const;

  const BoardSettings settings_;
  std::mt19937_64 random_;
  Load load_;
  bool stands_in_ = false;
  std::set<std::string> seen_;
  bool cold_ = false;     // the shape's first launch is still to come
  int64_t runs_done_ = 0;  // of the prepared task
  double part_done_ = 0;   // of the run that is running

  std::deque<Work> queue_;
  std::vector<double> marks_s_;
  size_t launched_ = 0;

  double now_s_ = 0;
  double energy_j_ = 0, shown_j_ = 0;
  double next_tick_s_ = 0;
  double locked_mhz_, locking_at_s_ = 0;  // asked for, and when it is there
  double held_mhz_;                       // the highest clock that locks allow now
  double capped_mhz_;                     // the highest clock that the power limit allows now
  double clock_mhz_, busy_mhz_ = 0;  // now, and when the GPU last worked
  double temperature_c_ = 40;
  double wander_ = 0;  // slow noise, relative
};

}  // namespace simulated
