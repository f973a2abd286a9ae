// What a task asks of the simulated board.
#pragma once

#include "board.h"

namespace simulated {

// `packs`: two blocks of a stand-in share an SM.
Load loadOf(const kareus::Task& task, bool packs);

}  // namespace simulated
