// How far the GPU is with the runs of the prepared task, told by the marks between them.
#pragma once

#include <cstdint>
#include <vector>

#include "machine.h"

namespace kareus {

class Progress {
 public:
  explicit Progress(Machine& machine) : machine_(machine) {}

  // Queues runs, and a mark behind them.
  void launch(int64_t runs);
  // Notes the marks that were reached since the last look.
  void look();
  // Waits until everything that was queued is done.
  void finish();

  // A mark that was reached: how many runs came before it, when by the GPU's clock.
  struct Mark {
    int64_t runs = 0;
    double gpu_s = 0;
  };
  const std::vector<Mark>& marks() const { return marks_; }

  // Marks that are still ahead, the one that stands before all runs not counted.
  size_t ahead() const { return launched_.size() - marks_.size(); }

  // Runs (and parts of one) that were done at a time of the host's clock, which must lie between two
  // marks that were reached.
  double runsAt(double host_s) const;
  // Whether the GPU has passed that time.
  bool passed(double host_s) const;
  // The GPU's clock at a time of the host's.
  double gpuTime(double host_s) const { return host_s - offset_s_; }

 private:
  Machine& machine_;
  std::vector<int64_t> launched_ = {0};  // runs before each mark, reached or not
  std::vector<Mark> marks_;
  // The host's clock minus the GPU's: at most what lies between reaching a mark and noting it.
  double offset_s_ = 1e300;
};

}  // namespace kareus
