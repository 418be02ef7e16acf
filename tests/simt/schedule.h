#pragma once
#include <array>
#include <cstdint>
#include <numeric>

// In what order threads run.
namespace simt {

/// splitmix64; all zeros for the seed 0.
class RandomNumbers {
 public:
  void start(uint64_t seed) { on_ = seed != 0, state_ = seed; }
  uint64_t next() {
    if (!on_) return 0;
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  bool on_ = false;
  uint64_t state_ = 0;
};

/// Threads that can run, oldest first; a thread is in it at most once.
template <class Thread, uint32_t kMost>
class ReadyQueue {
 public:
  void clear() { first_ = size_ = 0; }
  bool empty() const { return size_ == 0; }
  void push(Thread* thread) { ring_[(first_ + size_++) % kMost] = thread; }
  Thread* pop() {
    --size_;
    return ring_[first_++ % kMost];
  }

 private:
  std::array<Thread*, kMost> ring_{};
  uint32_t first_ = 0, size_ = 0;
};

/// The numbers 0 to count - 1 in an order drawn from a seed: start, start + step, ... modulo count.
class Order {
 public:
  Order(uint64_t random, uint32_t count) : count_(count) {
    if (count < 2 || random == 0) return;
    at_ = static_cast<uint32_t>(random % count);
    step_ = 1 + static_cast<uint32_t>((random >> 32) % (count - 1));
    while (std::gcd(step_, count) != 1) step_ = step_ % (count - 1) + 1;
  }
  uint32_t next() {
    const uint32_t now = at_;
    at_ = (at_ + step_) % count_;
    return now;
  }

 private:
  uint32_t count_, at_ = 0, step_ = 1;
};

}  // namespace simt
