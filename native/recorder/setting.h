// How windows are set: the flags of the recorder.
#pragma once

#include <stdexcept>
#include <string>

namespace kareus {

struct Setting {
  // The relative error that a window's energy may have, two standard errors wide.
  double precision = 0.01;
  double window_s = 0;    // the shortest window
  double most_s = 5;      // a configuration is measured no longer than this, whatever the precision
  double warmup_s = 0;    // the shortest warm-up
  double cooldown_s = 0;  // the board rests before each window
  int trials = 1;         // windows of each configuration
  bool lock_clocks = false;
  bool check = false;
  bool switch_times = false;
};

struct Usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws Usage.
Setting parseSetting(int argc, const char* const* argv);

}  // namespace kareus
