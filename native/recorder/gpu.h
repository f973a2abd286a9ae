// The machine that is measured on: CUDA devices run tasks, the first one's board is read.
#pragma once

#include <memory>
#include <vector>

#include "board.h"
#include "machine.h"
#include "runner.h"

namespace kareus {

class Gpu : public Machine {
 public:
  // `ranks` boards are locked together. Throws CudaError.
  Gpu(int ranks, KareusAttention attention);
  ~Gpu() override;
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  double now_s() override;
  void pause(double time_s) override;
  std::string prepare(const Task& task) override;
  void launch(int64_t runs) override;
  std::optional<double> reached(size_t mark) override;
  bool standsIn() const override { return runner_.standsIn(); }
  int standInSms(int blocks) override;
  std::optional<double> energy_j() override { return boards_.front()->energy_j(); }
  Conditions conditions() override { return boards_.front()->conditions(); }
  std::string lockClock(int clock_mhz) override;

  const Board& board() const { return *boards_.front(); }

 private:
  cudaEvent_t mark();
  void launchGraph(int64_t runs);
  void dropGraph();

  std::vector<std::unique_ptr<Board>> boards_;
  Runner runner_;
  Task task_;
  std::vector<cudaEvent_t> events_;  // kept for all tasks
  size_t marks_ = 0;                 // of the prepared task
  cudaGraphExec_t graph_ = nullptr;  // many runs of the prepared task
  bool graph_tried_ = false;
};

}  // namespace kareus
