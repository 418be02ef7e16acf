#include "io/tokenizer/wordpiece.h"

#include <algorithm>
#include <limits>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
WordPiece::WordPiece(const JsonNode& node, bool bytes) : vocabulary_(node.at("vocab")) {
  node.allow_only({"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
  if (bytes) node.fail("WordPiece behind a ByteLevel pre-tokenizer is not supported");
  prefix_ = node.at("continuing_subword_prefix").string();
  most_characters_ =
      static_cast<size_t>(node.at("max_input_chars_per_word").count(std::numeric_limits<int32_t>::max()));
  const JsonNode token = node.at("unk_token");
  unknown_ = vocabulary_.id_of(token.string());
  if (!unknown_)
    unknown_missing_ =
        token.message(fmt::format("'{}' is not in the vocabulary and the text needs it", token.string()));
}

bool WordPiece::spell(std::string_view word, std::vector<int32_t>& ids) const {
  std::string candidate;
  for (size_t begin = 0; begin < word.size();) {
    candidate = begin == 0 ? "" : prefix_;
    const size_t before = candidate.size();
    candidate += word.substr(begin);
    std::optional<int32_t> id;
    size_t end = word.size();
    while (end > begin && !(id = vocabulary_.id_of(candidate))) {
      do --end;
      while (end > begin && !utf8::begins_character(word[end]));
      candidate.resize(before + end - begin);
    }
    if (!id) return false;
    ids.push_back(*id);
    begin = end;
  }
  return true;
}

void WordPiece::tokenize(std::string_view piece, ModelMemory&, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  const auto characters = static_cast<size_t>(std::count_if(piece.begin(), piece.end(), utf8::begins_character));
  if (characters <= most_characters_ && spell(piece, ids)) return;
  if (!unknown_) throw Error(unknown_missing_);
  ids.resize(before);
  ids.push_back(*unknown_);
}

}  // namespace lorica
