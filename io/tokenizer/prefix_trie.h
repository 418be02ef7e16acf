#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "io/tokenizer/pair_table.h"

namespace lorica {

/// The tokens of a vocabulary, to look up all that a text begins with. Built once, then only read.
class PrefixTrie {
 public:
  PrefixTrie() = default;
  /// Takes the texts that are not empty; of equal ones the last counts. Its value is its place in `texts`.
  explicit PrefixTrie(std::span<const std::string_view> texts);

  /// Calls f(size, value) for each token that `text` begins with, shortest first.
  template <class F>
  void each_prefix(std::string_view text, F f) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const Merge* next = edges_.find(node, static_cast<unsigned char>(text[i]));
      if (!next) return;
      node = next->id;
      if (next->rank != kNoValue) f(i + 1, static_cast<int32_t>(next->rank));
    }
  }

 private:
  static constexpr uint32_t kNoValue = ~uint32_t{0};
  PairTable edges_;  // (node, byte) to the node below, with the value of the token that ends there
};

}  // namespace lorica
