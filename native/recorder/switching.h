// How long a change of the clock takes, by where it goes and where it comes from.
#pragma once

#include <functional>
#include <vector>

#include "machine.h"
#include "reply.h"

namespace kareus {

// Switches between every two of these clocks several times while the prepared task runs, and hands
// each pair to `say`. Empty, or why clocks cannot be locked or read.
std::string measureSwitches(Machine& machine, const std::vector<int>& clocks_mhz,
                            const std::function<void(const SwitchTime&)>& say,
                            const std::function<bool()>& stopped);

}  // namespace kareus
