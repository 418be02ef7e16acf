#pragma once
#include <memory>

#include "io/tokenizer/decoder.h"
#include "io/tokenizer/pre_tokenizer.h"

namespace lorica {

// SentencePiece's way with spaces: each is written as a visible character, "▁", which belongs to the word behind it.

/// Error unless the string is one character.
void need_one_character(const JsonNode& node);

/// The pre-tokenizer: writes spaces so, puts one in front (`prepend_scheme`: "always", "first" for the beginning of the
/// whole text only, "never") unless there is one, and with `split` cuts before each.
std::unique_ptr<PreTokenizer> read_metaspace_split(const JsonNode& node);
/// The decoder: writes spaces for it, and takes away those of the first token unless `prepend_scheme` is "never".
std::unique_ptr<Decoder> read_metaspace_decoder(const JsonNode& node);

}  // namespace lorica
