#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace simt {

/// Remembers who touched each 2 bytes of shared and device memory last. Two accesses to them by different threads, one
/// of them a write, are a race unless something orders them: for threads of a block a __syncthreads, in a warp also a
/// __syncwarp; for threads of two blocks an atomic operation of each, the first block's after its access, the second's
/// before. Every block has a shared memory of its own. Atomic operations themselves are never part of a race, and
/// accesses of one byte are not looked at.
class RaceDetector {
 public:
  /// The unit of what is watched: a page has one owner.
  static constexpr size_t kPageBytes = 4096;
  void watch(const void* block, size_t bytes);
  void forget(const void* block, size_t bytes);

  void begin_launch();
  void begin_block();
  void barrier() { next_phase(); }
  void warp_sync(uint32_t warp) { ++warp_epochs_[warp]; }
  void atomic();

  /// False if it races; race() then says with what. `thread` is the caller's number in its block.
  bool access(uintptr_t address, size_t bytes, bool write, uint32_t thread);
  const std::string& race() const { return race_; }

 private:
  struct Access {
    uint32_t phase = 0;  ///< what runs between two barriers of a block has a number of its own
    uint16_t thread = 0, warp_epoch = 0;
  };
  struct Cell {
    /// The latest ones: a write; a read; a read by another lane of that reader's warp; a read by another warp.
    Access write, read, lane_read, warp_read;
  };
  static constexpr size_t kCellBytes = 2;
  struct Page {
    std::array<Cell, kPageBytes / kCellBytes> cells{};
  };

  void next_phase();
  Page* page_of(uintptr_t address);
  bool ordered(const Access& before, uint32_t thread, bool shared) const;
  void note_read(Cell& cell, const Access& now) const;
  std::string text(const Access& before, const char* before_did, uintptr_t address, size_t bytes, bool write) const;

  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages_;
  struct Cached {
    uintptr_t number = 0;
    Page* page = nullptr;
  };
  std::array<Cached, 256> cache_{};
  uint32_t phase_ = 0, launch_start_ = 0, block_start_ = 0;
  bool acquired_ = false;       ///< the block that runs has done an atomic operation
  std::vector<bool> released_;  ///< phases of this launch that an atomic operation of their block came after
  std::array<uint16_t, 32> warp_epochs_{};
  std::string race_;
};

RaceDetector& race_detector();

}  // namespace simt
