// The energy counter of a board moves at ticks. Between two of them energy is known to a millijoule;
// between two readings at any other time, to what the board burns in a period of the ticks.
#pragma once

#include <optional>

namespace kareus {

// A clock of the host's and an energy counter.
class Meter {
 public:
  virtual ~Meter() = default;
  // Seconds from some moment on.
  virtual double now_s() = 0;
  // In joules; only differences mean something, and a reading takes milliseconds. Nothing without a
  // counter.
  virtual std::optional<double> energy_j() = 0;
};

// A movement of the counter: when (on the host's clock, to within `half_width_s`), and to what.
struct Tick {
  double at_s = 0;
  double half_width_s = 0;
  double energy_j = 0;
};

class Counter {
 public:
  // Ticks that are known to within `coarse_s`, or to within a reading, are told.
  explicit Counter(Meter& meter, double coarse_s = 0) : meter_(meter), coarse_s_(coarse_s) {}

  // Reads the counter if a tick is near, which takes a reading's time: a tick, if one has come.
  std::optional<Tick> poll();
  // Whether the next tick is so far away that poll() would not read.
  bool isFar() const { return isFar(meter_.now_s()); }

  // False once the counter has failed to answer, or has not moved for a second.
  bool moves() const { return present_ && !stuck_; }
  bool present() const { return present_; }

  // Seconds between ticks; 0 before two neighbours were seen.
  double period_s() const { return period_s_; }
  // What one reading takes, on average.
  double reading_s() const { return reading_s_; }

 private:
  bool isFar(double now_s) const;
  void note(const Tick& tick);

  Meter& meter_;
  const double coarse_s_;
  bool present_ = true, stuck_ = false;
  std::optional<double> energy_j_;  // of the last reading
  double read_at_s_ = 0;            // its middle
  bool held_up_ = false;            // the last reading
  double moved_at_s_ = 0;           // the last time that it was seen to move
  std::optional<Tick> last_;        // the last tick that is known to within a reading
  bool searching_ = true;           // the next one is near, or its time is not known
  double period_s_ = 0, reading_s_ = 0;
};

}  // namespace kareus
