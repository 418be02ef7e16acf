#pragma once
#include <array>
#include <string>

#include "io/tokenizer/model.h"
#include "io/tokenizer/prefix_trie.h"

namespace lorica {

/// A unigram language model: of all ways to write a piece in tokens, the one with the greatest sum of scores (found by
/// Viterbi's algorithm). A character that no token spells is unknown, at the lowest score of all less 10; a run of
/// unknown characters is one token, or their bytes where `byte_fallback` is set and all 256 bytes are tokens.
class Unigram final : public Model {
 public:
  /// Reads a model of type Unigram; `bytes` as in read_model().
  Unigram(const JsonNode& node, bool bytes);

  void tokenize(std::string_view piece, ModelMemory& memory, std::vector<int32_t>& ids) const override;
  std::unique_ptr<ModelMemory> make_memory() const override;
  const Vocabulary& vocabulary() const override { return *vocabulary_; }

 private:
  struct Memory;
  void find_best_path(std::string_view piece, Memory& memory) const;
  void append_unknown(std::string_view text, std::vector<int32_t>& ids) const;

  std::optional<Vocabulary> vocabulary_;
  std::vector<double> scores_;
  PrefixTrie trie_;
  double unknown_score_ = 0;
  std::optional<int32_t> unknown_;
  std::string unknown_missing_;  // the complaint for when the text needs an unknown token and there is none
  std::optional<std::array<int32_t, 256>> byte_ids_;  // with byte_fallback
};

}  // namespace lorica
