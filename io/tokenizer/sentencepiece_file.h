#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// What a SentencePiece tokenizer.model holds, as its sentencepiece_model.proto describes it.
struct SentencePieceFile {
  enum class Type { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string_view text;
    float score = 0;
    Type type = Type::kNormal;
  };
  std::vector<Piece> pieces;  // by id
  bool is_bpe = false;        // else Unigram
  bool byte_fallback = false;
  int32_t bos_id = 1, eos_id = 2;  // -1: none
  std::string_view character_map;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

/// Reads the bytes of such a file, which must outlive the result. Throws Error naming `origin` and the field for what
/// is malformed, and for settings that would change the ids and are not supported.
SentencePieceFile read_sentencepiece_file(std::string_view bytes, const std::string& origin);

}  // namespace lorica
