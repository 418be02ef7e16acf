#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "io/tokenizer/normalizer.h"
#include "io/tokenizer/sentencepiece_file.h"

namespace lorica {

/// Which special tokens go around a text; absent where tokenizer_config.json does not say.
struct SentencePieceOptions {
  std::optional<bool> add_bos, add_eos;
};

/// The tokenizer.json of a SentencePiece model, but for its normalizer. Control pieces are special tokens, user-defined
/// ones are found in normalised text. Around a text, unless `options` say otherwise: the beginning token for BPE
/// (Llama), the end token for Unigram (T5).
nlohmann::json sentencepiece_json(const SentencePieceFile& file, const SentencePieceOptions& options);

/// SentencePiece's own normalisation: the longest rule at each place (user-defined pieces stay as they are), spaces at
/// the ends and doubled ones go, a space in front, spaces written as "▁". Throws Error for a malformed map.
std::unique_ptr<Normalizer> make_sentencepiece_normalizer(const SentencePieceFile& file);

}  // namespace lorica
