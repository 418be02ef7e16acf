#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace lorica {

/// Memory that is taken from the system once and then reused. Sizes are rounded up to one of four steps an octave, and
/// a freed block waits in the list of its size, so that a training step takes nothing from the system once the shapes
/// of a few steps were seen.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// 64-byte aligned memory, not cleared. Throws RunError when the system has none left.
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes) noexcept;

  size_t bytes_in_use() const { return in_use_; }
  size_t peak_bytes_in_use() const { return peak_; }
  size_t bytes_held() const { return held_; }
  /// How often the system was asked: stands still in a steady state.
  uint64_t system_allocations() const { return system_allocations_; }

 private:
  static constexpr size_t kClasses = 256;
  std::array<std::vector<void*>, kClasses> free_;
  size_t in_use_ = 0, peak_ = 0, held_ = 0;
  uint64_t system_allocations_ = 0;
};

}  // namespace lorica
