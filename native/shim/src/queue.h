// A bounded queue from one thread to another without locks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace kareus {

template <typename Item, size_t kCapacity>
class Queue {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "indices wrap by masking");

 public:
  // Of the one thread that puts in; false if full.
  bool push(const Item& item) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - seen_head_ == kCapacity) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (tail - seen_head_ == kCapacity) return false;
    }
    items_[tail & (kCapacity - 1)] = item;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Of the one thread that takes out: the oldest, null if there is none.
  const Item* front() const {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &items_[head & (kCapacity - 1)];
  }

  // Takes the oldest out; false if empty.
  bool pop(Item& item) {
    const Item* oldest = front();
    if (oldest == nullptr) return false;
    item = *oldest;
    head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return true;
  }

  // How many were ever put in: any thread.
  size_t pushed() const { return tail_.load(std::memory_order_acquire); }

 private:
  static constexpr size_t kLine = 64;  // bytes that processors share at a time
  alignas(kLine) std::atomic<size_t> head_{0};
  alignas(kLine) std::atomic<size_t> tail_{0};
  size_t seen_head_ = 0;  // the writer's, so that it seldom looks at the reader's
  alignas(kLine) std::array<Item, kCapacity> items_;
};

}  // namespace kareus
