// The whole recorder as one function, for the program and for the Python driver.
#pragma once

#include "runner.h"

// Reads a work list from stdin, measures it and writes one JSON object a line to stdout. Returns the
// exit code: 0 done, 2 bad arguments or work list, 3 no GPU, 4 clocks cannot be locked, 5 a GPU
// failed. `attention` may be null.
extern "C" int kareus_recorder(int argc, const char* const* argv, KareusAttention attention);
