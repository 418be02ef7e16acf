#pragma once
#include <array>
#include <string>
#include <unordered_map>

#include "io/tokenizer/model.h"
#include "io/tokenizer/pair_table.h"

namespace lorica {

/// Byte-pair encoding. A piece starts as a row of symbols, one a character (or a byte); then, again and again, the two
/// neighbours whose merge has the lowest rank become one, the leftmost such pair first, until no pair merges.
class Bpe final : public Model {
 public:
  /// Reads a model of type BPE; `bytes` as in read_model(). Dropout is refused: it makes the ids random.
  Bpe(const JsonNode& node, bool bytes);

  void tokenize(std::string_view piece, ModelMemory& memory, std::vector<int32_t>& ids) const override;
  std::unique_ptr<ModelMemory> make_memory() const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  struct Memory;
  class SymbolRow;
  void read_merges(const JsonNode& node);
  void read_whole_words();
  void symbols_of(std::string_view piece, SymbolRow& row) const;
  std::optional<int32_t> symbol_id(std::string_view symbol, bool is_first, bool is_last) const;
  bool add_as_bytes(std::string_view symbol, bool is_first, bool is_last, SymbolRow& row) const;
  void tokenize_word(std::string_view word, Memory& memory, std::vector<int32_t>& ids) const;
  void merge_short(std::vector<int32_t>& row) const;
  void merge_long(Memory& memory) const;

  Vocabulary vocabulary_;
  bool bytes_;
  std::string prefix_;  // continuing_subword_prefix: written before every symbol but a piece's first
  std::string suffix_;  // end_of_word_suffix: written after a piece's last symbol
  std::optional<int32_t> unknown_;
  std::string unknown_missing_;  // the complaint for when unk_token is wanted and is not in the vocabulary
  bool fuse_unknown_;
  bool byte_fallback_;
  PairTable merges_;
  bool parts_at_marks_;  // no merge has a ▁ right behind another character, so that words merge by themselves
  std::array<int32_t, 256> byte_ids_;  // of the symbols that are one byte, -1 where there is none
  // ignore_merges: pieces that are tokens as they stand. Keys are as the pieces are, bytes included.
  std::unordered_map<std::string, int32_t> whole_words_;
};

}  // namespace lorica
