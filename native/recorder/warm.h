// A shape's first runs compile, allocate and try out algorithms: they say nothing of the others.
#pragma once

#include "progress.h"

namespace kareus {

// Runs the prepared task for at least that long, until two estimates in a row agree: seconds of one
// run by the GPU's clock.
double warmUp(Machine& machine, Progress& progress, double least_s);

// The times of single runs, a mark behind each; none where a run is too short to be told apart, or
// so long that a window has marks behind single runs itself.
std::vector<double> singleRuns(Progress& progress, double run_s);

}  // namespace kareus
