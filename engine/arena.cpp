#include "engine/arena.h"

#include <algorithm>
#include <bit>

namespace lorica {
namespace {

constexpr size_t kSmallest = 256;  // bytes; 2^8

struct SizeClass {
  size_t index, bytes;
};

/// Four classes an octave: 4, 5, 6 and 7 quarters of a power of two.
SizeClass size_class(size_t bytes) {
  bytes = std::max(bytes, kSmallest);
  const size_t exponent = static_cast<size_t>(std::bit_width(bytes - 1)) - 1;  // 2^exponent < bytes <= 2^(exponent + 1)
  const size_t quarter = size_t{1} << (exponent - 2);
  const size_t quarters = (bytes + quarter - 1) / quarter;  // 5, 6, 7 or 8
  return {exponent * 4 + (quarters - 5), quarters * quarter};
}

}  // namespace

Arena::~Arena() {
  for (auto& blocks : free_)
    for (void* block : blocks) memory_->release(block);
}

void* Arena::allocate(size_t bytes) {
  const SizeClass c = size_class(bytes);
  void* block = nullptr;
  if (!free_[c.index].empty()) {
    block = free_[c.index].back();
    free_[c.index].pop_back();
  } else {
    block = memory_->allocate(c.bytes);
    if (!block) throw_out_of_memory(*memory_, c.bytes);
    ++system_allocations_;
    held_ += c.bytes;
    free_[c.index].reserve(64);
  }
  in_use_ += c.bytes;
  peak_ = std::max(peak_, in_use_);
  return block;
}

void Arena::release(void* block, size_t bytes) noexcept {
  const SizeClass c = size_class(bytes);
  in_use_ -= c.bytes;
  free_[c.index].push_back(block);
}

}  // namespace lorica
