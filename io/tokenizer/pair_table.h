#pragma once
#include <bit>
#include <cstdint>
#include <vector>

namespace lorica {

/// What two neighbouring tokens merge into. Lower ranks merge first.
struct Merge {
  uint32_t rank;
  int32_t id;
};

/// A hash table from pairs of ids to merges; built once, then only read. Open addressing, at most half full.
class PairTable {
 public:
  explicit PairTable(size_t pairs = 0) : slots_(std::bit_ceil(pairs * 2 + 2)), mask_(slots_.size() - 1) {}

  /// A pair that is there already gets the new merge. At most as many pairs as the constructor was told.
  void set(int32_t left, int32_t right, Merge merge) {
    slots_[find_slot(key_of(left, right))] = {key_of(left, right), merge};
  }

  /// The merge of a pair, or null.
  const Merge* find(int32_t left, int32_t right) const {
    const Slot& slot = slots_[find_slot(key_of(left, right))];
    return slot.key == kEmpty ? nullptr : &slot.merge;
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};  // no pair: ids are not negative
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge{};
  };
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t find_slot(uint64_t key) const {
    // Fibonacci hashing: the top bits of the product depend on all bits of both ids.
    size_t slot = static_cast<size_t>((key * 0x9e3779b97f4a7c15u) >> 32) & mask_;
    while (slots_[slot].key != key && slots_[slot].key != kEmpty) slot = (slot + 1) & mask_;
    return slot;
  }

  std::vector<Slot> slots_;
  size_t mask_;
};

}  // namespace lorica
