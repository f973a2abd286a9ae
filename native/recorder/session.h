// A work list, from the first line to the last reply.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "machine.h"
#include "setting.h"

namespace kareus {

constexpr int kDone = 0, kUsage = 2, kNoGpu = 3, kClocks = 4, kFailed = 5;

// Measures the tasks and says each reply; the exit code. Why clocks cannot be locked goes to `refused`.
int runSession(Machine& machine, const std::vector<Task>& tasks, const Setting& setting,
               const std::function<void(const std::string&)>& say,
               const std::function<bool()>& stopped, std::string& refused);

}  // namespace kareus
