// Whether runs of the same work take one time, or fall into several.
#pragma once

#include <vector>

namespace kareus {

struct Regime {
  double time_s = 0;
  double share = 0;  // of the runs
};

// The regimes of these times, fastest first: one, or two where the times lie around two values that
// are clearly apart, with at least a tenth of the runs each.
std::vector<Regime> regimesOf(std::vector<double> times_s);

}  // namespace kareus
