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

bool Records::take(kareus_record& record) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (records_.empty()) return false;
  record = records_.front();
  records_.pop_front();
  return true;
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
