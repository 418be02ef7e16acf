#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/memory.h"

namespace lorica {

/// Memory of a device that is taken once and then reused. Sizes are rounded up to one of four steps an octave, and a
/// freed block waits in the list of its size, so that a training step takes nothing from the device once the shapes of
/// a few steps were seen. A block goes back to the device with the arena, never before: what a recorded graph writes
/// to stays mapped.
class Arena {
 public:
  /// `memory` outlives the arena.
  explicit Arena(DeviceMemory& memory = host_memory()) : memory_(&memory) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  DeviceMemory& memory() const { return *memory_; }
  /// 64-byte aligned memory, not cleared. Throws RunError when the device has none left.
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes) noexcept;

  size_t bytes_in_use() const { return in_use_; }
  size_t peak_bytes_in_use() const { return peak_; }
  size_t bytes_held() const { return held_; }
  /// How often the device was asked: stands still in a steady state.
  uint64_t system_allocations() const { return system_allocations_; }

 private:
  static constexpr size_t kClasses = 256;
  DeviceMemory* memory_;
  std::array<std::vector<void*>, kClasses> free_;
  size_t in_use_ = 0, peak_ = 0, held_ = 0;
  uint64_t system_allocations_ = 0;
};

/// The two arenas of a model. What lives longer than a pass lies in `lasting`: weights, gradients, moments, tables, the
/// inputs of recorded steps. What a pass makes and drops lies in `passing`, where a step that is recorded as a graph
/// and run again later finds the blocks that it wrote to, whoever used them in between. Tests make do with one.
struct Arenas {
  Arena& lasting;
  Arena& passing;
  Arenas(Arena& both) : Arenas(both, both) {}  // NOLINT: meant to convert
  Arenas(Arena& for_long, Arena& for_a_pass) : lasting(for_long), passing(for_a_pass) {}
};

}  // namespace lorica
