#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace lorica {

/// Remembers the ids of short words seen lately. A fixed table (1 MiB): a new word takes the place of an older one.
class WordCache {
 public:
  static constexpr size_t kMostBytes = 30;
  static constexpr size_t kMostIds = 8;

  WordCache() : slots_(kSlots) {}

  static bool fits(std::string_view word) { return !word.empty() && word.size() <= kMostBytes; }

  /// Appends the ids of `word` and returns true when they are known. `word` fits().
  bool append_ids(std::string_view word, std::vector<int32_t>& ids) const {
    const Slot& slot = slots_[slot_of(word)];
    if (slot.bytes != word.size() || std::memcmp(slot.word.data(), word.data(), word.size()) != 0) return false;
    ids.insert(ids.end(), slot.ids.begin(), slot.ids.begin() + slot.count);
    return true;
  }

  void remember(std::string_view word, std::span<const int32_t> ids) {
    if (ids.size() > kMostIds) return;
    Slot& slot = slots_[slot_of(word)];
    slot.bytes = static_cast<uint8_t>(word.size());
    slot.count = static_cast<uint8_t>(ids.size());
    std::memcpy(slot.word.data(), word.data(), word.size());
    std::copy(ids.begin(), ids.end(), slot.ids.begin());
  }

 private:
  static constexpr size_t kSlots = 1 << 14;
  struct alignas(64) Slot {
    std::array<int32_t, kMostIds> ids;
    uint8_t bytes = 0;  // 0: empty
    uint8_t count = 0;
    std::array<char, kMostBytes> word;
  };

  static size_t slot_of(std::string_view word) {
    uint64_t hash = word.size();
    for (size_t at = 0; at < word.size(); at += 8) {
      uint64_t chunk = 0;
      std::memcpy(&chunk, word.data() + at, std::min<size_t>(8, word.size() - at));
      hash = (hash ^ chunk) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
    return static_cast<size_t>(hash * 0x9e3779b97f4a7c15u >> 50);
  }

  std::vector<Slot> slots_;
};

}  // namespace lorica
