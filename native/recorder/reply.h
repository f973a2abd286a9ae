// What the recorder says: one JSON object a line, in the words of src/profile/records.ts.
#pragma once

#include <string>

#include "measure.h"

namespace kareus {

// What is measured on.
struct Greeting {
  std::string gpu, driver;
  int sm_count = 0;
  PowerState power;
};

// A change of the clock: in the driver's call, and from its return until the clock is there.
struct SwitchTime {
  int from_mhz = 0, to_mhz = 0;
  double call_s = 0, time_s = 0, time_s_std = 0;
  int trials = 0;
};

std::string lineOf(const Greeting& greeting);
std::string lineOf(const Task& task, const Measurement& found, bool stand_in);
std::string lineOf(const SwitchTime& found);
std::string skipped(const Task& task, const std::string& reason);

// Text and numbers as JSON has them; null where there is none.
std::string quoted(const std::string& text);
std::string number(std::optional<double> value);

}  // namespace kareus
