#include "records.h"

namespace kareus {

void Records::add(const kareus_record& record) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (records_.size() == capacity_) {
    records_.pop_front();
    dropped_++;
  }
  records_.push_back(record);
}

uint32_t Records::take(kareus_record* records, uint32_t capacity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint32_t count = 0;
  for (; count < capacity && !records_.empty(); count++) {
    records[count] = records_.front();
    records_.pop_front();
  }
  return count;
}

void Records::countDropped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  dropped_++;
}

uint64_t Records::dropped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return dropped_;
}

}  // namespace kareus
