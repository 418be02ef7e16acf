#include "tests/simt/races.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/simt/executor.h"
#include "tests/simt/shared_memory.h"

namespace simt {

RaceDetector& race_detector() {
  static auto* const detector = new RaceDetector;
  return *detector;
}

void RaceDetector::watch(const void* block, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(block);
  for (uintptr_t page = begin / kPageBytes; page <= (begin + bytes - 1) / kPageBytes; ++page) pages_[page];
  cache_.fill({});
}
void RaceDetector::forget(const void* block, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(block);
  for (uintptr_t page = begin / kPageBytes; page <= (begin + bytes - 1) / kPageBytes; ++page) pages_.erase(page);
  cache_.fill({});
}

void RaceDetector::next_phase() {
  ++phase_;
  released_.push_back(false);
}
void RaceDetector::begin_launch() {
  launch_start_ = phase_ + 1;
  released_.clear();
}
void RaceDetector::begin_block() {
  next_phase();
  block_start_ = phase_;
  acquired_ = false;
}
void RaceDetector::atomic() {
  acquired_ = true;
  std::fill(released_.begin() + (block_start_ - launch_start_), released_.end(), true);
}

RaceDetector::Page* RaceDetector::page_of(uintptr_t address) {
  const uintptr_t number = address / kPageBytes;
  Cached& cached = cache_[number % cache_.size()];
  if (number != cached.number) {
    const auto found = pages_.find(number);
    if (found != pages_.end() && !found->second) found->second = std::make_unique<Page>();
    cached = {number, found == pages_.end() ? nullptr : found->second.get()};
  }
  return cached.page;
}

bool RaceDetector::ordered(const Access& before, uint32_t thread, bool shared) const {
  if (before.phase < launch_start_) return true;
  if (before.phase < block_start_) return shared || (acquired_ && released_[before.phase - launch_start_]);
  if (before.phase != phase_ || before.thread == thread) return true;
  return before.thread / 32 == thread / 32 && before.warp_epoch != warp_epochs_[thread / 32];
}

std::string RaceDetector::text(const Access& before, const char* before_did, uintptr_t address, size_t bytes,
                               bool write) const {
  return fmt::format("race: {} {} bytes of {} that thread {} of {} {}", write ? "writes" : "reads", bytes,
                     place_of_address(address), before.thread,
                     before.phase < block_start_ ? "an earlier block" : "this block", before_did);
}

void RaceDetector::note_read(Cell& cell, const Access& now) const {
  if (cell.read.phase < block_start_ || cell.read.thread / 32 != now.thread / 32)
    cell.warp_read = cell.read;
  else if (cell.read.thread != now.thread)
    cell.lane_read = cell.read;
  cell.read = now;
}

bool RaceDetector::access(uintptr_t address, size_t bytes, bool write, uint32_t thread) {
  const Access now{phase_, static_cast<uint16_t>(thread), warp_epochs_[thread / 32]};
  const bool shared = SharedMemory::contains(address);
  for (uintptr_t at = address; at < address + bytes; at += kCellBytes) {
    Page* const page = page_of(at);
    if (!page) return true;
    Cell& cell = page->cells[at % kPageBytes / kCellBytes];
    if (!ordered(cell.write, thread, shared)) {
      race_ = text(cell.write, "wrote", address, bytes, write);
      return false;
    }
    if (!write) {
      note_read(cell, now);
      continue;
    }
    for (const Access* read : {&cell.read, &cell.lane_read, &cell.warp_read})
      if (!ordered(*read, thread, shared)) {
        race_ = text(*read, "read", address, bytes, write);
        return false;
      }
    cell.write = now;
  }
  return true;
}

}  // namespace simt
