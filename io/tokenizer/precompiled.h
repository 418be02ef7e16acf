#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/normalizer.h"

namespace lorica {

/// SentencePiece's compiled normalisation rules: a double-array trie of what is replaced, and the replacements.
class CharacterMap {
 public:
  /// `blob`: the size of the trie in bytes (uint32, little endian), the trie, the replacements, each ended by a zero
  /// byte. Throws Error when that is not what it holds.
  explicit CharacterMap(std::string_view blob);

  struct Match {
    size_t size;  // bytes of the text
    std::string_view replacement;
  };
  /// The shortest, or the longest, rule that `text` begins with.
  std::optional<Match> find_shortest(std::string_view text) const;
  std::optional<Match> find_longest(std::string_view text) const;

 private:
  template <class F>
  void each_match(std::string_view text, F f) const;
  std::vector<uint32_t> units_;
  std::string replacements_;
};

/// The normalizer of type Precompiled, which applies the rules as the tokenizers package does: to whole grapheme
/// clusters of up to five bytes, else character by character; where a rule matches the beginning, it replaces all.
std::unique_ptr<Normalizer> read_precompiled(const JsonNode& node);

}  // namespace lorica
