#include "io/data/row_index.h"

#include <algorithm>
#include <utility>

namespace lorica {
namespace {

constexpr int kLineBits = 40;

uint64_t packed(RowPlace place) {
  return (static_cast<uint64_t>(place.file) << kLineBits) | static_cast<uint64_t>(place.line);
}

RowPlace unpacked(uint64_t place) {
  return {static_cast<int64_t>(place >> kLineBits), static_cast<int64_t>(place & ((uint64_t{1} << kLineBits) - 1))};
}

}  // namespace

/// The slot of `hash`, or the empty one where it belongs. The table is never full.
size_t RowIndex::slot_of(uint64_t hash) const {
  __extension__ using Wide = unsigned __int128;
  auto slot = static_cast<size_t>((Wide{hash} * slots_.size()) >> 64);
  while (slots_[slot].place != 0 && slots_[slot].hash != hash) slot = slot + 1 < slots_.size() ? slot + 1 : 0;
  return slot;
}

void RowIndex::grow() {
  std::vector<Slot> old(std::max<size_t>(1024, slots_.size() + slots_.size() / 3));
  std::swap(old, slots_);
  for (const Slot& slot : old) {
    if (slot.place != 0) slots_[slot_of(slot.hash)] = slot;
  }
}

std::optional<RowPlace> RowIndex::insert(uint64_t hash, RowPlace place) {
  if ((taken_ + 1) * 5 > slots_.size() * 4) grow();
  Slot& slot = slots_[slot_of(hash)];
  if (slot.place != 0) return unpacked(slot.place);
  slot = {hash, packed(place)};
  ++taken_;
  return std::nullopt;
}

std::optional<RowPlace> RowIndex::find(uint64_t hash) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(hash)];
  return slot.place != 0 ? std::optional(unpacked(slot.place)) : std::nullopt;
}

}  // namespace lorica
