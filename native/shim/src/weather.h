// What a board told of its state over a stretch of time.
#pragma once

#include "gauges.h"

namespace kareus {

class Weather {
 public:
  void note(const Conditions& conditions);
  // Means; of the limits those that held in at least a tenth of the samples. Nothing where the board
  // was silent.
  Conditions mean() const;

 private:
  struct Sum {
    double sum = 0;
    int count = 0;
    void add(std::optional<double> value);
    std::optional<double> mean() const;
  };

  static constexpr int kBits = 64;
  Sum clock_, temperature_;
  int told_ = 0;
  int held_[kBits] = {};
};

}  // namespace kareus
