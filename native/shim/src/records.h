// Ended instructions, kept until they are fetched.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "kareus.h"

namespace kareus {

class Records {
 public:
  explicit Records(uint32_t capacity) : capacity_(capacity) {}

  bool wanted() const { return capacity_ > 0; }
  void add(const kareus_record& record);
  // The oldest; false if none waits.
  bool take(kareus_record& record);
  void countDropped();
  uint64_t dropped();

 private:
  const uint32_t capacity_;
  std::mutex mutex_;
  std::deque<kareus_record> records_;
  uint64_t dropped_ = 0;
};

}  // namespace kareus
