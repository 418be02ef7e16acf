#pragma once
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "io/tokenizer/json_node.h"
#include "io/tokenizer/normalizer.h"
#include "io/tokenizer/token_trie.h"
#include "io/tokenizer/vocabulary.h"

namespace lorica {

/// A token that is looked for in the text before the model sees it, such as <|im_end|>.
struct AddedToken {
  std::string content;
  std::string normalized_content;  // what the normalizer makes of it; used where `normalized`
  bool single_word = false;        // matches only where no word character touches it
  bool lstrip = false;             // takes the white space on its left with it
  bool rstrip = false;             // and on its right
  bool normalized = false;         // looked for in the text after normalisation, not before
  bool special = false;            // left out by decode() when asked
};

/// Receives a stretch of text that holds no added token (id < 0), or the id of an added token (no text).
using FragmentSink = FunctionRef<void(std::string_view text, int32_t id)>;

class AddedTokens {
 public:
  AddedTokens() = default;
  /// Reads the array `added_tokens`. Throws Error when an id is not the one that the tokenizers package would give:
  /// that of the model's vocabulary for a token that is in it, else the next one after the vocabulary.
  AddedTokens(const JsonNode& node, const Vocabulary& vocabulary, const Normalizer* normalizer);

  /// Cuts text at the tokens that are looked for before, or after, normalisation.
  void cut(std::string_view text, bool normalized, FragmentSink sink) const;

  const AddedToken* find(int32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
  }
  std::optional<int32_t> id_of(std::string_view content) const;
  bool is_special(std::string_view content) const { return special_.contains(std::string(content)); }
  /// The highest id + 1; 0 when there are none.
  int32_t end() const { return end_; }

 private:
  std::unordered_map<int32_t, AddedToken> by_id_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_set<std::string> special_;
  TokenTrie raw_, normalized_;
  int32_t end_ = 0;
};

}  // namespace lorica
