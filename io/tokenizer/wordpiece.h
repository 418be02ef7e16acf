#pragma once
#include <string>

#include "io/tokenizer/model.h"

namespace lorica {

/// WordPiece: from the left, always the longest token that fits; tokens inside a word carry a prefix ("##"). A word
/// that cannot be spelled so, or has more characters than `max_input_chars_per_word`, is one unknown token.
class WordPiece final : public Model {
 public:
  /// Reads a model of type WordPiece; `bytes` as in read_model().
  WordPiece(const JsonNode& node, bool bytes);

  void tokenize(std::string_view piece, ModelMemory& memory, std::vector<int32_t>& ids) const override;
  std::unique_ptr<ModelMemory> make_memory() const override { return std::make_unique<ModelMemory>(); }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  bool spell(std::string_view word, std::vector<int32_t>& ids) const;

  Vocabulary vocabulary_;
  std::string prefix_;
  size_t most_characters_;
  std::optional<int32_t> unknown_;
  std::string unknown_missing_;  // the complaint for when unk_token is wanted and is not in the vocabulary
};

}  // namespace lorica
