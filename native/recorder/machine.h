// The GPU as measuring sees it: one prepared task that can be run again and again, and the board's
// gauges. The real one is in device.h, one without a GPU in ../simulated/board.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../shim/src/counter.h"
#include "../shim/src/gauges.h"
#include "worklist.h"

namespace kareus {

class Machine : public Meter {
 public:
  virtual void pause(double time_s) = 0;

  // Makes ready for a task: its runs and marks count from here. Empty, or why it cannot be run here.
  virtual std::string prepare(const Task& task) = 0;
  // Queues runs of the prepared task and a mark behind them, and returns at once.
  virtual void launch(int64_t runs) = 0;
  // When the GPU reached a mark, in seconds of its own clock since the first one, which stands before
  // all runs; nothing while it is ahead. Marks are reached in the order of their numbers.
  virtual std::optional<double> reached(size_t mark) = 0;
  // Whether the prepared task's communication is a copy in the place of a collective.
  virtual bool standsIn() const = 0;
  // How many SMs a stand-in of so many thread blocks takes, launched beside other work.
  virtual int standInSms(int blocks) = 0;

  virtual Conditions conditions() = 0;

  // Locks the SM clock: empty, or why not.
  virtual std::string lockClock(int clock_mhz) = 0;
};

}  // namespace kareus
