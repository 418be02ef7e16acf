#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace lorica {

/// Where a row stands: the number of its file among those of its data set, and its line.
struct RowPlace {
  int64_t file;
  int64_t line;  ///< from 1
};

/// 64-bit hashes of texts, and where each was first met: a flat table of 16 bytes an entry, of which 6 to 8 in 10 are
/// taken once it has grown. Two unlike texts are taken for the same where their hashes are: with n rows the odds that
/// this happens at all are n^2 / 2^65, 3 in a million for ten million rows.
class RowIndex {
 public:
  /// Where `hash` was met first; notes `place` where that is here.
  std::optional<RowPlace> insert(uint64_t hash, RowPlace place);
  std::optional<RowPlace> find(uint64_t hash) const;
  size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint64_t place = 0;  // 24 bits of the file, 40 of the line; 0: empty
  };
  size_t slot_of(uint64_t hash) const;
  void grow();

  std::vector<Slot> slots_;
  size_t taken_ = 0;
};

}  // namespace lorica
